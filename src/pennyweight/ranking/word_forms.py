"""Words of a vocabulary in the spelling of a text, for reasons."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from pennyweight.data.words import (
    ScriptRun,
    fold,
    is_dense,
    is_hangul,
    is_ideograph,
    normalize,
    runs,
    words,
)

__all__ = ["legible", "matched"]

MAX_UNITS = 12  # signs of a piece; longer ones are cut

_HALF_WIDTH = re.compile("[\uff66-\uff9f]")  # kana whose voicing marks stand apart


def matched(query: str, text: str) -> list[str]:
    """Return the words of a text that a query names, whatever the accents of either."""
    by_fold: dict[str, list[str]] = {}
    for form in dict.fromkeys(words(text)):
        by_fold.setdefault(fold(form), []).append(form)
    folded, signs = _query_words(query)
    matches = [form for word in folded for form in by_fold.get(word, ())]
    plain = normalize(text) if signs else ""
    return list(dict.fromkeys([*matches, *(unit for unit in signs if unit in plain)]))


@lru_cache(16)  # one query is compared with each item of a list
def _query_words(query: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of a query without their accents, and its single signs."""
    folded = dict.fromkeys(map(fold, words(query)))
    signs = (run.surface for run in runs(normalize(query)) if run.dense and len(run.units) == 1)
    return tuple(folded), tuple(dict.fromkeys(signs))


def legible(terms: Iterable[str], text: str, common: Set[str] = frozenset()) -> list[str]:
    """Return words as a text writes them, in the order given and in lower case.

    Pairs of a script without spaces are joined to the longest pieces of the text that they
    make up; a pair that is but a part of a word is left out.

    Parameters
    ----------
    common
        Words to leave out. Pairs among them still join others: a word of three signs may have a
        common pair.
    """
    terms = list(dict.fromkeys(terms))
    if text.isascii():
        return [term for term in terms if term not in common]
    form: Literal["NFC", "NFKC"] = "NFKC" if _HALF_WIDTH.search(text) else "NFC"
    written = dict(_spellings(set(terms), unicodedata.normalize(form, text)))
    out = [
        written.get(term, "" if is_dense(term) and len(term) > 1 else term)
        for term in terms
        if term not in common
    ]
    return list(dict.fromkeys(filter(None, out)))


def _spellings(terms: set[str], text: str) -> Iterator[tuple[str, str]]:
    """Yield (term, how the text writes it)."""
    for run in runs(text):
        if run.dense:
            yield from _pieces(run, terms)
        elif (word := normalize(run.surface)) in terms:
            yield word, _lower(run.surface)


def _pieces(run: ScriptRun, terms: set[str]) -> Iterator[tuple[str, str]]:
    pairs = [normalize(a + b) for a, b in pairwise(run.units)]
    start = 0
    while start < len(pairs):
        stop = start
        while stop < len(pairs) and pairs[stop] in terms:
            stop += 1
        units = run.units[start : stop + 1]
        if stop > start and (len(units) > 2 or units == run.units or _may_be_word(units)):
            piece = "".join(units[:MAX_UNITS]) + "…" * (len(units) > MAX_UNITS)
            for pair in pairs[start:stop]:
                yield pair, piece
        start = stop + 1


def _may_be_word(units: tuple[str, ...]) -> bool:
    return all(map(is_ideograph, units)) or all(map(is_hangul, units))


def _lower(surface: str) -> str:
    lower = surface.replace("İ", "i").lower()
    return unicodedata.normalize("NFC", lower)
