"""The report of one run of `fit` or `evaluate`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version

from pennyweight.config.exploration import ExplorationShare
from pennyweight.config.plan import Plan
from pennyweight.config.report import CleaningFinding, Cost, Report
from pennyweight.config.reranking import Reranking
from pennyweight.config.search import SearchQuality
from pennyweight.data.dataset import Dataset
from pennyweight.data.fingerprint import fingerprint
from pennyweight.fitting.blend_trainer import ChosenBlend
from pennyweight.fitting.data import enriched
from pennyweight.fitting.encoder_choice import prompts_used
from pennyweight.fitting.measurable import Measurable, on_weights
from pennyweight.fitting.tune import chosen_settings
from pennyweight.machine.machine import Machine

__all__ = ["ReportedFit", "rounded"]

VERSIONS = ("pennyweight", "numpy", "scipy", "polars", "onnxruntime", "tokenizers")


@dataclass(frozen=True)
class ReportedFit:
    """The parts of a run that its report describes, measured or not.

    Attributes
    ----------
    data, plan, setting
        The data, the settings, and how events are held out.
    chosen
        The chosen blend and its encoder.
    reranking, search, exploration
        The outcome of the ranking stage, and the choices of a search and of a share of exploration,
        where there were some.
    """

    data: Dataset
    plan: Plan
    setting: Measurable
    chosen: ChosenBlend
    reranking: Reranking | None
    search: SearchQuality | None
    exploration: ExplorationShare | None

    def report(self, cost: Cost) -> Report:
        """Return a report without measurements of the scorers."""
        catalog, log = self.data.catalog, self.data.interactions
        outcomes = (self.reranking, self.exploration)
        blend, setting, machine = self.chosen.blend, self.setting, Machine.measure()
        return Report(
            protocol=setting.protocol,
            users=len(log.users),
            items=len(catalog),
            events=len(log),
            scorers={},
            cost=cost,
            data=fingerprint(catalog, log),
            repeats=setting.repeats,
            evidence=setting.evidence,
            notices=(
                *setting.notices,
                *on_weights(blend.learned_from),
                *prompts_used(blend),
                *enriched(self.plan.data),
                *(outcome.sentence() for outcome in outcomes if outcome is not None),
            ),
            seed=self.plan.evaluate.seed,
            encoder=self.chosen.encoder,
            reranking=self.reranking,
            exploration=self.exploration,
            search=self.search,
            blend=rounded(blend.weights),
            routes={n: rounded(route) for n, route in blend.routes.items()} or None,
            chosen=chosen_settings(blend),
            cleaning=tuple(CleaningFinding(**asdict(entry)) for entry in self.data.log.entries),
            columns=self.data.columns.roles,
            machine={"cpu": machine.cpu, "cores": machine.cores, "memory_bytes": machine.memory},
            versions={"python": python_version(), **{name: version(name) for name in VERSIONS}},
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights as reports have them."""
    return {name: round(weight, 4) for name, weight in weights.items()}
