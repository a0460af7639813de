"""The blend with the language model and the one without, compared to choose one of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pennyweight.config.ablation import AblationCost, AblationDifference, EncoderAblation
from pennyweight.config.ablation_table import AblatedSlice
from pennyweight.config.plan import EvaluatePlan
from pennyweight.config.report import BEFORE_REFIT, WITH_MODEL, WITHOUT_MODEL, WITHOUT_TREES
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.ablation import added, keep
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.ranking import Repeats
from pennyweight.evaluation.user_results import PRIMARY_METRIC, UserResults
from pennyweight.fitting.ablation_results import slices_by_length
from pennyweight.machine.machine import usable_cores
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.protocol import Scorer

__all__ = ["WITH", "WITHOUT", "AblationStudy", "Measured", "stage_name"]

BLEND, WITH, WITHOUT = "blend", WITH_MODEL, WITHOUT_MODEL


@dataclass(frozen=True)
class Measured:
    """Scorers as measured on the test users.

    Attributes
    ----------
    results
        Scorer -> its results.
    seconds
        Scorer -> seconds of the ranking for all users.
    test
        The users and their held-out events.
    """

    results: dict[str, PerUser]
    seconds: dict[str, float]
    test: HeldOut


@dataclass
class AblationStudy:
    """Two blends that differ in the encoder of the texts.

    Attributes
    ----------
    with_model, without_model
        The blends; they share the components for which the encoder makes no difference.
    encoder, baseline
        The names of the encoders.
    validation
        Gains by the model on validation data.
    slices
        The same by length of the history.
    followed
        Whether the fit follows the advice.
    """

    with_model: Blend
    without_model: Blend
    encoder: str
    baseline: str
    validation: tuple[AblationDifference, ...]
    slices: tuple[AblatedSlice, ...]
    followed: bool

    @classmethod
    def compare(
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
        per_user = measure({WITH: blends[0], WITHOUT: blends[1]}, valid, repeats=repeats)
        results = UserResults(per_user, valid)
        sampling = {"resamples": plan.bootstrap, "rng": plan.seed}
        validation = added(results, WITH, WITHOUT, **sampling)
        mine, theirs = (per_user[name].column(PRIMARY_METRIC) for name in (WITH, WITHOUT))
        slices = slices_by_length(mine, theirs, results.history_length, sampling)
        return cls(*blends, *names, validation, slices, follow)

    @property
    def keep(self) -> bool:
        """Whether to keep the model."""
        return keep(self.validation)

    @property
    def drop(self) -> bool:
        """Whether the fit drops the model."""
        return self.followed and not self.keep

    @property
    def rival(self) -> tuple[str, Blend]:
        """The rejected blend, and its name among the scorers of the report."""
        return (WITH, self.with_model) if self.drop else (WITHOUT, self.without_model)

    @property
    def unshared(self) -> dict[str, Scorer]:
        """The components that only the blend without the model has."""
        shared, ours = self.with_model.components, self.without_model.components
        return {name: scorer for name, scorer in ours.items() if shared[name] is not scorer}

    def report(
        self, measured: Measured, fit_seconds: Mapping[str, float], plan: EvaluatePlan
    ) -> EncoderAblation:
        """Return the ablation for the report, by the blends without a ranking stage.

        Parameters
        ----------
        measured
            Both blends as fitted on the training events.
        fit_seconds
            Stage -> seconds of the fit.
        """
        rival, results = self.rival[0], UserResults(measured.results, measured.test)
        forms = (WITHOUT_TREES, BEFORE_REFIT, BLEND)  # of the chosen blend
        chosen = next(name for name in forms if name in measured.results)
        ours, theirs = (rival, chosen) if rival == WITH else (chosen, rival)
        gains = added(results, ours, theirs, resamples=plan.bootstrap, rng=plan.seed)
        prices = []
        for name, blend, plain in (
            (ours, self.with_model, False),
            (theirs, self.without_model, True),
        ):
            a_million = measured.seconds[name] / len(measured.test) * 1e6
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
            encoder=self.encoder,
            baseline=self.baseline,
            validation=self.validation,
            slices=self.slices,
            test=gains,
            with_model=prices[0],
            without_model=prices[1],
            keep=self.keep,
            followed=self.followed,
        )

    def _fit_seconds(self, seconds: Mapping[str, float], *, plain: bool) -> float:
        """Return the seconds of the stages in which the two differ, refits aside."""
        stages = ["encode", *(f"fit {name}" for name in self.unshared)]
        return sum(seconds.get(stage_name(stage, plain=plain), 0.0) for stage in stages)


def stage_name(stage: str, *, plain: bool) -> str:
    """Return the name of a stage, marked for the blend without the model."""
    return f"{stage}, without model" if plain else stage
