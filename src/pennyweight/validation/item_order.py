"""Does the order of items, by row or by id, give the test items away? Linear rank statistics.

Under the hypothesis that ids were given at random, the statistic ``sum v(i) r(i)`` of ranks r
and fixed weights v over items has mean ``v.sum() / 2`` and, exactly, the variance used here
(Hájek & Šidák, "Theory of rank tests", 1967, section II.3.1). Weights are shares of events, so
popular items count as often as they occur, and the test does not take them for many items.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.dataset import Dataset
from pennyweight.data.split import Part
from pennyweight.validation.findings import Finding, events_at, finding

__all__ = ["check_order", "orders", "rank_statistic"]

Ranks = NDArray[np.float64]
SIGMAS, SHIFT = 5.0, 0.05  # beyond chance, and large enough to matter: share of the catalog


def rank_statistic(ranks: Ranks, weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the shift of a weighted mean rank, and how many standard deviations that is.

    Parameters
    ----------
    ranks
        A permutation of (0.5, 1.5, ...) / n, (n,).
    weights
        Weight of each item, (n,); they sum to zero for a contrast of two shares.
    """
    n = len(ranks)
    centered = weights - weights.mean()
    shift = float(centered @ ranks)
    # Var = sum of squared centered weights * variance of ranks, the latter over n - 1.
    variance = float(centered @ centered) * float(((ranks - 0.5) ** 2).sum()) / max(1, n - 1)
    return shift, shift / np.sqrt(variance) if variance > 1e-30 else 0.0


def orders(data: Dataset) -> dict[str, Ranks]:
    """Return the rank of each item by row of the catalog and, where it differs, by id."""
    n = len(data.catalog)
    by_row = (np.arange(n) + 0.5) / n
    ids = pl.Series(list(data.catalog.ids), dtype=pl.String)
    number = ids.str.extract(r"(\d+)\D*$").cast(pl.Float64, strict=False)
    keys = pl.DataFrame({"stem": ids.str.replace(r"\d+\D*$", ""), "n": number, "id": ids})
    numbered = number.null_count() == 0 and keys["stem"].n_unique() <= 1 + n // 100
    order = (
        keys.with_row_index("row").sort("stem", "n", "id")
        if numbered
        else (keys.with_row_index("row").sort("id"))
    )
    by_id = np.empty(n)
    by_id[order["row"].to_numpy()] = by_row
    ranks = {"row in the catalog": by_row}
    if n > 1 and abs(np.corrcoef(by_row, by_id)[0, 1]) < 0.99:
        ranks["id"] = by_id
    return ranks


def check_order(data: Dataset, part: Part, places: Mapping[str, Ranks]) -> list[Finding]:
    """Test whether position in the catalog or in a history reveals the test items."""
    log, test = data.interactions, part == 2
    n = log.n_items
    tested = np.bincount(log.item[test], minlength=n) / test.sum()
    length = np.bincount(log.user[~test], minlength=len(log.users))
    events_of = np.bincount(log.user[test], minlength=len(log.users)) * (length > 0)
    # Each test event against the mean over its user's history.
    contrast = np.bincount(log.item[test], events_of[log.user[test]] > 0, n)
    history_weights = (events_of / np.maximum(length, 1))[log.user] * ~test
    contrast = (contrast - np.bincount(log.item, history_weights, n)) / max(1, events_of.sum())
    findings: list[Finding] = []
    for name, ranks in places.items():
        shift, sigmas = rank_statistic(ranks, contrast)
        if abs(shift) >= SHIFT and abs(sigmas) >= SIGMAS:
            findings += _beyond_history(data, test, ranks if shift > 0 else 1 - ranks, name, shift)
        shift, sigmas = rank_statistic(ranks, tested)
        if abs(shift) >= SHIFT and abs(sigmas) >= SIGMAS:
            quarter = (ranks if shift > 0 else 1 - ranks)[log.item] >= 0.75
            place = "last" if shift > 0 else "first"
            findings += finding(
                "id-order",
                f"test items are in the {place} quarter of the catalog by {name} "
                f"(25.0 % by chance, {abs(sigmas):.0f} standard deviations)",
                int((quarter & test).sum()),
                int(test.sum()),
                "test events",
                events_at(data, np.flatnonzero(quarter & test)),
                warn=True,
            )
    return findings


def _beyond_history(
    data: Dataset, test: NDArray[np.bool_], ranks: Ranks, name: str, shift: float
) -> list[Finding]:
    """Count test items that lie beyond all items of their user's history."""
    log = data.interactions
    highest = np.full(len(log.users), -1.0)
    np.maximum.at(highest, log.user[~test], ranks[log.item[~test]])
    length = np.bincount(log.user[~test], minlength=len(log.users))
    rows = np.flatnonzero(test & (length[log.user] > 0))
    beyond_rows = rows[ranks[log.item[rows]] > highest[log.user[rows]]]
    chance = float((1 / (1 + length[log.user[rows]])).mean())
    where = "after" if shift > 0 else "before"
    return finding(
        "id-order",
        f"the test item comes {where} all items of its user's history by {name} "
        f"({100 * chance:.1f} % by chance)",
        len(beyond_rows),
        len(rows),
        "test events",
        events_at(data, beyond_rows),
        warn=True,
    )
