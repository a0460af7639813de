"""The login: a key once, then a session."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from pennyweight.serving.dashboard.forms import read_form, redirect
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.sessions import (
    Sessions,
    ended_cookie,
    session_cookie,
    session_token,
)

__all__ = ["login_routes"]

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pennyweight"'}


def login_routes(keys: KeyRing | None, sessions: Sessions | None) -> APIRouter:
    """Return the routes; without keys they lead to the overview."""
    router = page_router()

    @router.get("/login")
    async def form(request: Request) -> Response:
        return redirect("/") if sessions is None else _page(request, sessions)

    @router.post("/login")
    async def login(request: Request) -> Response:
        if keys is None or sessions is None:
            return redirect("/")
        key = keys.find((await read_form(request)).get("key", "").strip())
        if key is None:
            failed = "Unknown key."
            return _page(request, sessions, failed=failed, status=401, headers=CHALLENGE)
        if not key.may("admin"):
            failed = f"The key {key.name} lacks the scope admin, which the dashboard needs."
            return _page(request, sessions, failed=failed, status=403)
        secure, root = _scheme_and_prefix(request)
        cookie = session_cookie(
            sessions.open(key), secure=secure, root=root, seconds=sessions.seconds
        )
        return redirect("/", headers={"Set-Cookie": cookie})

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        if sessions is None:
            return redirect("/")
        secure, root = _scheme_and_prefix(request)
        token = session_token(request.headers.get("cookie", ""), secure=secure, root=root)
        if token is not None:
            sessions.close(token)
        return redirect("/login", headers={"Set-Cookie": ended_cookie(secure=secure, root=root)})

    return router


def _scheme_and_prefix(request: Request) -> tuple[bool, str]:
    """Return whether a request came by https, and below which prefix."""
    return request.scope["scheme"] == "https", request.scope.get("root_path", "")


def _page(
    request: Request,
    sessions: Sessions,
    *,
    failed: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    hours = sessions.seconds / 3_600
    return page(
        request,
        "login.html",
        {"hours": f"{hours:g}"},
        failed=failed,
        status=status,
        headers=headers,
    )
