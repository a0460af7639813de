"""What a recommender says of itself: in a manifest, at a prompt and in a notebook."""

from html import escape
from typing import TYPE_CHECKING, Any

from pennyweight.recommender.reasons import parts_of

if TYPE_CHECKING:
    from pennyweight.recommender.recommender import Recommender

__all__ = ["as_html", "as_text", "summary"]


def summary(recommender: "Recommender") -> dict[str, Any]:
    """Return a few words and numbers, all of which JSON can hold."""
    log = recommender.interactions
    return {
        "items": len(recommender.catalog),
        "users": None if log is None else len(log.users),
        "events": None if log is None else len(log),
        "scorer": recommender.scorer.name,
        "parts": list(parts_of(recommender.scorer)),
        "repeats": recommender.repeats,
    }


def as_text(recommender: "Recommender") -> str:
    """Return the summary on one line; what has no value is left out."""
    told = summary(recommender).items()
    return f"Recommender({', '.join(f'{key}={value}' for key, value in told if value is not None)})"


def as_html(recommender: "Recommender") -> str:
    """Return the summary as a table."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(key)}</th><td>{escape(_shown(value))}</td></tr>"
        for key, value in summary(recommender).items()
    )
    return f"<table><caption>Recommender</caption><tbody>{rows}</tbody></table>"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
