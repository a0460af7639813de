"""Ids from outside and codes inside."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import DataError, UnknownIdError

__all__ = ["Ids"]


class Ids(Sequence[str]):
    """An immutable vocabulary: id (any string) <-> code (position, int32).

    Parameters
    ----------
    values
        The ids in code order; each may occur once.
    table
        What the ids name ("items", "users"), for error messages.

    Raises
    ------
    DataError
        When an id occurs twice.
    """

    def __init__(self, values: Iterable[str], table: str) -> None:
        self._values = tuple(values)
        self.table = table
        if len(self._code_of) != len(self._values):
            # _code_of holds the last position of an id: the first id elsewhere occurs again.
            twice = next(v for i, v in enumerate(self._values) if self._code_of[v] != i)
            raise DataError(f"{table}: id {twice!r} occurs more than once; ids must be unique")

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self._values)}

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, code: int) -> str: ...

    @overload
    def __getitem__(self, code: slice) -> tuple[str, ...]: ...

    def __getitem__(self, code: int | slice) -> str | tuple[str, ...]:
        return self._values[code]

    def __contains__(self, value: object) -> bool:
        return value in self._code_of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ids) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"Ids({len(self)} {self.table})"

    def extended(self, values: Iterable[str]) -> "Ids":
        """Return these ids with others after them; those here already are passed over."""
        other = Ids.__new__(Ids)
        code_of = dict(self._code_of)  # copied as a whole, which is ten times faster than built
        for value in values:
            code_of.setdefault(value, len(code_of))
        other._values, other.table = (*self._values, *list(code_of)[len(self) :]), self.table
        other.__dict__["_code_of"] = code_of
        return other

    def code(self, value: str) -> int:
        """Return the code of one id; `UnknownIdError` if it is not in the table."""
        try:
            return self._code_of[value]
        except KeyError:
            raise UnknownIdError(f"{value!r} is not among the {len(self):,} {self.table}") from None

    def codes(self, values: Iterable[str]) -> NDArray[np.int32]:
        """Return the codes of many ids, int32 (n,); -1 where an id is unknown."""
        get = self._code_of.get
        return np.array([get(v, -1) for v in values], dtype=np.int32)
