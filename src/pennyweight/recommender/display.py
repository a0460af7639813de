"""Summaries of a recommender: in a manifest, at a prompt and in a notebook."""

from typing import TYPE_CHECKING, Any

from pennyweight.config.report import HEADLINE

if TYPE_CHECKING:
    from pennyweight.recommender.recommender import Recommender

__all__ = ["as_html", "as_text", "summary"]


def summary(recommender: "Recommender") -> dict[str, Any]:
    """Return a few words and numbers, all of which JSON can hold."""
    log = recommender.interactions
    return {
        "items": len(recommender.catalog),
        "users": None if log is None else len(log.users),
        "events": None if log is None else len(log),
        "scorer": recommender.scorer.kind,
        "components": list(recommender.scorer.components),
        "repeats": recommender.repeats,
    }


def as_text(recommender: "Recommender") -> str:
    """Return the summary on one line, without properties that have no value."""
    properties = {key: value for key, value in summary(recommender).items() if value is not None}
    return f"Recommender({', '.join(f'{key}={value}' for key, value in properties.items())})"


def as_html(recommender: "Recommender") -> str:
    """Return the summary, the blend's weights and the headline metric as a table."""
    from pennyweight.html.notebook import NotebookCell, notebook_table

    properties = summary(recommender)
    scorer, report, bundle = recommender.scorer, recommender.report, recommender.bundle
    weights = scorer.component_weights
    properties["components"] = [
        f"{n} {weights[n]:.2f}" if n in weights else n for n in properties["components"]
    ]
    measured = None if report is None else report.scorers.get(scorer.kind, {}).get(HEADLINE[0])
    properties[HEADLINE[0]] = None if measured is None else str(measured)
    properties["bundle"] = None if bundle is None else str(bundle.path)
    rows = [
        (key, [NotebookCell(_text(value))])
        for key, value in properties.items()
        if value is not None
    ]
    return notebook_table("Recommender", rows)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
