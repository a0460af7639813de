"""Headers in the middle of a table, as in concatenated files."""

import polars as pl

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import has_role
from pennyweight.errors import DataError

__all__ = ["without_headers"]


def without_headers(frame: pl.DataFrame, table: str, findings: Findings) -> pl.DataFrame:
    """Drop repeated headers; below one with another order, columns are read by name.

    Raises
    ------
    DataError
        Where a row names some of the columns and other ones.
    """
    names = [name for name in frame.columns if not name.startswith("column_")]
    if not any(has_role(names, role) for role in ("user", "item", "time")):
        return frame  # perhaps values: the first line of a file without a header
    plain = {name.strip().lower(): name for name in names}  # the second file may spell it otherwise
    first = frame[names[0]].str.strip_chars().str.to_lowercase()
    places = first.is_in(list(plain)).fill_null(False).arg_true().to_list()
    headers: dict[int, list[str]] = {}
    for place in places:
        values = [str(value) for value in frame.select(names).row(place) if value is not None]
        row = [plain.get(value.strip().lower(), value) for value in values]
        known_names = set(row) & set(names)
        if sorted(row) == sorted(names):
            headers[place] = row
        elif (
            len(known_names) > 1
            and 2 * len(known_names) >= len(names)
            and len(known_names) == len(set(row)) - 1
        ):
            raise DataError(
                f"{table}: row {place + 1:,} is a header again, with other columns "
                f"({', '.join(row)[:200]}): two files were put one behind the other. "
                "Give them the same columns first"
            )
    if not headers:
        return frame
    parts, start, order = [], 0, names
    for place, row in [*headers.items(), (frame.height, names)]:
        parts.append(frame.slice(start, place - start).rename(dict(zip(names, order, strict=True))))
        start, order = place + 1, row
    reason = "header line in the middle of the file"
    others = [", ".join(row) for row in headers.values() if row != names]
    other = ", its columns in another order: read by their names" if others else ""
    findings.add(table, reason + other, len(headers), "dropped", others)
    return pl.concat(part.select(frame.columns) for part in parts)
