"""What a report says of quality: means, slices, comparisons, lists and exposure."""

from typing import Annotated

from pydantic import Field

from pennyweight.spec.frozen import Frozen

__all__ = ["Comparison", "Exposed", "Exposure", "ListQuality", "Measured", "Slice"]

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Measured(Frozen):
    """A mean over the evaluated users with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.value)} [{_short(self.low)} {_short(self.high)}]"


def _short(value: float) -> str:
    return f"{value:.4f}".replace("0.", ".", 1) if abs(value) < 0.99995 else f"{value:.3f}"


class Slice(Frozen):
    """Some users, or some of the held-out items, and the quality there.

    Attributes
    ----------
    by
        What the slices are cut by: ``history length``, ``target popularity``, ``target day``
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
    ndcg: dict[str, Measured]


class Comparison(Frozen):
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
    difference: Measured
    p: Share
    p_holm: Share

    @property
    def shown(self) -> bool:
        """Whether a difference is shown at 5 %, all comparisons taken together."""
        return self.p_holm <= 0.05

    def __str__(self) -> str:
        d = self.difference
        said = f"no difference is shown between {self.scorer} and {self.other}: {d.value:+.4f}"
        if self.shown:
            better = "better" if d.value > 0 else "worse"
            said = f"{self.scorer} is {better} than {self.other} by {abs(d.value):.4f}"
        return f"{said} NDCG@10 [{d.low:+.4f} {d.high:+.4f}], p = {self.p_holm:.3f}"


class ListQuality(Frozen):
    """What the first k items of each scorer are like, right or not.

    Attributes
    ----------
    k
        Length of the lists.
    scorers
        Scorer -> ``novelty``, ``diversity``, ``serendipity``, ``miscalibration``,
        ``popularity``, ``popularity_lift`` -> mean over users; those that the data allows.
    catalogue
        Scorer -> ``coverage``, ``gini`` over the lists of all users.
    history_popularity
        Mean popularity of what users had before, for ``popularity_lift``.
    diversity_by, categories
        What items are told apart by: in diversity, and in miscalibration (a column).
    """

    k: Count
    scorers: dict[str, dict[str, Measured]]
    catalogue: dict[str, dict[str, float]]
    history_popularity: float | None = None
    diversity_by: str | None = None
    categories: str | None = None


class Exposed(Frozen):
    """One group of items: its share of the catalogue, of the histories, and of each list."""

    name: str
    items: Share
    histories: float
    scorers: dict[str, Measured]


class Exposure(Frozen):
    """Who is recommended: the places in the lists by an attribute of the items."""

    attribute: str
    groups: tuple[Exposed, ...]
