"""The report of a fit or an evaluation."""

import re
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from pennyweight.config.ablation import EncoderAblation
from pennyweight.config.ablation_table import joined
from pennyweight.config.evidence import Evidence
from pennyweight.config.exploration import ExplorationShare
from pennyweight.config.frontier import Frontier
from pennyweight.config.frozen import FrozenModel, VersionedModel
from pennyweight.config.quality import (
    Comparison,
    Exposure,
    Fold,
    ListQuality,
    Measurement,
    Reach,
    Slice,
)
from pennyweight.config.reranking import Reranking
from pennyweight.config.search import SearchQuality
from pennyweight.errors import PlanError, did_you_mean
from pennyweight.formatting import aligned, count
from pennyweight.html.interval_chart import Chart, Interval, interval_chart
from pennyweight.storage.files import write_atomic

__all__ = [
    "ALL_FOLDS",
    "BEFORE_REFIT",
    "HEADLINE",
    "NOT_REFITTED",
    "WITHOUT_MODEL",
    "WITHOUT_TREES",
    "WITH_MODEL",
    "CleaningFinding",
    "Cost",
    "FittedOn",
    "Measurement",
    "Report",
]

HEADLINE = ("ndcg@10", "recall@10", "recall@50", "mrr@10")

BEFORE_REFIT = "blend-train-only"  # the blend as it was before the refit
WITHOUT_TREES = "blend-without-trees"  # the blend without its ranking stage
# The rejected blend of the encoder ablation, with the language model or without it.
WITH_MODEL, WITHOUT_MODEL = "blend-with-model", "blend-without-model"
NOT_REFITTED = (BEFORE_REFIT, WITH_MODEL, WITHOUT_MODEL)  # where the others are

ALL_FOLDS = (
    "quality and tests are over all folds, and a user of several folds counts once; everything "
    "else is of the last fold"
)

FittedOn = Literal["train", "train+validation"]
Count = Annotated[int, Field(ge=0)]


class Cost(FrozenModel):
    """The cost of the fit: seconds a stage, peak memory, bytes on disk.

    Attributes
    ----------
    seconds
        Stage -> seconds.
    peak_rss_bytes, bundle_bytes
        Peak memory of the whole fit; size of the bundle.
    peak_rss_after
        Stage -> peak memory from the start to the end of the stage, in bytes.
    expected_seconds, expected_rss_bytes
        The forecast before the start.
    """

    seconds: dict[str, float] = Field(default_factory=dict)
    peak_rss_bytes: Count = 0
    bundle_bytes: Count = 0
    peak_rss_after: dict[str, Count] | None = None
    expected_seconds: Annotated[float, Field(ge=0)] | None = None
    expected_rss_bytes: Count | None = None


class CleaningFinding(FrozenModel):
    """One kind of row or field that cleaning dropped, changed or doubted."""

    table: str
    reason: str
    count: Count
    action: str
    examples: tuple[str, ...] = ()


