"""The results of every scorer for every user, and the groups that users and targets fall into."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.split import HeldOut
from pennyweight.evaluation.measure import PerUser
from pennyweight.evaluation.metrics import per_user

__all__ = ["PRIMARY_METRIC", "Part", "UserResults"]

PRIMARY_METRIC = "ndcg@10"
_CUTOFF = 10
DAY = 86_400.0


@dataclass(frozen=True)
class Part:
    """The quality of each scorer for some users, on some of their targets.

    Attributes
    ----------
    rows
        Positions of the users among those evaluated, int64 (n,).
    ndcg
        NDCG@10 with only the targets of the part relevant, float64 (n, n_scorers).
    targets
        How many targets the part holds.
    """

    rows: NDArray[np.int64]
    ndcg: NDArray[np.float64]
    targets: int


@dataclass(frozen=True)
class UserResults:
    """One table for slices, tests between scorers and other comparisons by user.

    Attributes
    ----------
    by_scorer
        Scorer -> its results, rows in the order of `held_out`.
    held_out
        The users, their histories and their targets.
    """

    by_scorer: Mapping[str, PerUser]
    held_out: HeldOut

    @property
    def scorers(self) -> tuple[str, ...]:
        """The scorers, in the order of the columns of every array here."""
        return tuple(self.by_scorer)

    @property
    def ndcg(self) -> NDArray[np.float64]:
        """NDCG@10 of each user, float64 (n_users, n_scorers)."""
        return np.column_stack(
            [results.column(PRIMARY_METRIC) for results in self.by_scorer.values()]
        )

    @property
    def history_length(self) -> NDArray[np.int64]:
        """Events before the held-out ones, int64 (n_users,); 0 is a new user."""
        return self.held_out.histories.length

    @property
    def only_negative(self) -> NDArray[np.bool_]:
        """Whether a user has only negative events before the targets, bool (n_users,)."""
        held = self.held_out
        new, negative = self.history_length == 0, held.before.negative
        if not len(negative) or held.target_time is None or not new.any():
            return np.zeros(len(held), bool)
        first = np.minimum.reduceat(held.target_time, held.target_offsets[:-1])
        began = np.full(len(held.before.users), np.inf)
        np.minimum.at(began, negative.user, negative.time)
        return np.asarray(new & (began[held.users] < first))

    @property
    def target_events(self) -> NDArray[np.int64]:
        """Events that a target had before it was held out, int64 (n_targets,); 0 is cold."""
        counts: NDArray[np.int64] = self.held_out.before.counts[self.held_out.targets]
        return counts

    @property
    def target_row(self) -> NDArray[np.int64]:
        """The user each target belongs to, int64 (n_targets,)."""
        return np.repeat(np.arange(len(self.held_out)), np.diff(self.held_out.target_offsets))

    @property
    def target_same_day(self) -> NDArray[np.bool_] | None:
        """Whether a target is of the day of its user's last known event, bool (n_targets,).

        None where times are no dates, or where not both kinds of targets are there.
        """
        held, histories = self.held_out, self.held_out.histories
        if held.target_time is None or not held.before.real_time or not len(histories.time):
            return None
        last = histories.time[np.maximum(histories.offsets[1:] - 1, 0)]
        day = np.where(histories.length > 0, np.floor(last / DAY), np.nan)
        same_day: NDArray[np.bool_] = np.floor(held.target_time / DAY) == day[self.target_row]
        return same_day if same_day.any() and not same_day.all() else None

    def part(self, targets: NDArray[np.bool_]) -> Part:
        """Return the quality on some targets alone, bool (n_targets,).

        Users without such a target are left out; each target keeps its rank among all
        items. A choice of users is the choice of all their targets:
        ``part((history_length == 0)[target_row])``.
        """
        rows, counts = np.unique(self.target_row[targets], return_counts=True)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        columns = [
            per_user(results.ranks[targets], offsets, cutoffs=(_CUTOFF,))[:, 0]
            for results in self.by_scorer.values()
        ]
        return Part(rows, np.column_stack(columns), int(targets.sum()))
