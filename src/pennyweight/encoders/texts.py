"""The check of the texts that an encoder gets."""

from collections.abc import Sequence

from pennyweight.errors import DataError

__all__ = ["check_texts"]


def check_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return the texts; `DataError` for one bare text, which would be read letter by letter."""
    if isinstance(texts, str):
        raise DataError("encode takes a list of texts, not one text: write [text]")
    return texts
