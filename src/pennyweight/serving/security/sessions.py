"""Sessions of the dashboard: a browser holds a session token instead of a key."""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import Key, digest_of

__all__ = ["Sessions", "ended_cookie", "session_cookie", "session_token"]

SECONDS = 12 * 3600.0
SESSIONS = 1_000


class _Session(NamedTuple):
    key: str  # its sha256: a new key of the same name is another key
    until: float


class Sessions:
    """Who is logged in, in memory: a restart ends all sessions.

    Only the sha256 of a token is kept. A session ends after `seconds`, when it is closed,
    or when its key is revoked; beyond `sessions` the oldest one ends.

    Parameters
    ----------
    keys
        The keys that can be logged in with.
    clock
        Seconds that only go forward.
    token
        Returns this many random bytes in URL-safe base64.
    seconds
        How long a session lasts.
    sessions
        How many there may be.
    """

    def __init__(
        self,
        keys: KeyRing,
        *,
        clock: Callable[[], float] = time.monotonic,
        token: Callable[[int], str] = secrets.token_urlsafe,
        seconds: float = SECONDS,
        sessions: int = SESSIONS,
    ) -> None:
        self.seconds = seconds
        self._keys = keys
        self._clock = clock
        self._token = token
        self._max_sessions = sessions
        self._open: dict[str, _Session] = {}  # by sha256 of the token, oldest first

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: Key) -> str:
        """Begin a session of a key; return its token, which is kept nowhere."""
        now = self._clock()
        self._open = {name: session for name, session in self._open.items() if session.until > now}
        while len(self._open) >= self._max_sessions:
            del self._open[next(iter(self._open))]
        token = self._token(32)
        self._open[digest_of(token)] = _Session(key.sha256, now + self.seconds)
        return token

    def find(self, token: str) -> Key | None:
        """Return the key of a session, or None where it has ended."""
        # A look-up by digest reveals nothing by its time; see `Keys.of_digest`.
        digest = digest_of(token)
        session = self._open.get(digest)
        if session is None:
            return None
        key = self._keys.of_digest(session.key)
        if key is None or session.until <= self._clock():
            del self._open[digest]
            return None
        return key

    def close(self, token: str) -> None:
        """End a session, if it has not ended."""
        self._open.pop(digest_of(token), None)


def session_cookie(token: str, *, secure: bool, root: str = "", seconds: float = SECONDS) -> str:
    """Return a ``Set-Cookie`` value: no script reads it, no other site sends it.

    Parameters
    ----------
    token
        The token that `Sessions.open` returned.
    secure
        Whether the request came by https: the cookie then returns by https alone, and its
        name keeps other hosts of the domain from setting it.
    root
        The prefix of a proxy; the cookie is sent to paths below it alone.
    seconds
        How long the browser keeps it.
    """
    name, path = _name(secure, root), root or "/"
    cookie = f"{name}={token}; Path={path}; HttpOnly; SameSite=Strict; Max-Age={int(seconds)}"
    return cookie + "; Secure" if secure else cookie


def ended_cookie(*, secure: bool, root: str = "") -> str:
    """Return the ``Set-Cookie`` value that makes a browser forget a session."""
    return session_cookie("", secure=secure, root=root, seconds=0)


def session_token(cookies: str, *, secure: bool, root: str = "") -> str | None:
    """Return the token in a ``Cookie`` header, or None."""
    name = _name(secure, root)
    for part in cookies.split(";"):
        cookie, _, token = part.strip().partition("=")
        if cookie == name and token:
            return token
    return None


def _name(secure: bool, root: str) -> str:
    if not secure:
        return "pennyweight"
    return "__Secure-pennyweight" if root else "__Host-pennyweight"  # __Host- is for / alone
