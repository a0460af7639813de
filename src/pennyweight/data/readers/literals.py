"""Values as Python and the MongoDB shell print them, which are no JSON."""

import ast
import datetime
import re
import warnings
from typing import Any

__all__ = ["LONGEST_LITERAL", "python_value", "without_calls"]

LONGEST_LITERAL = 1 << 20  # characters; Python's parser needs some hundred bytes for each
_SHELL = re.compile(
    r"\b(?:new )?(?:ObjectId|ISODate|NumberLong|NumberInt|NumberDecimal|Date|Timestamp|UUID)"
    r"""\(\s*("[^"\\]*"|'[^'\\]*'|-?[\d.]+)?\s*\)"""
)
_NUMPY_PART = r"""(?:'[^']*'|"[^"]*"|[^\s,\[\]'"]+)"""
_NUMPY = re.compile(rf"\[\s*{_NUMPY_PART}(?:\s+{_NUMPY_PART})+\s*\]")
_WRAPPERS = {
    "Decimal",
    "ObjectId",
    "UUID",
    "Timestamp",
    "datetime64",
    "Int64",
    "NumberLong",
    "int32",
    "int64",
    "float32",
    "float64",
    "bool_",
    "str_",
}
_DATETIMES = {"datetime", "Timestamp", "date"}


def without_calls(text: str) -> str:
    """Return text with calls such as ``ObjectId("5f…")`` replaced by their argument."""
    if "(" not in text:
        return text
    return _SHELL.sub(lambda match: match[1] or "null", text)


def python_value(text: str) -> Any:  # noqa: ANN401
    """Return the value of a Python literal in JSON's types, None where it is none.

    Understood are ``nan``, ``datetime(…)``, ``Decimal('…')`` and lists as numpy prints them.
    """
    text = text.strip().removesuffix(",")
    if len(text) > LONGEST_LITERAL:
        return None
    if _NUMPY.fullmatch(text):
        return [part.strip("'\"") for part in re.findall(_NUMPY_PART, text)]
    with warnings.catch_warnings():  # "\\d" in a text is no fault of the table
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text, mode="eval")
            return _as_json(ast.literal_eval(_Plain().visit(tree)))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None


class _Plain(ast.NodeTransformer):
    """Replaces names and calls that stand for values; nothing is called."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        constants = {
            "nan": None,
            "NaN": None,
            "NaT": None,
            "NA": None,
            "null": None,
            "inf": None,
            "true": True,
            "false": False,
        }
        return ast.Constant(constants[node.id]) if node.id in constants else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else None
        name = node.func.id if isinstance(node.func, ast.Name) else name
        values = [ast.literal_eval(argument) for argument in node.args]
        if name in _DATETIMES and values and all(isinstance(v, int) for v in values):
            return ast.Constant(datetime.datetime(*values).isoformat())
        if name in ("OrderedDict", "defaultdict", "array", "list", "set", "tuple") and node.args:
            inner: ast.expr = self.visit(node.args[-1])
            return inner
        if len(values) == 1 and isinstance(values[0], str | int | float) and name in _WRAPPERS:
            return ast.Constant(float(values[0]) if name == "Decimal" else values[0])
        return node


def _as_json(value: Any) -> Any:  # noqa: ANN401
    """Return a literal in JSON's types."""
    if isinstance(value, dict):
        return {str(key): _as_json(part) for key, part in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return [_as_json(part) for part in value]
    if isinstance(value, bytes | complex):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value
