"""Attribute expressions: read by a grammar of their own, never evaluated as code.

either     = both {"or" both}
both       = one {"and" one}
one        = "not" one | "(" either ")" | comparison ["ignore" "case"]
comparison = value ["not"] "in" column
           | value OP column
           | column OP value                       OP is == != < <= > >=
           | column ["not"] "in" "[" [value {"," value}] "]"
           | column ("has" | "contains") value
           | column "is" ["not"] "null"
           | column                                true or false by itself
"""

import itertools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.numbers import number_share
from pennyweight.errors import DataError
from pennyweight.ranking.filter_conditions import (
    OPERATORS,
    Mismatch,
    Unordered,
    Value,
    among,
    check_date,
    compare,
    contains,
    holds,
    missing,
)
from pennyweight.ranking.filter_tokens import Token, fail, tokenize

__all__ = ["Filter", "count_steps"]

MAX_DEPTH = 50
# Of what a comparison costs an item: to look into a text or a list, and to prepare the column.
LOOK, PREPARE = 5, 40
MANY = 50  # steps, from which on it pays to look for what several conditions share
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Filter:
    """A condition on items' attributes; made by `parse`.

    ``brand == "X"``, ``price < 20 and in_stock``, ``year in [1813, 1815]``,
    ``"fantasy" in subjects``, ``title contains "war"``, ``author is not null``. Columns
    with spaces stand in backticks. A missing value equals nothing: ``==``, ``<`` and the
    like are false for it, ``!=`` is true. ``contains``, ``has`` and ``in`` look for a whole
    element of a list column, and for a piece of a text, capitals or not. A comparison that
    ends in ``ignore case``, ``brand == "x" ignore case``, takes capitals as small letters.
    Text has no order of numbers; ``<`` and the like order words and ISO dates in it.

    Attributes
    ----------
    text
        The expression as it was given.
    steps
        What it costs an item, see `count_steps`.
    """

    text: str
    _expression: pl.Expr
    steps: int = 1

    @classmethod
    def parse(cls, text: str, attributes: Mapping[str, pl.DataType] | pl.DataFrame) -> "Filter":
        """Read an expression over columns, or over columns of the given types.

        Raises
        ------
        DataError
            Shows the place with a caret; names the nearest columns for an unknown one.
        """
        parser = _Parser(text, attributes)
        return cls(text, parser.whole(), count_steps(parser.tokens))

    def mask(self, attributes: pl.DataFrame) -> NDArray[np.bool_]:
        """Return which items meet the condition, bool (n_items,)."""
        try:
            wanted = self._expression.alias("mask")
            if self.steps > MANY:  # a text that several conditions search is lower-cased once
                found = attributes.lazy().select(wanted).collect()["mask"]
            else:
                found = attributes.select(wanted)["mask"]
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"filter {self.text!r} does not suit the attributes: {error}"
            ) from error
        return found.to_numpy().astype(bool)  # a copy: what polars lends cannot be written to

    def __str__(self) -> str:
        return self.text


def count_steps(tokens: Sequence[Token]) -> int:
    """Return what an expression costs an item, read off its tokens before any item is looked at.

    One for each column and value, more for what looks into texts or lists.
    """
    named = sum(token.kind in ("column", "value") for token in tokens)
    looks = 0
    for token, after in itertools.pairwise(tokens):
        word = str(token.value).lower()
        if token.kind == "word" and word in ("contains", "has"):
            looks += 1
        elif token.kind == "word" and word == "in" and after.kind == "column":
            looks += 1
        elif token.kind == "column" and word == "ignore" and after.kind == "column":
            looks += 1
    return named + looks * LOOK + (PREPARE if looks else 0)


def _same(one: str, other: str) -> bool:
    return one == other or unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def _is_word(name: str) -> bool:
    """Say whether a column may be written without backticks."""
    try:
        first = tokenize(name)[0]
    except DataError:
        return False
    return first.kind == "column" and first.text == name


