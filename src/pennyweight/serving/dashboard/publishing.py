"""Publishing, sharing and rolling back: what would change is shown first, then confirmed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from html import escape

from fastapi import APIRouter, Request, Response

from pennyweight.formatting import size
from pennyweight.html.charts import table
from pennyweight.html.markup import Html
from pennyweight.serving.dashboard.bundle_comparison import are_comparable, quality_apart
from pennyweight.serving.dashboard.bundles import BundleDescription, described
from pennyweight.serving.dashboard.components import action, link, when
from pennyweight.serving.dashboard.forms import actor, given, read_form, see
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.traffic_split import Variant, checked_variants

__all__ = ["BACK", "PUBLISH", "SHARE", "publishing_routes"]

HERE = "/dashboard/bundles"
PUBLISH, SHARE, BACK = f"{HERE}/publish", f"{HERE}/share", f"{HERE}/rollback"
NOTHING = "nothing was published before; there is nothing to roll back to"

Fields = Mapping[str, str]


def publishing_routes(engine: Engine) -> APIRouter:
    """Return the routes; what they change is audited."""
    router = page_router()

    def back(fields: Fields) -> list[Variant]:
        before = engine.before()
        if not before:
            raise Refusal(422, NOTHING)
        return before

    _add(router, engine, PUBLISH, "Publish", "published", _published)
    _add(router, engine, SHARE, "Share", "shared", _shared)
    _add(router, engine, BACK, "Roll back", "rolled-back", back)
    return router


def _add(
    router: APIRouter,
    engine: Engine,
    path: str,
    name: str,
    done: str,
    variants_of: Callable[[Fields], Sequence[Variant]],
) -> None:
    """Add a page that shows what would change, and what its button does."""

    def wanted(fields: Fields) -> tuple[Variant, ...]:
        variants = checked_variants(variants_of(fields))
        for variant in variants:
            engine.bundles.path(variant.version)
        return variants

    @router.get(path)
    async def confirm(request: Request) -> Response:
        fields = dict(request.query_params)
        variants = await asyncio.to_thread(wanted, fields)
        found = await asyncio.to_thread(described, engine)
        return page(request, f"{name}?", _confirm(engine, found, variants, path, name, fields))

    @router.post(path)
    async def change(request: Request) -> Response:
        fields = await read_form(request)
        variants = await asyncio.to_thread(wanted, fields)
        now = fields.get("now")
        if now is None:  # not asked yet
            return see(path, {key: fields[key] for key in fields if key in ASKED})
        if now != _state(engine.traffic_split.variants):
            raise Refusal(409, "what is served has changed since the page was loaded; load the "
                               "bundles anew, and see whether you still want this")  # fmt: skip
        who = actor(request)
        await engine.turns.run(lambda: engine.serve(variants, actor=who))
        return see(HERE, {"done": done})


ASKED = ("version", "most", "some", "percent")


def _published(fields: Fields) -> list[Variant]:
    return [Variant(given(fields, "version"), 1.0)]


def _shared(fields: Fields) -> list[Variant]:
    part = _percent(given(fields, "percent"))
    return [Variant(given(fields, "most"), 1 - part), Variant(given(fields, "some"), part)]


def _percent(text: str) -> float:
    try:
        share = float(text) / 100
    except ValueError:
        raise Refusal(422, "the share is no number; give one from 1 to 99") from None
    if not 0 < share < 1:
        raise Refusal(422, f"a share of {text} %; give one from 1 to 99")
    return share


def _state(variants: Sequence[Variant]) -> str:
    """Return what is served in a word, to notice a change between a page and its button."""
    return ",".join(f"{variant.version}:{variant.share:.9g}" for variant in variants)


def _confirm(
    engine: Engine,
    found: Sequence[BundleDescription],
    variants: Sequence[Variant],
    path: str,
    name: str,
    fields: Fields,
) -> list[str]:
    now = engine.traffic_split.variants
    if _state(now) == _state(variants):
        return [
            "<p>Nothing would change: the users are answered like that already.</p>",
            f"<p>{link('Bundles', HERE)}</p>",
        ]
    before, after = (
        {variant.version: variant.share for variant in some} for some in (now, variants)
    )
    involved = [one for one in found if one.version in before.keys() | after.keys()]
    sent = {key: fields[key] for key in ASKED if key in fields} | {"now": _state(now)}
    return [
        f"<p>{_told(before, after)}</p>",
        _changes(involved, before, after),
        quality_apart(involved),
        '<p class="note">The bundle is loaded and tried first; where that fails, nothing changes. '
        "Outcomes are counted anew from then on. What answers now can be rolled back to.</p>",
        f'<div class="choice">{action(path, name, sent)}{link("Leave it as it is", HERE)}</div>',
    ]


def _told(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return how many users get another bundle."""
    moved = sum(max(0.0, share - before.get(version, 0.0)) for version, share in after.items())
    other = "all users" if moved > 1 - 1e-9 else f"{100 * moved:.4g} % of the users at least"
    return f"Another bundle than now would answer {other}."


def _changes(
    involved: Sequence[BundleDescription], before: Mapping[str, float], after: Mapping[str, float]
) -> str:
    quality = are_comparable(involved)
    rows = [
        (
            Html(f"{escape(one.version)}<small>{escape(one.stored.source)}</small>"),
            _percents(before.get(one.version)),
            _percents(after.get(one.version)),
            *((str(one.quality or "-"),) if quality else ()),
            size(one.nbytes) if one.nbytes else "-",
            when(one.created),
        )
        for one in involved
    ]
    head = ("Bundle", "Users now", "Then", *(("NDCG@10",) if quality else ()), "Size", "Made")
    return table("What would change", head, rows)


def _percents(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.4g} %"
