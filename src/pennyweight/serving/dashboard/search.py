"""Finding items by words, as those who use the service find them."""

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.components import ask_form, item_link
from pennyweight.serving.dashboard.explanations import reasoned_table
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.lists import ListRequest

__all__ = ["search_routes"]

HERE = "/dashboard/search"
LISTED, LONGEST = 20, 4_000  # items; characters


def search_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get(HERE)
    async def search(request: Request, q: str = "") -> Response:
        form = ask_form(HERE, "Words", "q", q, button="Search")
        if not q.strip():
            note = '<p class="note">What items say is searched, by words or by meaning.</p>'
            return page(request, "Search", [form, note])
        shelf = engine.traffic_split.primary
        exact = f"<p>An item has this id: {item_link(q)}</p>" if q in shelf.catalog.ids else ""
        wanted = ListRequest(text=q[:LONGEST], k=LISTED, exclude_seen=False, explain=True)
        found = await engine.ask(shelf, wanted)
        told = ""
        if found.source == "popularity":
            told = '<p class="note">No word is known here: the list is of what is popular.</p>'
        return page(
            request, "Search", [form, exact, told, reasoned_table(shelf, found, "Best first")]
        )

    return router
