"""The blend with the language model beside the one without: which one to keep, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from pennyweight.config.ablation import AblationCost, AblationDifference, EncoderAblation
from pennyweight.config.plan import EvaluatePlan
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.ablation import added, keep
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.evaluation.user_results import UserResults
from pennyweight.machine.machine import usable_cores
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

__all__ = ["WITH", "WITHOUT", "AblationStudy", "stage_name"]

BLEND, WITH, WITHOUT = "blend", "blend-with-model", "blend-without-model"


@dataclass
class AblationStudy:
    """Two blends that differ in what reads the texts.

    Attributes
    ----------
    with_model, without
        The blends; they share the components for which the encoder makes no difference.
    model, instead
        The names of the encoders.
    chosen_on
        What the model adds on validation data.
    followed
        Whether the one that the advice speaks for is the one to keep.
    """

    with_model: Blend
    without: Blend
    model: str
    instead: str
    chosen_on: tuple[AblationDifference, ...]
    followed: bool

    @classmethod
    def judge(
        cls,
        blends: tuple[Blend, Blend],
        names: tuple[str, str],
        valid: HeldOut,
        plan: EvaluatePlan,
        *,
        repeats: Repeats,
        follow: bool,
    ) -> "AblationStudy":
        """Compare on validation data."""
        found = measure({WITH: blends[0], WITHOUT: blends[1]}, valid, repeats=repeats)
        outcomes = UserResults(found, valid)
        chosen_on = added(outcomes, WITH, WITHOUT, resamples=plan.bootstrap, rng=plan.seed)
        return cls(*blends, *names, chosen_on, follow)

    @property
    def keep(self) -> bool:
        """Whether the model is to be kept."""
        return keep(self.chosen_on)

    @property
    def drop(self) -> bool:
        """Whether the blend without the model is the one to keep."""
        return self.followed and not self.keep

    @property
    def rival(self) -> tuple[str, Blend]:
        """The blend that is not kept, and its name among the scorers of the report."""
        return (WITH, self.with_model) if self.drop else (WITHOUT, self.without)

    @property
    def own(self) -> dict[str, Scorer]:
        """The components of the blend without the model that it does not share."""
        shared, ours = self.with_model.components, self.without.components
        return {name: scorer for name, scorer in ours.items() if shared[name] is not scorer}

    def worth(
        self,
        outcomes: UserResults,
        seconds: Mapping[str, float],
        fit_seconds: Mapping[str, float],
        plan: EvaluatePlan,
    ) -> EncoderAblation:
        """Return what the report says.

        Parameters
        ----------
        outcomes
            Of the test users.
        seconds
            Scorer -> seconds that ranking for all of them took.
        fit_seconds
            Stage -> seconds of the fit.
        """
        rival = self.rival[0]
        ours, theirs = (rival, BLEND) if rival == WITH else (BLEND, rival)
        found = added(outcomes, ours, theirs, resamples=plan.bootstrap, rng=plan.seed)
        prices = []
        for name, blend, plain in (
            (ours, self.with_model, False),
            (theirs, self.without, True),
        ):
            a_million = seconds[name] / len(outcomes.held_out) * 1e6
            prices.append(
                AblationCost(
                    fit_seconds=self._fit_seconds(fit_seconds, plain=plain),
                    nbytes=sum(
                        component.nbytes
                        for component in blend.components.values()
                        if component.evidence != "behavior"
                    ),
                    seconds_per_million=a_million,
                    price_per_million=a_million / 3_600 * usable_cores() * plan.core_hour_price,
                )
            )
        return EncoderAblation(
            model=self.model,
            instead=self.instead,
            chosen_on=self.chosen_on,
            added=found,
            with_model=prices[0],
            without=prices[1],
            keep=self.keep,
            followed=self.followed,
        )

    def _fit_seconds(self, seconds: Mapping[str, float], *, plain: bool) -> float:
        """Return the seconds of the stages in which the two differ, the last fit aside."""
        stages = ["encode", *(f"{kind} {name}" for kind in ("fit", "refit") for name in self.own)]
        return sum(seconds.get(stage_name(stage, plain=plain), 0.0) for stage in stages)


def stage_name(stage: str, *, plain: bool) -> str:
    """Return what to call a stage of the blend without the model."""
    return f"{stage}, without model" if plain else stage
