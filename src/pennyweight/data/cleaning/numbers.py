"""Columns of numbers with currency signs, separators and the odd text among them.

The separators of a column are decided over all its values: ``1.299`` is 1299 where another
value is ``12,50``, and 1.299 where all the others have points.
"""

import re
from dataclasses import dataclass
from typing import Literal

import polars as pl

from pennyweight.data.cleaning_log import Findings

__all__ = ["is_numeric", "names_price", "number_share", "numbers"]

NUMERIC = 0.9  # share of numbers from which on a column holds numbers
PRICED = 0.5  # the same if the column is named like a price
PRICES = 0.2  # of the values of such a column with a digit, from which on none is prose
_PRICE = re.compile(
    r"price|(?<![a-z])costs?(?![a-z])|amount|msrp|rrp|preis|prix|precio|prezzo|preço|revenue",
    re.IGNORECASE,
)
_CODES = (
    "USD|EUR|GBP|JPY|CHF|CNY|RMB|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|BRL|MXN|"
    "ARS|CLP|COP|KRW|TWD|HKD|SGD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|ZAR|EGP|NGN|KES|ISK|PEN|PKR|BDT"
)
_SIGNS = (
    r"(?:US|A|C|AU|CA|NZ|HK|R|S)?\$|\p{Sc}|kr\.?|zł|Kč|Ft|lei|Rs\.?|Rp\.?|RM|руб\.?|р\.|元|"
    r"円|₽|Fr\.|CHF"
)
# A unit after a space, the same in all values: "12 kg".
_NUMBER = (
    r"^\s*(?P<sign>[-+−–]?)\s*(?P<before>(?i:" + _CODES + r")|" + _SIGNS + r")?\s*(?P<minus>[-−]?)"
    r"(?P<digits>[0-9][0-9.,'’\x{a0}\x{202f}\x{2009} ]*[0-9]|[0-9])"
    r"(?P<exponent>[eE][-+]?[0-9]{1,3})?"
    r"(?:[.,][-–—]{1,2})?\s*(?P<after>(?i:"
    + _CODES
    + r")|"
    + _SIGNS
    + r"|\x{a0}?%|(?:[\x{a0} ]\p{L}{1,4}))?\s*$"
)
# Numbers with a multiplier, or with signs around them.
_SCALED = (
    r"^\s*\p{Sc}?\s*\d[\d.,]*\s*([kKMB]|[mb]n|(?i:mio|mrd|mln|mill?|tsd|lakh|crore|million))\.?\s*$"
)
_BARE = r"^\s*\p{Sc}?\s*\d[\d.,]*\s*$"
_MARKED = r"^[\s*~≈<>≥≤±+†]*\d[\d.,]*[\s*~+†]*$"
_SPACES = r"['’\x{a0}\x{202f}\x{2009} ]"
_ZEROS = r"^[-+]?0\d|\d{16}"  # 007 is a name, and a float has room for 15 digits

Mark = Literal[".", ","]


@dataclass(frozen=True)
class _NumberParts:
    """The parts of the values of a column, null where a value is no number."""

    sign: pl.Series
    digits: pl.Series
    exponent: pl.Series
    unit: pl.Series


