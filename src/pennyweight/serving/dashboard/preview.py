"""Preview of a list, by two settings side by side; nothing is logged or counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from pennyweight.errors import DataError, PennyweightError, PlanError
from pennyweight.serving.dashboard.listings import ListedItem, listed_items
from pennyweight.serving.dashboard.page import page, page_router, sentence
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest, rank_lists
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Store

__all__ = ["preview_routes"]

LONGEST, ITEMS = 100, 200  # items of a list; items of a history made by hand
SIDES = ("a", "b")
DEFAULTS = {"bundle": "", "k": "10", "filter": "", "diversity": "0", "stage": "on"}


@dataclass(frozen=True)
class ChangedItem:
    """An item of a list, and how its place differs from that in the other list."""

    item: ListedItem
    change: str
    is_changed: bool


@dataclass(frozen=True)
class Preview:
    """A list by one setting, or the reason why there is none."""

    version: str
    source: str = ""
    items: Sequence[ChangedItem] = ()
    failed: str = ""


def preview_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/preview")
    async def preview(request: Request, user: str = "", history: str = "") -> Response:
        sides = {side: _fields(request.query_params, side) for side in SIDES}
        results: list[Preview] = []
        if user or history.strip():
            same = sides["a"] == sides["b"]
            chosen = [sides[side] for side in (SIDES[:1] if same else SIDES)]
            results = _compared(await _lists(engine, user, history, chosen))
        return page(
            request,
            "preview.html",
            {
                "user": user,
                "history": history,
                "sides": sides,
                "bundles": ["", *engine.traffic.split.bundles],
                "stages": any(
                    bundle.ranker.rerankers for bundle in engine.traffic.split.bundles.values()
                ),
                "results": results,
                "longest": LONGEST,
            },
        )

    return router


def _fields(query: Mapping[str, str], side: str) -> dict[str, str]:
    return {
        name: query.get(f"{name}_{side}", "").strip() or default
        for name, default in DEFAULTS.items()
    }


_Listed = tuple[str, str, list[ListedItem], str]  # version, source, items, failure


async def _lists(
    engine: Engine, user: str, history: str, settings: Sequence[Mapping[str, str]]
) -> list[_Listed]:
    """Rank the list of each setting in one job, so that all see the same history."""

    def rank(bundle: ServedBundle, store: Store) -> list[_Listed]:
        return [_list(engine, store, user, history, fields) for fields in settings]

    ranked: list[_Listed] = await engine.lists.submit(engine.traffic.split.bundle_for(user), rank)
    return ranked


def _list(
    engine: Engine, store: Store, user: str, history: str, fields: Mapping[str, str]
) -> _Listed:
    bundle = engine.traffic.split.bundle_for(user)
    try:
        if fields["bundle"]:
            bundle = _bundle(engine, fields["bundle"])
        ranking = _request(user, history, fields)
        if fields["stage"] == "off":
            bundle = bundle.without_ranking_stage()
        (ranked,) = rank_lists(
            bundle, [ranking], engine.histories, store, engine.clock(), engine.feedback
        )
        if isinstance(ranked, Exception):
            raise ranked
    except PennyweightError as error:
        return bundle.version, "", [], sentence(error)
    failed = f"Not in the catalog: {', '.join(ranked.unknown)[:200]}" if ranked.unknown else ""
    return bundle.version, ranked.source, listed_items(bundle, ranked), failed


def _bundle(engine: Engine, version: str) -> ServedBundle:
    bundles = engine.traffic.split.bundles
    if version not in bundles:
        raise PlanError(
            f"bundle {version!r:.40} is not served; a preview can use {', '.join(bundles)}"
        )
    return bundles[version]


def _request(user: str, history: str, fields: Mapping[str, str]) -> ListRequest:
    if user and history.strip():
        raise DataError("a user and a history exclude each other; clear one of the two")
    items = tuple(line.strip() for line in history.splitlines() if line.strip())
    if len(items) > ITEMS:
        raise DataError(f"the history has {len(items):,} items; at most {ITEMS} are possible")
    return ListRequest(
        user=user or None,
        history=items,
        k=int(_number("k", fields["k"], 1, LONGEST, whole=True)),
        filter=fields["filter"] or None,
        diversity=_number("diversity", fields["diversity"], 0, 1),
        explain=True,
    )


def _number(name: str, text: str, low: float, high: float, *, whole: bool = False) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise DataError(f"{name} is {text!r:.40}; enter a number from {low:g} to {high:g}")
    return value


def _compared(lists: Sequence[_Listed]) -> list[Preview]:
    """Return the lists, with how the places of the second differ from those of the first."""
    places = [{item.id: at for at, item in enumerate(items)} for _, _, items, _ in lists]
    is_pair = len(lists) == 2 and not any(failed and not items for _, _, items, failed in lists)
    results = []
    for number, (version, source, items, failed) in enumerate(lists):
        rows = [
            ChangedItem(item, *(_change(item.id, at, number, places) if is_pair else ("", False)))
            for at, item in enumerate(items)
        ]
        results.append(Preview(version, source, rows, failed))
    return results


def _change(
    item: str, at: int, number: int, places: Sequence[Mapping[str, int]]
) -> tuple[str, bool]:
    other = places[1 - number].get(item)
    if other is None:
        return ("only here", True)
    if other == at:
        return ("same place", False)
    if number == 0:
        return (f"place {other + 1} there", True)
    return (f"up {other - at}" if other > at else f"down {at - other}", True)
