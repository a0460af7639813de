"""Bundles: what answers whom, what came of it, and another in its place."""

import asyncio
from collections.abc import Sequence
from html import escape

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import size
from pennyweight.html.charts import table
from pennyweight.html.markup import Html
from pennyweight.serving.dashboard.bundle_comparison import are_comparable, quality_apart
from pennyweight.serving.dashboard.bundles import BundleDescription, described
from pennyweight.serving.dashboard.components import action, link, warnings, when
from pennyweight.serving.dashboard.forms import actor, given, read_form, see
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.dashboard.outcomes import WINDOWS, outcomes_section
from pennyweight.serving.dashboard.publishing import BACK, PUBLISH, SHARE
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.outcome_counter import DAY, WINDOW, OutcomeCounter
from pennyweight.serving.live.traffic_split import Variant

__all__ = ["model_routes"]

HERE = "/dashboard/bundles"
DONE = {
    "published": "Published: the bundle answers all users now.",
    "rolled-back": "Rolled back: what answered before answers again.",
    "shared": "Shared: each user stays with one of the two bundles.",
    "added": "Added: the bundle can be published.",
}


def model_routes(engine: Engine) -> APIRouter:
    """Return the routes; what they change is audited."""
    router = page_router()
    counter = OutcomeCounter(engine)

    @router.get(HERE)
    async def bundles(request: Request, done: str = "", days: str = "") -> Response:
        found = await asyncio.to_thread(described, engine)
        before = await asyncio.to_thread(engine.before)
        window = DAY * int(days) if days in map(str, WINDOWS) else WINDOW
        outcomes = await counter.outcomes(window)
        meaning = engine.traffic_split.primary.meaning
        parts = [
            warnings(engine.notes.values()),
            _bundles(found, before),
            _share(found),
            _add(),
            outcomes_section(outcomes, meaning),
        ]
        return page(request, "Bundles", parts, done=DONE.get(done, ""))

    @router.post(f"{HERE}/add")
    async def add(request: Request) -> Response:
        form = await read_form(request)
        who = actor(request)
        path = given(form, "path")
        stored = await engine.turns.run(lambda: engine.add(path, actor=who))
        if form.get("publish") != "yes":
            return see(HERE, {"done": "added"})
        return see(PUBLISH, {"version": stored.version})

    return router


def _bundles(found: Sequence[BundleDescription], before: Sequence[Variant]) -> str:
    quality = are_comparable(found)
    rows = [
        (
            Html(
                f"{escape(one.version)}<small>{escape(one.stored.source)}</small>"
                f"{''.join(f'<small>{escape(note)}</small>' for note in one.stored.notes)}"
            ),
            f"{100 * one.share:.4g} %" if one.share else "-",
            *((Html(f'<span class="whole">{one.quality or "-"}</span>'),) if quality else ()),
            Html(f'<span class="whole">{size(one.nbytes) if one.nbytes else "-"}</span>'),
            when(one.created),
            when(one.stored.added),
            _choice(one),
        )
        for one in found
    ]
    measured = ("NDCG@10",) if quality else ()
    head = ("Bundle", "Users", *measured, "Size", "Made", "Added", "")
    told = table("In the order in which they came, with the folder each was taken from", head, rows)
    return f"{told}{_back(before)}{quality_apart(found)}"


def _choice(one: BundleDescription) -> Html:
    quality = link("Quality", "/dashboard/quality", {"bundle": one.version})
    publish = "" if one.share == 1 else action(
        PUBLISH, "Publish", {"version": one.version}, method="get"
    )  # fmt: skip
    return Html(f'<span class="choice">{quality}{publish}</span>')


def _back(before: Sequence[Variant]) -> str:
    if not before:
        return '<p class="note">Nothing was published before, so nothing can be rolled back to.</p>'
    told = " and ".join(
        variant.version
        if variant.share == 1
        else f"{variant.version} for {100 * variant.share:.4g} %"
        for variant in before
    )
    back = action(BACK, "Roll back", method="get")
    return f'<div class="choice">{back}<span class="note">to {escape(told)}</span></div>'


def _share(found: Sequence[BundleDescription]) -> str:
    if len(found) < 2:
        return ""
    first = max(found, key=lambda one: one.share)
    other = max((one for one in found if one is not first), key=lambda one: one.stored.added)
    return (
        '<h2>Two bundles at once</h2><p class="note">Each user is answered by one of the two, '
        "always by the same; what comes of it is below.</p>"
        f'<form class="fields" method="get" action="{SHARE}">'
        f"{_select('most', 'Most users', found, first)}"
        f"{_select('some', 'The others', found, other)}"
        '<label>Share of the others in %<input name="percent" type="number" min="1" max="99" '
        'value="10" required></label><button>Share</button></form>'
    )


def _select(
    name: str, label: str, found: Sequence[BundleDescription], chosen: BundleDescription
) -> str:
    options = "".join(
        f"<option{' selected' if one is chosen else ''}>{escape(one.version)}</option>"
        for one in found
    )
    return f'<label>{label}<select name="{name}">{options}</select></label>'


def _add() -> str:
    return (
        '<h2>Another bundle</h2><p class="note">A folder on the machine of the service, as '
        "<code>pennyweight fit</code> or <code>compress</code> saved it. It is taken over, and "
        "may be deleted there afterwards.</p>"
        f'<form class="fields" method="post" action="{HERE}/add">'
        '<label class="wide">Folder<input name="path" required maxlength="4096" '
        'autocomplete="off" spellcheck="false"></label>'
        '<label class="tick"><input type="checkbox" name="publish" value="yes">'
        "Publish it to all users</label><button>Add</button></form>"
    )
