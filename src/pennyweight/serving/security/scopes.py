"""The scope that a request needs: one table for paths, and a check for users in bodies."""

from collections.abc import Mapping

from starlette.requests import Request

from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.security.keys import Key, Scope

__all__ = ["CHALLENGE", "check_user", "is_health", "missing_scope", "needed_scope"]

CHALLENGE = 'Bearer realm="pennyweight"'

Rule = Mapping[str, Scope]  # by method; another method needs `admin`

# Lists from data that the caller sends. A body may still name a user: its route then asks
# for `read`, see `check_user`.
SESSION: Rule = {"GET": "session", "HEAD": "session", "POST": "session"}
ASKING: Rule = {"GET": "read", "HEAD": "read", "POST": "read"}
LOOKING: Rule = {"GET": "read", "HEAD": "read"}
TELLING: Rule = {"POST": "events"}

OPEN = frozenset(("/login", "/logout"))
HEALTH = frozenset(("/health/live", "/health/ready"))
# A path as a whole; paths below it are another matter.
EXACT: Mapping[str, Rule] = {
    "/v1/recommend": SESSION,
    "/v1/search": SESSION,
    "/v1/rank": SESSION,
    "/v1/version": SESSION,
    "/api/session/recommend": SESSION,
}
# A path, or its beginning up to a slash or a colon: /v1/events also is /v1/events/… and
# /v1/events:…, but not /v1/events-of-others.
RULES: Mapping[str, Rule] = {
    "/v1/recommend": ASKING,
    "/v1/popular": SESSION,
    "/v1/latest": SESSION,
    "/v1/similar": SESSION,
    "/v1/explain": ASKING,
    "/v1/events": TELLING,
    "/v1/items": LOOKING,
    "/docs": ASKING,
    "/openapi.json": ASKING,
    # As Gorse calls them.
    "/api/recommend": ASKING,
    "/api/item-to-item": SESSION,
    "/api/item": LOOKING,
    "/api/items": LOOKING,
    "/api/feedback": {"POST": "events", "PUT": "events"},
}


def is_health(path: str) -> bool:
    """Return whether a path is a health check, which needs no key."""
    return path in HEALTH or path.startswith("/api/health/")


def needed_scope(method: str, path: str) -> Scope | None:
    """Return the scope that a request needs, or None if it needs no key.

    Paths outside the table need ``admin``: a new route is closed until it is opened here.
    """
    if path in OPEN or path.startswith("/static/") or is_health(path):
        return None
    rule = EXACT.get(path) or RULES.get(path) or _family(path)
    return "admin" if rule is None else rule.get(method, "admin")


def _family(path: str) -> Rule | None:
    parts = path.split("/", 3)  # "", "v1", "items", …
    two = "/".join(parts[:3]).partition(":")[0]
    return RULES.get(two) or RULES.get("/" + parts[1] if len(parts) > 1 else path)


def check_user(request: Request, user: str | None) -> None:
    """Refuse a list of a user to a key that may only send histories (scope ``session``).

    A list leaves out the history of its user, and so gives it away.
    """
    if user is None:
        return
    key: Key | None = request.scope.get("state", {}).get("key")  # None: the service has no keys
    if key is not None and not key.may("read"):
        raise missing_scope(key, "read", "to name a user_id")


def missing_scope(key: Key, needed: Scope, purpose: str = "") -> Refusal:
    """Return the refusal of a key without a scope."""
    suffix = f" {purpose}" if purpose else ""
    return Refusal(
        403,
        f"the key {key.name!r} lacks the scope {needed!r}{suffix}; "
        f"create another with `pennyweight keys create --scope {needed}`",
        {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{needed}"'},
    )
