"""Shared parts of the detectors: folded text, the preceding words, and spans of matches."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pennyweight.data.detection.columns import ColumnName

__all__ = ["Detector", "Span", "digits_of", "folded", "has_code_word", "is_preceded", "spans_of"]

Span = tuple[int, int]

BEFORE = 48  # characters in which a word counts as context
_DASHES = "‐‑‒–—―−﹣－"
# A number after one of these is a code, even if it looks like a phone number.
_CODE_WORD = re.compile(
    r"(?:\b(?:part|parts|sku|model|modell|item|art|article|artikel|no|nr|num|order|orders|ref"
    r"|reference|serial|s/n|p/n|sn|pn|ean|upc|gtin|isbn|issn|asin|mpn|code|codes|lot|batch|id|ids"
    r"|pattern|style|catalog|catalog|cat|version|patent|hs|invoice|tracking|barcode|product"
    r"|oem|fits|replaces|type|series|edition|vol|volume|page|pages|pp|size|sizes|range"
    r"|set|kit|pack|ratio|scale|lottery|numbers|rev|firmware|build|dimensions?)"
    r"(?: (?:no|nr|number|code|id|is))?|[#№])[.:#]{0,2} ?[(\[]?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Detector:
    """The rules for one kind of personal data.

    Attributes
    ----------
    hints
        Regular expressions for polars, which has no look-around: a text must contain each, or be
        in a column that is named for this kind. Without any, such a column alone counts.
    spans
        Yields the places in a folded text, given the column it is in.
    """

    hints: tuple[str, ...]
    spans: Callable[[str, ColumnName], Iterator[Span]]


class _Folding(dict[int, str]):
    """The ASCII characters for others, computed when they first occur."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if 0xFF01 <= code <= 0xFF5E:  # full-width forms
            char = chr(code - 0xFEE0)
        elif char in _DASHES:
            char = "-"
        elif unicodedata.category(char) == "Zs":
            char = " "
        elif unicodedata.category(char) == "Nd":
            char = str(unicodedata.digit(char))
        self[code] = char
        return char


_FOLDING = _Folding()


def folded(text: str) -> str:
    """Return a text of the same length with digits, dashes and spaces in ASCII."""
    return text if text.isascii() else text.translate(_FOLDING)


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(c for c in text if c.isdigit())


def is_preceded(text: str, start: int, word: re.Pattern[str]) -> bool:
    """Return whether a word precedes a position; the pattern may end in ``$``."""
    return word.search(text[max(0, start - BEFORE) : start]) is not None


def has_code_word(text: str, start: int) -> bool:
    """Return whether the words before a number call it a code."""
    return is_preceded(text, start, _CODE_WORD)


def spans_of(
    pattern: re.Pattern[str], check: Callable[[re.Match[str], ColumnName], bool]
) -> Callable[[str, ColumnName], Iterator[Span]]:
    """Return a function that yields the spans of the matches that pass a check."""

    def spans(text: str, column: ColumnName) -> Iterator[Span]:
        return (match.span() for match in pattern.finditer(text) if check(match, column))

    return spans
