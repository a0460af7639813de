"""Bundles: what answers whom, what came of it, and another in its place."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from fastapi import APIRouter, Request, Response

from pennyweight.page.charts import Bar, bars, table
from pennyweight.page.document import pair, size
from pennyweight.page.markup import Html
from pennyweight.serve.dashboard.bundles import Described, described
from pennyweight.serve.dashboard.forms import actor, read_form, see
from pennyweight.serve.dashboard.frame import page, page_router
from pennyweight.serve.dashboard.pieces import action, link, warnings, when
from pennyweight.serve.engine.arms import Arm
from pennyweight.serve.engine.engine import Engine
from pennyweight.serve.problems import Refusal
from pennyweight.serve.store.protocol import Outcome

__all__ = ["model_routes"]

HERE = "/dashboard/models"
DONE = {
    "published": "Published: the bundle answers all users now.",
    "rolled-back": "Rolled back: what answered before answers again.",
    "shared": "Shared: each user stays with one of the two bundles.",
    "added": "Added: the bundle can be published.",
}


def model_routes(engine: Engine) -> APIRouter:
    """Return the routes; what they change is audited."""
    router = page_router()

    @router.get(HERE)
    async def models(request: Request, done: str = "") -> Response:
        found = await asyncio.to_thread(described, engine)
        before = await asyncio.to_thread(engine.before)
        outcomes = await engine.read(lambda store: store.outcomes())
        told = [_meant(one, engine) for one in outcomes if one.kind]
        parts = [_bundles(found, before), _share(found), _add(), _outcomes(told)]
        parts.insert(0, warnings(engine.notes.values()))
        return page(request, "Models", parts, done=DONE.get(done, ""))

    @router.post(f"{HERE}/publish")
    async def publish(request: Request) -> Response:
        version = _given(await read_form(request), "version")
        return await _served(engine, [Arm(version, 1.0)], request, "published")

    @router.post(f"{HERE}/share")
    async def share(request: Request) -> Response:
        form = await read_form(request)
        part = _percent(_given(form, "percent"))
        arms = [Arm(_given(form, "most"), 1 - part), Arm(_given(form, "some"), part)]
        return await _served(engine, arms, request, "shared")

    @router.post(f"{HERE}/rollback")
    async def roll_back(request: Request) -> Response:
        who = actor(request)
        await engine.turns.run(lambda: engine.roll_back(actor=who))
        return see(HERE, {"done": "rolled-back"})

    @router.post(f"{HERE}/add")
    async def add(request: Request) -> Response:
        form = await read_form(request)
        who = actor(request)
        published, path = form.get("publish") == "yes", _given(form, "path")
        take = engine.publish if published else engine.add
        await engine.turns.run(lambda: take(path, actor=who))
        return see(HERE, {"done": "published" if published else "added"})

    return router


async def _served(engine: Engine, arms: list[Arm], request: Request, done: str) -> Response:
    who = actor(request)
    await engine.turns.run(lambda: engine.serve(arms, actor=who))
    return see(HERE, {"done": done})


def _given(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "").strip()
    if not value:
        raise Refusal(422, f"the field {name} is empty; fill it in")
    return value


def _percent(text: str) -> float:
    try:
        share = float(text) / 100
    except ValueError:
        raise Refusal(422, "the share is no number; give one from 1 to 99") from None
    if not 0 < share < 1:
        raise Refusal(422, f"a share of {text} %; give one from 1 to 99")
    return share


def _bundles(found: Sequence[Described], before: Sequence[Arm]) -> str:
    rows = [
        (
            Html(
                f"{escape(one.version)}<small>{escape(one.model.source)}</small>"
                f"{''.join(f'<small>{escape(note)}</small>' for note in one.model.notes)}"
            ),
            f"{100 * one.share:.4g} %" if one.share else "-",
            Html(f'<span class="whole">{one.quality or "-"}</span>'),
            Html(f'<span class="whole">{size(one.nbytes) if one.nbytes else "-"}</span>'),
            when(one.created),
            when(one.model.added),
            _choice(one),
        )
        for one in found
    ]
    head = ("Bundle", "Users", "NDCG@10", "Size", "Made", "Added", "")
    told = table("In the order in which they came, with the folder each was taken from", head, rows)
    return f"{told}{_back(before)}"


def _choice(one: Described) -> Html:
    quality = link("Quality", "/dashboard/quality", {"bundle": one.version})
    publish = "" if one.share == 1 else action(
        f"{HERE}/publish", "Publish", {"version": one.version}
    )  # fmt: skip
    return Html(f'<span class="choice">{quality}{publish}</span>')


def _back(before: Sequence[Arm]) -> str:
    if not before:
        return '<p class="note">Nothing was published before, so nothing can be rolled back to.</p>'
    told = " and ".join(
        arm.version if arm.share == 1 else f"{arm.version} for {100 * arm.share:.4g} %"
        for arm in before
    )
    back = action(f"{HERE}/rollback", "Roll back")
    return f'<div class="choice">{back}<span class="note">to {escape(told)}</span></div>'


def _share(found: Sequence[Described]) -> str:
    if len(found) < 2:
        return ""
    first = max(found, key=lambda one: one.share)
    other = max((one for one in found if one is not first), key=lambda one: one.model.added)
    return (
        '<h2>Two bundles at once</h2><p class="note">Each user is answered by one of the two, '
        "always by the same; what comes of it is below.</p>"
        f'<form class="fields" method="post" action="{HERE}/share">'
        f"{_select('most', 'Most users', found, first)}"
        f"{_select('some', 'The others', found, other)}"
        '<label>Share of the others in %<input name="percent" type="number" min="1" max="99" '
        'value="10" required></label><button>Share</button></form>'
    )


def _select(name: str, label: str, found: Sequence[Described], chosen: Described) -> str:
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


def _meant(outcome: Outcome, engine: Engine) -> Outcome:
    """Say beside the type of events that are no success."""
    meaning = engine.arms.first.meaning(outcome.kind)
    kind = outcome.kind if meaning == "positive" else f"{outcome.kind} ({meaning})"
    return replace(outcome, kind=kind)


def _outcomes(found: Sequence[Outcome]) -> str:
    head = "<h2>What came of the lists</h2>"
    told = sorted(found, key=lambda one: (one.kind.endswith(")"), one.kind))
    if not told:
        return f'{head}<p class="note">No event names a list yet: send recommendation_id.</p>'
    title = "Events for a hundred lists"
    drawn, before = [], ""
    for one in told:
        same = one.kind == before
        label = one.model_version if same else f"{one.kind}: {one.model_version}"
        drawn.append(Bar(label, _rate(one), f"{_rate(one):.1f}", next=same))
        before = one.kind
    chart = bars(
        drawn,
        title=title,
        description="A bar for each type of event and bundle. The table has the numbers.",
        key="outcomes",
    )
    rows = [
        (f"{one.kind}: {one.model_version}", f"{one.lists:,}", f"{one.events:,}",
         f"{one.users:,}", f"{_rate(one):.1f}")
        for one in told
    ]  # fmt: skip
    names = ("Type and bundle", "Lists", "Events", "Users", "For 100 lists")
    return head + pair(title, chart, table(title, names, rows, numbers=4))


def _rate(one: Outcome) -> float:
    return 100 * one.events / max(1, one.lists)
