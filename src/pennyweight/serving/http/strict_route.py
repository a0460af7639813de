"""Routes that refuse ambiguous requests: repeated parameters and unclear content types."""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope

from pennyweight.serving.http.decoding import decode_json
from pennyweight.serving.http.problems import Refusal, field_refusal, invalid_request

__all__ = ["Route"]

LISTS = frozenset(("category",))  # parameters that may be given several times
CATEGORIES = ("/api/recommend/{user_id:path}",)  # a category may follow the id
BODIES = ("POST", "PUT", "PATCH")
LARGE = 8 << 10  # bytes of a body that the event loop has no time to validate


class Route(APIRoute):
    """A route whose parameters and fields are given once, in JSON that is called JSON.

    Large bodies are parsed and validated by the `Worker` of the application's state.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route, which runs after the checks."""
        answer, field = super().get_route_handler(), self.body_field
        slashes = None
        if self.path.endswith(":path}"):
            slashes = self.path.count("/") + (self.path in CATEGORIES)
        parts = self.path.count("/") if slashes is None and "{" in self.path else None

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                _refuse_repeated(request)
            if slashes is not None:
                _refuse_slash(request, slashes)
            if parts is not None:
                _refuse_encoded_slash(request, parts)
            if field is not None and request.method in BODIES:
                _refuse_other_types(request)
                request = _JSONRequest(request.scope, request.receive, field.validate)
            return await answer(request)

        return checked


class _JSONRequest(Request):
    """A request whose JSON is bounded; a large body is validated when it is read."""

    def __init__(self, scope: Scope, receive: Receive, validate: Callable[..., Any]) -> None:
        super().__init__(scope, receive)
        self._validate = validate

    async def json(self) -> Any:  # noqa: ANN401
        """Return the body; `Refusal` where it cannot be read, or is large and not valid."""
        body = await self.body()
        if len(body) <= LARGE:
            return decode_json(body)
        self._body = b""  # it is not read again, and the parsed value takes memory enough

        def validated() -> Any:  # noqa: ANN401
            value, errors = self._validate(decode_json(body), loc=("body",))
            if errors:
                raise invalid_request(errors)
            return value

        # FastAPI validates it once more, which is quick: finished models are not copied.
        return await self.app.state.worker.run(validated)


def _refuse_repeated(request: Request) -> None:
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, n in counts.items():
        if n > 1 and name not in LISTS:
            remedy = "; join filters with and" if name == "filter" else ""
            raise field_refusal(
                f"query.{name[:60]}", f"is repeated {n:,} times; send it once{remedy}"
            )


def _refuse_slash(request: Request, slashes: int) -> None:
    """Refuse a bare slash after the start of an id: one that belongs to the id is written %2F.

    Else the next part of another service's path, such as a category, would count as id.
    """
    raw = _raw_path(request)
    if raw is not None and raw.count(b"/") > slashes:
        raise Refusal(
            404,
            "the path goes on after the id; write %2F for a / that is part of it, "
            "and leave out any other",
        )


def _refuse_encoded_slash(request: Request, slashes: int) -> None:
    """Refuse an id with a slash where a part of the path follows it: it would be cut there."""
    raw = _raw_path(request)
    if raw is not None and raw.count(b"/") < slashes:
        raise Refusal(404, "an id with a / cannot be used in this path; use a route under /v1")


def _raw_path(request: Request) -> bytes | None:
    raw: bytes | None = request.scope.get("raw_path")
    root = str(request.scope.get("root_path", "")).encode()
    return None if raw is None else raw.removeprefix(root)


def _refuse_other_types(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and "+json" in kind):
        problem = f"is {kind[:60]!r}" if kind else "is missing"
        raise Refusal(
            415,
            f"the Content-Type {problem}; send JSON with the header Content-Type: application/json",
        )
