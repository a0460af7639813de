"""The grammar of filters; an expression is parsed, never evaluated as code.

disjunction = conjunction {"or" conjunction}
conjunction = operand {"and" operand}
operand     = "not" operand | "(" disjunction ")" | comparison ["ignore" "case"]
comparison  = value ["not"] "in" column
            | value OP column
            | column OP value                       OP is == != < <= > >=
            | column ["not"] "in" "[" [value {"," value}] "]"
            | column ("has" | "contains") value
            | column "is" ["not"] "null"
            | column                                true or false by itself
"""

import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches

import polars as pl

from pennyweight.data.cleaning.numbers import number_share
from pennyweight.errors import DataError
from pennyweight.ranking.filter_conditions import (
    OPERATORS,
    Mismatch,
    UnorderedColumn,
    Value,
    among,
    check_date,
    compare,
    contains,
    holds,
    missing,
)
from pennyweight.ranking.filter_tokens import Token, fail, tokenize

__all__ = ["parse_filter"]

MAX_DEPTH = 50
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def parse_filter(
    text: str, attributes: Mapping[str, pl.DataType] | pl.DataFrame
) -> tuple[pl.Expr, list[Token]]:
    """Return the condition that a text expresses, and its tokens; see `Filter.parse`."""
    parser = _Parser(text, attributes)
    return parser.expression(), parser.tokens


def _same(first: str, second: str) -> bool:
    return first == second or unicodedata.normalize("NFC", first) == unicodedata.normalize(
        "NFC", second
    )


def _is_word(name: str) -> bool:
    """Return whether a column may be written without backticks."""
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

    def expression(self) -> pl.Expr:
        if self.token.kind == "end":
            fail(self.text, self.token.start, 'empty; write a condition such as brand == "X"')
        expression = self.disjunction()
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

    def refuse(self, expected: str) -> None:
        actual = "the end" if self.token.kind == "end" else repr(self.token.text)
        fail(self.text, self.token.start, f"expected {expected}, found {actual}")

    def disjunction(self) -> pl.Expr:
        parts = [self.conjunction()]
        while self.accept("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else pl.any_horizontal(parts)

    def conjunction(self) -> pl.Expr:
        parts = [self.operand()]
        while self.accept("and"):
            parts.append(self.operand())
        # One flat node, since polars walks trees by recursion.
        return parts[0] if len(parts) == 1 else pl.all_horizontal(parts)

    def operand(self) -> pl.Expr:
        start = self.token.start
        self.depth += 1
        if self.depth > MAX_DEPTH:
            fail(self.text, start, f"nested deeper than {MAX_DEPTH}")
        try:
            if self.accept("not"):
                return ~self.operand()
            if self.accept("("):
                expression = self.disjunction()
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
        except UnorderedColumn as error:
            fail(self.text, start, str(error) + self.numbers_in(error.column))
        except Mismatch as error:
            fail(self.text, start, str(error))

    def from_value(self) -> pl.Expr:
        value = self.value()
        negated = self.accept("not") is not None
        if self.accept("in"):
            name, dtype = self.column()
            condition = contains(name, dtype, value, ignore_case=self.ignores_case())
            return ~condition if negated else condition
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
            raise UnorderedColumn(name)
        return compare(name, dtype, operator, value, ignore_case=self.ignores_case())

    def ignores_case(self) -> bool:
        words = [str(token.value).lower() for token in self.tokens[self.at : self.at + 2]]
        if words != ["ignore", "case"] or self.token.kind != "column":
            return False
        self.at += 2
        return True

    def holds_dates(self, name: str) -> bool:
        """Return whether a column of texts holds ISO dates and nothing else."""
        if self.attributes is None or not isinstance(self.schema[name], pl.String):
            return False
        if name not in self.dated:  # all texts are read for it
            texts = self.attributes[name].drop_nulls()
            dates = texts.str.contains(r"^\d{4}-\d\d(-\d\d|$)")
            self.dated[name] = len(texts) > 0 and bool(dates.all())
        return self.dated[name]

    def is_dated(self, name: str, value: str) -> bool:
        """Return whether a text may be compared with a value: not a date with other than dates."""
        if self.attributes is None or not isinstance(self.schema[name], pl.String):
            return True
        if not value[:4].isdigit():
            return True
        return bool(self.attributes[name].drop_nulls().str.contains(r"^\d{4}-\d\d").all())

    def numbers_in(self, name: str) -> str:
        """Explain how many values of a column are numbers, and how to make it numeric."""
        remedy = (
            "; to compare it, write it in ITEMS as numbers (nine of ten values at least, in one "
            "unit) or as ISO dates, and fit again"
        )
        if self.attributes is None or not isinstance(self.schema[name], pl.String):
            return remedy
        texts = self.attributes[name].drop_nulls()
        numeric = round(number_share(texts) * len(texts))
        odd = (
            texts.filter(texts.cast(pl.Float64, strict=False).is_null())
            .unique(maintain_order=True)
            .head(2)
        )
        such = ""
        if numeric and len(odd):
            such = f", but {' and '.join(map(repr, odd))} are not plain ones"
        elif numeric:
            such = ", but a point may separate thousands or decimals in them"
        return f": {numeric:,} of {len(texts):,} values are numbers{such}{remedy}"

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
            condition = among(name, dtype, values, ignore_case=self.ignores_case())
            return ~condition if negated else condition
        if negated:
            self.refuse("'in'")
        return holds(name, dtype)

    def column(self) -> tuple[str, pl.DataType]:
        if self.token.kind != "column":
            self.refuse("a column")
        token = self.next()
        name = next((n for n in self.schema if _same(n, str(token.value))), str(token.value))
        if name not in self.schema:
            similar = [n for n in self.schema if not _is_word(n) and n.split()[:1] == [name]]
            similar += get_close_matches(name, self.schema, n=3, cutoff=0.5)
            written = [n if _is_word(n) else f"`{n}`" for n in dict.fromkeys(similar)]
            hint = f"; did you mean {' or '.join(written[:3])}?" if similar else ""
            if any(not _is_word(n) for n in similar):
                hint += " Names that are not one word stand in backticks"
            columns = ", ".join(self.schema) or "none"
            fail(self.text, token.start, f"no column {name!r}{hint} (columns: {columns})")
        return name, self.schema[name]

    def value(self) -> Value:
        if self.token.kind != "value":
            hint = f' (text stands in quotes: "{self.token.text}")'
            self.refuse("a value" + (hint if self.token.kind == "column" else ""))
        value: Value = self.next().value
        return value

    def values(self) -> list[Value]:
        self.expect("[")
        values: list[Value] = []
        while not self.accept("]"):
            values.append(self.value())
            if self.token.value != "]":
                self.expect(",")
        return values
