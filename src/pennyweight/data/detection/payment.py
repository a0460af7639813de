"""Numbers of cards and bank accounts."""

import re
from collections.abc import Iterator

from pennyweight.data.detection.columns import ColumnName
from pennyweight.data.detection.text import Detector, Span, digits_of, has_code_word, is_preceded

__all__ = ["ACCOUNT", "CARD", "IBAN", "has_luhn", "has_valid_iban"]

LENGTHS = (14, 15, 16, 19)  # digits of cards that are issued
_SEPARATED = (
    r"[0-9]{4}(?P<a>[ .-]|  | - )[0-9]{4}(?P=a)[0-9]{4}(?P=a)[0-9]{4}(?:(?P=a)[0-9]{1,3})?"
    r"|3[47][0-9]{2}(?P<b>[ .-])[0-9]{6}(?P=b)[0-9]{5}"
    r"|3[0689][0-9]{2}(?P<c>[ .-])[0-9]{6}(?P=c)[0-9]{4}"
    r"|3[47][0-9]{2}(?P<d>[ .-])[0-9]{4}(?P=d)[0-9]{4}(?P=d)[0-9]{3}"
)
_NUMBER = re.compile(
    rf"(?<![\w.-])(?:{_SEPARATED}|[0-9]{{13,19}}|[0-9]{{2,8}}(?:[ .-][0-9]{{2,8}}){{1,8}})(?![\w-])"
    r"(?!\.[0-9])"
)
_GROUPED = re.compile(_SEPARATED)
_WORD = re.compile(
    r"\b(?:cards?|visa|master ?card|amex|american express|discover|maestro|diners(?: club)?|jcb"
    r"|unionpay|credit|debit|cc|pan|karte|kreditkarte|kartennummer|carte|carte bleue|tarjeta|carta"
    r"|cartão|kort|karta|kaart|creditcard|payment|カード|карта|卡号)\b"
    r"(?!.*\b(?:sku|ean|upc|gtin|isbn|part|model|imei|order|(?:gift|memory|graphics) card)\b)",
    re.IGNORECASE,
)
# Prefixes of issuers (ISO/IEC 7812) with their lengths.
_ISSUER = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)[0-9]+"
    r"|6(?:011|4[4-9]|5)[0-9]+|35(?:2[89]|[3-8])[0-9]+|3[47][0-9]{13}|3(?:0[0-59]|6|[89])[0-9]+"
    r"|62[0-9]{14,17}|(?:5018|5020|5038|5893|6304|6759|676[1-3])[0-9]+"
)


