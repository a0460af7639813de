"""Requests read once and for all: what is said twice, or cannot be told apart, is refused."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from pennyweight.serve.problems import Refusal

__all__ = ["Route"]

LISTS = frozenset(("category",))  # parameters that may be given several times
BODIES = ("POST", "PUT", "PATCH")


class Route(APIRoute):
    """A route whose parameters and fields are given once, in JSON that is called JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request, after the checks."""
        answer, has_body = super().get_route_handler(), self.body_field is not None
        ends_in_id = self.path.endswith(":path}")

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                _refuse_repeated(request)
            if ends_in_id:
                _refuse_slash(request)
            if has_body and request.method in BODIES:
                _refuse_other_types(request)
                request = _Once(request.scope, request.receive)
            return await answer(request)

        return checked


class _Once(Request):
    """A request whose JSON has each name of an object once, and finite numbers."""

    async def json(self) -> Any:  # noqa: ANN401
        """Return the body; `Refusal` where it is not UTF-8, or names a field twice."""
        body = await self.body()
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _refusal("body", f"is not in UTF-8 (byte {error.start:,}); send it so") from None
        try:
            return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        except RecursionError:
            raise _refusal("body", "is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise _refusal("body", f"has the name {name[:60]!r} twice in one object; give it once")
    return found


def _constant(name: str) -> float:
    raise _refusal("body", f"is no JSON: {name} is no number there; leave the field out")


def _refuse_repeated(request: Request) -> None:
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, n in counts.items():
        if n > 1 and name not in LISTS:
            remedy = "; join filters with and" if name == "filter" else ""
            raise _refusal(f"query.{name[:60]}", f"is given {n:,} times; give it once{remedy}")


def _refuse_slash(request: Request) -> None:
    """Refuse a path that ends in a bare slash: one that belongs to an id is written %2F."""
    raw = request.scope.get("raw_path") or b""
    if raw.endswith(b"/") and request.url.path.endswith("/"):
        raise Refusal(404, "the path ends in /; leave it out, or write %2F where the id ends so")


def _refuse_other_types(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and "+json" in kind):
        shown = f"is {kind[:60]!r}" if kind else "is missing"
        raise Refusal(415, f"the Content-Type {shown}; send JSON with the header "
                           "Content-Type: application/json")  # fmt: skip


def _refusal(field: str, message: str) -> Refusal:
    return Refusal(422, f"{field} {message}", errors=({"field": field, "message": message},))
