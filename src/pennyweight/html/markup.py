"""Text as HTML: escaped, unless it was made as HTML."""

from html import escape

__all__ = ["Html", "shown"]


class Html(str):
    """Text that is HTML already.

    What is made of it by formatting or joining is plain text again, so that nothing counts
    as HTML by accident.
    """

    __slots__ = ()


def shown(text: str) -> str:
    """Return text as HTML."""
    return str(text) if isinstance(text, Html) else escape(text)
