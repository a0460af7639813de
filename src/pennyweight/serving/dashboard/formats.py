"""Formats of times and counts on the pages."""

from datetime import UTC, datetime

from pennyweight.formatting import count, duration

__all__ = ["DAY", "FLOOR", "age", "mask_count", "milliseconds", "percent", "utc"]

DAY = 86_400.0
FLOOR = 5  # smaller counts might reveal the behavior of one person
FIRST, LAST = -62_135_596_800, 253_402_300_800  # years 1 to 9999


def utc(seconds: float | None) -> datetime | None:
    """Return a time in UTC; None where it is unknown or no calendar has it."""
    if seconds is None or not FIRST <= seconds < LAST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def age(seconds: float) -> str:
    """Return the time since an event."""
    days = int(seconds // DAY)
    return f"{count(days, 'day')} ago" if days > 1 else f"{duration(max(0.0, seconds))} ago"


def milliseconds(seconds: float | None) -> str:
    """Return a short duration."""
    if seconds is None:
        return "-"
    ms = 1_000 * seconds
    return f"{ms:,.0f} ms" if ms >= 100 else f"{ms:.2g} ms"


def mask_count(n: int) -> str:
    """Return a number of events, hidden if it is small enough to reveal a person."""
    return f"fewer than {FLOOR}" if n < FLOOR else f"{n:,}"


def percent(share: float) -> str:
    """Return a share of users in percent."""
    return f"{100 * share:.4g} %"