def numbers(column: pl.Series, findings: Findings) -> pl.Series | None:
    """Return texts as numbers, exceptions null and noted; None for a column of other texts.

    Parameters
    ----------
    column
        Texts, null where missing.
    """
    if (plain := _plain(column)) is not None:
        return plain
    present = len(column) - column.null_count()
    if not present or column.str.contains(_ZEROS).any():
        return None
    parsed = _parse(column)
    share = parsed.digits.count() / present
    if _is_scaled(column):
        _note(findings, column.name, "with words such as k and M", present)
        return None
    if share < _enough(column.name):
        if _may_be_numbers(column):
            exceptions = column.filter(parsed.digits.is_null() & column.is_not_null())
            findings.add(
                "items",
                f"{column.name}: too few values are numbers, so that filters do not "
                "order it. Write plain ones such as 1299.5",
                present,
                "noted",
                map(repr, exceptions.unique(maintain_order=True).head(3)),
            )
        return None
    if (trouble := _mixed_units(parsed.unit)) is not None:
        _note(findings, column.name, f"in several units or currencies: {trouble}", present)
        return None
    priced = (parsed.unit != "").any() or _may_be_thousands(column)
    mark = _decimal_mark(parsed.digits, priced=priced)
    if mark is None:
        _note(
            findings,
            column.name,
            "with decimal points and decimal commas, or such as 1,299, "
            "1.299 or €1.299 that may be either",
            present,
        )
        return None
    result = _values(parsed, mark)
    exceptions = column.filter(result.is_null() & column.is_not_null())
    findings.add(
        "items",
        f"{column.name}: not a number as the other values are, and so missing",
        len(exceptions),
        "changed",
        [repr(text) for text in exceptions.unique(maintain_order=True).head(3)],
    )
    changed = _reread(column, result)
    examples = changed.unique(maintain_order=True).head(3)
    findings.add(
        "items",
        f"{column.name}: read as numbers with a decimal {'comma' if mark == ',' else 'point'}",
        changed.height,
        "changed",
        [f"{text!r} is {value:,.12g}" for text, value in examples.iter_rows()],
    )
    integers = result.cast(pl.Int64, strict=False)
    exact = (integers.cast(pl.Float64) == result).all() and not parsed.digits.str.contains(
        "[.,]"
    ).any()
    return (integers if exact else result).alias(column.name)


def _note(findings: Findings, name: str, problem: str, count: int) -> None:
    findings.add(
        "items",
        f"{name}: numbers {problem}; they stay text, which filters do not order. Write "
        "them in one way: 1299, or 1.2990 with a decimal point",
        count,
        "noted",
    )


def is_numeric(column: pl.Series) -> bool:
    """Say whether a column of texts holds numbers, or was meant to."""
    texts = column.filter(column.str.strip_chars() != "")
    if not len(texts):
        return False
    return (
        number_share(texts) >= _enough(column.name) or _is_scaled(texts) or _may_be_numbers(texts)
    )


def _is_scaled(column: pl.Series) -> bool:
    """Say whether numbers are written on several scales: 950 beside 1.2k."""
    present = column.drop_nulls()
    words = present.str.extract(_SCALED).drop_nulls()
    bare = int(present.str.contains(_BARE).sum())
    same_unit = not bare and words.n_unique() == 1 and present.str.contains(r"\d\s").all()
    return len(words) > 0 and not same_unit and len(words) + bare >= NUMERIC * len(present)


def _may_be_numbers(column: pl.Series) -> bool:
    """Say whether a column without clear numbers has them by its name or behind marks."""
    present = column.drop_nulls()
    if names_price(column.name) and int(present.str.contains(r"\d").sum()) >= PRICES * len(present):
        return True
    return len(present) > 0 and present.str.contains(_MARKED).all()


def _plain(column: pl.Series) -> pl.Series | None:
    """Return numbers if every value is one as programs write it."""
    if column.null_count() == len(column) or column.str.contains(_ZEROS).any():
        return None
    if _may_be_thousands(column):
        return None
    for dtype in (pl.Int64, pl.Float64):
        number = column.cast(dtype, strict=False)
        if number.null_count() == column.null_count():
            return number
    return None


def _may_be_thousands(column: pl.Series) -> bool:
    """Say whether points may group thousands: 1.299 beside 899 is 1299 in much of Europe.

    Programs write 1.3 and 899.000 rather than 1.300 and 899, so that a point three digits
    from the end in each value that has one is no sure decimal point. Where every value has
    one, it is doubtful for prices only.
    """
    present = column.drop_nulls()
    pointed = present.filter(present.str.contains(".", literal=True))
    if not len(pointed) or not pointed.str.contains(r"^\s*[-+]?[1-9]\d{0,2}\.\d{3}\s*$").all():
        return False
    unpointed = present.filter(~present.str.contains(".", literal=True))
    if unpointed.str.contains(r"^\s*[-+]?\d{4,}").any():  # thousands without a point
        return False
    return len(unpointed) > 0 or names_price(column.name)


