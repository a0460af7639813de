"""From scores over all items to the few to show."""

import operator
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.errors import PlanError
from pennyweight.recommender.diversity import check_diversity, diversify
from pennyweight.recommender.filters import Filter
from pennyweight.recommender.query import known_codes
from pennyweight.recommender.reasons import Reason
from pennyweight.recommender.scoring import item_similarity
from pennyweight.score.protocol import Scorer

__all__ = ["check_k", "choose", "eligible", "ranked", "top_k"]


BLOCK = 64  # scores of which the best is taken at once


def check_k(k: int) -> int:
    """Return k as an int; `PlanError` for what is no number of items."""
    try:
        count = operator.index(k)
    except TypeError:
        raise PlanError(f"k is {k!r}; it must be a whole number, 1 or more") from None
    if count < 1:
        raise PlanError(f"k is {count}; it must be 1 or more")
    return count


def top_k(scores: NDArray[np.float32], eligible: NDArray[np.bool_], k: int) -> NDArray[np.int32]:
    """Return the codes of the k best eligible items, best first, equal scores by code.

    Parameters
    ----------
    scores
        float32 (n_items,).
    eligible
        bool (n_items,); where fewer than k are, fewer are returned.
    """
    codes = _contenders(scores, eligible, k)
    if k < len(codes):
        found = scores[codes]
        least = np.partition(found, len(found) - k)[len(found) - k]
        above = codes[found > least]
        # Of items equal to the last one shown, the first by code: the same on every machine.
        codes = np.concatenate([above, codes[found == least][: k - len(above)]])
    return codes[np.lexsort((codes, -scores[codes]))]


def _contenders(
    scores: NDArray[np.float32], eligible: NDArray[np.bool_], k: int
) -> NDArray[np.int32]:
    """Return eligible items among which the k best are, in order of code.

    The k-th best of the blocks' best is reached by at least k items, which makes it a bound
    that costs one look at each score.
    """
    n_blocks = len(scores) // BLOCK
    if n_blocks > k:
        masked = np.where(eligible, scores, -np.inf).astype(np.float32, copy=False)
        best = masked[: n_blocks * BLOCK].reshape(n_blocks, BLOCK).max(axis=1)
        bound = np.partition(best, n_blocks - k)[n_blocks - k]
        if bound > -np.inf:
            return np.flatnonzero(masked >= bound).astype(np.int32)
    return np.flatnonzero(eligible).astype(np.int32)


def eligible(
    catalog: Catalog, filter: str | None, items: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Return which items meet a filter and are among the ids given, bool (n_items,)."""
    mask = np.ones(len(catalog), dtype=bool)
    if filter is not None:
        mask = Filter.parse(filter, catalog.attributes.schema).mask(catalog.attributes)
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
    k = check_k(k)
    if not check_diversity(diversity):
        return top_k(scores, eligible, k)
    pool = top_k(scores, eligible, max(5 * k, 50))
    near = item_similarity(scorer, catalog, pool)
    return pool[diversify(scores[pool], near, k, diversity)]


def ranked(
    catalog: Catalog,
    codes: NDArray[np.int32],
    scores: NDArray[np.float32],
    reasons: Sequence[Reason] | None = None,
) -> pl.DataFrame:
    """Return rank, item_id, title and score of items, best first, and their reasons if any."""
    places = codes.tolist()
    columns = [
        pl.Series("rank", range(1, len(places) + 1), pl.Int64),
        pl.Series("item_id", [catalog.ids[code] for code in places], pl.String),
        pl.Series("title", [catalog.title(code) for code in places], pl.String),
        pl.Series("score", scores[codes], pl.Float64),
    ]
    if reasons is not None:
        columns.append(pl.Series("reason", [reason.text for reason in reasons], pl.String))
    return pl.DataFrame(columns)
