"""The ablation of the language model in a report: its gain and its cost."""

from typing import Annotated

from pydantic import Field

from pennyweight.config.ablation_table import ALL_LISTS, AblatedSlice, joined, paying
from pennyweight.config.frozen import FrozenModel
from pennyweight.config.quality import Measurement

__all__ = ["AblationCost", "AblationDifference", "EncoderAblation"]

Count = Annotated[int, Field(ge=0)]


class AblationDifference(FrozenModel):
    """The gain in NDCG@10 by the language model for some users or items.

    Attributes
    ----------
    group
        ``all users``, ``new items`` or ``short histories``.
    users
        How many users this is measured on.
    difference
        NDCG@10 of the blend with the model less that of the blend without, paired by user.
    p_holm
        Of a paired bootstrap test that there is none, corrected for their number.
    """

    group: str
    users: Count
    difference: Measurement
    p_holm: float

    @property
    def better(self) -> bool:
        """Whether a gain is shown at 5 %."""
        return self.p_holm <= 0.05 and self.difference.value > 0

    @property
    def worse(self) -> bool:
        """Whether a loss is shown at 5 %."""
        return self.p_holm <= 0.05 and self.difference.value < 0

    def __str__(self) -> str:
        d = self.difference
        return f"{d.value:+.4f} [{d.low:+.4f} {d.high:+.4f}]".replace("0.", ".")


class AblationCost(FrozenModel):
    """The cost of a blend: of a fit, in memory, and of a million answers."""

    fit_seconds: float
    nbytes: Count
    seconds_per_million: float
    price_per_million: float


class EncoderAblation(FrozenModel):
    """A blend with the language model against the best one without.

    Attributes
    ----------
    encoder, baseline
        The encoders of the two blends.
    validation
        The differences on validation data, by which the advice is given.
    slices
        The quality on validation data by length of the history.
    test
        The differences on test data.
    with_model, without_model
        The costs of the two blends.
    keep
        The advice: whether the model adds anything.
    followed
        Whether the recommender follows the advice (``--encoder auto``).
    """

    encoder: str
    baseline: str
    validation: tuple[AblationDifference, ...]
    test: tuple[AblationDifference, ...]
    slices: tuple[AblatedSlice, ...] = ()
    with_model: AblationCost
    without_model: AblationCost
    keep: bool
    followed: bool

    def sentence(self) -> str:
        """Return the gain, the cost and the advice as a sentence."""
        overall, *others = self.test
        parts = "".join(f", {group} for {group.group}" for group in others)
        a, b = self.with_model, self.without_model
        seconds = _difference(a.fit_seconds - b.fit_seconds, ".0f", " s")
        room = _difference((a.nbytes - b.nbytes) / 1e6, ".1f", " MB")
        money = _difference(a.price_per_million - b.price_per_million, ".3f", "")
        return (
            f"On test users the language model ({self.encoder}) adds {overall} NDCG@10 to the best "
            f"blend without it ({self.baseline}){parts}; a fit takes {seconds}, vectors "
            f"{room} and a million recommendations {money} in money. {self.advice()}"
        )

    def lists(self) -> tuple[str, ...]:
        """Return the lists that the model pays for, with their share.

        By `pennyweight.config.ablation_table.paying`, and for new items by `validation`.
        """
        names = paying(self.slices) if self.slices else ()
        parts = []
        if ALL_LISTS in names:
            parts.append(ALL_LISTS)
        elif names:
            share = sum(part.traffic or 0.0 for part in self.slices if part.slice in names)
            parts.append(f"{100 * share:.0f} % of the lists ({joined(names)})")
        if any(gain.better and gain.group == "new items" for gain in self.validation):
            parts.append("new items")
        return tuple(parts)

    def advice(self) -> str:
        """Return the advice, and whether it was followed."""
        if self.keep:
            gains = " and ".join(group.group for group in self.validation if group.better)
            return f"On validation data it is shown to help {gains}: keep it."
        action = "; it was left out" if self.followed else " (--encoder auto does)"
        return f"On validation data it is not shown to add anything: leave it out{action}."


def _difference(value: float, form: str, unit: str) -> str:
    return f"{abs(value):{form}}{unit} {'more' if value >= 0 else 'less'}"
