"""Sequences that grow at the end without being copied each time."""

import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["AppendOnlySequence", "Positions"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class AppendOnlySequence(Sequence[T], Generic[T]):
    """An immutable sequence; those made of it by `extended` share their common values.

    All of them hold one list, each its first `len` values. The longest of them grows in place;
    one that is no longer the longest is copied first, so that no sequence changes.
    """

    __slots__ = ("_lock", "_n", "_values")

    def __init__(self, values: Iterable[T] = ()) -> None:
        self._values = list(values)
        self._n = len(self._values)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...

    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        if isinstance(at, slice):
            span = range(*at.indices(self._n))
            if span.step == 1:
                return tuple(self._values[span.start : span.stop])
            return tuple(map(self._values.__getitem__, span))
        if not -self._n <= at < self._n:
            raise IndexError(f"position {at} of {self._n:,}")
        return self._values[at if at >= 0 else at + self._n]

    def __iter__(self) -> Iterator[T]:
        return islice(self._values, self._n)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AppendOnlySequence | tuple | list):
            return NotImplemented
        return len(self) == len(other) and self[:] == tuple(other)

    def __hash__(self) -> int:
        return hash(self[:])

    def __repr__(self) -> str:
        return f"AppendOnlySequence({self._n:,} values)"

    def extended(self, values: Sequence[T]) -> "AppendOnlySequence[T]":
        """Return a sequence with some values after these."""
        other = AppendOnlySequence[T].__new__(type(self))
        with self._lock:
            if len(self._values) == self._n:
                other._values, other._lock = self._values, self._lock
                other._values.extend(values)
            else:
                other._values, other._lock = [*self._values[: self._n], *values], threading.Lock()
        other._n = self._n + len(values)
        return other

    def replaced(self, values: dict[int, T]) -> "AppendOnlySequence[T]":
        """Return a sequence with other values at some positions; costs a copy."""
        copied = list(self[:])
        for at, value in values.items():
            copied[at] = value
        return AppendOnlySequence(copied)


class Positions(Generic[K]):
    """The position of each value of a sequence; grows as `AppendOnlySequence` does.

    Parameters
    ----------
    values
        Each once, or the last position counts.
    """

    __slots__ = ("_at", "_lock", "_n")

    def __init__(self, values: Iterable[K]) -> None:
        self._at = {value: position for position, value in enumerate(values)}
        self._n = len(self._at)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._n

    def get(self, value: object) -> int:
        """Return the position of a value, -1 where there is none."""
        position = self._at.get(value, -1)  # type: ignore[arg-type]
        # A sequence grown from this one may have put in more.
        return position if position < self._n else -1

    def of(self, values: Iterable[object]) -> NDArray[np.int32]:
        """Return the positions of many values, int32 (n,), -1 where there is none."""
        get = self._at.get
        positions = np.array([get(value, -1) for value in values], np.int32)  # type: ignore[arg-type]
        positions[positions >= self._n] = -1
        return positions

    def extended(self, values: Iterable[K]) -> tuple["Positions[K]", list[K]]:
        """Return positions that also hold the new ones among some values, and these new values."""
        new = [value for value in dict.fromkeys(values) if self.get(value) < 0]
        other = Positions[K].__new__(Positions)
        with self._lock:
            if len(self._at) == self._n:
                other._at, other._lock = self._at, self._lock
            else:
                entries = ((value, at) for value, at in self._at.items() if at < self._n)
                other._at, other._lock = dict(entries), threading.Lock()
            other._at.update(zip(new, range(self._n, self._n + len(new)), strict=True))
        other._n = self._n + len(new)
        return other, new
