"""JSON of a request: counted before it is parsed, so that no body costs more than its share."""

import json
import re
from collections import Counter
from typing import Any

from pennyweight.serving.http.problems import field_refusal

__all__ = ["MAX_NAMES", "MAX_VALUES", "decode_json"]

MAX_VALUES = 50_000  # in one body
MAX_NAMES = 1_000  # in one object
MAX_DIGITS = 1_000  # of a whole number
SLICE = 64 << 10  # bytes that one regular expression looks at before other threads have a turn

# The start of a value, and of a string, inside of which no value starts.
_TOKENS = re.compile(rb'[\[{,]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
# The longest start of a text without half of a surrogate pair; no escape is cut in two.
_NO_HALF_PAIRS = re.compile(
    rb"""(?:[^\\]++
      | \\[^u]
      | \\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}
      | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+""",
    re.VERBOSE | re.DOTALL,
)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def decode_json(body: bytes) -> Any:  # noqa: ANN401
    """Return the value of a body.

    Raises
    ------
    Refusal
        More than `MAX_VALUES` values, more than `MAX_NAMES` names in an object, a name twice,
        text that is not UTF-8 or holds half of a surrogate pair, a number of too many digits.
    json.JSONDecodeError
        No JSON.
    """
    if count_values(body, MAX_VALUES) > MAX_VALUES:
        raise field_refusal("body", f"has more than {MAX_VALUES:,} values; send fewer at a time")
    _refuse_half_pairs(body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise field_refusal(
            "body", f"is not UTF-8 (byte {error.start:,}); encode it as UTF-8"
        ) from None
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise field_refusal("body", "is nested too deeply") from None


def count_values(body: bytes, limit: int) -> int:
    """Return an upper bound of the number of values in JSON; above `limit`, it has more values.

    A result up to `limit` may be too high, never too low.
    """
    if len(body) <= limit:
        return len(body)
    bound = 1 + body.count(b",") + body.count(b"[") + body.count(b"{")
    if bound <= limit:
        return bound
    # Texts have commas too: count again without them.
    values, strings = 1, 0
    for token in _TOKENS.finditer(body):
        if body[token.start()] == 0x22:
            strings += 1
        else:
            values += 1
        if values > limit or strings > 2 * limit:
            return limit + 1
    return values


def _refuse_half_pairs(body: bytes) -> None:
    """Refuse JSON that writes half of a surrogate pair: a text no other program could read."""
    at = 0 if _HALF.search(body) else len(body)
    while at < len(body):
        end = _NO_HALF_PAIRS.match(body, at, at + SLICE).end()  # type: ignore[union-attr]
        if end == at:
            if _HALF.match(body, at):
                raise field_refusal(
                    "body", f"contains a lone surrogate (byte {at:,}); send complete characters"
                )
            return  # no JSON, which the parser reports
        at = end


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_NAMES:
        raise field_refusal(
            "body", f"has an object with {len(pairs):,} names; at most {MAX_NAMES:,} are allowed"
        )
    values = dict(pairs)
    if len(values) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise field_refusal("body", f"has the name {name[:60]!r} twice in one object; give it once")
    return values


def _constant(name: str) -> float:
    raise field_refusal("body", f"is not JSON: {name} is not a JSON number; leave the field out")


def _integer(digits: str) -> int:
    """Return a whole number; a long one takes time by the square of its length."""
    if len(digits) > MAX_DIGITS:
        raise field_refusal("body", f"has a number with more than {MAX_DIGITS:,} digits")
    return int(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
)  # made once, which takes longer than to read a small body
