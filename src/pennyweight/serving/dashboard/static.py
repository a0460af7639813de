"""Styles, scripts and images, named by their content, so that browsers can cache them."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import NamedTuple

from fastapi import APIRouter, Response

from pennyweight.serving.http.problems import Refusal

__all__ = ["static_routes", "static_url"]

OWN = "pennyweight.serving.dashboard", "static"
PLACES: Mapping[str, tuple[str, ...]] = {
    "page.css": ("pennyweight.html", "templates"),
    "dashboard.css": OWN,
    "docs.css": OWN,
    "docs.js": OWN,
    "icon.svg": OWN,
    "refresh.js": OWN,
    "swagger-ui-bundle.js": (*OWN, "swagger-ui"),
    "swagger-ui.css": (*OWN, "swagger-ui"),
}
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
CACHED = {"Cache-Control": "public, max-age=31536000, immutable"}
DIGITS = 12  # of the sha256


class _File(NamedTuple):
    content: bytes
    stamp: str


@cache
def _file(name: str) -> _File:
    package, *folders = PLACES[name]
    content = resources.files(package).joinpath(*folders, name).read_bytes()
    return _File(content, sha256(content).hexdigest()[:DIGITS])


def static_url(name: str) -> str:
    """Return the address of a file, which changes with its content."""
    return f"/static/{_file(name).stamp}/{name}"


def static_routes() -> APIRouter:
    """Return the route of the files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{stamp}/{name}")
    async def static(stamp: str, name: str) -> Response:
        if name not in PLACES or _file(name).stamp != stamp:
            raise Refusal(404, "unknown file in this version; reload the page")
        kind = TYPES[name.rpartition(".")[2]]
        return Response(_file(name).content, media_type=kind, headers=CACHED)

    return router
