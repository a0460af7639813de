"""Changes of the served bundles: pages that ask for confirmation, and the audit log."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.forms import actor, read_form, redirect, required
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.dashboard.quality import (
    are_comparable,
    comparable_groups,
    describe_bundles,
)
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.variants import Variant

__all__ = [
    "BUNDLES_PATH",
    "PUBLISH",
    "Change",
    "Fields",
    "add_change",
    "audit_routes",
    "publishing_routes",
]

BUNDLES_PATH = "/dashboard/bundles"
PUBLISH, BACK = f"{BUNDLES_PATH}/publish", f"{BUNDLES_PATH}/rollback"
NOTHING = "no earlier bundle to roll back to"
MAX_ENTRIES = 200

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """A change of the served bundles that a page asks to confirm.

    Attributes
    ----------
    path
        Of the page.
    button
        Its label.
    variants_of
        The bundles that fields of the form lead to; errors say why they cannot.
    apply
        Makes the change, by the fields and the name of the caller.
    then, done
        The page that follows, and its message.
    fields
        Those that the page passes on to its button.
    """

    path: str
    button: str
    variants_of: Callable[[Fields], Sequence[Variant]]
    apply: Callable[[Fields, str], object]
    then: str
    done: str
    fields: tuple[str, ...] = ()


def publishing_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()
    publishing = engine.publishing

    def back(fields: Fields) -> list[Variant]:
        before = publishing.previous()
        if not before:
            raise Refusal(422, NOTHING)
        return before

    def one(fields: Fields) -> list[Variant]:
        return [Variant(required(fields, "version"), 1.0)]

    def publish(fields: Fields, user: str) -> None:
        version, force = required(fields, "version"), fields.get("force") == "yes"
        publishing.serve(version, actor=user, force=force)

    def roll_back(fields: Fields, user: str) -> None:
        publishing.roll_back(actor=user)

    add_change(
        router,
        engine,
        Change(PUBLISH, "Publish", one, publish, BUNDLES_PATH, "published", ("version",)),
    )
    add_change(
        router, engine, Change(BACK, "Roll back", back, roll_back, BUNDLES_PATH, "rolled-back")
    )
    return router


def add_change(router: APIRouter, engine: Engine, change: Change) -> None:
    """Add the page that asks, and the route of its button."""

    def variants_in(fields: Fields) -> tuple[Variant, ...]:
        chosen = tuple(change.variants_of(fields))
        for variant in chosen:
            engine.publishing.bundles.path(variant.version)
        return chosen

    @router.get(change.path)
    async def confirm(request: Request) -> Response:
        fields = dict(request.query_params)
        variants = await asyncio.to_thread(variants_in, fields)
        context = await asyncio.to_thread(_context, engine, variants, change, fields)
        return page(request, "publishing.html", context)

    @router.post(change.path)
    async def apply(request: Request) -> Response:
        fields = await read_form(request)
        await asyncio.to_thread(variants_in, fields)
        now = fields.get("now")
        if now is None:  # not confirmed yet
            return redirect(
                change.path, {key: fields[key] for key in change.fields if key in fields}
            )
        if now != _state(engine.traffic.split.variants):
            raise Refusal(
                409,
                "the bundles in service have changed since the page was loaded; "
                "reload the bundles and decide again",
            )
        user = actor(request)
        await engine.publishing.changes.run(lambda: change.apply(fields, user))
        return redirect(change.then, {"done": change.done})


def _sent(change: Change, fields: Fields) -> dict[str, str]:
    return {key: fields[key] for key in change.fields if key in fields}


def _state(variants: Sequence[Variant]) -> str:
    """Return the served bundles as a word, to notice a change between a page and its button."""
    return ",".join(f"{variant.version}:{variant.share:.9g}" for variant in variants)


def _context(
    engine: Engine, variants: Sequence[Variant], change: Change, fields: Fields
) -> Mapping[str, object]:
    """Return the context of the page that asks for confirmation."""
    now, experiment = engine.traffic.split.variants, engine.traffic.split.experiment
    before, after = (
        {variant.version: variant.share for variant in split} for split in (now, variants)
    )
    versions = before.keys() | after.keys()
    bundles = [bundle for bundle in describe_bundles(engine) if bundle.version in versions]
    doubts = engine.publishing.doubts(variants)
    force = {"force": "yes"} if any(doubt.is_foreign for doubt in doubts) else {}
    moved = sum(max(0.0, share - before.get(version, 0.0)) for version, share in after.items())
    return {
        "question": f"{change.button}?",
        "unchanged": _state(now) == _state(variants),
        "moved": min(moved, 1.0),
        "ending": experiment.name if experiment is not None and len(variants) == 1 else None,
        "bundles": bundles,
        "before": before,
        "after": after,
        "comparable": are_comparable(bundles),
        "groups": comparable_groups(bundles),
        "path": change.path,
        "back": change.then,
        "doubts": [text for doubt in doubts for text in doubt.sentences()],
        "button": f"{change.button} all the same" if force else change.button,
        "fields": _sent(change, fields) | {"now": _state(now)} | force,
    }


def audit_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/audit")
    async def audit(request: Request) -> Response:
        entries = await engine.store.read(lambda store: store.audits(MAX_ENTRIES))
        return page(request, "audit.html", {"entries": entries, "limit": MAX_ENTRIES})

    return router
