"""Binary formats that are not read, each with a command that converts it."""

import shlex

from pennyweight.errors import DataError

__all__ = ["refuse_binary"]

_POLARS = "python -c \"import polars as pl; pl.{read}('{source}').write_parquet('rows.parquet')\""
_FORMATS = {
    b"ARROW1": ("an Arrow file (Feather)", _POLARS.replace("{read}", "read_ipc")),
    b"Obj\x01": ("an Avro file", _POLARS.replace("{read}", "read_avro")),
    b"SQLite format 3\x00": (
        "a database of SQLite",
        "sqlite3 -header -csv {quoted} 'select * from TABLE' > rows.csv",
    ),
}


def refuse_binary(data: bytes, source: str) -> None:
    """Raise `DataError` for contents in a known format that is not read."""
    for start, (name, command) in _FORMATS.items():
        if data.startswith(start):
            filled_in = command.replace("{source}", source).replace("{quoted}", shlex.quote(source))
            raise DataError(
                f"{source}: {name}, not one of CSV, TSV, JSON lines and Parquet. "
                f"Convert it: {filled_in}"
            )
    if data[257:262] == b"ustar":
        raise DataError(
            f"{source}: a tar archive. Unpack it, and name a file of it: "
            f"tar -xvf {shlex.quote(source)}"
        )
