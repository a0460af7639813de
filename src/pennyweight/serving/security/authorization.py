"""Permissions that depend on the body: only the route knows the user whom it names."""

from starlette.requests import Request

from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.security.keys import Key, Scope

__all__ = ["CHALLENGE", "check_user", "missing_scope"]

CHALLENGE = 'Bearer realm="pennyweight"'


def check_user(request: Request, user: str | None) -> None:
    """Refuse a list of a user to a key that may only send histories (scope ``session``).

    A list leaves out what its user has had, so lists of a user give that history away.
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
