"""Tables of language models as encoders, and of search by text."""

from collections.abc import Mapping, Sequence

from speed_tables import quantity, table

__all__ = ["by_encoder"]

Row = Mapping[str, object]


def by_encoder(rows: Sequence[Row]) -> str:
    """Return a line an encoder and a column a measurement.

    A row's name is ``DATA: ENCODER: MEASURE``, or without the data for what does not depend on it.
    """
    columns: dict[str, None] = {}
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        *data, encoder, measure = str(row["name"]).split(": ")
        column = ", ".join([*data, measure])
        columns[column] = None
        cells.setdefault(encoder, {})[column] = _cell(row)
    lines = [
        [encoder, *(found.get(column, "") for column in columns)]
        for encoder, found in cells.items()
    ]
    return table(["", *columns], lines)


def _cell(row: Row) -> str:
    if "low" not in row:
        return quantity(row["value"], row["unit"])
    value, low, high = (f"{row[end]:.4f}".replace("0.", ".", 1) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
