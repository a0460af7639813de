"""The page of a comparison of encoders."""

from collections.abc import Sequence

from pennyweight.config.comparison import COLUMNS, EncoderComparison
from pennyweight.formatting import count
from pennyweight.html.figures import Table
from pennyweight.reports.numbers import capital
from pennyweight.reports.page import render

__all__ = ["comparison_page"]


def comparison_page(comparison: EncoderComparison, *, commands: Sequence[str] = ()) -> str:
    """Return the page; `commands` reproduce it."""
    measured = "quality is not measured without an event log"
    if comparison.users:
        measured = f"NDCG@10 of {count(comparison.users, 'validation user')}"
    rows = [encoder.cells() for encoder in comparison.encoders]
    return render(
        "comparison.html",
        summary=f"{count(len(rows), 'encoder')} on {count(comparison.items, 'item')}; {measured}",
        encoders=Table(
            "Encoders, the first is the reference", [*map(capital, COLUMNS)], rows, numbers=6
        ),
        commands=commands,
    )
