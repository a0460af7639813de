"""Logs joined from two schemas: one field under two names, each filled in some rows only."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import bare, column_option, has_role, name_key
from pennyweight.errors import DataError

__all__ = ["join_spellings", "refuse_halves"]

_ROLES = ("user", "item", "time", "type", "weight")
_FEW = 0.01  # share of rows that may be errors
_FEWEST = 5


def join_spellings(
    frame: pl.DataFrame, overrides: Mapping[str, str | None], source: str, findings: Findings
) -> pl.DataFrame:
    """Return a frame with the spellings of one name, such as ``userId``, in one column.

    Raises
    ------
    DataError
        Both are filled in the same rows, and differ.
    """
    for role in _ROLES:
        if role in overrides:
            continue
        named = [name for name in frame.columns if "." not in name and has_role([name], role)]
        groups: dict[str, list[str]] = {}
        for name in named:
            groups.setdefault(name_key(bare(name)), []).append(name)
        for names in groups.values():
            for other in names[1:]:
                frame = _joined(frame, names[0], other, role, source, findings)
    return frame


def _joined(
    frame: pl.DataFrame, name: str, other: str, role: str, source: str, findings: Findings
) -> pl.DataFrame:
    first, second = frame[name], frame[other]
    if first.dtype.is_nested() or second.dtype.is_nested():
        return frame
    first, second = _filled(first), _filled(second)
    both = first.is_not_null() & second.is_not_null()
    if first.dtype != second.dtype:
        first, second = first.cast(pl.String), second.cast(pl.String)
    n_conflicts = int((both & (first != second)).sum())
    if role in ("user", "item") and n_conflicts > _FEW * len(frame):
        row = int((both & (first != second)).arg_true()[0])
        raise DataError(
            f"{source}: {name!r} and {other!r} could each be the {role}, and differ in "
            f"{n_conflicts:,} of {len(frame):,} rows, such as {str(first[row])!r} and "
            f"{str(second[row])!r}. Choose one with "
            f"{column_option(role, other)}"
        )
    filled = int((first.is_null() & second.is_not_null()).sum())
    if not filled or n_conflicts:
        return frame
    findings.add("events", f"{other!r} is read as {name!r}, where that is empty", filled, "changed")
    return frame.with_columns(first.fill_null(second).alias(name)).drop(other)


def refuse_halves(
    frame: pl.DataFrame, roles: Mapping[str, str], overrides: Mapping[str, str | None], source: str
) -> None:
    """Raise `DataError` where many rows have the user, item or time under another name.

    That other column is filled just where the chosen one is empty.
    """
    for role in ("user", "item", "time"):
        name = roles.get(role)
        if name is None or role in overrides or "." in name or frame[name].dtype.is_nested():
            continue
        empty = _filled(frame[name]).is_null()
        n_empty = int(empty.sum())
        if n_empty < _FEWEST or n_empty <= _FEW * len(frame):
            continue
        for other in frame.columns:
            if other in roles.values() or not has_role([other], role):
                continue
            if frame[other].dtype.is_nested():
                continue
            filled = _filled(frame[other]).is_not_null()
            inside = int((filled & empty).sum())
            if inside >= 0.9 * n_empty and int(filled.sum()) - inside <= _FEW * len(frame):
                raise DataError(
                    f"{source}: {name!r} is empty in {n_empty:,} of {len(frame):,} rows, and just "
                    f"there {other!r} is filled: are these two logs in one file? If both hold the "
                    f"{role}, write them into one column; if not, choose the {role} with "
                    f"{column_option(role, name)}"
                )


def _filled(column: pl.Series) -> pl.Series:
    """Return a column with null for empty values."""
    if column.dtype.is_float():
        return column.fill_nan(None)
    return blanked(column) if column.dtype == pl.String else column
