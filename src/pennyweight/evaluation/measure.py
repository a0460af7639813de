"""Measure scorers on held-out events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.split import HeldOut
from pennyweight.evaluation.bootstrap import Estimate, bootstrap
from pennyweight.evaluation.metrics import metric_names, per_user
from pennyweight.evaluation.ranking import Repeats, ranks_and_lists
from pennyweight.scorers.protocol import Scorer

__all__ = ["PerUser", "measure"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PerUser:
    """The results of one scorer for each evaluated user.

    Attributes
    ----------
    names
        Metrics, such as ``ndcg@10``.
    values
        One row a user, float64 (n_users, n_metrics).
    ranks
        0-based rank of each target, int64 (n_targets,).
    lists
        Codes of the items ranked first, best first, int32 (n_users, k); -1 where fewer
        could be ranked.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    ranks: NDArray[np.int64]
    lists: NDArray[np.int32]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one metric, float64 (n_users,); `ValueError` if it is not among `names`."""
        return self.values[:, self.names.index(name)]

    def estimates(
        self, *, resamples: int = 1_000, rng: np.random.Generator | int = 0
    ) -> dict[str, Estimate]:
        """Return the mean of each metric with its 95 % interval (see `bootstrap`)."""
        rows = bootstrap(self.values, resamples=resamples, rng=rng)
        return dict(zip(self.names, rows, strict=True))


def measure(
    scorers: Mapping[str, Scorer],
    held_out: HeldOut,
    *,
    repeats: Repeats,
    k: int = 0,
    block_bytes: int = 64 << 20,
    progress: Progress | None = None,
) -> dict[str, PerUser]:
    """Rank all items for each held-out user with each scorer.

    Parameters
    ----------
    scorers
        Fitted scorers by the name to report them under.
    held_out
        Histories and the items that followed them.
    repeats
        Whether items of the history may be recommended again, see `ranks_and_lists`.
    k
        Length of the lists to keep, see `PerUser`.
    block_bytes
        Size of the dense scores held at a time; at least one user is scored.
    progress
        Called after each block with the scorer's name, the users done and all users.

    Returns
    -------
    dict[str, PerUser]
        One entry a scorer, rows in the order of `held_out.histories`.

    Raises
    ------
    ValueError
        When a scorer returns scores of the wrong shape, or NaN or infinite ones; names it.
    """
    return {
        name: _measure(name, scorer, held_out, repeats, k, block_bytes, progress)
        for name, scorer in scorers.items()
    }


def _measure(
    name: str,
    scorer: Scorer,
    held_out: HeldOut,
    repeats: Repeats,
    k: int,
    block_bytes: int,
    progress: Progress | None,
) -> PerUser:
    offsets, n_items = held_out.target_offsets, held_out.before.n_items
    out = np.empty(len(held_out.targets), np.int64)
    lists = np.empty((len(held_out), k), np.int32)
    size = max(1, block_bytes // (4 * max(1, n_items)))
    for rows, histories in held_out.histories.blocks(size):
        part = slice(int(offsets[rows.start]), int(offsets[rows.stop]))
        scores = scorer.score(histories)
        if scores.shape != (len(histories), n_items):
            raise ValueError(
                f"scorer {name!r} returned scores of shape {scores.shape} for "
                f"{len(histories)} histories and {n_items} items"
            )
        try:
            out[part], lists[rows] = ranks_and_lists(
                scores,
                histories,
                held_out.targets[part],
                offsets[rows.start : rows.stop + 1],
                repeats=repeats,
                first=rows.start,
                k=k,
            )
        except ValueError as error:
            raise ValueError(f"scorer {name!r}: {error}") from error
        if progress is not None:
            progress(name, rows.stop, len(held_out.histories))
    return PerUser(metric_names(), per_user(out, offsets), out, lists)
