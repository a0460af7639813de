"""Forms of a browser and the redirects that answer them."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response

from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.security.actor import actor

__all__ = ["actor", "read_form", "redirect", "required"]

FIELDS = 20
FORM_BYTES = 64 << 10


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; the last of several fields with one name.

    Raises
    ------
    Refusal
        The request holds no form, or one that is too large or malformed.
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
        raise Refusal(400, "the form is malformed; reload the page") from None


def required(form: Mapping[str, str], name: str) -> str:
    """Return a field; `Refusal` if it is empty."""
    value = form.get(name, "").strip()
    if not value:
        raise Refusal(422, f"the field {name} is empty; fill it in")
    return value


def redirect(
    path: str, query: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a redirect to a page, which a reload requests without a second action."""
    location = f"{path}?{urlencode(query)}" if query else path
    return Response(status_code=303, headers={"Location": location, **(headers or {})})
