"""Quality in a report: means, slices, comparisons, lists and exposure."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.frozen import FrozenModel

__all__ = [
    "Comparison",
    "Exposure",
    "Fold",
    "GroupExposure",
    "ListQuality",
    "Measurement",
    "Reach",
    "Slice",
]

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Measurement(FrozenModel):
    """A mean over the evaluated users with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.value)} [{_short(self.low)} {_short(self.high)}]"


def _short(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 0.99995 else f"{value:.3f}"


class Fold(FrozenModel):
    """The quality on one of several test windows.

    Attributes
    ----------
    start, end
        The first and the last event of the test window, ISO 8601.
    training_events
        Events before the validation window, on which the choices were fitted.
    users
        How many users were measured.
    scorers
        Scorer -> metric -> mean over these users with a 95 % interval.
    blend
        Scorer -> its weight in the blend.
    """

    start: str
    end: str
    training_events: Count
    users: Count
    scorers: dict[str, dict[str, Measurement]]
    blend: dict[str, float]

    @property
    def window(self) -> str:
        """The dates of the test window, such as ``2025-01-03 to 2025-02-01``."""
        return f"{self.start[:10]} to {self.end[:10]}"


class Slice(FrozenModel):
    """Some users, or some of the held-out items, and the quality there.

    Attributes
    ----------
    by
        The criterion of the slices: ``history length``, ``target popularity``, ``target day``
        or the user attribute.
    name
        Which of them: ``3-5``, ``cold``, ``France``.
    users, targets
        How many users and held-out items it has.
    ndcg
        Scorer -> NDCG@10 over those users, only those items relevant.
    """

    by: str
    name: str
    users: Count
    targets: Count
    ndcg: dict[str, Measurement]


class Comparison(FrozenModel):
    """Two scorers on the same users.

    Attributes
    ----------
    scorer, other
        Which two.
    difference
        NDCG@10 of `scorer` less that of `other`.
    p
        Of a paired bootstrap test that there is no difference.
    p_holm
        The same, corrected for the number of comparisons (Holm 1979).
    """

    scorer: str
    other: str
    difference: Measurement
    p: Share
    p_holm: Share

    @property
    def shown(self) -> bool:
        """Whether a difference is shown at 5 %, all comparisons taken together."""
        return self.p_holm <= 0.05

    def __str__(self) -> str:
        d = self.difference
        sentence = f"no difference is shown between {self.scorer} and {self.other}: {d.value:+.4f}"
        if self.shown:
            better = "better" if d.value > 0 else "worse"
            sentence = f"{self.scorer} is {better} than {self.other} by {abs(d.value):.4f}"
        return f"{sentence} NDCG@10 [{d.low:+.4f} {d.high:+.4f}], p = {self.p_holm:.3f}"


class ListQuality(FrozenModel):
    """Properties of the first k items of each scorer, relevant or not.

    Attributes
    ----------
    k
        Length of the lists.
    scorers
        Scorer -> ``novelty``, ``diversity``, ``serendipity``, ``miscalibration``,
        ``popularity``, ``popularity_lift`` -> mean over users; those that the data allows.
    catalog
        Scorer -> ``coverage``, ``gini`` over the lists of all users.
    history_popularity
        Mean popularity of the items in histories, for ``popularity_lift``.
    diversity_by, categories
        Source of the similarity in diversity, and column of the categories in miscalibration.
    """

    k: Count
    scorers: dict[str, dict[str, Measurement]]
    catalog: dict[str, dict[str, float]]
    history_popularity: float | None = None
    diversity_by: str | None = None
    categories: str | None = None


class Reach(FrozenModel):
    """How often the lists of a scorer reach items that had no event before the test.

    Attributes
    ----------
    scorer, k
        Whose lists, and how long they are.
    items, of_items
        Items without events, and all items.
    choices, of_choices, users
        Held-out choices of such items, all choices, and the users who made them.
    lists, places
        Share of the lists that hold such an item; share of all list positions.
    recall
        Share of the held-out choices of such items that are in the list; None without any.
    learned
        Whether held-out choices taught how far to lift such items; otherwise they are lifted
        to the places of an average item.
    """

    scorer: str
    k: Count
    items: Count
    of_items: Count
    choices: Count
    of_choices: Count
    users: Count
    lists: Share
    places: Share
    recall: Share | None = None
    learned: bool = True

    def __str__(self) -> str:
        if not self.items:
            return "items without events: none"
        taken = self.choices / max(1, self.of_choices)
        sentence = (
            f"items without events: {self.items:,} of {self.of_items:,}, {100 * taken:.1f} % of "
            f"the held-out choices, in {100 * self.lists:.1f} % of the lists of {self.scorer} "
            f"({100 * self.places:.1f} % of the places)"
        )
        if self.recall is not None:
            sentence += f", recall@{self.k} {_short(self.recall)}"
        return (
            sentence if self.learned else f"{sentence}; no earlier choice says how far to lift them"
        )


class GroupExposure(FrozenModel):
    """One group of items: its share of the catalog, of the histories, and of each list."""

    name: str
    items: Share
    histories: float
    scorers: dict[str, Measurement]


class Exposure(FrozenModel):
    """Exposure: the places in the lists by an attribute of the items."""

    attribute: str
    groups: tuple[GroupExposure, ...]
