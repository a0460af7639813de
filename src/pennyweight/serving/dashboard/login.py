"""A key once, then a session."""

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from pennyweight.serving.dashboard.forms import read_form, see
from pennyweight.serving.dashboard.layout import html, page_router
from pennyweight.serving.dashboard.static import static_url
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
    async def form() -> Response:
        return see("/") if sessions is None else HTMLResponse(_page(sessions))

    @router.post("/login")
    async def login(request: Request) -> Response:
        if keys is None or sessions is None:
            return see("/")
        key = keys.find((await read_form(request)).get("key", "").strip())
        if key is None:
            return HTMLResponse(_page(sessions, "The key is not known here."), 401, CHALLENGE)
        if not key.may("admin"):
            told = f"The key {key.name} lacks the scope admin, which the dashboard needs."
            return HTMLResponse(_page(sessions, told), 403)
        secure, root = _asked_by(request)
        cookie = session_cookie(
            sessions.open(key), secure=secure, root=root, seconds=sessions.seconds
        )
        return see("/", headers={"Set-Cookie": cookie})

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        if sessions is None:
            return see("/")
        secure, root = _asked_by(request)
        token = session_token(request.headers.get("cookie", ""), secure=secure, root=root)
        if token is not None:
            sessions.close(token)
        return see("/login", headers={"Set-Cookie": ended_cookie(secure=secure, root=root)})

    return router


def _asked_by(request: Request) -> tuple[bool, str]:
    """Return whether a request came by https, and below which prefix."""
    return request.scope["scheme"] == "https", request.scope.get("root_path", "")


def _page(sessions: Sessions, failed: str = "") -> str:
    told = f'<p class="told failed" role="alert">{escape(failed)}</p>' if failed else ""
    return html(
        "Log in",
        '<main class="login" id="main">'
        f'<img src="{static_url("icon.svg")}" alt="" width="48" height="48"><h1>Pennyweight</h1>'
        f'{told}<form method="post" action="/login"><label for="key">Key with the scope admin'
        '</label><input id="key" name="key" type="password" autocomplete="current-password" '
        'required autofocus spellcheck="false"><button>Log in</button></form>'
        '<p class="note">Keys are made with <code>pennyweight keys create --scope admin</code>. '
        f"A session lasts {sessions.seconds / 3_600:g} hours.</p></main>",
    )
