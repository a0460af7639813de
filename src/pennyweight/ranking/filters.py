"""Filters: conditions on the attributes of items."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.errors import DataError
from pennyweight.ranking.filter_parser import parse_filter
from pennyweight.ranking.filter_tokens import Token

__all__ = ["Filter", "count_steps"]

# Cost of a comparison for each item: to search a text or a list, and to prepare the column.
LOOK, PREPARE = 5, 40
MANY = 50  # steps, from which on it pays to look for texts that several conditions share


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
        The expression.
    steps
        Its cost for each item, see `count_steps`.
    """

    text: str
    _condition: pl.Expr
    steps: int = 1

    @classmethod
    def parse(cls, text: str, attributes: Mapping[str, pl.DataType] | pl.DataFrame) -> "Filter":
        """Read an expression over columns, or over columns of the given types.

        Raises
        ------
        DataError
            Shows the place with a caret; names the nearest columns for an unknown one.
        """
        condition, tokens = parse_filter(text, attributes)
        return cls(text, condition, count_steps(tokens))

    def mask(self, attributes: pl.DataFrame) -> NDArray[np.bool_]:
        """Return which items meet the condition, bool (n_items,)."""
        try:
            column = self._condition.alias("mask")
            if self.steps > MANY:  # a text that several conditions search is lower-cased once
                mask = attributes.lazy().select(column).collect()["mask"]
            else:
                mask = attributes.select(column)["mask"]
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"filter {self.text!r} does not suit the attributes: {error}"
            ) from error
        return mask.to_numpy().astype(bool)  # a copy: arrays of polars are read-only

    def __str__(self) -> str:
        return self.text


def count_steps(tokens: Sequence[Token]) -> int:
    """Return the cost of an expression for each item, by its tokens alone.

    One for each column and value, more for a search in texts or lists.
    """
    operands = sum(token.kind in ("column", "value") for token in tokens)
    looks = 0
    for token, following in itertools.pairwise(tokens):
        word = str(token.value).lower()
        if token.kind == "word" and word in ("contains", "has"):
            looks += 1
        elif token.kind == "word" and word == "in" and following.kind == "column":
            looks += 1
        elif token.kind == "column" and word == "ignore" and following.kind == "column":
            looks += 1
    return operands + looks * LOOK + (PREPARE if looks else 0)
