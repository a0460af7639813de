"""Cleaning texts: from the markup of shop exports to plain words."""

import ast
import html
import json
import re
import unicodedata
import warnings
from collections.abc import Iterator

__all__ = ["MAX_CHARS", "clean_text", "flatten", "path_names", "plain_words", "python_literal"]

MAX_CHARS = 4_000

_TAGS = (
    "a abbr article b big blockquote body br center cite code dd del div dl dt em font footer "
    "form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins label li link main meta "
    "nav ol option p pre q s section select small span strike strong sub sup svg table tbody td "
    "tfoot th thead title tr tt u ul video"
).replace(" ", "|")
_MARKUP = re.compile(
    r"(?P<comment><!--)|<!doctype[^<>]*>|<(?P<dark>script|style)\b[^<>]*>|</(?:script|style)\b[^<>]*>"
    rf"|</?(?:{_TAGS})(?:\s[^<>]*)?/?>|</?[a-z][\w:-]*\s[^<>=]*=[^<>]*>",
    re.IGNORECASE,
)
# The ends of elements that a reader of the page does not see.
_ENDS = {
    "comment": re.compile("-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{100,};?")  # Python parses no longer number
_NESTED_AMP = re.compile(r"&(?:amp;)+(?=#?\w+;)")
# Control characters become spaces, invisible ones (soft hyphen, zero-width space, byte-order
# mark) vanish; the zero-width joiner stays, it holds emoji and Indic letters together.
_INVISIBLE = {code: " " for code in range(0xA0) if unicodedata.category(chr(code)) == "Cc"}
_INVISIBLE |= dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF), "")
MAX_MARKS = 30
_MANY_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{MAX_MARKS + 1},}}")  # a mark is no letter
_SPLIT = re.compile(r"\s+[>»›/]\s+|\s*\|\s*")


def clean_text(text: str, max_chars: int = MAX_CHARS) -> str:
    """Return plain text of at most `max_chars` characters.

    Entities (also doubly escaped) are resolved, markup and control characters removed,
    whitespace collapsed, Unicode composed (NFC). Cleaning twice changes nothing more.
    """
    # Markup may take most of a field, but a 10 MB one must not cost 10 MB of work.
    text = text[: 16 * max_chars]
    if not (text.isascii() and text.isprintable() and "&" not in text and "<" not in text):
        for _ in range(8):  # a removed tag or entity may have hidden another
            before, text = text, _clean_once(text)
            if text == before:
                break
    return " ".join(text.split())[:max_chars].rstrip()


def _clean_once(text: str) -> str:
    if "&" in text:
        text = html.unescape(_LONG_REFERENCE.sub("\ufffd", _NESTED_AMP.sub("&", text)))
    if "<" in text:
        text = _without_markup(text)
    text = _MANY_MARKS.sub(_few_marks, text.translate(_INVISIBLE))
    return unicodedata.normalize("NFC", text)


def _few_marks(match: re.Match[str]) -> str:
    """Drop combining marks after the thirtieth on one letter, as Unicode's Stream-Safe Format.

    Composition takes quadratic time in their number.
    """
    characters, marks = [], 0
    for character in match.group():
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MAX_MARKS:
            characters.append(character)
    return "".join(characters)


def _without_markup(text: str) -> str:
    """Return a text without tags, comments and scripts, in linear time."""
    parts, at, position = [], 0, 0  # the text is copied up to `at`, and searched up to `position`
    endless: set[str] = set()  # elements without an end further on: no second search
    while (match := _MARKUP.search(text, position)) is not None:
        kind = "comment" if match["comment"] else (match["dark"] or "").lower()
        position = match.end()
        if kind:
            end = None if kind in endless else _ENDS[kind].search(text, position)
            if end is not None:
                position = end.end()
            else:
                endless.add(kind)
                if kind == "comment":
                    continue  # plain text
        parts.append(text[at : match.start()])
        at = position
    return " ".join([*parts, text[at:]])


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
        return ", ".join(path_names(text))[:max_chars]
    return text


def path_names(text: str) -> list[str]:
    """Return the names of a path such as ``A > B`` or ``a|b``; those of one name, this name."""
    return list(filter(None, _SPLIT.split(text)))


def python_literal(text: str) -> object:
    """Return the value of a Python literal; errors as of `ast.literal_eval`."""
    with warnings.catch_warnings():  # "\\d" in a text is no fault of the table
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)
