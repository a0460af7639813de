"""Messages on invalid values in plain words, from the errors of pydantic."""

from collections.abc import Mapping
from typing import Any

__all__ = ["plain_words"]

# By the names that pydantic gives its errors; fields in braces are of their context.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is unknown here",
    "string_type": "must be text",
    "string_unicode": "must be text in Unicode",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "none_required": "must be null",
    "greater_than": "must be above {gt:,.12g}",
    "greater_than_equal": "must be {ge:,.12g} or more",
    "less_than": "must be below {lt:,.12g}",
    "less_than_equal": "must be {le:,.12g} or less",
    "string_too_short": "must have {min_length:,} characters or more",
    "string_too_long": "must have {max_length:,} characters at most",
    "too_short": "must have {min_length:,} values or more",
    "too_long": "must have {max_length:,} values at most",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_pattern_mismatch": "must look like {pattern}",
    "json_invalid": "is no JSON",
    "json_type": "must be JSON",
}
_MARKS = ("Value error, ", "Assertion failed, ")  # before the messages of own validators


def plain_words(error: Mapping[str, Any]) -> str:
    """Return one sentence without its subject, such as ``must be a whole number``.

    Parameters
    ----------
    error
        One of ``ValidationError.errors()``, with its context.
    """
    kind, context = error["type"], error.get("ctx") or {}
    if kind in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "must not be empty"
    if kind == "extra_forbidden" and "nearest" in context:
        return f"is unknown here; did you mean {context['nearest']!r}?"
    if kind == "finite_number" and context.get("range"):
        return f"must be a finite number, {context['range']}"
    words = _WORDS.get(kind)
    if words is not None:
        try:
            return words.format(**context)
        except (KeyError, ValueError, IndexError):
            pass  # without its context, which another version may name otherwise
    message = str(error["msg"])
    for mark in _MARKS:
        message = message.removeprefix(mark)
    return message.replace("Input should be", "must be").replace("Input should", "must")