class Report(VersionedModel):
    """The quality of each scorer and the cost of a fit.

    Attributes
    ----------
    protocol
        How events were held out.
    users, items, events
        Size of the data after cleaning.
    scorers
        Scorer -> metric (``ndcg@10``) -> mean over users with a 95 % interval.
    fitted_on
        Scorer -> the events it was fitted on, ``train`` or ``train+validation``. Published
        models are fitted on ``train``; `BEFORE_REFIT` names the blend as it was then, and the
        rejected blend of the encoder ablation is not refitted.
    folds
        The quality of each fold, oldest first, where time was cut several times; ``scorers`` and
        ``comparisons`` are then over all folds, the rest is of the last.
    slices
        Quality for some users or some items alone.
    comparisons
        The blend against each other scorer, on the same users.
    encoder_ablation
        The gain and the cost of the language model.
    reranking
        Whether trees rank the best items of a list again, and their gain.
    exploration
        The share of exploration of new items, where the plan leaves it to the fit.
    search
        The quality of search by text, on queries made from the catalog.
    lists, exposure
        Beyond-accuracy metrics of the lists; exposure of groups of items.
    new_items
        How often the lists reach items that had no events.
    frontier
        Quality and cost of smaller versions, of a recommender that was compressed.
    cost
        Seconds, memory and bytes.
    data
        A fingerprint of the items and events that were learned from and measured on: figures
        of reports with the same one, protocol and seed can be compared.
    repeats, seed, evaluated_users
        Whether items of the history could be recommended again; the seed of every
        draw; how many users were measured.
    evidence
        ``validation`` and ``test`` -> statistics of the held-out events.
    notices
        Sentences on choices made for lack of evidence, and on limits of the measurement.
    encoder
        The encoder of the texts.
    blend
        Scorer -> its weight in the blend.
    routes
        Events of a history from which on other weights count -> these, where that paid.
    chosen
        Settings chosen on validation data, such as ``tower.epochs``.
    cleaning
        The entries of the cleaning log.
    columns
        Role -> the column it was read from.
    machine, versions
        Where it ran, and with which packages.
    created
        Date and time, ISO 8601.
    """

    protocol: str
    users: Count
    items: Count
    events: Count
    scorers: dict[str, dict[str, Measurement]]
    cost: Cost
    data: str | None = None
    repeats: str | None = None
    seed: int | None = None
    evaluated_users: Count | None = None
    evidence: dict[str, Evidence] | None = None
    notices: tuple[str, ...] | None = None
    encoder: str | None = None
    blend: dict[str, float] | None = None
    routes: dict[int, dict[str, float]] | None = None
    chosen: dict[str, float] | None = None
    fitted_on: dict[str, FittedOn] | None = None
    folds: tuple[Fold, ...] | None = None
    slices: tuple[Slice, ...] | None = None
    comparisons: tuple[Comparison, ...] | None = None
    lists: ListQuality | None = None
    exposure: Exposure | None = None
    new_items: Reach | None = None
    encoder_ablation: EncoderAblation | None = None
    reranking: Reranking | None = None
    exploration: ExplorationShare | None = None
    search: SearchQuality | None = None
    frontier: Frontier | None = None
    cleaning: tuple[CleaningFinding, ...] | None = None
    columns: dict[str, str] | None = None
    machine: dict[str, str | int | float | tuple[str, ...]] | None = None
    versions: dict[str, str] | None = None
    created: str | None = None

    @classmethod
    def read(cls, path: Path | str) -> "Report":
        """Read a report from a file; errors as in `from_json`."""
        return cls.from_json(Path(path).read_bytes(), source=str(path))

    def write(self, path: Path | str) -> None:
        """Write the JSON, whole or not at all (see `write_atomic`)."""
        write_atomic(path, self.to_json().encode())

    def ranking(self, metric: str = "ndcg@10") -> tuple[str, ...]:
        """Return the scorers' names, best first by a metric; those without it last."""

        def order(name: str) -> float:
            measured = self.scorers[name].get(metric)
            return -measured.value if measured else 1.0

        return tuple(sorted(self.scorers, key=order))

    def to_frame(self) -> pl.DataFrame:
        """Return every figure of quality: scorer, metric, value, low, high; best NDCG@10 first."""
        rows = [
            (name, metric, measured.value, measured.low, measured.high)
            for name in self.ranking()
            for metric, measured in self.scorers[name].items()
        ]
        texts = dict.fromkeys(("scorer", "metric"), pl.String())
        numbers = dict.fromkeys(("value", "low", "high"), pl.Float64())
        return pl.DataFrame(rows, {**texts, **numbers}, orient="row")

    def metrics(self) -> dict[str, float]:
        """Return scorer/metric -> value under names that experiment trackers take.

        Letters, digits, ``_``, ``-``, ``.`` and ``/`` only, so ``ndcg@10`` of the blend is
        ``blend/ndcg_at_10``; with its interval as ``blend/ndcg_at_10_low`` and ``_high``.
        """
        values: dict[str, float] = {}
        for scorer, metric, value, low, high in self.to_frame().iter_rows():
            name = re.sub(r"[^\w./-]", "_", f"{scorer}/{metric.replace('@', '_at_')}")
            values |= {name: value, f"{name}_low": low, f"{name}_high": high}
        return values

    def plot(self, metric: str = "ndcg@10") -> Chart:
        """Return a chart of a metric: a bar a scorer, best first, with its 95 % interval.

        A notebook shows it; its ``svg`` is the picture. `PlanError` for a metric that
        was not measured.
        """
        rows = [
            (name, self.scorers[name][metric])
            for name in self.ranking(metric)
            if metric in self.scorers[name]
        ]
        if not rows:
            names = {name for measured in self.scorers.values() for name in measured}
            raise PlanError(f"no scorer has the metric {metric!r}{did_you_mean(metric, names)}")
        return interval_chart(
            f"{metric}, 95 % intervals",
            [Interval(name, m.value, m.low, m.high) for name, m in rows],
        )

    def where_a_model_pays(self) -> str | None:
        """Return the lists and searches that a language model pays for, in one sentence.

        By validation data and by queries made from the catalog. None where no model was measured.
        """
        ablation, search = self.encoder_ablation, self.search
        if ablation is None and (search is None or not search.tasks):
            return None
        parts = [] if ablation is None else list(ablation.lists())
        searches = () if search is None else search.gains()
        if searches:
            parts.append(f"search by text ({joined(searches)})")
        if parts:
            return f"A language model pays for {joined(parts)}."
        return "A language model is not shown to pay for lists or searches."

    def summary(self) -> str:
        """Return the size of the data and the protocol in one line."""
        n = self.evaluated_users
        folds = f" in {count(len(self.folds), 'fold')}" if self.folds else ""
        measured = "" if n is None else f", measured on {count(n, 'test user')}{folds}"
        return (
            f"{count(self.users, 'user')}{measured}, {count(self.items, 'item')}, "
            f"{count(self.events, 'event')}, {self.protocol}"
        )

    def table(self) -> str:
        """Return a plain text table: scorers, best first, by four metrics with intervals."""
        lines = [self.summary()]
        if self.scorers:
            lines += ["", *aligned([self._head(), *self._cells()])]
        if self.folds:
            lines += ["", *aligned(self._fold_rows(self.folds)), "", f"note: {ALL_FOLDS}"]
        if self.notices:
            lines += ["", *(f"note: {notice}" for notice in self.notices)]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return self.table()

    def _head(self) -> tuple[str, ...]:
        return ("scorer", *(("fitted on",) if self.fitted_on else ()), *HEADLINE)

    def _names(self, name: str) -> tuple[str, ...]:
        """Return a scorer and, where known, the events it was fitted on."""
        return (name, self.fitted_on.get(name, "-")) if self.fitted_on else (name,)

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                *self._names(name),
                *(str(self.scorers[name].get(metric, "-")) for metric in HEADLINE),
            )
            for name in self.ranking()
        ]

    def _fold_rows(self, folds: tuple[Fold, ...]) -> list[tuple[str, ...]]:
        """Return the folds with the best scorer by all of them, head first."""
        name = "blend" if "blend" in self.scorers else self.ranking()[0]
        head = ("fold", "test window", "training events", "users", f"ndcg@10 of {name}")
        rows = [
            (
                str(number),
                fold.window,
                f"{fold.training_events:,}",
                f"{fold.users:,}",
                str(fold.scorers[name]["ndcg@10"]),
            )
            for number, fold in enumerate(folds, 1)
        ]
        return [head, *rows]

    def _repr_html_(self) -> str:
        """Return a table for notebooks, each measurement over a bar of its length."""
        from pennyweight.html.notebook import NotebookCell, notebook_table

        best = {
            metric: max((m[metric].value for m in self.scorers.values() if metric in m), default=0)
            for metric in HEADLINE
        }

        def cell(measured: Measurement | None, top: float) -> NotebookCell:
            if measured is None:
                return NotebookCell("-")
            return NotebookCell(str(measured), max(measured.value, 0) / top if top > 0 else 0)

        rows = [
            (
                name,
                [
                    *map(NotebookCell, self._names(name)[1:]),
                    *(cell(self.scorers[name].get(metric), best[metric]) for metric in HEADLINE),
                ],
            )
            for name in self.ranking()
        ]
        return notebook_table(self.summary(), rows, self._head())
