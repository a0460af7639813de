"""What several pages are made of: links, times, fields of forms."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode

from pennyweight.formatting import count, duration
from pennyweight.html.markup import Html

__all__ = [
    "DAY",
    "FLOOR",
    "action",
    "age",
    "ask_form",
    "few",
    "hidden",
    "item_link",
    "link",
    "milliseconds",
    "user_link",
    "warnings",
    "when",
]

DAY = 86_400.0
FLOOR = 5  # what fewer people did might be told of one of them
FIRST, LAST = -62_135_596_800, 253_402_300_800  # years 1 to 9999


def link(text: str, path: str, query: Mapping[str, str] | None = None) -> Html:
    """Return a link; what may be any string goes into the query."""
    url = f"{path}?{urlencode(query)}" if query else path
    return Html(f'<a href="{escape(url)}">{escape(text)}</a>')


def user_link(user: str) -> Html:
    """Return a link to the page of a user."""
    return link(user, "/dashboard/users", {"id": user})


def item_link(item: str, title: str = "") -> Html:
    """Return a link to the page of an item."""
    return link(title or item, "/dashboard/items", {"id": item})


def warnings(texts: Iterable[str]) -> str:
    """Return what operators must see, a paragraph each."""
    return "".join(
        f'<p class="told failed">{escape(text[:1].upper() + text[1:])}</p>' for text in texts
    )


def when(seconds: float | None) -> Html:
    """Return a time in UTC."""
    if seconds is None or not FIRST <= seconds < LAST:
        return Html("-")
    time = datetime.fromtimestamp(seconds, UTC)
    parts = f"<span>{time:%Y-%m-%d}</span> <span>{time:%H:%M:%S}</span>"
    return Html(f'<time datetime="{time:%Y-%m-%dT%H:%M:%SZ}">{parts}</time>')


def age(seconds: float) -> str:
    """Return how long ago something was."""
    days = int(seconds // DAY)
    return f"{count(days, 'day')} ago" if days > 1 else f"{duration(max(0.0, seconds))} ago"


def milliseconds(seconds: float | None) -> str:
    """Return a short time."""
    if seconds is None:
        return "-"
    ms = 1_000 * seconds
    return f"{ms:,.0f} ms" if ms >= 100 else f"{ms:.2g} ms"


def few(n: int) -> str:
    """Return a number of events, if it is not so small that it tells of somebody."""
    return f"fewer than {FLOOR}" if n < FLOOR else f"{n:,}"


def hidden(fields: Mapping[str, str]) -> str:
    """Return fields that are sent with a form and not shown."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def action(
    path: str,
    button: str,
    fields: Mapping[str, str] | None = None,
    *,
    kind: str = "",
    method: str = "post",
) -> Html:
    """Return a form of one button that changes something, or by ``get`` leads to a page."""
    style = f' class="{kind}"' if kind else ""
    return Html(
        f'<form method="{method}" action="{path}">{hidden(fields or {})}'
        f"<button{style}>{escape(button)}</button></form>"
    )


def ask_form(path: str, label: str, name: str, value: str = "", *, button: str) -> str:
    """Return a form of one field that shows a page."""
    return (
        f'<form class="ask" role="search" action="{path}"><label for="{name}">{escape(label)}'
        f'</label><input id="{name}" name="{name}" value="{escape(value)}" required '
        f'maxlength="512" autocomplete="off" spellcheck="false">'
        f"<button>{escape(button)}</button></form>"
    )
