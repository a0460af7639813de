"""Search with known answers: queries made from a catalog, and the quality of their results.

Two tasks. *Categories*: the query is the name of a category, its items are the answers, and the
names are removed from the texts that are searched. *Known items*: the query is a sentence of an
item's description, which is removed from its text (Azzopardi and de Rijke 2006, "Automatic
construction of known-item finding test beds").
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.items import clean_items, is_description
from pennyweight.data.text_cleaning import path_names
from pennyweight.data.titles import is_title

__all__ = ["K", "SearchTask", "category_search", "known_item_search", "search_quality"]

K = 10
MIN_ITEMS = 10  # a category has at least as many items as a list
MAX_SHARE = 0.2  # of the items; a wider category is found by chance
MIN_CATEGORIES = 10
MAX_QUERIES = 500
WORDS = range(5, 31)  # length of a sentence that serves as a query
BLOCK = 64  # queries scored at a time

# Titles often name the maker, so that a search for it is a search for a word of the text.
_MAKERS = re.compile(r"(?i)brand|maker|manufacturer|vendor|seller|author|artist|creator|publisher")
_CATEGORIES = re.compile(r"(?i)categor|genre|topic|department|product_?type|(^|_)tags?$")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+")
ScoreTexts = Callable[[Sequence[str]], NDArray[np.float32]]
Name = Literal["categories", "known items"]


@dataclass(frozen=True)
class SearchTask:
    """Queries and their answers.

    Attributes
    ----------
    name
        ``categories`` is measured by precision@10, ``known items`` by recall@10.
    catalog
        The items to search, their texts without the queries.
    queries
        The texts.
    relevant
        The codes of the answers to each query, int32 arrays.
    """

    name: Name
    catalog: Catalog
    queries: tuple[str, ...]
    relevant: tuple[NDArray[np.int32], ...]

    @property
    def metric(self) -> str:
        """The metric of `search_quality`."""
        return f"precision@{K}" if self.name == "categories" else f"recall@{K}"


def category_search(
    catalog: Catalog, *, max_queries: int = MAX_QUERIES, seed: int = 0
) -> SearchTask | None:
    """Make a task of the names of categories, or return None for a catalog without categories.

    Categories are the last names of paths such as ``Beauty > Makeup > Lips``, or the names in a
    list, of the first column that has at least 10 such names with 10 items or more each: a column
    of the texts, or another one whose name speaks of categories. The column is left out of the
    texts. Columns of titles, descriptions and makers are skipped.
    """
    for column in _category_columns(catalog):
        others = tuple(name for name in catalog.text_columns if name != column)
        categories = _categories(catalog.attributes[column]) if others else {}
        if len(categories) < MIN_CATEGORIES:
            continue
        names = sorted(categories)
        if len(names) > max_queries:
            drawn = np.random.default_rng(seed).choice(len(names), max_queries, replace=False)
            names = [names[at] for at in np.sort(drawn)]
        relevant = tuple(np.array(categories[name], np.int32) for name in names)
        return SearchTask("categories", _with_texts_of(catalog, others), tuple(names), relevant)
    return None


def known_item_search(
    catalog: Catalog, *, max_queries: int = MAX_QUERIES, seed: int = 0
) -> SearchTask | None:
    """Make a task of sentences of descriptions, or return None where these are absent or short.

    An item is a candidate if its description has two sentences or more, one of them of 5 to 30
    words. One such sentence of each is drawn.
    """
    column = next((name for name in catalog.text_columns if is_description(name)), None)
    if column is None or not isinstance(catalog.attributes[column].dtype, pl.String):
        return None
    rng = np.random.default_rng(seed)
    texts: list[str | None] = catalog.attributes[column].to_list()
    queries: list[str] = []
    codes: list[int] = []
    for code in rng.permutation(len(texts)).tolist():
        sentences = _SENTENCE_END.split(texts[code] or "")
        suitable = [at for at, text in enumerate(sentences) if len(text.split()) in WORDS]
        if len(sentences) < 2 or not suitable:
            continue
        drawn = suitable[int(rng.integers(len(suitable)))]
        query = sentences.pop(drawn)
        if query in sentences:
            continue
        queries.append(query)
        codes.append(code)
        texts[code] = " ".join(sentences)
        if len(queries) == max_queries:
            break
    if not queries:
        return None
    attributes = catalog.attributes.with_columns(pl.Series(column, texts, dtype=pl.String))
    searched = _with_texts_of(replace(catalog, attributes=attributes), catalog.text_columns)
    answers = tuple(np.array([code], np.int32) for code in codes)
    return SearchTask("known items", searched, tuple(queries), answers)


def search_quality(task: SearchTask, score_texts: ScoreTexts) -> NDArray[np.float64]:
    """Return precision@10 or recall@10 of each query, float64 (n_queries,).

    Items of equal score are ranked in catalog order.

    Parameters
    ----------
    score_texts
        Scores of texts with the items of the task, as `Scorer.score_texts` returns them.
    """
    values = np.empty(len(task.queries))
    for start in range(0, len(values), BLOCK):
        scores = score_texts(task.queries[start : start + BLOCK])
        for row, ranked in enumerate(_best(scores), start):
            hits = np.isin(ranked, task.relevant[row]).sum()
            possible = K if task.name == "categories" else len(task.relevant[row])
            values[row] = hits / possible
    return values


def _best(scores: NDArray[np.float32]) -> Iterator[NDArray[np.int64]]:
    for row in scores:
        yield np.argsort(-row, kind="stable")[:K]


def _category_columns(catalog: Catalog) -> list[str]:
    """Return the columns that may hold names of categories, those of the texts first."""
    schema = catalog.attributes.schema
    named = [name for name in schema if _CATEGORIES.search(name)]
    return [
        name
        for name in dict.fromkeys([*catalog.text_columns, *named])
        if schema.get(name) in (pl.String(), pl.List(pl.String()))
        and not (is_title(name) or is_description(name) or _MAKERS.search(name))
    ]


def _categories(column: pl.Series) -> dict[str, list[int]]:
    """Return the items of each name, where they are neither too few nor too many."""
    items: dict[str, list[int]] = {}
    for code, value in enumerate(column.to_list()):
        for name in _names(value):
            items.setdefault(name, []).append(code)
    most = max(MIN_ITEMS, MAX_SHARE * len(column))
    return {name: codes for name, codes in items.items() if MIN_ITEMS <= len(codes) <= most}


def _names(value: Sequence[str] | str | None) -> list[str]:
    if not value:
        return []
    if isinstance(value, str):
        return path_names(value)[-1:]
    return list(Counter(filter(None, value)))


def _with_texts_of(catalog: Catalog, columns: tuple[str, ...]) -> Catalog:
    """Return the catalog with its texts made of some columns."""
    cleaned = clean_items(catalog.ids, catalog.attributes, columns, Findings(), infer=False)
    return replace(catalog, texts=cleaned.texts, text_columns=columns)
