"""Postal addresses with street, number and postcode, and names of people."""

import re
from collections.abc import Iterator

from pennyweight.data.detection.columns import ColumnName
from pennyweight.data.detection.text import Detector, Span, spans_of

__all__ = ["ADDRESS", "NAME"]

_WORD = r"[A-ZÀ-ÖØ-Þ][\w'’.-]*"
_NAME = r"[\w'’. -]{2,50}?"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Way"
    r"|Terrace|Ter|Circle|Cir|Parkway|Pkwy|Square|Sq|Highway|Hwy|Close|Crescent|Gardens|Grove|Mews"
    r"|Row|Hill|Broadway|Trail|Walk|Loop|Alley|Plaza|Path|Pike|Turnpike|Quay|Wharf|Heights|Green"
    r"|Ridge|Bend)\b\.?"
)
_STATES = (
    r"(?:AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ"
    r"|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|NSW|VIC|QLD|SA|TAS|ACT|NT"
    r"|ON|QC|BC|AB|MB|SK|NS|NB|NL|PE)"
)
_UK = r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}"
_CANADA = r"[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?"
_UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Fl|Floor|Room|#)\.? ?#?[\w-]{1,6})?"
_ENGLISH = (
    r"(?:(?:Flat|Apt|Unit|Suite) [\w-]{1,5},? )?"
    r"[0-9]{1,5}[A-Za-z]?(?:-[0-9]+)? (?:[NSEW]{1,2}\.? )?"
    rf"(?:{_WORD} ){{1,4}}?{_STREET}(?: [NSEW]{{1,2}}\b\.?)?{_UNIT}"
    rf"(?:,? {_WORD}(?: {_WORD}){{0,3}},? {_STATES},? (?:{_ZIP}|[0-9]{{4}}|{_CANADA})"
    rf"|(?:,? {_WORD}){{0,5}}?,? {_UK}|,? {_STATES}? ?{_ZIP})"
)
_GERMANIC_CODE = r"(?:[A-Z]{1,2}-)?(?:[0-9]{4} ?[A-Z]{2}|[0-9]{3} [0-9]{2}|[0-9]{4,5})"
_GERMANIC = (
    r"(?:[A-ZÄÖÜ][\w.]*(?:[ -][A-ZÄÖÜ][\w.]*){0,2}?(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.?|weg|[Pp]latz"
    r"|[Aa]llee|gasse|[Rr]ing|damm|ufer|straat|laan|plein|gracht|kade|gatan|vägen|gade|vej|katu|tie"
    r"|dreef|singel)|(?:Am|An der|Auf dem|Im|Unter den|Zum|Zur) [A-ZÄÖÜ]\w+)"
    rf" [0-9]{{1,4}}(?: ?[a-z]\b)?(?:[-/][0-9]+)?,? {_GERMANIC_CODE} {_WORD}"
)
_FRENCH = (
    r"[0-9]{1,4}(?: ?(?:bis|ter|[A-D]))?,? (?:[Rr]ue|[Aa]venue|av\.|[Bb]oulevard|bd\.?|[Pp]lace"
    r"|[Cc]hemin|impasse|all[ée]e|quai|route|cours|square|passage)"
    rf" {_NAME},? (?:[A-Z]-)?[0-9]{{4,5}} {_WORD}"
)
_SOUTHERN_CODE = r"(?:[A-Z]-)?(?:[0-9]{4}-[0-9]{3}|[0-9]{2}-[0-9]{3}|[0-9]{5}-[0-9]{3}|[0-9]{5})"
_SOUTHERN = (
    r"(?:Calle|C/|Avd?a?\.|Avda|Avenida|Plaza|Paseo|Camino|Via|Viale|Piazza|Corso|Largo|Rua|R\.|Praça"
    rf"|Travessa|ul\.|Ulica|al\.) ?{_NAME},? (?:n[º°.] ?)?[0-9]{{1,5}}(?:[/-]?\w{{1,3}})?"
    rf"(?:,? [\w°ºª.]{{1,6}}){{0,3}}?,? {_SOUTHERN_CODE} {_WORD}"
)
_BOX = rf"P\.? ?O\.? Box [0-9]{{1,6}},? (?:{_WORD},? ){{1,3}}(?:{_STATES} [0-9]{{5}}|{_UK})"
_JAPANESE = r"〒 ?[0-9]{3}-[0-9]{4}[^\n]{0,40}"
_ADDRESS = re.compile(
    rf"(?<![\w-])(?:{_ENGLISH}|{_GERMANIC}|{_FRENCH}|{_SOUTHERN}|{_BOX})(?!\w)|{_JAPANESE}"
)
_LINE = re.compile(r"^(?=.*[^\W\d_]{2})(?=.*[0-9])(?!.*(?:@|https?://|www\.)).{5,200}$", re.DOTALL)
_PERSON = re.compile(r"^(?=.*[^\W\d_])[^\d@/<>{}\[\]]{1,80}$")


def _is_address(match: re.Match[str], column: ColumnName) -> bool:
    return not column.is_code


_IN_TEXT = spans_of(_ADDRESS, _is_address)
_FULL_ADDRESS = spans_of(_LINE, lambda match, column: True)
_STREET_HINT = (
    _STREET.removesuffix(r"\b\.?")
    + r"|[Ss]tra(?:ß|ss)e|[Ss]tr\b|weg\b|[Pp]latz|[Aa]llee|gasse|[Rr]ing\b|damm|ufer|straat|laan"
    r"|plein|gracht|kade|gatan|vägen|gade|vej|katu|tie\b|dreef|singel|Am |An der|Auf dem|Im "
    r"|Unter den|Zum|Zur|[Rr]ue |[Aa]venue|av\.|[Bb]oulevard|bd\b|[Pp]lace|[Cc]hemin|impasse"
    r"|all[ée]e|quai|route|cours|square|passage|Calle|C/|Av|Paseo|Camino|Via|Piazza|Corso|Largo"
    r"|Rua|R\.|Praça|Travessa|ul\.|Ulica|al\.|Box|〒"
)
_CODE_HINT = (
    r"[0-9]{4}|[A-Z][0-9][A-Z0-9]? ?[0-9][A-Z]{2}|[0-9]{2}-[0-9]{3}|[0-9]{3} [0-9]{2}"
    r"|[A-Z][0-9][A-Z] ?[0-9]"
)
ADDRESS = Detector(
    (_STREET_HINT, _CODE_HINT),
    lambda text, column: (_FULL_ADDRESS if column.kind == "postal address" else _IN_TEXT)(
        text, column
    ),
)
# In a text most names are of brands and authors, except labeled ones.
_LABELLED = re.compile(
    r"\b(?i:first name|last name|surname|full name"
    r"|(?:customer|client|buyer|patient|guest)(?:'s)? name|recipient|attn\.?|contact person"
    r"|ansprechpartner(?:in)?|vorname|nachname|empfänger(?:in)?)"
    rf"[:=] ?(?P<name>{_WORD}(?:[ -]{_WORD}){{0,3}})"
)


def _names(text: str, column: ColumnName) -> Iterator[Span]:
    if column.kind == "person's name":
        yield from (match.span() for match in _PERSON.finditer(text))
    else:
        yield from (match.span("name") for match in _LABELLED.finditer(text))


NAME = Detector(
    (r"(?i)name|recipient|attn|contact person|ansprechpartner|empfänger", "[:=]"), _names
)
