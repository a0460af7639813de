"""The check of the texts that an encoder gets."""

from collections.abc import Sequence

from pennyweight.errors import DataError

__all__ = ["check_texts", "has_characters"]


def check_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return the texts; `DataError` for one bare text, which would be read letter by letter."""
    if isinstance(texts, str):
        raise DataError("encode takes a list of texts, not one text: write [text]")
    return texts


def has_characters(text: str) -> bool:
    """Return whether a text has a letter or a digit, without which it has no vector."""
    return any(map(str.isalnum, text))