class _Parser:
    """One pass over the tokens, one method a rule of the grammar."""

    def __init__(self, text: str, attributes: Mapping[str, pl.DataType] | pl.DataFrame) -> None:
        self.text = text
        self.attributes = attributes if isinstance(attributes, pl.DataFrame) else None
        self.schema: Mapping[str, pl.DataType] = (
            attributes.schema if isinstance(attributes, pl.DataFrame) else attributes
        )
        self.tokens = tokenize(text)
        self.dated: dict[str, bool] = {}
        self.at = 0
        self.depth = 0

    def whole(self) -> pl.Expr:
        if self.token.kind == "end":
            fail(self.text, self.token.start, 'empty; write a condition such as brand == "X"')
        expression = self.either()
        if self.at < len(self.tokens) - 1:
            self.refuse("and, or, or the end")
        return expression

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.token
        self.at += token.kind != "end"
        return token

    def accept(self, *symbols: str) -> str | None:
        if self.token.kind in ("symbol", "word") and self.token.value in symbols:
            return str(self.next().value)
        return None

    def expect(self, symbol: str) -> None:
        if not self.accept(symbol):
            self.refuse(repr(symbol))

    def refuse(self, wanted: str) -> None:
        found = "the end" if self.token.kind == "end" else repr(self.token.text)
        fail(self.text, self.token.start, f"expected {wanted}, found {found}")

    def either(self) -> pl.Expr:
        parts = [self.both()]
        while self.accept("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else pl.any_horizontal(parts)

    def both(self) -> pl.Expr:
        parts = [self.one()]
        while self.accept("and"):
            parts.append(self.one())
        # One flat node, since polars walks trees by recursion.
        return parts[0] if len(parts) == 1 else pl.all_horizontal(parts)

    def one(self) -> pl.Expr:
        start = self.token.start
        self.depth += 1
        if self.depth > MAX_DEPTH:
            fail(self.text, start, f"nested deeper than {MAX_DEPTH}")
        try:
            if self.accept("not"):
                return ~self.one()
            if self.accept("("):
                expression = self.either()
                self.expect(")")
                return expression
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> pl.Expr:
        start = self.token.start
        try:
            if self.token.kind == "value":
                return self.from_value()
            return self.from_column()
        except Unordered as error:
            fail(self.text, start, str(error) + self.numbers_in(error.column))
        except Mismatch as error:
            fail(self.text, start, str(error))

    def from_value(self) -> pl.Expr:
        value = self.value()
        negated = self.accept("not") is not None
        if self.accept("in"):
            name, dtype = self.column()
            found = contains(name, dtype, value, ignore_case=self.ignores_case())
            return ~found if negated else found
        operator = None if negated else self.accept(*OPERATORS)
        if operator is None:
            self.refuse("'in' or a comparison")
        name, dtype = self.column()
        operator = FLIPPED.get(str(operator), str(operator))
        return self.compared(name, dtype, operator, value)

    def compared(self, name: str, dtype: pl.DataType, operator: str, value: Value) -> pl.Expr:
        digits = isinstance(value, str) and any(map(str.isdigit, value))
        if (operator in FLIPPED or digits) and self.holds_dates(name):
            check_date(name, value)
        elif operator in FLIPPED and isinstance(value, str) and not self.is_dated(name, value):
            raise Unordered(name)
        return compare(name, dtype, operator, value, ignore_case=self.ignores_case())

    def ignores_case(self) -> bool:
        words = [str(token.value).lower() for token in self.tokens[self.at : self.at + 2]]
        if words != ["ignore", "case"] or self.token.kind != "column":
            return False
        self.at += 2
        return True

    def holds_dates(self, name: str) -> bool:
        """Say whether a column of texts holds ISO dates and nothing else."""
        if self.attributes is None or not isinstance(self.schema[name], pl.String):
            return False
        if name not in self.dated:  # all texts are read for it
            known = self.attributes[name].drop_nulls()
            dates = known.str.contains(r"^\d{4}-\d\d(-\d\d|$)")
            self.dated[name] = len(known) > 0 and bool(dates.all())
        return self.dated[name]

    def is_dated(self, name: str, value: str) -> bool:
        """Say whether a text may be compared with a value: not a date with other than dates."""
        if self.attributes is None or not isinstance(self.schema[name], pl.String):
            return True
        if not value[:4].isdigit():
            return True
        return bool(self.attributes[name].drop_nulls().str.contains(r"^\d{4}-\d\d").all())

    def numbers_in(self, name: str) -> str:
        """Say how many values of a column are numbers, and how to make it one of numbers."""
        remedy = (
            "; to compare it, write it in ITEMS as numbers (nine of ten values at least, in one "
            "unit) or as ISO dates, and fit again"
        )
        if self.attributes is None or not isinstance(self.schema[name], pl.String):
            return remedy
        known = self.attributes[name].drop_nulls()
        numeric = round(number_share(known) * len(known))
        odd = (
            known.filter(known.cast(pl.Float64, strict=False).is_null())
            .unique(maintain_order=True)
            .head(2)
        )
        such = ""
        if numeric and len(odd):
            such = f", but {' and '.join(map(repr, odd))} are not plain ones"
        elif numeric:
            such = ", but a point may separate thousands or decimals in them"
        return f": {numeric:,} of {len(known):,} values are numbers{such}{remedy}"

    def from_column(self) -> pl.Expr:
        name, dtype = self.column()
        if operator := self.accept(*OPERATORS):
            return self.compared(name, dtype, operator, self.value())
        if self.accept("has", "contains"):
            value = self.value()
            return contains(name, dtype, value, ignore_case=self.ignores_case())
        if self.accept("is"):
            negated = self.accept("not") is not None
            self.expect("null")
            return ~missing(name, dtype) if negated else missing(name, dtype)
        negated = self.accept("not") is not None
        if self.accept("in"):
            values = self.values()
            found = among(name, dtype, values, ignore_case=self.ignores_case())
            return ~found if negated else found
        if negated:
            self.refuse("'in'")
        return holds(name, dtype)

    def column(self) -> tuple[str, pl.DataType]:
        if self.token.kind != "column":
            self.refuse("a column")
        token = self.next()
        name = next((n for n in self.schema if _same(n, str(token.value))), str(token.value))
        if name not in self.schema:
            near = [n for n in self.schema if not _is_word(n) and n.split()[:1] == [name]]
            near += get_close_matches(name, self.schema, n=3, cutoff=0.5)
            written = [n if _is_word(n) else f"`{n}`" for n in dict.fromkeys(near)]
            hint = f"; did you mean {' or '.join(written[:3])}?" if near else ""
            if any(not _is_word(n) for n in near):
                hint += " Names that are not one word stand in backticks"
            known = ", ".join(self.schema) or "none"
            fail(self.text, token.start, f"no column {name!r}{hint} (columns: {known})")
        return name, self.schema[name]

    def value(self) -> Value:
        if self.token.kind != "value":
            hint = f' (text stands in quotes: "{self.token.text}")'
            self.refuse("a value" + (hint if self.token.kind == "column" else ""))
        value: Value = self.next().value
        return value

    def values(self) -> list[Value]:
        self.expect("[")
        found: list[Value] = []
        while not self.accept("]"):
            found.append(self.value())
            if self.token.value != "]":
                self.expect(",")
        return found
