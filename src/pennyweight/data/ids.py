"""External ids and internal codes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.append_only import AppendOnlySequence, Positions
from pennyweight.errors import DataError, UnknownIdError

__all__ = ["Ids"]


class Ids(Sequence[str]):
    """An immutable vocabulary: id (any string) <-> code (position, int32).

    Parameters
    ----------
    values
        The ids in code order; each may occur once.
    table
        The kind of the ids ("items", "users"), for error messages.

    Raises
    ------
    DataError
        When an id occurs twice.
    """

    def __init__(self, values: Iterable[str], table: str) -> None:
        self._values = AppendOnlySequence(values)
        self._positions = Positions(self._values)
        self.table = table
        if len(self._positions) != len(self._values):
            # The last position of an id is known: the first id elsewhere occurs again.
            duplicate = next(v for i, v in enumerate(self._values) if self._positions.get(v) != i)
            raise DataError(f"{table}: id {duplicate!r} occurs more than once; ids must be unique")

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, code: int) -> str: ...

    @overload
    def __getitem__(self, code: slice) -> tuple[str, ...]: ...

    def __getitem__(self, code: int | slice) -> str | tuple[str, ...]:
        return self._values[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, value: object) -> bool:
        return self._positions.get(value) >= 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ids) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"Ids({len(self)} {self.table})"

    def extended(self, values: Iterable[str]) -> "Ids":
        """Return these ids followed by others; known ones are skipped."""
        other = Ids.__new__(Ids)
        other.table = self.table
        other._positions, new = self._positions.extended(values)
        other._values = self._values.extended(new)
        return other

    def code(self, value: str) -> int:
        """Return the code of one id; `UnknownIdError` if it is not in the table."""
        code = self._positions.get(value)
        if code < 0:
            raise UnknownIdError(f"{value!r} is not among the {len(self):,} {self.table}")
        return code

    def codes(self, values: Iterable[str]) -> NDArray[np.int32]:
        """Return the codes of many ids, int32 (n,); -1 where an id is unknown."""
        return self._positions.of(values)
