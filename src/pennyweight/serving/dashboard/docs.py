"""The documentation of the API: its problems, and its routes to try."""

from collections.abc import Mapping

from fastapi import APIRouter, FastAPI, Request, Response

from pennyweight.html.figures import Table
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.http.problems import KINDS, Kind

__all__ = ["PROBLEMS", "docs_routes"]

# Anchor of `KINDS` -> the cause and the remedy.
PROBLEMS: Mapping[str, str] = {
    "unknown-id": "No item, list or bundle has this id. Ids are case-sensitive. GET /v1/bundles "
    "lists the bundles; lists are kept for 30 days.",
    "data": "A value does not match its column, a filter is invalid, or a time lies in the future. "
    "The detail names the column or the position and the expected value.",
    "setting": "The request combines values that exclude each other, such as shares that do not "
    "add up to 1, or asks for a rollback without an earlier bundle. The detail names valid values.",
    "no-experiment": "The request changes or ends an experiment, and none runs. Start one first; "
    "GET /v1/experiments lists those that ended.",
    "experiment-runs": "One experiment runs at a time. Stop it, or promote one of its bundles; "
    "then start the next one.",
    "budget": "Nothing fits into the allowed memory or disk space. The detail names the nearest "
    "candidate; allow more, or ask for less.",
    "bundle": "The folder is not a bundle, is damaged, or comes from a later version. The service "
    "keeps its current bundles; save the bundle again with pennyweight fit.",
    "busy": "The queue is full. The service did nothing; send the same request again after the "
    "seconds in Retry-After.",
    "store": "The disk is full or refuses to write. The service kept nothing of the request; free "
    "disk space, then send the same request again.",
    "read-only": "The disk was full or read-only at the start of the service, so it serves lists "
    "only. Free disk space and restart the service.",
    "unfinished-erasure": "The user is deleted and no list uses the user's events, but the id may "
    "remain in some file. Free disk space and erase the user again; the next start of the service "
    "finishes the erasure too.",
    "invalid-request": "A field is missing, unknown, of a wrong type or out of bounds. errors "
    "names each field and its valid values.",
    "hung-up": "The client closed the connection before the end of the request. Only logs and "
    "metrics report this; send as many bytes as Content-Length announces.",
}
METHODS = ("get", "post", "put", "patch", "delete")


def docs_routes(api: FastAPI) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return page(
            request, "docs.html", {"kinds": _kinds(), "problems": PROBLEMS, "routes": _routes(api)}
        )

    return router


def _kinds() -> list[Kind]:
    return sorted(set(KINDS.values()), key=lambda kind: (kind.status, kind.anchor))


def _routes(api: FastAPI) -> Table:
    """Return the routes for readers without JavaScript."""
    rows = [
        (f"{method.upper()} {path}", str(route.get("description") or route.get("summary", "")))
        for path, methods in api.openapi()["paths"].items()
        for method, route in methods.items()
        if method in METHODS
    ]
    return Table("All routes", ("Route", "Description"), rows)
