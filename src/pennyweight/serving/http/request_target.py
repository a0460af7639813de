"""Limits of the request target: text in UTF-8, few parameters."""

import re
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from pennyweight.serving.http.problems import Refusal, field_refusal

__all__ = ["MAX_PARAMETERS", "check_target"]

MAX_PARAMETERS = 200

_CONTROL = re.compile(rb"[\x00-\x1f]")


def check_target(scope: Scope) -> None:
    """Refuse a path or a query that is not UTF-8 text, and a query of too many parameters.

    The server replaces bytes that are not UTF-8, so that different ids would become one, and
    patterns of routes leave a line break at the end out.
    """
    query: bytes = scope.get("query_string") or b""
    if query:
        if query.count(b"&") >= MAX_PARAMETERS:
            raise Refusal(400, f"the query has more than {MAX_PARAMETERS} parameters; send fewer")
        _check_text(query, "query")
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw and _CONTROL.search(_check_text(raw, "path")):
        raise field_refusal("path", "contains control characters; remove them")


def _check_text(encoded: bytes, field: str) -> bytes:
    if encoded.isascii() and b"%" not in encoded:
        return encoded
    text = unquote_to_bytes(encoded)
    try:
        text.decode()
    except UnicodeDecodeError:
        raise field_refusal(field, "is not in UTF-8; percent-encode the bytes of UTF-8") from None
    return text
