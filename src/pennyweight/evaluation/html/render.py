"""The report as one self-contained page: no script, no network, for screen, phone and paper."""

from collections.abc import Sequence
from html import escape

from pennyweight.config.report import Report
from pennyweight.evaluation.html.account import Example, cleaning, cost, details
from pennyweight.evaluation.html.account import examples as example_section
from pennyweight.evaluation.html.bias import bias
from pennyweight.evaluation.html.frontier import frontier
from pennyweight.evaluation.html.lists import lists
from pennyweight.evaluation.html.quality import blend, quality
from pennyweight.evaluation.html.slices import slices
from pennyweight.evaluation.html.worth import worth
from pennyweight.html.document import document, duration, facts, size

__all__ = ["render", "sections"]


def render(
    report: Report, *, examples: Sequence[Example] | None = None, commands: Sequence[str] = ()
) -> str:
    """Return the page.

    Parameters
    ----------
    report
        What was measured.
    examples
        A few users, with the items recommended to them.
    commands
        Command lines that repeat the fit.
    """
    created = f"<p>Made <time>{escape(report.created)}</time></p>" if report.created else ""
    head = f"<p>{escape(report.summary())}</p>{created}"
    return document("Recommendation report", sections(report, examples, commands), head=head)


def sections(
    report: Report, examples: Sequence[Example] | None = None, commands: Sequence[str] = ()
) -> list[str]:
    """Return what the page is made of, for a page of another frame."""
    return [
        _facts(report),
        _notices(report),
        quality(report),
        frontier(report.frontier),
        worth(report),
        blend(report),
        slices(report),
        lists(report),
        bias(report),
        example_section(examples or ()),
        cleaning(report),
        cost(report),
        details(report, commands),
    ]


def _notices(report: Report) -> str:
    """Return what to know before the figures are read."""
    if not report.notices:
        return ""
    lines = "".join(f"<li>{escape(notice)}</li>" for notice in report.notices)
    return f"<section><h2>Before you read the figures</h2><ul>{lines}</ul></section>"


def _facts(report: Report) -> str:
    rows = []
    if report.scorers:
        # What is recommended with; among scorers alone, the best.
        best = "blend" if "blend" in report.scorers else report.ranking()[0]
        measured = report.scorers[best].get("ndcg@10")
        if measured is not None:
            rows.append(("NDCG@10", f"{measured.value:.4f}", best))
    if report.cost.seconds:
        rows.append(("Time to fit", duration(sum(report.cost.seconds.values())), "all stages"))
    if report.cost.peak_rss_bytes:
        rows.append(("Memory", size(report.cost.peak_rss_bytes), "at its highest"))
    if report.cost.bundle_bytes:
        rows.append(("Bundle", size(report.cost.bundle_bytes), "on disk"))
    return facts(rows)
