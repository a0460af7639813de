"""Cleaning texts: from what shops export to plain words."""

import ast
import html
import json
import re
import unicodedata
import warnings
from collections.abc import Iterator

__all__ = ["MAX_CHARS", "clean_text", "flatten", "plain_words", "python_literal"]

MAX_CHARS = 4_000

_TAGS = (
    "a abbr article b big blockquote body br center cite code dd del div dl dt em font footer "
    "form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins label li link main meta "
    "nav ol option p pre q s section select small span strike strong sub sup svg table tbody td "
    "tfoot th thead title tr tt u ul video"
).replace(" ", "|")
_MARKUP = re.compile(
    r"<!--.*?-->|<!doctype[^<>]*>|<(script|style)\b[^<>]*>.*?</\1\s*>|</?(?:script|style)\b[^<>]*>"
    rf"|</?(?:{_TAGS})(?:\s[^<>]*)?/?>|</?[a-z][\w:-]*\s[^<>]*=[^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_NESTED_AMP = re.compile(r"&(?:amp;)+(?=#?\w+;)")
# Control characters become spaces, invisible ones (soft hyphen, zero-width space, byte-order
# mark) vanish; the zero-width joiner stays, it holds emoji and Indic letters together.
_INVISIBLE = {code: " " for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc"}
_INVISIBLE |= dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF), "")
_SPLIT = re.compile(r"\s+[>»›/]\s+|\s*\|\s*")


def clean_text(text: str, max_chars: int = MAX_CHARS) -> str:
    """Return plain text of at most `max_chars` characters.

    Entities (also doubly escaped) are resolved, markup and control characters removed,
    whitespace collapsed, Unicode composed (NFC). Cleaning twice changes nothing more.
    """
    # Markup may take most of a field, but a 10 MB one must not cost 10 MB of work.
    text = text[: 16 * max_chars]
    if not (text.isascii() and text.isprintable() and "&" not in text and "<" not in text):
        for _ in range(8):  # what one pass removes may have hidden an entity or a tag
            before, text = text, _clean_once(text)
            if text == before:
                break
    return " ".join(text.split())[:max_chars].rstrip()


def _clean_once(text: str) -> str:
    if "&" in text:
        text = html.unescape(_NESTED_AMP.sub("&", text))
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    return unicodedata.normalize("NFC", text.translate(_INVISIBLE))


def flatten(value: object) -> Iterator[str]:
    """Yield the strings in nested lists and mappings, in order; numbers are left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from flatten(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from flatten(part)


def plain_words(text: str, *, path: bool, max_chars: int = MAX_CHARS) -> str:
    """Return a literal list, or with `path` a path such as ``A > B`` or ``a|b``, as words."""
    if text[:1] in "[{(" and text[-1:] in "]})":
        for parse in (json.loads, python_literal):
            try:
                value = parse(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(value, list | dict | tuple):
                return clean_text(", ".join(dict.fromkeys(flatten(value))), max_chars)
    if path and _SPLIT.search(text):
        return ", ".join(filter(None, _SPLIT.split(text)))[:max_chars]
    return text


def python_literal(text: str) -> object:
    """Return the value of a Python literal; errors as of `ast.literal_eval`."""
    with warnings.catch_warnings():  # "\\d" in a text is no business of the reader
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)
