"""The words of a filter expression, and errors that point at one of them."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pennyweight.errors import DataError

__all__ = ["Token", "fail", "tokenize"]

MAX_LENGTH = 10_000
MAX_DIGITS = 1_000  # of a whole number, leading zeros too: Python reads no more than 4,300
KEYWORDS = ("and", "or", "not", "in", "has", "contains", "is", "null")
CONSTANTS = {"true": True, "false": False}
ESCAPES = {"n": "\n", "t": "\t"}

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>-?(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?\d++)?+(?!\w))
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<quoted>`[^`]+`)
      | (?P<word>[^\W\d](?:\w|[\u0300-\u036f])*)
      | (?P<symbol>==|!=|<=|>=|[<>()\[\],])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A token of an expression: its kind, its value, its text and its position."""

    kind: Literal["value", "column", "word", "symbol", "end"]
    value: Any
    text: str
    start: int


def fail(text: str, at: int, message: str) -> NoReturn:
    """Raise a `DataError` that shows the place with a caret."""
    # Around the place only, on one line, so that the caret stays under it.
    first = max(0, at - 60)
    excerpt = re.sub(r"\s", " ", text[first : at + 60])
    raise DataError(f"filter: {message}\n  {excerpt}\n  {' ' * (at - first)}^")


def tokenize(text: str) -> list[Token]:
    """Cut an expression into tokens, an end token last; `DataError` where it has none."""
    if len(text) > MAX_LENGTH:
        raise DataError(f"filter: {len(text):,} characters; at most {MAX_LENGTH:,}")
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            fail(text, at, _unreadable(text[at:]))
        if match.lastgroup != "space":
            tokens.append(_token(text, match))
        at = match.end()
    return [*tokens, Token("end", None, "", len(text))]


def _unreadable(tail: str) -> str:
    if tail[0] in "\"'`":
        return f"the quote {tail[0]} is not closed"
    if tail[0] == "=":
        return "equality is written =="
    return f"cannot read {tail[0]!r}"


def _token(text: str, match: re.Match[str]) -> Token:
    written, start = match.group(), match.start()
    if match.lastgroup == "number":
        return Token("value", _number(written), written, start)
    if match.lastgroup == "string":
        return Token("value", _unescaped(text, match), written, start)
    if match.lastgroup == "quoted":
        return Token("column", written[1:-1], written, start)
    if match.lastgroup == "word" and written.lower() in CONSTANTS:
        return Token("value", CONSTANTS[written.lower()], written, start)
    if match.lastgroup == "word" and written.lower() not in KEYWORDS:
        return Token("column", written, written, start)
    kind: Literal["word", "symbol"] = "word" if match.lastgroup == "word" else "symbol"
    return Token(kind, written.lower(), written, start)


def _number(written: str) -> int | float:
    value = float(written)  # infinite beyond 1e308, and compared as that
    if re.search("[.eE]", written) or len(written) > MAX_DIGITS:
        return value
    integer = int(written)  # past 64 bits polars has no whole numbers to compare with
    return integer if abs(integer) < 2**63 else value


def _unescaped(text: str, match: re.Match[str]) -> str:
    def unescape(escape: re.Match[str]) -> str:
        letter = escape.group(1)
        if letter not in ("\\", '"', "'", *ESCAPES):
            fail(text, match.start() + 1 + escape.start(), f"unknown escape \\{letter}")
        return ESCAPES.get(letter, letter)

    value = re.sub(r"\\(.)", unescape, match.group()[1:-1], flags=re.DOTALL)
    value = unicodedata.normalize("NFC", value)  # as cleaning writes attributes
    try:
        value.encode()
    except UnicodeEncodeError:
        fail(text, match.start(), "a text that is not Unicode")
    return value
