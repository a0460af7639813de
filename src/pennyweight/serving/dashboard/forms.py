"""What a browser sends with a form, and what is answered to it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response

from pennyweight.serving.http.problems import Refusal

__all__ = ["actor", "given", "read_form", "see"]

FIELDS = 20
FORM_BYTES = 64 << 10


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; of one name the last counts.

    Raises
    ------
    Refusal
        No form of this service.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refusal(415, "send the form as application/x-www-form-urlencoded")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            raise Refusal(413, f"the form is larger than {FORM_BYTES:,} bytes")
    try:
        text = body.decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS))
    except ValueError:
        raise Refusal(400, "the form cannot be read; load the page anew") from None


def given(form: Mapping[str, str], name: str) -> str:
    """Return a field; `Refusal` where it is empty."""
    value = form.get(name, "").strip()
    if not value:
        raise Refusal(422, f"the field {name} is empty; fill it in")
    return value


def see(
    path: str, query: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer that leads to a page, which can be loaded again without harm."""
    location = f"{path}?{urlencode(query)}" if query else path
    return Response(status_code=303, headers={"Location": location, **(headers or {})})


def actor(request: Request) -> str:
    """Return who asks, for the audit."""
    key = getattr(request.state, "key", None)
    return "local" if key is None else str(key.name)
