"""The documentation of the API: problems and routes in plain words, and a page to try them."""

from collections.abc import Iterator, Mapping
from html import escape

from fastapi import APIRouter, FastAPI, Request, Response

from pennyweight.html.charts import table
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.http.problems import KINDS, Kind

__all__ = ["PROBLEMS", "docs_routes"]

# By the anchors of `KINDS`: what it means, and how to mend it.
PROBLEMS: Mapping[str, str] = {
    "unknown-id": "No item, list or bundle has this id. Ids are compared letter by letter; "
    "GET /v1/bundles lists the bundles, and lists are kept for 30 days.",
    "data": "A value does not suit its column, a filter cannot be read, or a time lies in the "
    "future. The detail names the column or the place; send what it expects.",
    "setting": "What is asked for cannot be combined, such as shares that do not add up to 1, or "
    "there is nothing to roll back to. The detail says what can be.",
    "budget": "Nothing fits into the memory or the disk that is allowed. The detail names what "
    "came nearest; allow more, or ask for less.",
    "bundle": "The folder is no bundle, is damaged, or was made by a later version. What is "
    "served stays as it is; save the bundle again with pennyweight fit.",
    "busy": "More requests wait than the service takes on. Nothing was done; send the same again "
    "after the seconds in Retry-After.",
    "store": "The disk is full or refuses to write. Nothing of the request was kept; make room, "
    "then send the same again.",
    "read-only": "The disk was full or read-only when the service started, so that it only gives "
    "lists. Make room, and start it again.",
    "unfinished-erasure": "The user is deleted and no list rests on the user, but the disk kept "
    "the id from being overwritten everywhere. Make room and erase the user again; the next start "
    "of the service finishes it too.",
    "invalid-request": "A field is missing, unknown, of another type or out of bounds. errors "
    "names each field and what it must be.",
    "hung-up": "The client closed the connection before the request was whole. It is told to logs "
    "and metrics alone; send all that Content-Length announces.",
}
METHODS = ("get", "post", "put", "patch", "delete")


def docs_routes(api: FastAPI) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        parts = [
            '<p>JSON over HTTP. <a href="#try">All routes</a>, to be tried here; '
            '<a href="#problems">problems</a> and what to do about them; the description for '
            'programs is <a href="/openapi.json">openapi.json</a>.</p>',
            f'<section id="problems"><h2>Problems</h2>{_problems()}</section>',
            f'<section id="try"><h2>Routes</h2><div id="swagger">{_routes(api)}</div></section>',
        ]
        return page(request, "API", parts)

    return router


def _problems() -> str:
    rows = "".join(
        f'<div id="{kind.anchor}"><dt>{escape(kind.title)} <span>{kind.status}</span></dt>'
        f"<dd>{escape(PROBLEMS[kind.anchor])}</dd></div>"
        for kind in _kinds()
    )
    return (
        '<p class="note">An answer that is no success is application/problem+json; its type '
        "names one of these.</p>"
        f'<dl class="problems">{rows}</dl>'
    )


def _kinds() -> Iterator[Kind]:
    return iter(sorted(set(KINDS.values()), key=lambda kind: (kind.status, kind.anchor)))


def _routes(api: FastAPI) -> str:
    """Return what is read where no script runs."""
    rows = [
        (f"{method.upper()} {path}", str(told.get("description") or told.get("summary", "")))
        for path, methods in api.openapi()["paths"].items()
        for method, told in methods.items()
        if method in METHODS
    ]
    return table("All routes", ("Route", "What it does"), rows)
