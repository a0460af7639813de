"""The filters of pages in their addresses, and the words for counted rows."""

from datetime import UTC, datetime

from pennyweight.formatting import count
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.stores.browsing import EventPlace, RowCount

__all__ = ["counted", "given", "moment", "place", "place_text"]

EXCERPT = 40  # characters


def given(**fields: str) -> dict[str, str]:
    """Return the fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def moment(name: str, text: str) -> float | None:
    """Return the epoch seconds of a date or a time in UTC; None for an empty field.

    Raises
    ------
    Refusal
        The text is neither; names the field.
    """
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refusal(
            422,
            f"{name} is {text[:EXCERPT]!r}; enter a date such as 2026-01-31, or a time such as "
            "2026-01-31T09:30",
        ) from None


def place(text: str) -> EventPlace | None:
    """Return the place that a link to a next page names; None on the first page.

    Raises
    ------
    Refusal
        No link has this place.
    """
    if not text:
        return None
    time, _, seq = text.partition(",")
    try:
        return EventPlace(float(time), int(seq[:20]))
    except ValueError:
        raise Refusal(
            422,
            f"after is {text[:EXCERPT]!r}, which no link of this page has; go to the first page",
        ) from None


def place_text(at: EventPlace | None) -> str:
    """Return a place for a link; empty without one."""
    return "" if at is None else f"{at.time!r},{at.seq}"


def counted(rows: RowCount, noun: str, limit: int) -> str:
    """Return a number of rows in words; the limit is where counting stopped."""
    if rows.is_exact:
        return count(rows.n, noun)
    return f"{'more than' if rows.n >= limit else 'at least'} {count(rows.n, noun)}"
