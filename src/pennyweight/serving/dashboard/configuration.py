"""The configuration of a served bundle: plan, weights, chosen settings, ranking stage."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.errors import UnknownIdError
from pennyweight.html.figures import Table
from pennyweight.serving.dashboard.page import clip, page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["configuration_routes"]

VALUE = 300  # characters
NAMES = {"LexicalEncoder": "TF-IDF"}


def configuration_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/configuration")
    async def configuration(request: Request, bundle: str = "") -> Response:
        bundles = engine.traffic.split.bundles
        chosen = engine.traffic.split.primary if not bundle else bundles.get(bundle)
        if chosen is None:
            raise UnknownIdError(f"bundle {bundle!r:.40} is not served; {', '.join(bundles)} are")
        recommender = chosen.recommender
        report = recommender.report
        return page(
            request,
            "configuration.html",
            {
                "bundles": list(bundles),
                "chosen": chosen.version,
                "created": chosen.created or None,
                "encoder": _encoder(chosen),
                "ranking_stage": _ranking_stage(chosen, report),
                "ablation": _ablation(report),
                "weights": _weights(chosen),
                "settings": _settings(report),
                "plan": None if recommender.plan is None else _plan(recommender.plan),
            },
        )

    return router


def _encoder(bundle: ServedBundle) -> str:
    report = bundle.recommender.report
    if report is not None and report.encoder:
        return report.encoder
    encoders = [scorer.encoder for scorer in bundle.recommender.scorer.components.values()]
    names = {type(encoder).__name__ for encoder in encoders if encoder is not None}
    return ", ".join(sorted(NAMES.get(name, name) for name in names)) or "none"


def _ranking_stage(bundle: ServedBundle, report: Report | None) -> str:
    """Return whether trees rank lists again, and why."""
    trees = bundle.recommender.scorer.trees
    reranking = None if report is None else report.reranking
    if reranking is not None and reranking.used == (trees is not None):
        return _capital(reranking.sentence())
    if trees is None:
        return "The bundle has no ranking stage, and its report gives no reason."
    return (
        f"Trees rank the best {trees.depth} items of each list again; the report does not say why."
    )


def _ablation(report: Report | None) -> str:
    ablation = None if report is None else report.encoder_ablation
    return "" if ablation is None else _capital(ablation.sentence())


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")


def _weights(bundle: ServedBundle) -> Table | None:
    """Return the weights of the scorers, a column for each minimum length of the history."""
    scorer = bundle.recommender.scorer
    if not scorer.component_weights:
        return None
    routes = scorer.routes or {0: scorer.component_weights}
    lengths = sorted(routes)
    head = ["all histories"] if len(lengths) == 1 else [f"from {n:,} items" for n in lengths]
    rows = [
        (name, *(f"{routes[length].get(name, 0.0):.3f}" for length in lengths))
        for name in scorer.component_weights
    ]
    return Table("Weights of the scorers", ("Scorer", *head), rows, numbers=len(lengths))


def _settings(report: Report | None) -> Table | None:
    """Return the settings that were chosen on validation data."""
    if report is None or not report.chosen:
        return None
    rows = [(name, f"{value:g}") for name, value in sorted(report.chosen.items())]
    return Table("Settings chosen on validation data", ("Setting", "Value"), rows, numbers=1)


def _plan(plan: Plan) -> Table:
    """Return the settings of the plan, and which of them differ from the defaults."""
    defaults = dict(_flat(Plan().model_dump(mode="json")))
    rows = [
        (name, clip(_text(value), VALUE), "default" if value == defaults.get(name) else "set")
        for name, value in _flat(plan.model_dump(mode="json"))
    ]
    return Table(
        "Plan", ("Key", "Value", "Origin"), sorted(rows, key=lambda row: row[2] == "default")
    )


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{before}{name}.")
        else:
            rows.append((f"{before}{name}", value))
    return rows


def _text(value: object) -> str:
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
