"""Personal data in texts and ids: found by format and checksum, masked on request.

A number alone is no evidence, catalogues are full of them: a phone number needs its
international form or a word such as "tel", a card number its grouping or such a word and
the issuer's prefix and the check digit, an IP address may not be a version number.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl

from pennyweight.data.catalog import Catalog
from pennyweight.data.log import Findings

__all__ = ["KINDS", "find", "has_luhn", "mask", "mask_catalog", "mask_column", "suspects"]

_EMAIL = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b"
)
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+[1-9][0-9]{0,2}(?:[ ./-]?\(?[0-9]{1,5}\)?){2,6}"
    r"|\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[-. ][0-9]{4}"
    r"|\(?[0-9]{2,5}\)?(?:[ ./-]?[0-9]{2,5}){1,5})(?!\w)"
)
_PHONE_WORD = re.compile(
    r"\b(?:(?:tel|fax|telefon|whatsapp|tél)\.?:?|call(?: us)?(?: at| on)?:?"
    r"|(?:tele|télé)?(?:phone|mobile|handy)(?: number| no)?[.:]) ?$",
    re.IGNORECASE,
)
_CARD_GROUPED = r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|3[47][0-9]{2}([ -])[0-9]{6}\2[0-9]{5}"
_CARD = re.compile(rf"(?<![\w.-])(?:{_CARD_GROUPED}|[0-9]{{15,16}})(?![\w-])")
_CARD_WORD = re.compile(
    r"\b(?:card|visa|mastercard|amex|credit|debit|karte|kreditkarte|carte|tarjeta|cartão)\b",
    re.IGNORECASE,
)
_ISSUER = re.compile(r"(?:4|5[1-5]|2[2-7]|6011|64[4-9]|65|35)[0-9]{12,15}|3[47][0-9]{13}")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
# Length of an IBAN by country (SWIFT, IBAN registry).
_IBAN_LENGTH = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
_IP4 = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w]|\.[0-9])")
_VERSION = re.compile(r"(?:\bv|\bver|version|release|firmware|build|section)\.? ?$", re.IGNORECASE)
_IP6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:{1,2}){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")


def has_luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit (ISO/IEC 7812-1, annex B)."""
    doubled = (d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d)
               for i, d in enumerate(map(int, reversed(digits))))  # fmt: skip
    return sum(doubled) % 10 == 0


def _is_phone(found: re.Match[str]) -> bool:
    told = found[0][0] == "+" or re.match(r"\(\d{3}\) ?\d{3}[-. ]\d{4}$", found[0])
    told = told or _PHONE_WORD.search(found.string[: found.start()][-24:])
    return bool(told and 7 <= sum(c.isdigit() for c in found[0]) <= 15)


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"[ -]", "", found[0])
    told = digits != found[0] or _CARD_WORD.search(found.string[: found.start()][-40:])
    return bool(told and _ISSUER.fullmatch(digits) and has_luhn(digits))


def _is_iban(found: re.Match[str]) -> bool:
    code = found[0].replace(" ", "")
    if len(code) != _IBAN_LENGTH.get(code[:2]):
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1  # ISO 13616


def _is_ip4(found: re.Match[str]) -> bool:
    if _VERSION.search(found.string[: found.start()][-12:]):
        return False
    parts = found[0].split(".")
    try:  # 1.2.3.4 is rather the number of a paragraph
        return sum(len(p) > 1 for p in parts) > 1 and ipaddress.IPv4Address(found[0]).is_global
    except ValueError:
        return False


def _is_ip6(found: re.Match[str]) -> bool:
    try:  # global unicast is 2000::/3 (RFC 4291); "a::b" is rather a name in C++
        return ipaddress.IPv6Address(found[0]) in ipaddress.IPv6Network("2000::/3")
    except ValueError:
        return False


# Kind -> what polars looks for first (it has no look-around), the exact form, the check.
KINDS: dict[str, tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]]] = {
    "e-mail address": ("@", _EMAIL, lambda found: True),
    "IBAN": (r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}", _IBAN, _is_iban),
    "card number": (r"[0-9]{4}[ -][0-9]{4}|[0-9]{15}|3[47][0-9]{2}[ -]", _CARD, _is_card),
    "IP address": (
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]{2,}",
        re.compile(f"{_IP4.pattern}|{_IP6.pattern}"),
        lambda found: _is_ip6(found) if ":" in found[0] else _is_ip4(found),
    ),
    "phone number": (
        r"(?i)\+[1-9]|\([2-9][0-9]{2}\)|(?:tel|fax|telefon|whatsapp|tél|call|phone|mobile|handy)"
        r"[^0-9]{0,12}[0-9]",
        _PHONE,
        _is_phone,
    ),
}


def find(text: str, kind: str) -> Iterator[re.Match[str]]:
    """Yield the places of one kind of personal data in a text."""
    _, form, check = KINDS[kind]
    return (found for found in form.finditer(text) if check(found))


def mask(text: str) -> str:
    """Return the text with every piece of personal data replaced by its kind in brackets."""
    for kind, (_, form, check) in KINDS.items():
        text = form.sub(lambda m, k=kind, c=check: f"[{k}]" if c(m) else m[0], text)  # type: ignore[misc]
    return text


def suspects(texts: pl.Series, kind: str) -> pl.Series:
    """Return the positions of the texts that hold this kind of personal data."""
    rows = texts.str.contains(KINDS[kind][0]).fill_null(False).arg_true()
    candidates = zip(rows.to_list(), texts.gather(rows).to_list(), strict=True)
    held = [row for row, text in candidates if any(find(text, kind))]
    return pl.Series(texts.name, held, dtype=pl.UInt32)


def mask_column(texts: pl.Series) -> tuple[pl.Series, int]:
    """Return a column of texts or lists of texts without personal data, and how many changed."""
    if texts.dtype == pl.List(pl.String):
        held = _held(texts.list.join("\n", ignore_nulls=True))
        if not len(held):
            return texts, 0
        lists = texts.to_list()
        for row in held.to_list():
            lists[row] = [text and mask(text) for text in lists[row]]
        return pl.Series(texts.name, lists, dtype=texts.dtype), len(held)
    if texts.dtype != pl.String:
        return texts, 0
    held = _held(texts)
    if not len(held):
        return texts, 0
    values = texts.to_list()
    for row in held.to_list():
        values[row] = mask(values[row])
    # A new series: one that was changed in place would carry the old bytes into files.
    return pl.Series(texts.name, values, dtype=pl.String), len(held)


def mask_catalog(catalog: Catalog, found: Findings) -> Catalog:
    """Return the catalogue without personal data in texts and attributes; ids stay."""
    columns = []
    for column in catalog.attributes.iter_columns():
        masked, changed = mask_column(column)
        columns.append(masked)
        found.add("items", f"{column.name}: personal data masked", changed, "changed")
    texts, _ = mask_column(pl.Series("text", catalog.texts, dtype=pl.String))
    return replace(catalog, texts=tuple(texts), attributes=pl.DataFrame(columns))


def _held(texts: pl.Series) -> pl.Series:
    return pl.concat([suspects(texts, kind) for kind in KINDS]).unique().sort()
