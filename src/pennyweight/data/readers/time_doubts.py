"""Columns of times that parse and are wrong: lost digits, or clocks with and without zone."""

import polars as pl

from pennyweight.data.readers.time_order import DoubtfulTimes

__all__ = ["has_naive_clocks", "refuse_lost_digits", "refuse_mixed_zones"]

_FEW = 0.01
_SCIENTIFIC = r"^\d(?:[.,](\d+))?[eE]\+?(\d{1,2})$"
_MAX_DECIMALS = 6  # of spreadsheets
_MIN_MISSING = 3  # digits
_CLOCK = r"\d:\d{2}"
_ZONE = r"(?i)\d\s*(?:z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})(?:\s*\(.*\))?$"
_OTHER_ZONE = r"[A-Za-z]{2,}(?:/\w+)?\)?$|[+-]\d{4} \d{4}$"  # words such as Uhr, PM and CET


def refuse_lost_digits(text: pl.Series, where: str) -> None:
    """Raise `DoubtfulTimes` for numbers such as ``1.74089E+12`` without their last digits."""
    parts = text.str.extract_groups(_SCIENTIFIC).struct.unnest()
    decimals = parts["1"].str.len_chars().fill_null(0).filter(parts["2"].is_not_null())
    exponent = parts["2"].drop_nulls().cast(pl.Int64)
    if len(exponent) <= _FEW * len(text) or not len(exponent):
        return
    n_decimals = int(decimals.cast(pl.Int64).max())  # type: ignore[arg-type]
    if n_decimals <= _MAX_DECIMALS and int(exponent.max()) - n_decimals >= _MIN_MISSING:  # type: ignore[arg-type]
        example = text.filter(parts["2"].is_not_null())[0]
        raise DoubtfulTimes(
            f"{where}: {len(exponent):,} times are numbers such as {example!r}, of which a "
            "spreadsheet lost digits: export the column as text, or leave it out with "
            "--time-column '', columns={'time': None} (where the newest rows come first, with "
            "--row-order newest-first as well)"
        )


def has_naive_clocks(text: pl.Series) -> bool:
    """Say whether most of the first times have a time of day and no zone."""
    head = text.drop_nulls().head(100)
    return bool(len(head)) and bool(
        (head.str.contains(_CLOCK) & ~head.str.strip_chars().str.contains(_ZONE)).mean() > 0.5  # type: ignore[operator]
    )


def refuse_mixed_zones(text: pl.Series, where: str) -> None:
    """Raise `DoubtfulTimes` where some clocks have a zone and others have none."""
    clocks = text.filter(text.str.contains(_CLOCK).fill_null(value=False))
    zoned = clocks.str.contains(_ZONE)
    naive = ~zoned & ~clocks.str.contains(_OTHER_ZONE)
    n_zoned, n_naive = int(zoned.sum()), int(naive.sum())
    if min(n_zoned, n_naive) <= max(1, _FEW * len(text)):
        return
    with_zone, without = clocks.filter(zoned)[0], clocks.filter(naive)[0]
    raise DoubtfulTimes(
        f"{where}: {n_zoned:,} times have a time zone, such as {with_zone!r}, and {n_naive:,} have "
        f"none, such as {without!r}. Write a zone in all of them; if those without one are UTC, "
        "--time-format as-written, time_format='as-written'"
    )
