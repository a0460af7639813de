"""The section on what the language model is worth."""

from html import escape

from pennyweight.config.ablation import EncoderAblation
from pennyweight.config.report import Report
from pennyweight.html.charts import Bar, differences, table
from pennyweight.html.document import duration, pair, size

__all__ = ["worth"]


def worth(report: Report) -> str:
    """Return the section on what the language model adds, and what it costs."""
    found = report.worth
    if found is None:
        return ""
    rows = [
        Bar(
            one.to,
            one.difference.value,
            f"{one.difference.value:+.4f}",
            one.difference.low,
            one.difference.high,
            best=one.better,
        )
        for one in found.added
    ]
    chart = differences(
        rows,
        title="NDCG@10 with the language model less that without",
        description="Dots with 95 % intervals about zero; right of the line the model helps.",
        key="worth",
    )
    numbers = table(
        "What the model adds to NDCG@10",
        ("For", "Users", "Difference", "95 %", "p, corrected"),
        [
            (
                one.to,
                f"{one.users:,}",
                f"{one.difference.value:+.4f}",
                f"{one.difference.low:+.4f} to {one.difference.high:+.4f}",
                f"{one.p_holm:.3f}",
            )
            for one in found.added
        ],
        numbers=4,
    )
    return (
        f"<section><h2>Is the language model worth it?</h2><p>{escape(found.sentence())}</p>"
        + pair("With the model less without it, on test users", chart, numbers)
        + _price(found)
        + "</section>"
    )


def _price(found: EncoderAblation) -> str:
    rows = [
        (
            name,
            duration(price.fit_seconds),
            size(price.nbytes),
            duration(price.seconds_per_million),
            f"{price.price_per_million:.3f}",
        )
        for name, price in ((found.model, found.with_model), (found.instead, found.without))
    ]
    head = ("Reads the texts", "To fit", "Vectors", "A million lists", "Price")
    return table("What the two cost", head, rows, numbers=4)
