"""From scores over all items to the few to show."""

import operator
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.errors import PlanError
from pennyweight.ranking.diversity import check_diversity, diversify
from pennyweight.ranking.explanations import Reason
from pennyweight.ranking.filters import Filter
from pennyweight.ranking.query import known_codes
from pennyweight.ranking.scoring import Source, item_similarity
from pennyweight.scorers.protocol import Scorer

__all__ = [
    "best_rows",
    "check_k",
    "check_switch",
    "choose",
    "eligible",
    "pool_size",
    "ranked",
    "top_k",
    "varied",
]


MOST_POOL = 2_000  # items of which each two are compared, 4 bytes and more a pair
BLOCK = 64  # scores of which the best is taken at once


def check_k(k: int) -> int:
    """Return k as an int; `PlanError` for what is no number of items."""
    try:
        count = -1 if isinstance(k, bool) else operator.index(k)
    except TypeError:
        raise PlanError(f"k is {k!r}; it must be a whole number, 1 or more") from None
    if count < 1:
        raise PlanError(f"k is {k!r}; it must be a whole number, 1 or more")
    return count


def check_switch(value: bool | None, name: str) -> bool | None:
    """Return True, False or None; `TypeError` for the rest: the text ``"no"`` would be true."""
    if value is None or isinstance(value, bool | np.bool_):
        return value
    raise TypeError(f"{name} takes True or False, not {value!r:.80}")


def top_k(scores: NDArray[np.float32], eligible: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """Return the codes of the k best eligible items, best first, equal scores by code.

    Parameters
    ----------
    scores
        float32 (n_items,).
    eligible
        bool (n_items,); where fewer than k are, fewer are returned.
    """
    return best_rows(np.where(eligible, scores, np.float32(-np.inf))[None], [k])[0]


def best_rows(scores: NDArray[np.float32], ks: Sequence[int]) -> list[NDArray[np.int32]]:
    """Return the codes of the best items of each row, best first, equal scores by code.

    Parameters
    ----------
    scores
        float32 (n, n_items); -inf for what may not be taken.
    ks
        How many of each row; fewer are returned where there are fewer.
    """
    reached = np.flatnonzero(scores >= _bound(scores, max(ks, default=0))[:, None])
    row, code = np.divmod(reached, max(1, scores.shape[1]))  # nine times as fast as np.nonzero
    ends = np.searchsorted(row, np.arange(len(scores) + 1))
    found = []
    for at, k in enumerate(ks):
        codes = code[ends[at] : ends[at + 1]]
        order = np.lexsort((codes, -scores[at, codes]))[:k]  # ties alike on every machine
        found.append(codes[order].astype(np.int32))
    return found


def _bound(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return a finite bound that the k best of each row reach, float32 (n,), and few others.

    The k-th best of the blocks' best is reached by at least k items: one look at each score.
    """
    n, n_items = scores.shape
    n_blocks = n_items // BLOCK
    least = np.full(n, np.finfo(np.float32).min)
    if n_blocks <= k:
        return least
    # A block is every n_blocks-th score; that of runs takes nine times as long.
    best = scores[:, : n_blocks * BLOCK].reshape(n, BLOCK, n_blocks).max(axis=1)
    return np.maximum(least, np.partition(best, n_blocks - k, axis=1)[:, n_blocks - k])


def eligible(
    catalog: Catalog, filter: str | None, items: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Return which available items meet a filter and are among the ids given, bool (n_items,)."""
    mask = catalog.available.copy()
    if filter is not None:
        if not isinstance(filter, str):
            raise TypeError("filter takes an expression such as 'price < 20', not "
                            f"{filter!r:.80}; join several with `and`")  # fmt: skip
        mask &= Filter.parse(filter, catalog.attributes).mask(catalog.attributes)
    if items is not None:
        among = np.zeros(len(mask), dtype=bool)
        among[known_codes(catalog.ids, items, "items")] = True
        mask &= among
    return mask


def choose(
    scores: NDArray[np.float32],
    eligible: NDArray[np.bool_],
    k: int,
    diversity: float,
    *,
    scorer: Scorer,
    catalog: Catalog,
) -> NDArray[np.int32]:
    """Return the codes of the k items to show, first choice first (see `diversify`)."""
    pool = top_k(scores, eligible, pool_size(k, diversity))
    return varied(pool, scores, k, diversity, scorer=scorer, catalog=catalog)


def pool_size(k: int, diversity: float) -> int:
    """Return how many of the best items k are chosen from; `PlanError` for a bad k."""
    k = check_k(k)
    return max(k, min(max(5 * k, 50), MOST_POOL)) if check_diversity(diversity) else k


def varied(
    pool: NDArray[np.int32],
    scores: NDArray[np.float32],
    k: int,
    diversity: float,
    *,
    scorer: Scorer,
    catalog: Catalog,
) -> NDArray[np.int32]:
    """Return k items of a pool, which is in order; `scores` are those of all items."""
    if not diversity:
        return pool
    near = item_similarity(scorer, catalog, pool)
    return pool[diversify(scores[pool], near, k, diversity)]


def ranked(
    catalog: Catalog,
    codes: NDArray[np.int32],
    scores: NDArray[np.float32],
    source: Source | None = None,
    reasons: Sequence[Reason] | None = None,
) -> pl.DataFrame:
    """Return rank, item_id, title and score of items, best first, and if given the rest."""
    places = codes.tolist()
    columns = [
        pl.Series("rank", range(1, len(places) + 1), pl.Int64),
        pl.Series("item_id", [catalog.ids[code] for code in places], pl.String),
        pl.Series("title", [catalog.title(code) for code in places], pl.String),
        pl.Series("score", scores[codes], pl.Float64),
    ]
    if source is not None:
        columns.append(pl.Series("source", [source] * len(places), pl.String))
    if reasons is not None:
        columns.append(pl.Series("reason", [reason.text for reason in reasons], pl.String))
    return pl.DataFrame(columns)
