"""Phone numbers: in international form, after a word such as "call", or grouped as in a country."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from pennyweight.data.detection.columns import ColumnName
from pennyweight.data.detection.text import Detector, Span, digits_of, has_code_word, is_preceded

__all__ = ["PHONE"]

MIN_DIGITS, MAX_DIGITS = 7, 15  # digits (E.164)
NATIONAL = 9  # digits from which on a number needs no word before it
_NUMBER = re.compile(
    r"(?<![\w.+/#$€£¥-])(?<![.,]\d)"
    r"(?:\+ ?|\(\+)?\(?[0-9](?:(?:[ ./()-]|\) |- | - |\)-| \(){0,1}[0-9]){6,18}"
    r"(?P<extension> ?(?:ext?\.?|x|extension|durchwahl|dw) ?[0-9]{1,5})?(?!-?[\w%])(?![.,/:]\d)",
    re.IGNORECASE,
)
# These words suffice.
_PHONE_WORD = re.compile(
    r"(?:\b(?:tel|tlf|telf|fax|fon|ph|mob|telefon|telefono|teléfono|telefone|téléphone|telephone"
    r"|tél|rufnummer|hotline|whatsapp|viber|telegram|sms|cell|cellphone|handynummer|mobilnummer"
    r"|telefonnummer|móvil|movil|celular|cellulare|portable|komórka|telefoon|puhelin|mobil"
    r"|(?:phone|mobile|contact|cell|my|our|his|her|meine?|mi|mon|mio) (?:number|no|nr|nummer|numéro"
    r"|número|numero|#)|number to call|hot line|helpline"
    r"|switchboard|landline|call cent(?:re|er))"
    r"(?: (?:is|number|no|nr|me|us|at|on|to|under|unter|al|au|via))*[.:]{0,2}"
    r"(?: ?\([a-z ]{1,12}\))?[ :]{0,2}"
    r"|\b(?:phones?|mobile|handy|call|contact|dial|text|signal|appelez|llame|ligue|bel)"
    r"(?: (?:number|no|nr|us|me|now|today))?[.:]+ ?"
    r"|(?:電話|携帯|电话|手机|전화|тел|телефон|звоните|τηλ|هاتف)[.:]{0,2} ?|[☎☏✆📞📱] ?)$",
    re.IGNORECASE,
)
# These only with a number that has groups, a leading 0, or ten digits.
_CALL_WORD = re.compile(
    r"\b(?:calls?|dial|ring|text|phone|reach|contact|message|ask for|signal|anrufen|rufen?|appeler"
    r"|appelez(?:-moi|-nous)?|ll[aá]m(?:ar|[ae](?:me|nos)?)|chiam(?:are|at?e|a(?:mi|ci|temi)?)"
    r"|ligue|bel|d?zadzwoń|dzwoń|ring)"
    r"(?:(?: (?!no\b|nr\b)[\w'.-]{1,12}){0,3}"
    r" (?:at|on|under|unter|au|al|op|an|via|para|pod|him|her|me|us|now|today|directly|mobile"
    r"|number))?:? ?$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r" ?[(\[]?(?:tel|phone|mobile|mob|fax|cell|home|office|landline|whatsapp|voicemail)\b(?![-\w])",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?<![\w.])[A-Z]*[0-9][A-Z0-9]* $")  # "1Z 999 AA1 01 2345 6784" goes on
_AREA_IN_BRACKETS = re.compile(r"\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[-. ][0-9]{4}$")
_NORTH_AMERICA = re.compile(r"(?:1[-. ])?[2-9][0-9]{2}([-.])[2-9][0-9]{2}\1[0-9]{4}$")
_BRAZILIAN = re.compile(r"\([1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4}$")
_GERMAN_MOBILE = re.compile(r"01(?:5[0-9]{1,2}|6[023]|7[0-9])[ /-][0-9]{6,8}$")
# Regions whose national numbers are known by their grouping, a leading 0 or brackets.
_REGIONS = (
    "DE GB FR IT NL BE AT CH AU NZ JP IN ZA IE SE FI TR UA RO BG HR RS SK ID TH MY PH KR CN TW"
).split()


def _spans(text: str, column: ColumnName) -> Iterator[Span]:
    by_name = column.kind == "phone number"
    for match in _NUMBER.finditer(text):
        end = match.end() if match["extension"] is None else match.start("extension")
        number = text[match.start() : end]
        if by_name:
            if _could_be(number) and 2 * len(number) >= len(text.strip()):  # no word of a title
                yield match.span()
            continue
        length = _phone(text, match.start(), number, column)
        if length:
            yield match.start(), match.end() if length == len(number) else match.start() + length


def _could_be(number: str) -> bool:
    return MIN_DIGITS <= len(digits_of(number)) <= MAX_DIGITS


def _phone(text: str, start: int, number: str, column: ColumnName) -> int:
    """Return the number of characters of a phone number at the start of a number, or 0."""
    if number.startswith(("+", "(+")):
        return _longest(number, _is_possible)
    if is_preceded(text, start, _PHONE_WORD) or (
        _AFTER.match(text, start + len(number)) and number.startswith(("0", "("))
    ):
        return _longest(number, _could_be)
    if is_preceded(text, start, _CALL_WORD):
        return _longest(number, _is_distinctive)
    if column.is_code or has_code_word(text, start) or not _could_be(number):
        return 0
    if is_preceded(text, start, _CODE):
        return 0
    return len(number) if _is_grouped(number) else 0


def _longest(number: str, check: Callable[[str], bool]) -> int:
    """Return the length of the longest beginning, cut where groups end, that passes a check."""
    ends = [len(number), *(m.start() for m in reversed(list(re.finditer(r"[ /]", number))))]
    return next((end for end in ends if check(number[:end])), 0)


def _is_possible(number: str) -> bool:
    import phonenumbers  # an import of 30 ms, only for text that may be a number

    if not _could_be(number):
        return False
    try:  # "+44 (0)20 …" has a 0 that is dialled at home
        parsed = phonenumbers.parse(number.replace("(0)", ""), None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed)


def _is_distinctive(number: str) -> bool:
    """Return whether a number is more than a row of models or sizes: "call 11 12 13 14"."""
    groups = re.findall("[0-9]+", number)
    if not _could_be(number) or (len(groups) == 1 and not number.startswith("0")):
        return 10 <= len(digits_of(number)) <= MAX_DIGITS
    return number.startswith("0") or any(len(group) >= 3 for group in groups)


def _is_grouped(number: str) -> bool:
    """Return whether a number has the usual grouping of a country."""
    if _AREA_IN_BRACKETS.match(number):
        return True
    if _NORTH_AMERICA.match(number):
        return not _is_series(number) and _is_valid(number, "US")
    if number.startswith("00"):
        return bool(re.match(r"00[1-9][0-9]{0,2}[ ./(-]", number)) and _is_valid("+" + number[2:])
    if _GERMAN_MOBILE.match(number):
        return True
    if _BRAZILIAN.match(number):
        return _is_written_so(number, "BR")
    if not number.startswith(("0", "(0")) or len(digits_of(number)) < NATIONAL:
        return False
    if _is_series(number):
        return False
    return any(_is_written_so(number, region) for region in _REGIONS)


def _is_series(number: str) -> bool:
    """Return whether the groups count up or double: "01 02 03 04", "256-512-1024"."""
    groups = [int(group) for group in re.findall("[0-9]+", number)]
    steps = {later - group for group, later in pairwise(groups)}
    return len(groups) > 2 and (
        len(steps) == 1 or all(later == 2 * group for group, later in pairwise(groups))
    )


def _is_valid(number: str, region: str | None = None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _is_written_so(number: str, region: str) -> bool:
    """Return whether a number is valid in a region and has a grouping usual there."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_valid_number(parsed):
        return False
    usual = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    if re.findall("[0-9]+", number) == re.findall("[0-9]+", usual):
        return True
    return number.startswith("(0") and len(digits_of(number)) >= 9


PHONE = Detector(
    (
        r"(?i)\+ ?[(]?[1-9]|\(\+?[0-9]{2,5}\)|(?:^|[^0-9])0[0-9]{1,4}[ /.-]\(?[0-9]"
        r"|[0-9]{3}[-.][0-9]{3}[-.][0-9]{4}"
        r"|(?:tel|tlf|fax|fon|tél|phone|mob|handy|call|cell|dial|ring|text|sms|whatsapp|viber|signal"
        r"|reach|contact|message|ruf|hotline|line|number|appel|llam|chiam|ligue|bel|celular|móvil"
        r"|movil|portable|puhelin|zadzwoń|komórka|電話|携帯|电话|手机|전화|тел|звоните|τηλ|هاتف|[☎☏✆📞📱]|switchboard)"
        r"[^0-9]{0,30}[0-9]",
    ),
    _spans,
)
