"""Texts and names in the form in which they are compared: small letters without accents."""

import re
import unicodedata

__all__ = ["folded", "plain", "spaced"]


def plain(text: str) -> str:
    """Return a text in small letters without accents, decomposed."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def folded(text: str) -> str:
    """Return a text in small letters without accents, composed again (Hangul)."""
    return unicodedata.normalize("NFKC", plain(text))


def spaced(name: str) -> str:
    """Return a name with spaces between the words of camel case: ``RefundPending`` has two."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
