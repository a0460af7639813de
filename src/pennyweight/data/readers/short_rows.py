"""Rows without their last cells, which some writers omit when empty."""

import re
from collections.abc import Sequence

from pennyweight.data.columns import bare, has_role
from pennyweight.data.readers.records import row_shape

__all__ = ["ShortRows"]

_SAMPLE = 10_000


class ShortRows:
    """Decides which short rows only lack empty cells at their end.

    A cell lost in the middle moves the others, and a line end in a text makes two short rows. So
    the cells of a short row must look like those of full rows: the first one in its pattern of
    letters and digits, each of the others in being an integer, a decimal or a text.
    """

    def __init__(self, names: Sequence[str], separator: str) -> None:
        self.separator = separator
        needed = [i for i, name in enumerate(names) if _is_needed(name)]
        self.least = max([2, *(place + 1 for place in needed)])
        self.starts: set[str] = set()
        self.kinds: list[set[str]] = [set() for _ in names]
        self.seen = 0

    def learn(self, fields: Sequence[str]) -> None:
        """Learn the patterns of a full row."""
        if self.seen < _SAMPLE:
            self.seen += 1
            self.starts.add(self._start(fields))
            for kinds, field in zip(self.kinds, fields, strict=True):
                kinds.add(_kind(field))

    def are_clear(self, fields: Sequence[str]) -> bool:
        """Say whether a short row only lacks empty cells at its end."""
        if (
            not self.least <= len(fields) < len(self.kinds)
            or self._start(fields) not in self.starts
        ):
            return False
        return all(
            not field.strip() or _kind(field) in kinds
            for kinds, field in zip(self.kinds, fields, strict=False)
        )

    def _start(self, fields: Sequence[str]) -> str:
        return row_shape(fields[0], self.separator)[1]


def _is_needed(name: str) -> bool:
    is_id = bare(name).strip(' "').lower() == "id"
    return is_id or any(has_role([name.strip(' "')], role) for role in ("user", "item", "time"))


def _kind(field: str) -> str:
    field = field.strip(' "\r')
    if re.fullmatch(r"[+-]?\d+", field):
        return "whole"
    return "decimal" if re.fullmatch(r"[+-]?\d*[.,]\d+", field) else "text" if field else ""
