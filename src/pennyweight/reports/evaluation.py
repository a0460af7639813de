"""The report of an evaluation as one page for screen, phone and paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pennyweight.config.report import ALL_FOLDS, BEFORE_REFIT, Report
from pennyweight.formatting import duration, size
from pennyweight.html.figures import Fact
from pennyweight.reports.ablation import ablation_context
from pennyweight.reports.bias import bias_figures
from pennyweight.reports.cost import cleaning_table, memory_figure, settings_table, time_figure
from pennyweight.reports.frontier import frontier_context
from pennyweight.reports.lists import coverage_figure, diversity_figure, interval_table
from pennyweight.reports.page import render
from pennyweight.reports.quality import (
    blend_figure,
    comparison_table,
    fold_figure,
    history_weights_table,
    metric_figures,
    metric_table,
)
from pennyweight.reports.search import search_figure
from pennyweight.reports.slices import slice_figures

__all__ = ["Example", "ExampleItem", "evaluation_context", "evaluation_page"]


@dataclass(frozen=True)
class ExampleItem:
    """A recommended item with its reason."""

    title: str
    reason: str = ""


@dataclass(frozen=True)
class Example:
    """The history of one user, oldest item first, and the recommendations."""

    history: tuple[str, ...]
    recommendations: tuple[ExampleItem, ...]


def evaluation_page(
    report: Report, *, examples: Sequence[Example] = (), commands: Sequence[str] = ()
) -> str:
    """Return the page.

    Parameters
    ----------
    report
        The results.
    examples
        A few users with their recommendations.
    commands
        Command lines that reproduce the report.
    """
    return render("evaluation.html", **evaluation_context(report, examples, commands))


def evaluation_context(
    report: Report, examples: Sequence[Example] = (), commands: Sequence[str] = ()
) -> Mapping[str, object]:
    """Return the context of the template ``reports/sections.html``."""
    return {
        "report": report,
        "facts_of_fit": _facts(report),
        "before_refit": BEFORE_REFIT,
        "refitted": "train+validation" in (report.fitted_on or {}).values(),
        "metrics": metric_figures(report),
        "folds": fold_figure(report),
        "all_folds": ALL_FOLDS,
        "comparisons": comparison_table(report),
        "all_metrics": metric_table(report),
        **frontier_context(report.frontier),
        **ablation_context(report.encoder_ablation),
        "search": search_figure(report.search),
        "blend": blend_figure(report),
        "history_weights": history_weights_table(report),
        "slices": slice_figures(report),
        "coverage": coverage_figure(report),
        "diversity": diversity_figure(report),
        "list_intervals": interval_table(report),
        "bias": bias_figures(report),
        "examples": examples,
        "cleaning": cleaning_table(report),
        "stage_time": time_figure(report),
        "stage_memory": memory_figure(report),
        "commands": commands,
        "settings": settings_table(report),
    }


def _facts(report: Report) -> list[Fact]:
    facts = []
    if report.scorers:
        # The blend ranks the recommendations; without one, show the best scorer.
        best = "blend" if "blend" in report.scorers else report.ranking()[0]
        measured = report.scorers[best].get("ndcg@10")
        if measured is not None:
            facts.append(Fact("NDCG@10", f"{measured.value:.4f}", best))
    if report.cost.seconds:
        facts.append(Fact("Time to fit", duration(sum(report.cost.seconds.values())), "all stages"))
    if report.cost.peak_rss_bytes:
        facts.append(Fact("Memory", size(report.cost.peak_rss_bytes), "peak"))
    if report.cost.bundle_bytes:
        facts.append(Fact("Bundle", size(report.cost.bundle_bytes), "on disk"))
    return facts
