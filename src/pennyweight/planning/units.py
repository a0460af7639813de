"""Quantities with units, as people write them: ``50ms``, ``20k``, ``3M/day``, ``5%/day``."""

import re
from collections.abc import Mapping

from pennyweight.errors import PlanError

__all__ = ["parse_count", "parse_rate", "parse_seconds", "parse_share_per_day"]

DAY = 86_400.0
_NUMBER = re.compile(r"([0-9][0-9_,]*\.?[0-9]*|\.[0-9]+)\s*(.*)")
_COUNTS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
_SECONDS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3_600.0,
    "hour": 3_600.0,
    "day": DAY,
    "week": 7 * DAY,
    "month": 30.4375 * DAY,
}


def parse_count(text: str) -> int:
    """Return a whole number such as ``"20k"``, ``"1.5M"`` or ``"300"``.

    Raises
    ------
    PlanError
        It is no number of this form, or not a whole one.
    """
    number, unit = _parts(text, "a number", "300, 20k or 1.5M")
    value = number * _unit(unit, _COUNTS, text, "300, 20k or 1.5M")
    if value != round(value):
        raise PlanError(f"{text!r} is not a whole number; write 300, 20k or 1.5M")
    return round(value)


def parse_seconds(text: str) -> float:
    """Return seconds of a duration such as ``"50ms"`` or ``"2 min"``; a unit is needed.

    Raises
    ------
    PlanError
        It is no duration, or has no unit.
    """
    number, unit = _parts(text, "a duration", "50ms or 0.05s")
    return number * _unit(unit, _SECONDS, text, "50ms or 0.05s")


def parse_rate(text: str, *, per: str = "s") -> float:
    """Return events a second of a rate such as ``"3M/day"`` or ``"40/s"``.

    Parameters
    ----------
    text
        A number, with k, M or B, and ``/`` with a unit of time.
    per
        Unit of time where the text has none.

    Raises
    ------
    PlanError
        It is no rate.
    """
    amount, _, unit = text.partition("/")
    example = "40/s or 3M/day"
    number, scale = _parts(amount, "a rate", example)
    factor = _unit(scale, _COUNTS, text, example)
    return number * factor / _unit(unit.strip() or per, _SECONDS, text, example)


def parse_share_per_day(text: str) -> float:
    """Return the share a day of ``"5%/day"``, ``"10%/week"`` or ``"0.05"`` (a day).

    Raises
    ------
    PlanError
        It is no share of time.
    """
    amount, _, unit = text.partition("/")
    example = "5%/day or 0.05"
    number, sign = _parts(amount, "a share", example)
    if sign not in ("", "%"):
        raise PlanError(f"{text!r} is not a share; write {example}")
    days = _unit(unit.strip() or "day", _SECONDS, text, example) / DAY
    return number / (100 if sign else 1) / days


def _parts(text: str, noun: str, example: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise PlanError(f"{text!r} is not {noun}; write {example}")
    return float(match[1].replace(",", "").replace("_", "")), match[2].strip()


def _unit(unit: str, units: Mapping[str, float], text: str, example: str) -> float:
    try:
        return units[unit.lower()]
    except KeyError:
        valid = ", ".join(name for name in units if name) or "none"
        problem = f"has the unit {unit!r}" if unit else "has no unit"
        raise PlanError(f"{text!r} {problem}; valid: {valid}; write {example}") from None
