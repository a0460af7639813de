"""The bundles of a service: traffic, outcomes of lists, and new bundles."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from pennyweight.html.charts import Bar, bars
from pennyweight.html.figures import Figure, Table
from pennyweight.serving.dashboard.forms import actor, read_form, redirect, required
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.publishing import BUNDLES_PATH, PUBLISH
from pennyweight.serving.dashboard.quality import (
    BundleDescription,
    are_comparable,
    comparable_groups,
    describe_bundles,
)
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.outcome_counter import DAY, WINDOW, OutcomeCounter
from pennyweight.serving.live.outcomes import Outcomes, TypeOutcome

__all__ = ["bundle_routes"]

WINDOWS = (1, 7, 30)  # days
MESSAGES = {
    "published": "Published: the bundle answers all users now.",
    "rolled-back": "Rolled back: the previous bundles answer again.",
    "shared": "Shared: each user stays with one of the two bundles.",
    "added": "Added: the bundle can be published.",
}


def bundle_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()
    counter = OutcomeCounter(engine)

    @router.get(BUNDLES_PATH)
    async def bundles(request: Request, done: str = "", days: str = "") -> Response:
        descriptions = await asyncio.to_thread(describe_bundles, engine)
        before = await asyncio.to_thread(engine.publishing.previous)
        window = DAY * int(days) if days in map(str, WINDOWS) else WINDOW
        outcomes = await counter.outcomes(window)
        return page(
            request,
            "bundles.html",
            {
                "notes": list(engine.notes.values()),
                "bundles": descriptions,
                "comparable": are_comparable(descriptions),
                "groups": comparable_groups(descriptions),
                "before": before,
                "split": _split(descriptions),
                **outcomes_context(outcomes, engine.traffic.split.primary.meaning),
            },
            success=MESSAGES.get(done, ""),
        )

    @router.post(f"{BUNDLES_PATH}/add")
    async def add(request: Request) -> Response:
        form = await read_form(request)
        user = actor(request)
        path = required(form, "path")
        stored = await engine.publishing.changes.run(
            lambda: engine.publishing.add(path, actor=user)
        )
        if form.get("publish") != "yes":
            return redirect(BUNDLES_PATH, {"done": "added"})
        return redirect(PUBLISH, {"version": stored.version})

    return router


def _split(bundles: Sequence[BundleDescription]) -> tuple[str, str] | None:
    """Return the versions that a traffic split suggests: the busiest and the newest other."""
    if len(bundles) < 2:
        return None
    first = max(bundles, key=lambda bundle: bundle.share)
    other = max(
        (bundle for bundle in bundles if bundle is not first),
        key=lambda bundle: bundle.stored.added,
    )
    return first.version, other.version


def outcomes_context(outcomes: Outcomes, meaning: Callable[[str], str]) -> Mapping[str, object]:
    """Return the context of the section; `meaning` returns the meaning of a type of event."""
    return {
        "outcomes": outcomes,
        "windows": WINDOWS,
        "days": outcomes.window / DAY,
        "acted": _acted_chart(outcomes),
        "event_types": _type_figure(outcomes, meaning),
    }


def _acted_chart(outcomes: Outcomes) -> Markup | None:
    drawn = [
        Bar(
            variant.version,
            100 * variant.rate.value,
            f"{100 * variant.rate.value:.1f} %",
            100 * variant.rate.low,
            100 * variant.rate.high,
        )
        for variant in outcomes.variants
        if variant.rate is not None
    ]
    if not drawn:
        return None
    return bars(
        drawn,
        title="Users who acted on a list",
        description="Share of each bundle with a 95 % interval. The table has the numbers.",
        key="acted",
    )


def _type_figure(outcomes: Outcomes, meaning: Callable[[str], str]) -> Figure | None:
    """Return the events by type and bundle, successes first; None where no event names a list."""
    types = [
        (_label(outcome.kind, meaning(outcome.kind)), outcome)
        for outcome in outcomes.types
        if outcome.kind
    ]
    types.sort(key=lambda row: (row[0].endswith(")"), row[0], row[1].version))
    if not types:
        return None
    drawn, before = [], ""
    for kind, outcome in types:
        label = outcome.version if kind == before else f"{kind}: {outcome.version}"
        drawn.append(
            Bar(label, _per_list(outcome), f"{_per_list(outcome):.1f}", next=kind == before)
        )
        before = kind
    title = "Events per 100 lists"
    chart = bars(
        drawn,
        title=title,
        description="Events of each type and bundle. The table has the numbers.",
        key="outcomes",
    )
    rows = [
        (
            f"{kind}: {outcome.version}",
            f"{outcome.lists:,}",
            f"{outcome.events:,}",
            f"{outcome.users:,}",
            f"{_per_list(outcome):.1f}",
        )
        for kind, outcome in types
    ]
    head = ("Type and bundle", "Lists", "Events", "Users", "Per 100 lists")
    return Figure(title, chart, Table(title, head, rows, numbers=4))


def _label(kind: str, meaning: str) -> str:
    """Return the type with the meaning of events that are no success."""
    return kind if meaning == "positive" else f"{kind} ({meaning})"


def _per_list(outcome: TypeOutcome) -> float:
    return 100 * outcome.events / max(1, outcome.lists)
