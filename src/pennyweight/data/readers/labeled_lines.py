"""Order lines in one text, each field with a label: ``name:Cup|product_id:7;name:…``."""

import re

import polars as pl

__all__ = ["is_labeled", "labeled_lines"]

_LABEL = r"[A-Za-z_]\w*:"
_LINES = rf"(?s)^{_LABEL}.*\|{_LABEL}"
_SEVERAL = re.compile(rf"\|(?={_LABEL})")


def is_labeled(texts: pl.Series) -> bool:
    """Say whether each text is such a list of lines, as WooCommerce exports orders to CSV."""
    if not len(texts) or not texts.str.contains(_LINES).all():
        return False
    first = texts.str.extract(rf"^({_LABEL})")
    return first.n_unique() == 1


def labeled_lines(text: str) -> list[dict[str, str]] | None:
    """Return the lines of a text, each as label -> value; None of any other text."""
    if not re.match(_LINES, text):
        return None
    first = text[: text.index(":") + 1]
    lines = re.split(rf";(?={re.escape(first)})", text)
    return [dict(_pair(field) for field in _SEVERAL.split(line)) for line in lines]


def _pair(field: str) -> tuple[str, str]:
    label, _, value = field.partition(":")
    return label, value
