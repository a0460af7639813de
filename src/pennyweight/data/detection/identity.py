"""Ids that states give to people, and dates of birth."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from pennyweight.data.detection.columns import ColumnName
from pennyweight.data.detection.payment import has_luhn
from pennyweight.data.detection.text import Detector, Span, digits_of, is_preceded

__all__ = ["BIRTH", "NATIONAL_ID"]


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False))


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _always(text: str) -> bool:
    return True


def _us_ssn(text: str) -> bool:
    area, group, serial = (
        re.split("[- ]", text) if len(text) > 9 else (text[:3], text[3:5], text[5:])
    )
    return area not in ("000", "666") and group != "00" and serial != "0000"


def _french(text: str) -> bool:
    number = re.sub(r"[ .]", "", text).upper()
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def _spanish(text: str) -> bool:
    number = re.sub(r"[ .-]", "", text).upper()
    body = number[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ),
        strict=True,
    )
)


def _italian(text: str) -> bool:
    code = text.upper()
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in code[1:15:2])
    return (sum(_ODD[c] for c in code[:15:2]) + even) % 26 == ord(code[15]) - 65


def _german(text: str) -> bool:
    digits, product = digits_of(text), 10
    for digit in digits[:10]:
        product = 2 * ((int(digit) + product) % 10 or 10) % 11
    return (11 - product) % 10 == int(digits[10])


def _dutch(text: str) -> bool:
    return _weighted(digits_of(text), (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _polish(text: str) -> bool:
    month = str((int(text[2:4]) - 1) % 20 + 1)
    check = (10 - _weighted(text, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10
    return check == int(text[10]) and _is_date(text[:2], month, text[4:6])


def _swedish(text: str) -> bool:
    digits = digits_of(text)[-10:]
    return has_luhn(digits) and _is_date(digits[:2], digits[2:4], digits[4:6])


def _finnish(text: str) -> bool:
    digits = text[:6] + text[7:10]
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[10].upper() and _is_date(
        text[4:6], text[2:4], text[:2]
    )


def _danish(text: str) -> bool:
    return _is_date(text[4:6], text[2:4], text[:2])


def _brazilian(text: str) -> bool:
    digits = digits_of(text)
    for n in (9, 10):
        check = _weighted(digits, tuple(range(n + 1, 1, -1))[:n]) * 10 % 11 % 10
        if check != int(digits[n]):
            return False
    return len(set(digits)) > 1


def _chinese(text: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[_weighted(text, weights) % 11]
    return check == text[17].upper() and _is_date(text[6:10], text[10:12], text[12:14])


def _chilean(text: str) -> bool:
    body, check = re.sub(r"[.]", "", text).upper().split("-")
    total = sum(int(d) * (2 + i % 6) for i, d in enumerate(reversed(body)))
    return "0123456789K0"[11 - total % 11] == check if total % 11 else check == "0"


def _luhn(text: str) -> bool:
    return has_luhn(digits_of(text))


@dataclass(frozen=True)
class _Form:
    """A national id: its pattern and check, and the words it needs before it, if any."""

    pattern: re.Pattern[str]
    check: Callable[[str], bool]
    words: re.Pattern[str] | None
    hint: str


def _form(pattern: str, check: Callable[[str], bool] = _always, words: str = "") -> _Form:
    context = (
        re.compile(rf"\b(?:{words})\b(?:[^.!?;]|\b(?:no|nr)\.){{0,24}}$", re.IGNORECASE)
        if words
        else None
    )
    hint = rf"\b(?:{words})\b[^!?;]{{0,36}}[0-9]" if words else pattern
    bounded = re.compile(rf"(?<![\w.-])(?:{pattern})(?![\w-])", re.IGNORECASE)
    return _Form(bounded, check, context, hint)


_FORMS = (
    _form(
        r"\d{3}[- ]?\d{2}[- ]?\d{4}",
        _us_ssn,
        r"ssn|social security|soc\.? sec|itin|tax id|taxpayer",
    ),
    _form(
        r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        _always,
        r"ni|nino|national insurance|n\.i\.|insurance",
    ),
    _form(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] \d{2} \d{2} \d{2} [A-D]"),
    _form(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _french),
    _form(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", _italian),
    _form(r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", _always, r"codice fiscale|cod\. ?fisc|c\.?f"),
    _form(
        r"[XYZ\d]-?\d{7}-?[A-Z]|\d{8}[ -]?[A-Z]|\d{2}\.\d{3}\.\d{3}-?[A-Z]",
        _spanish,
        r"dni|nie|nif|documento nacional|identidad",
    ),
    _form(
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        _german,
        r"steuer-?id|steuer-?identifikationsnummer|idnr|steuernummer|tax id|tin",
    ),
    _form(r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}", _dutch, r"bsn|burgerservicenummer|sofinummer"),
    _form(r"\d{11}", _polish, r"pesel"),
    _form(r"(?:19|20)?\d{6}[-+]\d{4}", _swedish, r"personnummer|personnr|pnr|born|ssn|id|personal"),
    _form(r"(?:19|20)\d{6}-\d{4}", _swedish),
    _form(
        r"\d{6}[-+ABCDEFYXWVU]\d{3}[0-9A-FHJ-NPR-Y]",
        _finnish,
        r"hetu|henkilötunnus|ssn|id|personal",
    ),
    _form(r"\d{6}-?\d{4}", _danish, r"cpr|cpr-nr|cpr-nummer"),
    _form(r"\d{6} ?\d{5}", _always, r"fødselsnummer|fodselsnummer|personnummer"),
    _form(r"\d{3}\.\d{3}\.\d{3}-\d{2}", _brazilian),
    _form(r"\d{11}", _brazilian, r"cpf"),
    _form(r"\d{1,2}\.\d{3}\.\d{3}-[\dK]", _chilean),
    _form(r"\d{17}[\dX]", _chinese),
    _form(r"\d{4} ?\d{4} ?\d{4}", _always, r"aadhaar|aadhar|uidai"),
    _form(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", _always, r"pan|permanent account"),
    _form(r"[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z\d]\d", _always),
    _form(r"\d{3}[- ]?\d{3}[- ]?\d{3}", _luhn, r"sin|social insurance"),
    _form(r"\d{3} ?\d{3} ?\d{2,3}", _always, r"tfn|tax file"),
    _form(r"\d{4} ?\d{5} ?\d", _always, r"medicare"),
    _form(r"\d{3} ?\d{3} ?\d{4}", _always, r"nhs"),
    _form(r"\d{13}", _luhn, r"id number|sa id|identity"),
    _form(r"\d{11}", _always, r"tc kimlik|tckn|kimlik"),
    _form(
        r"(?=(?:[A-Z]*\d){4})[A-Z0-9]{6,10}",
        _always,
        r"passport|pass ?(?:no|nr)|reisepass|passeport|pasaporte|passaporto|ausweis"
        r"|personalausweis|identity card|id card|driver'?s? licen[cs]e|driving licen[cs]e"
        r"|führerschein",
    ),
    _form(
        r"(?=(?:[A-Z]*\d){2})(?=\d*[A-Z])[A-Z0-9]{9}",
        _always,
        r"(?:reise)?pass(?:port)?(?:nummer| number| no\.?| nr\.?)?"
        r"|(?:personal)?ausweis(?:nummer| nr\.?)?",
    ),
    _form(r"[A-Z]{5}\d{6}[A-Z\d]{5}", _always, r"licen[cs]e|dvla"),
)
_ANY = re.compile(
    r"(?<![\w.-])(?=[\w .-]{0,40}\d{2})[A-Z0-9](?:[ .-]?[A-Z0-9]){5,20}(?![\w-])", re.IGNORECASE
)


def _ids(text: str, column: ColumnName) -> Iterator[Span]:
    if column.kind == "national id":
        yield from (m.span() for m in _ANY.finditer(text) if len(digits_of(m[0])) >= 4)
        return
    for form in _FORMS:
        for match in form.pattern.finditer(text):
            has_context = form.words is None or is_preceded(text, match.start(), form.words)
            if has_context and not (form.words is None and column.is_code) and form.check(match[0]):
                yield match.span()


NATIONAL_ID = Detector(("(?i)" + "|".join(form.hint for form in _FORMS),), _ids)

_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|januar|februar|märz|mai|juni|juli"
    r"|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre"
    r"|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre"
    r"|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|january"
    r"|february|march|april|june|july|august|september|october|november|december)\.?"
)
_DATE = (
    r"(?:\d{1,2}[./ -]\d{1,2}[./ -](?:19|20)?\d{2}|(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?(?: de| of)? {_MONTH}(?: de)?,? (?:19|20)\d{{2}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)\d{{2}}|(?:19|20)\d{{6}})"
)
_BORN = (
    r"\b(?:d\.?o\.?b\.?|date of birth|birth ?date|birth ?day|geb\.|geburtsdatum|geburtstag"
    r"|geboren am|né(?:e|\(e\))? le|date de naissance|fecha de nacimiento|nacid[oa] el|nat[oa] il"
    r"|data di nascita|data de nascimento|nascid[oa] em|geboortedatum|geboren op|født|född"
    rf"|urodzon[ya])(?: (?:is|on|am|the))?[:=, -]{{0,4}}(?P<date>{_DATE})(?!\w)"
)
_ANY_DATE = rf"(?<!\w){_DATE}(?!\w)"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when it is needed: these two take as long as all others together."""
    return re.compile(pattern, re.IGNORECASE)


def _births(text: str, column: ColumnName) -> Iterator[Span]:
    if column.kind == "date of birth":
        yield from (match.span() for match in _compiled(_ANY_DATE).finditer(text))
    else:
        yield from (match.span("date") for match in _compiled(_BORN).finditer(text))


BIRTH = Detector(
    (
        r"(?i)\bd\.?o\.?b|birth|\bgeb|\bné|naissance|geboort|nacim|nacid|\bnat[oa] |nasc|født"
        r"|född|urodz",
        "[0-9]",
    ),
    _births,
)
