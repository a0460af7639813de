"""The report as one self-contained page: no script, no network, for screen, phone and paper."""

from collections.abc import Sequence
from html import escape

from pennyweight.evaluate.html.account import Example, cleaning, cost, details
from pennyweight.evaluate.html.account import examples as example_section
from pennyweight.evaluate.html.bias import bias
from pennyweight.evaluate.html.frontier import frontier
from pennyweight.evaluate.html.lists import lists
from pennyweight.evaluate.html.quality import blend, quality
from pennyweight.evaluate.html.slices import slices
from pennyweight.evaluate.html.worth import worth
from pennyweight.page.document import document, duration, size
from pennyweight.spec.report import Report

__all__ = ["render"]


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
    sections = [
        _facts(report),
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
    created = f"<p>Made <time>{escape(report.created)}</time></p>" if report.created else ""
    head = f"<p>{escape(report.summary())}</p>{created}"
    return document("Recommendation report", sections, head=head)


def _facts(report: Report) -> str:
    facts = []
    if report.scorers:
        # What is recommended with; among scorers alone, the best.
        shown = "blend" if "blend" in report.scorers else report.ranking()[0]
        measured = report.scorers[shown].get("ndcg@10")
        if measured is not None:
            facts.append(("NDCG@10", f"{measured.value:.4f}", shown))
    if report.cost.seconds:
        facts.append(("Time to fit", duration(sum(report.cost.seconds.values())), "all stages"))
    if report.cost.peak_rss_bytes:
        facts.append(("Memory", size(report.cost.peak_rss_bytes), "at its highest"))
    if report.cost.bundle_bytes:
        facts.append(("Bundle", size(report.cost.bundle_bytes), "on disk"))
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in facts
    )
    return f'<dl class="facts">{cells}</dl>' if cells else ""