def has_luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit (ISO/IEC 7812-1, annex B)."""
    doubled = (
        d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d)
        for i, d in enumerate(map(int, reversed(digits)))
    )
    return sum(doubled) % 10 == 0


def _cards(text: str, column: ColumnName) -> Iterator[Span]:
    for match in _NUMBER.finditer(text):
        groups = [m.start() for m in re.finditer(r"[ .-]+", match[0])]
        for end in [len(match[0]), *reversed(groups)]:  # a following date looks like another group
            if _is_card(text, match.start(), match[0][:end], column):
                yield match.start(), match.start() + end
                break


def _is_card(text: str, start: int, number: str, column: ColumnName) -> bool:
    digits = digits_of(number)
    if len(digits) not in LENGTHS or not (_ISSUER.fullmatch(digits) and has_luhn(digits)):
        return False
    if len(set(digits)) == 1:
        return False
    if _GROUPED.fullmatch(number):
        return not has_code_word(text, start)
    return column.kind == "card number" or is_preceded(text, start, _WORD)


CARD = Detector(
    (
        r"[0-9]{4}(?:[ .-]|  | - )[0-9]{4}|[0-9]{13}|3[0-9]{3}[ .-]"
        r"|[0-9]{2}[ .-][0-9]{2,8}[ .-][0-9]{2}",
    ),
    _cards,
)

# Account part by country (IBAN registry of SWIFT): n digits, a letters, c either.
_STRUCTURES = {
    "10n11c2n": "BL FR GF GP MC MF MQ NC PF PM RE TF WF YT",
    "11n": "NO",
    "12n": "BE",
    "14n": "AX DK FI FO GL SD",
    "14n15c": "RU",
    "15n": "SI",
    "16n": "AT BA EE LT MN XK",
    "17n": "HR",
    "18n": "CR DE ME RS VA",
    "19n": "AE IL SO TL",
    "1a10n12c": "IT SM",
    "20c": "MD",
    "20n": "CZ ES SE SK TN",
    "21n": "AO CV LY MZ PT ST",
    "22n": "DZ IR IS",
    "23n": "BI CF CG CM DJ GA GQ KM MG MR TD",
    "24c": "GT",
    "24n": "HU MA PL",
    "25n": "EG",
    "2a12n": "FK",
    "2a16n": "GE",
    "2a22n": "CI NE SN TG",
    "2c19n": "GW",
    "2c22n": "BF BJ ML",
    "2n18c": "SA",
    "3n10c2n": "MK",
    "3n13c": "KZ LU",
    "3n16c": "OM",
    "4a10n": "NL",
    "4a13c": "LV",
    "4a14c": "BH",
    "4a14n": "GB GG IE IM JE",
    "4a15c": "GI",
    "4a15n": "IQ",
    "4a16c": "PK RO",
    "4a16n": "VG",
    "4a19n3a": "MU",
    "4a20c": "AZ",
    "4a20n": "HN NI SV",
    "4a20n3a": "SC",
    "4a21c": "PS QA",
    "4a22c": "KW",
    "4a24c": "LC",
    "4a4n18c": "JO YE",
    "4a5n18c": "MT",
    "4a6n8c": "BG",
    "4c20n": "DO",
    "4c4n16c": "BY",
    "4n20c": "LB",
    "5n12c": "CH LI",
    "6n16c": "TR",
    "6n19c": "UA",
    "7n16c": "GR",
    "8c15n2c": "BR",
    "8n12c": "AD",
    "8n16c": "AL CY",
}
_SETS = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_ACCOUNTS = {
    country: re.compile("".join(f"{_SETS[k]}{{{n}}}" for n, k in re.findall(r"(\d+)([nac])", form)))
    for form, countries in _STRUCTURES.items()
    for country in countries.split()
}
# Matches overlap: one that begins as "at 12 ..." must not hide the number after it.
_IBAN = re.compile(
    rf"(?<![^\W_])(?=(?P<code>(?:{'|'.join(sorted(_ACCOUNTS))}) ?[0-9]{{2}}"
    r"(?:[ .-]?[A-Z0-9]){11,30})(?![^\W_]))",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(
    r"\b(?:account|acct|a/c|konto|kontonummer|cuenta|compte|conto|rekening)"
    r"(?: ?(?:number|no|nr|n°|#))?[.:# ]{1,3}(?P<number>[0-9][0-9 -]{4,16}[0-9])(?![\w-])"
    r"|\b(?:routing|sort code|blz|aba|bsb)(?: (?:number|no|nr))?[.:# ]{1,3}"
    r"(?P<bank>[0-9]{2}-?[0-9]{2}-?[0-9]{2}|[0-9]{9}|[0-9]{3} ?[0-9]{3} ?[0-9]{2}"
    r"|[0-9]{3}-[0-9]{3})(?![\w-])",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<!\w)[0-9][0-9 -]{4,20}[0-9](?!\w)")
_BANK = re.compile(r"\b(?:bank|routing|sort code|iban|bic|swift|blz|aba|bsb)\b", re.IGNORECASE)


def has_valid_iban(code: str) -> bool:
    """Return whether a code without spaces is an IBAN of its country (ISO 13616)."""
    account = _ACCOUNTS.get(code[:2])
    if account is None or not account.fullmatch(code[4:]) or not code[2:4].isdigit():
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


def _ibans(text: str, column: ColumnName) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        code = match["code"]
        groups = [m.start() for m in re.finditer("[ .-]", code)]
        for end in [len(code), *reversed(groups)]:  # a following word looks like another group
            if has_valid_iban(re.sub("[ .-]", "", code[:end]).upper()):
                yield match.start(), match.start() + end
                break


IBAN = Detector(
    (rf"(?i)\b(?:{'|'.join(sorted(_ACCOUNTS))}) ?[0-9]{{2}}(?:[ .-]?[A-Z0-9]){{11}}",), _ibans
)


def _accounts(text: str, column: ColumnName) -> Iterator[Span]:
    if column.kind == "bank account":
        yield from (match.span() for match in _BARE.finditer(text))
    elif _BANK.search(text):
        yield from (match.span() for match in _ACCOUNT.finditer(text))


ACCOUNT = Detector(
    (r"(?i)bank|routing|sort code|iban|bic|swift|blz|aba|bsb", "[0-9]{3}"), _accounts
)
