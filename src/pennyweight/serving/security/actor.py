"""The name of a caller, for the audit."""

from starlette.requests import Request

__all__ = ["actor"]


def actor(request: Request) -> str:
    """Return the name of the key of a request, or "local" without keys."""
    key = getattr(request.state, "key", None)
    return "local" if key is None else str(key.name)
