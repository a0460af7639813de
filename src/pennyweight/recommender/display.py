"""What a recommender says of itself: in a manifest, at a prompt and in a notebook."""

from collections.abc import Mapping
from html import escape
from typing import Any

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.recommender.reasons import parts_of
from pennyweight.score.protocol import Scorer

__all__ = ["as_html", "as_text", "summary"]


def summary(
    catalog: Catalog, log: Interactions | None, scorer: Scorer, repeats: str
) -> dict[str, Any]:
    """Return a few words and numbers, all of which JSON can hold."""
    return {
        "items": len(catalog),
        "users": None if log is None else len(log.users),
        "events": None if log is None else len(log),
        "scorer": scorer.name,
        "parts": list(parts_of(scorer)),
        "repeats": repeats,
    }


def as_text(told: Mapping[str, Any]) -> str:
    """Return a summary on one line; what has no value is left out."""
    return f"Recommender({', '.join(f'{k}={v}' for k, v in told.items() if v is not None)})"


def as_html(told: Mapping[str, Any]) -> str:
    """Return a summary as a table."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(key)}</th><td>{escape(_shown(value))}</td></tr>"
        for key, value in told.items()
    )
    return f"<table><caption>Recommender</caption><tbody>{rows}</tbody></table>"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