def names_price(name: str) -> bool:
    """Say whether the name of a column is that of a price."""
    return _PRICE.search(name) is not None


def _enough(name: str) -> float:
    return PRICED if names_price(name) else NUMERIC


def number_share(column: pl.Series) -> float:
    """Return the share of texts that are numbers, with a currency or a unit perhaps."""
    present = len(column) - column.null_count()
    return _parse(column).digits.count() / present if present else 0.0


def _parse(column: pl.Series) -> _NumberParts:
    column = column.str.normalize("NFKC")  # digits of full width
    rows = pl.DataFrame({"text": column}).select(
        pl.col("text").str.extract_groups(_NUMBER).alias("parts")
    )
    parts = rows.unnest("parts")
    sign = (parts["sign"] + parts["minus"]).str.contains(r"[-−–]")
    unit = (parts["before"].fill_null("") + parts["after"].fill_null("")).str.strip_chars(
        " \u00a0."
    )
    grouped = r"^(\d{1,3}(" + _SPACES + r"\d{3})+|\d+)([.,]\d+)?$|^\d{1,3}([.,]\d{3})+([.,]\d+)?$"
    grouped += r"|^\d{1,3}(,\d{2})*,\d{3}(\.\d+)?$"  # lakhs, as in 1,00,000
    is_number = parts["digits"].str.contains(grouped).fill_null(False)
    digits = parts["digits"].set(~is_number, None).str.replace_all(_SPACES, "")
    return _NumberParts(sign, digits, parts["exponent"], unit.set(~is_number, None))


def _mixed_units(unit: pl.Series) -> str | None:
    names = unit.drop_nulls().filter(unit.drop_nulls() != "").str.to_uppercase().unique().sort()
    return ", ".join(map(repr, names.head(3))) if len(names) > 1 else None


def _decimal_mark(digits: pl.Series, *, priced: bool) -> Mark | None:
    """Return the decimal separator of a column; None where its values disagree.

    With `priced`, the values have currencies or units, or the points of 899 and 1.299, and so
    are not written by a program.
    """
    present = digits.drop_nulls()
    both = present.filter(present.str.contains(r"\.") & present.str.contains(","))
    single = present.filter(present.str.count_matches("[.,]") == 1)
    clear = single.filter(~single.str.contains(r"^[1-9]\d{0,2}[.,]\d{3}$"))
    many = present.filter((present.str.count_matches("[.,]") > 1) & ~present.is_in(both.to_list()))
    last = both.str.extract(r"([.,])\d*$")
    comma = (
        int((last == ",").sum())
        + int(clear.str.contains(",").sum())
        + int(many.str.contains(r"\.").sum())
    )
    point = (
        int((last == ".").sum())
        + int(clear.str.contains(r"\.").sum())
        + int(many.str.contains(",").sum())
    )
    if comma and point:
        return None
    if comma or point:
        return "," if comma else "."
    if not single.str.contains(",").any():
        return None if priced and len(single) else "."
    # 1,299 alone: thousands, unless there are thousands without a comma.
    long = present.filter(~present.str.contains("[.,]")).str.len_chars().max()
    return (
        "."
        if isinstance(long, int) and long <= 3 and not single.str.contains(r"\.").any()
        else None
    )


def _values(parsed: _NumberParts, mark: Mark) -> pl.Series:
    group = "," if mark == "." else "."
    digits = parsed.digits.str.replace_all(group, "", literal=True)
    text = digits.str.replace(mark, ".", literal=True) + parsed.exponent.fill_null("")
    value = text.cast(pl.Float64, strict=False)
    return (-value).zip_with(parsed.sign.fill_null(False), value)


def _reread(column: pl.Series, result: pl.Series) -> pl.DataFrame:
    """Return the texts that programs would read differently or not at all, and their values."""
    rows = pl.DataFrame({"text": column, "value": result})
    plain = pl.col("text").cast(pl.Float64, strict=False)
    return rows.filter(pl.col("value").is_not_null() & plain.ne_missing(pl.col("value")))
