"""A user's history and recommendations; handing out and erasing what is kept."""

from collections.abc import Mapping, Sequence
from html import escape

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import count
from pennyweight.html.charts import table
from pennyweight.html.document import facts
from pennyweight.html.markup import Html
from pennyweight.serving.dashboard.components import (
    action,
    ask_form,
    item_link,
    link,
    user_link,
    when,
)
from pennyweight.serving.dashboard.explanations import reasoned_table
from pennyweight.serving.dashboard.forms import actor, read_form, see
from pennyweight.serving.dashboard.history import Done, newest_events
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest
from pennyweight.serving.live.users import KeptOfUser, count_user, export_user

__all__ = ["user_routes"]

HERE = "/dashboard/users"
USERS, EVENTS, LISTED = 50, 100, 10


def user_routes(engine: Engine) -> APIRouter:
    """Return the routes; what they change is audited."""
    router = page_router()

    @router.get(HERE)
    async def users(request: Request, id: str = "", after: str = "") -> Response:
        if not id:
            found = await engine.read(lambda store: store.users(USERS + 1, after))
            done = _erased(request.query_params)
            return page(request, "Users", [_form(), _users(found, after)], done=done)
        shelf = engine.traffic_split.bundle_for(id)
        wanted = ListRequest(user=id, k=LISTED, explain=True)
        found_items = await engine.ask(shelf, wanted)
        events = await engine.ask(shelf, lambda shelf, store: newest_events(shelf, store, id))
        known = "" if events else "Nothing is known of this user: the list is of what is popular."
        parts = [
            _form(id),
            _facts(events, found_items.source, shelf.version),
            f'<p class="note">{known}</p>' if known else "",
            f"<h2>Recommendations</h2>{reasoned_table(shelf, found_items, 'What comes next')}",
            _history(events),
            _own(id),
            _consent(id) if await engine.read(lambda store: store.erased([id])) else "",
        ]
        return page(request, Html(f"User <q>{escape(id)}</q>"), parts)

    @router.get(f"{HERE}/export")
    async def export(id: str = "") -> Response:
        return Response(
            await engine.read(lambda store: export_user(engine, store, _named(id))),
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="user.json"'},
        )

    @router.get(f"{HERE}/erase")
    async def confirm(request: Request, id: str = "") -> Response:
        told = await engine.read(lambda store: count_user(engine, store, _named(id)))
        return page(request, Html(f"Erase <q>{escape(id)}</q>?"), _confirm(id, told))

    @router.post(f"{HERE}/erase")
    async def erase(request: Request) -> Response:
        user = _named((await read_form(request)).get("id", ""))
        gone = await engine.erase(user, actor=actor(request))
        return see(
            HERE,
            {
                "events": gone["events"] + gone["bundle_events"],
                "lists": gone["recommendations"],
                "bundles": len(gone["trained_on"]),
            },
        )

    @router.post(f"{HERE}/consent")
    async def consent(request: Request) -> Response:
        user = _named((await read_form(request)).get("id", ""))
        await engine.readmit(user, actor=actor(request))
        return see(HERE, {"id": user})

    return router


def _named(user: str) -> str:
    if not user:
        raise Refusal(422, "name a user")
    return user


def _form(user: str = "") -> str:
    return ask_form(HERE, "Id of a user", "id", user, button="Show")


def _erased(query: Mapping[str, str]) -> str:
    """Return what an erasure did; the query holds numbers alone, and no id."""
    numbers = [query.get(name, "") for name in ("events", "lists", "bundles")]
    if not all(n.isascii() and n.isdigit() and len(n) < 16 for n in numbers):
        return ""
    events, lists, bundles = map(int, numbers)
    told = f"Erased: {count(events, 'event')} and {count(lists, 'list')}."
    if bundles:
        told += (f" {count(bundles, 'bundle')} learned from the user: fit again without "
                 "to let nothing remain.")  # fmt: skip
    return told


def _users(found: Sequence[str], after: str) -> str:
    shown, more = found[:USERS], len(found) > USERS
    if not shown:
        told = "No more users." if after else "No events were told live yet."
        return f'<p class="note">{told} Users of the bundle are found by id.</p>'
    rows = "".join(f"<li>{user_link(user)}</li>" for user in shown)
    turn = [link("First page", HERE)] if after else []
    turn += [link("Next page", HERE, {"after": shown[-1]})] if more else []
    return (
        "<h2>Users with live events</h2>"
        '<p class="note">In order of their ids. Users of the bundle alone are found by id.</p>'
        f'<ul class="names">{rows}</ul><p class="turn">{" ".join(turn)}</p>'
    )


def _facts(events: Sequence[Done], source: str, version: str) -> str:
    live = sum(done.kept == "live" for done in events)
    newest = next((when(done.time) for done in events if done.time is not None), Html("-"))
    return facts([
        ("Events that count", f"{len(events):,}", f"{live:,} told live"),
        ("Newest event", newest, "in UTC"),
        ("The list rests on", source, f"by bundle {version}"),
    ])  # fmt: skip


def _history(events: Sequence[Done]) -> str:
    if not events:
        return ""
    rows = [
        (when(done.time), done.kind or "-", item_link(done.item, done.title), done.item, done.kept)
        for done in events[:EVENTS]
    ]
    caption = "Newest first"
    if len(events) > EVENTS:
        caption += f"; the newest {EVENTS} of {len(events):,}, the export has all"
    return "<h2>History</h2>" + table(caption, ("Time", "Type", "Item", "Id", "Kept"), rows)


def _own(user: str) -> str:
    query = {"id": user}
    return (
        '<h2>What is kept</h2><p class="note">All events and lists that name the user, as JSON; '
        "or erase them from every byte on disk.</p>"
        f'<p class="turn">{link("Export as JSON", HERE + "/export", query)} '
        f"{link('Erase …', HERE + '/erase', query)}</p>"
    )


def _consent(user: str) -> str:
    return (
        '<h2>Erased</h2><p class="note">This user was erased: events are dropped, and no list is '
        "kept. If the user has consented anew, let them be kept from now on.</p>"
        f"{action(HERE + '/consent', 'Consented anew', {'id': user})}"
    )


def _confirm(user: str, told: KeptOfUser) -> list[str]:
    events, lists = count(told.events, "event"), count(told.lists, "list")
    parts = [f"<p>{events} and {lists} will be deleted. This cannot be undone.</p>"]
    if told.bundles:
        parts.append(
            f"<p>{count(told.bundles, 'bundle')} learned from the user. The events are "
            "taken out of the log of each; what a model learned stays until it is fitted again.</p>"
        )
    erase = action(HERE + "/erase", "Erase", {"id": user}, kind="danger")
    keep = link("Keep", HERE, {"id": user})
    return [*parts, f'<div class="choice">{erase}{keep}</div>']
