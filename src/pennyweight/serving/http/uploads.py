"""The one path that takes a file, whose bounds are wider than those of other bodies."""

from starlette.types import Scope

from pennyweight.serving.http.proxies import path_below

__all__ = ["UPLOAD", "UPLOAD_BYTES", "UPLOAD_SECONDS", "is_upload"]

UPLOAD = "/dashboard/import"
UPLOAD_BYTES = 64 << 20  # with the other fields of the form
UPLOAD_SECONDS = 600.0  # for the whole file


def is_upload(scope: Scope) -> bool:
    """Return whether a request sends a file; its application writes it to disk as it comes."""
    return scope["method"] == "POST" and path_below(scope) == UPLOAD
