"""Changes of the served bundles: pages that ask for confirmation, and the audit log."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

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
from pennyweight.serving.live.traffic_split import Variant, checked_variants

__all__ = ["BUNDLES_PATH", "PUBLISH", "audit_routes", "publishing_routes"]

BUNDLES_PATH = "/dashboard/bundles"
PUBLISH, SHARE, BACK = (
    f"{BUNDLES_PATH}/publish",
    f"{BUNDLES_PATH}/share",
    f"{BUNDLES_PATH}/rollback",
)
NOTHING = "no earlier bundle to roll back to"
MAX_ENTRIES = 200

Fields = Mapping[str, str]


def publishing_routes(engine: Engine) -> APIRouter:
    """Return the routes; their changes are audited."""
    router = page_router()

    def back(fields: Fields) -> list[Variant]:
        before = engine.publishing.previous()
        if not before:
            raise Refusal(422, NOTHING)
        return before

    _add(router, engine, PUBLISH, "Publish", "published", _all_users)
    _add(router, engine, SHARE, "Share", "shared", _two_bundles)
    _add(router, engine, BACK, "Roll back", "rolled-back", back)
    return router


def _add(
    router: APIRouter,
    engine: Engine,
    path: str,
    name: str,
    result: str,
    variants_of: Callable[[Fields], Sequence[Variant]],
) -> None:
    """Add the page that asks, and the route of its button."""

    def variants_in(fields: Fields) -> tuple[Variant, ...]:
        chosen = checked_variants(variants_of(fields))
        for variant in chosen:
            engine.publishing.bundles.path(variant.version)
        return chosen

    @router.get(path)
    async def confirm(request: Request) -> Response:
        fields = dict(request.query_params)
        variants = await asyncio.to_thread(variants_in, fields)
        context = await asyncio.to_thread(_context, engine, variants, path, name, fields)
        return page(request, "publishing.html", context)

    @router.post(path)
    async def change(request: Request) -> Response:
        fields = await read_form(request)
        variants = await asyncio.to_thread(variants_in, fields)
        now = fields.get("now")
        if now is None:  # not confirmed yet
            return redirect(path, {key: fields[key] for key in fields if key in FIELDS})
        if now != _state(engine.traffic.split.variants):
            raise Refusal(
                409,
                "the bundles in service have changed since the page was loaded; "
                "reload the bundles and decide again",
            )
        user, force = actor(request), fields.get("force") == "yes"
        await engine.publishing.changes.run(
            lambda: engine.publishing.serve(variants, actor=user, force=force)
        )
        return redirect(BUNDLES_PATH, {"done": result})


FIELDS = ("version", "most", "some", "percent")


def _all_users(fields: Fields) -> list[Variant]:
    return [Variant(required(fields, "version"), 1.0)]


def _two_bundles(fields: Fields) -> list[Variant]:
    part = _percent(required(fields, "percent"))
    return [Variant(required(fields, "most"), 1 - part), Variant(required(fields, "some"), part)]


def _percent(text: str) -> float:
    try:
        share = float(text) / 100
    except ValueError:
        raise Refusal(422, "the share is not a number; give one from 1 to 99") from None
    if not 0 < share < 1:
        raise Refusal(422, f"a share of {text} %; give one from 1 to 99")
    return share


def _state(variants: Sequence[Variant]) -> str:
    """Return the served bundles as a word, to notice a change between a page and its button."""
    return ",".join(f"{variant.version}:{variant.share:.9g}" for variant in variants)


def _context(
    engine: Engine, variants: Sequence[Variant], path: str, name: str, fields: Fields
) -> Mapping[str, object]:
    """Return the context of the page that asks for confirmation."""
    now = engine.traffic.split.variants
    before, after = (
        {variant.version: variant.share for variant in split} for split in (now, variants)
    )
    versions = before.keys() | after.keys()
    bundles = [bundle for bundle in describe_bundles(engine) if bundle.version in versions]
    doubts = engine.publishing.doubts(variants)
    force = {"force": "yes"} if any(doubt.is_foreign for doubt in doubts) else {}
    moved = sum(max(0.0, share - before.get(version, 0.0)) for version, share in after.items())
    return {
        "question": f"{name}?",
        "unchanged": _state(now) == _state(variants),
        "moved": min(moved, 1.0),
        "bundles": bundles,
        "before": before,
        "after": after,
        "comparable": are_comparable(bundles),
        "groups": comparable_groups(bundles),
        "path": path,
        "doubts": [text for doubt in doubts for text in doubt.sentences()],
        "button": f"{name} all the same" if force else name,
        "fields": {key: fields[key] for key in FIELDS if key in fields}
        | {"now": _state(now)}
        | force,
    }


def audit_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/audit")
    async def audit(request: Request) -> Response:
        entries = await engine.store.read(lambda store: store.audits(MAX_ENTRIES))
        return page(request, "audit.html", {"entries": entries, "limit": MAX_ENTRIES})

    return router
