"""Two recommenders compared on the newest events."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.bootstrap import paired_tests
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.evaluation.user_results import PRIMARY_METRIC
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.serving.operations.refit_settings import PublishIf

__all__ = ["Judgement", "OfOtherItems", "judge", "lineage_sentence", "newest_choices"]

MAX_CHOICES = 5_000
MIN_USERS = 30  # with fewer an interval means nothing


@dataclass(frozen=True)
class Judgement:
    """NDCG@10 of a new and of the served bundle on the same choices of users.

    Attributes
    ----------
    choices, users
        How many events were foreseen, and of how many users.
    since, until
        Time of the first and the last, epoch seconds.
    served, new
        NDCG@10, the mean over users of the means over their choices.
    difference, low, high
        New minus served, and its 95 % interval.
    """

    choices: int
    users: int
    since: float | None = None
    until: float | None = None
    served: float = 0.0
    new: float = 0.0
    difference: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def is_sufficient(self) -> bool:
        """Whether there are enough users for an interval."""
        return self.users >= MIN_USERS

    def allows(self, condition: PublishIf) -> bool:
        """Return whether the new bundle may be published."""
        if condition == "always":
            return True
        if not self.is_sufficient:
            return False
        return self.low > 0 if condition == "better" else self.high >= 0

    def sentence(self) -> str:
        """Return the result in words."""
        if not self.is_sufficient:
            return (
                f"{self.users} users have new events that neither bundle has seen; a judgement "
                f"needs {MIN_USERS}"
            )
        shown = "better" if self.low > 0 else "worse" if self.high < 0 else "no difference shown"
        return (
            f"NDCG@10 on {self.choices:,} new events of {self.users:,} users: new bundle "
            f"{self.new:.4f}, served bundle {self.served:.4f}, difference {self.difference:+.4f} "
            f"[{self.low:+.4f}, {self.high:+.4f}]: {shown}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned; `TypeError` where it is something else."""
        return cls(**value)


def lineage_sentence(refit: object) -> str:
    """Return in words how a refit made a bundle, from its manifest; empty for another bundle."""
    try:
        mode, parent = refit["mode"], refit["parent"][:12]  # type: ignore[index]
        judgement = Judgement.from_json(refit["judgement"])  # type: ignore[index]
    except (KeyError, TypeError):
        return ""
    return f"{mode} refit of {parent}; {judgement.sentence()}"


class OfOtherItems(Scorer):
    """A scorer of one catalog that scores the items of another.

    Parameters
    ----------
    scorer, own
        The scorer, and its items in code order.
    ids
        The items to score. Those that the scorer does not have come last.
    """

    kind = "of-other-items"

    def __init__(self, scorer: Scorer, own: Ids, ids: Ids) -> None:
        self.scorer = scorer
        self.codes = own.codes(ids)

    def fit(
        self, interactions: Interactions, catalog: Catalog, *, progress: Progress | None = None
    ) -> Self:
        """Raise `TypeError`: it is fitted already."""
        raise TypeError("a scorer of other items is fitted already")

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return the scores of the items, float32 (n, n_items)."""
        known = histories.where(self.codes[histories.item] >= 0)
        own = Histories(self.codes[known.item], known.weight, known.time, known.offsets)
        scores = self.scorer.score(own)
        out = scores[:, np.maximum(self.codes, 0)]
        out[:, self.codes < 0] = scores.min(axis=1, keepdims=True) - 1
        return out

    def save(self, folder: object) -> None:
        """Raise `TypeError`: it belongs to a comparison."""
        raise TypeError("a scorer of other items is not saved")

    @classmethod
    def load(cls, folder: object) -> Self:
        """Raise `TypeError`: it belongs to a comparison."""
        raise TypeError("a scorer of other items is not saved")


def newest_choices(
    log: Interactions, judged: NDArray[np.bool_], *, repeats: Repeats, rng: np.random.Generator
) -> HeldOut:
    """Return the events to judge by, each with the history of its user before it.

    A user has a row for each event. Where lists leave out the items of the history, an item counts
    at its first event, and only if all events of the user with it are judged. Of many events some
    are drawn.
    """
    chosen = judged
    if repeats == "exclude":
        first = np.zeros(len(log), np.bool_)
        key = log.user.astype(np.int64) * max(log.n_items, 1) + log.item
        first[np.unique(key, return_index=True)[1]] = True
        chosen = judged & first & ~np.isin(key, key[~judged])
    rows = np.flatnonzero(chosen)
    if len(rows) > MAX_CHOICES:
        rows = np.sort(rng.choice(rows, MAX_CHOICES, replace=False))
    begin = log.offsets[log.user[rows]]
    length = rows - begin
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    events = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], length)
    histories = Histories(log.item[events], log.weight[events], log.time[events], offsets)
    return HeldOut(
        log.user[rows],
        histories,
        log.item[rows],
        np.arange(len(rows) + 1, dtype=np.int64),
        log.where(~judged),
        log.time[rows],
    )


def judge(
    served: Scorer, new: Scorer, choices: HeldOut, *, repeats: Repeats, seed: int
) -> Judgement:
    """Measure both on the same choices; the interval resamples users."""
    users, row = np.unique(choices.users, return_inverse=True)
    if len(users) < MIN_USERS:
        return Judgement(len(choices), len(users))
    results = measure({"served": served, "new": new}, choices, repeats=repeats)
    means = {
        name: np.bincount(row, result.column(PRIMARY_METRIC)) / np.bincount(row)
        for name, result in results.items()
    }
    ((estimate, _),) = paired_tests((means["new"] - means["served"])[:, None], rng=seed)
    assert choices.target_time is not None
    return Judgement(
        len(choices),
        len(users),
        float(choices.target_time.min()),
        float(choices.target_time.max()),
        float(means["served"].mean()),
        float(means["new"].mean()),
        *estimate,
    )
