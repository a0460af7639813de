"""A column as groups of items or users: categories, tags, or quarters of a number."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.errors import PlanError

__all__ = ["CATEGORY_COLUMNS", "NONE", "OTHER", "Groups", "category_column", "groups_of"]

CATEGORY_COLUMNS = (
    "category",
    "categories",
    "genre",
    "genres",
    "subject",
    "subjects",
    "topic",
    "topics",
    "section",
    "department",
    "tags",
)
NONE, OTHER = "(none)", "(other)"
_MAX_NAMED_NUMBERS = 10  # numbers that are names of groups rather than amounts
_MAX_GROUPS = 1_000  # rarer groups are merged


@dataclass(frozen=True)
class Groups:
    """Rows (items or users) and the groups that they belong to.

    Attributes
    ----------
    column
        Where the groups come from.
    labels
        Their names, largest first, those that stand for the rest last.
    share
        The share of each group in a row, float64 csr (n, n_groups), rows sum to 1.
    """

    column: str
    labels: tuple[str, ...]
    share: sparse.csr_matrix

    def largest(self, n: int) -> "Groups":
        """Return the same rows in at most n groups, the smallest ones as ``(other)``."""
        if len(self.labels) <= n:
            return self
        largest = [label for label in self.labels if label not in {NONE, OTHER}][: n - 2]
        labels = (*largest, *((NONE,) if NONE in self.labels else ()), OTHER)
        codes = [labels.index(label if label in labels else OTHER) for label in self.labels]
        merge = sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), codes)))
        return Groups(self.column, labels, sparse.csr_matrix(self.share @ merge))

    def members(self, group: int) -> NDArray[np.bool_]:
        """Return the mask of rows whose largest share is in a group, bool (n,)."""
        largest: NDArray[np.int64] = np.asarray(self.share.argmax(axis=1)).ravel()
        return np.equal(largest, group)


def groups_of(column: pl.Series, *, several: bool = True) -> Groups:
    """Group rows by a column.

    More than ten numbers become quarters of equal size; other values stay unchanged. With
    `several`, a row may belong to more than one group, in equal parts: the values of a list
    or of a text such as ``rock|pop``; of paths such as ``Beauty > Hair > Shampoo`` the
    first level counts at which they differ.

    Raises
    ------
    PlanError
        When the column holds vectors, or fewer than two values.
    """
    if column.dtype.is_nested() and column.dtype != pl.List(pl.String):
        raise PlanError(f"column {column.name!r} holds {column.dtype}, not groups")
    rows: list[tuple[str, ...]]
    if column.dtype.is_numeric() and column.n_unique() > _MAX_NAMED_NUMBERS:
        rows = [(label,) for label in _quarters(column)]
    elif column.dtype.is_numeric():
        rows = [() if value is None else (f"{value:g}",) for value in column.to_list()]
    elif several:
        rows = _several(column)
    else:
        rows = [(value,) if value else () for value in column.cast(pl.String).to_list()]
    groups = _matrix(column.name, rows)
    if len(groups.labels) < 2:
        raise PlanError(f"column {column.name!r} has fewer than two values; name another one")
    return groups


def category_column(attributes: pl.DataFrame) -> str | None:
    """Return the catalog's column of categories, by name and where most items have one."""
    for name in CATEGORY_COLUMNS:
        for column in attributes.iter_columns():
            if column.name.lower() != name or 2 * column.null_count() > len(column):
                continue
            try:
                groups = groups_of(column)
            except PlanError:
                continue
            if 2 * len(groups.labels) <= len(column):
                return column.name
    return None


def _quarters(column: pl.Series) -> list[str]:
    values = column.cast(pl.Float64).fill_nan(None)
    filled = values.drop_nulls().to_numpy()
    if not len(filled):
        return [NONE] * len(column)
    edges = np.unique(np.quantile(filled, [0.25, 0.5, 0.75]))
    edges = edges[edges < filled.max()]
    bounds = [filled.min(), *edges, filled.max()]
    names = [
        f"{a:g} to {b:g}" if i == 0 else f"above {a:g} to {b:g}"
        for i, (a, b) in enumerate(pairwise(bounds))
    ]
    return [NONE if v is None else names[int(np.searchsorted(edges, v))] for v in values.to_list()]


def _several(column: pl.Series) -> list[tuple[str, ...]]:
    if column.dtype == pl.List(pl.String):
        return [tuple(dict.fromkeys(filter(None, value or ()))) for value in column.to_list()]
    texts = [value or "" for value in column.cast(pl.String).to_list()]
    if any(" > " in text for text in texts):
        return _level([[step.strip() for step in text.split(" > ")] for text in texts])
    parts = [[part.strip() for part in text.split("|")] for text in texts]
    return [tuple(dict.fromkeys(filter(None, part))) for part in parts]


def _level(paths: list[list[str]]) -> list[tuple[str, ...]]:
    filled = [path for path in paths if path != [""]]
    for level in range(max(map(len, filled))):
        at = {path[level] for path in filled if len(path) > level}
        if len(at) > 1:
            break
    # A path that ends early is a group by itself, under its last name.
    return [(path[min(level, len(path) - 1)],) if path != [""] else () for path in paths]


def _matrix(column: str, rows: Iterable[tuple[str, ...]]) -> Groups:
    filled = [row or (NONE,) for row in rows]
    length = np.array([len(row) for row in filled])
    flat = pl.Series([label for row in filled for label in row], dtype=pl.String)
    sizes = flat.value_counts().sort("count", flat.name, descending=[True, False])
    by_size = [label for label in sizes[flat.name].to_list() if label not in {NONE, OTHER}]
    labels = (*by_size[:_MAX_GROUPS], *(label for label in (NONE,) if label in sizes[flat.name]))
    if len(by_size) > _MAX_GROUPS:
        labels = (*labels, OTHER)
    code = dict.fromkeys(by_size, len(labels) - 1) | {label: i for i, label in enumerate(labels)}
    codes = np.array([code[label] for label in flat.to_list()], np.int32)
    ends = np.concatenate([[0], np.cumsum(length)])
    share = sparse.csr_matrix(
        (np.repeat(1 / length, length), codes, ends), shape=(len(filled), len(labels))
    )
    share.sum_duplicates()
    return Groups(column, labels, share)
