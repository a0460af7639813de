"""Search for items by words."""

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.lists import listed_items
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest

__all__ = ["search_routes"]

LISTED, LONGEST = 20, 4_000  # items; characters


def search_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/search")
    async def search(request: Request, q: str = "") -> Response:
        if not q.strip():
            return page(request, "search.html", {"query": q, "items": None})
        bundle = engine.traffic_split.primary
        ranking = ListRequest(text=q[:LONGEST], k=LISTED, exclude_seen=False, explain=True)
        ranked = await engine.lists.submit(bundle, ranking)
        return page(
            request,
            "search.html",
            {
                "query": q,
                "is_id": q in bundle.catalog.ids,
                "source": ranked.source,
                "items": listed_items(bundle, ranked),
            },
        )

    return router
