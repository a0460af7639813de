"""Reading tables of users: CSV, TSV, JSON lines, Parquet, compressed or not."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from pennyweight.data.cleaning_log import CleaningEntry, Findings
from pennyweight.data.columns import column_list, has_role
from pennyweight.data.decompression import PACKED, contents
from pennyweight.data.delimited import check_header, read_delimited
from pennyweight.data.jsonlines import read_json
from pennyweight.data.readers.python_values import plain_columns, plain_objects, plain_values
from pennyweight.data.readers.result import ReadResult
from pennyweight.data.readers.text_encoding import as_utf8
from pennyweight.errors import DataError, MissingExtraError

__all__ = [
    "BROKEN_ROW",
    "PandasFrame",
    "Source",
    "check_scalars",
    "id_strings",
    "load_table",
    "read_table",
    "table_from_memory",
]


class PandasFrame(Protocol):
    """A pandas DataFrame, recognized by its attributes: pandas itself is never imported."""

    @property
    def iloc(self) -> Any: ...  # noqa: D102, ANN401


class ArrowTable(Protocol):
    """An Arrow table: pyarrow's, or a DuckDB relation."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Rows = Sequence[Mapping[str, Any]]  # dictionaries, one for each row
Columns = Mapping[str, Sequence[Any]]
Source = (
    str | os.PathLike[str] | pl.DataFrame | pl.LazyFrame | PandasFrame | ArrowTable | Rows | Columns
)

BROKEN_ROW = "broken row (cannot be read as its format)"
_MAX_SCIENTIFIC = 0.01
_DELIMITED = {".csv", ".tsv", ".tab", ".inter", ".item", ".user"}
_JSON = {".jsonl", ".ndjson", ".json"}
_PARQUET = {".parquet", ".pq"}


def read_table(
    source: Source, *, table: str = "table", strict: bool = False
) -> tuple[pl.DataFrame, list[CleaningEntry]]:
    """Read a table, and return it with notes on the unreadable rows.

    Parameters
    ----------
    source
        A path (CSV, TSV, JSON lines, Parquet; also .gz, .bz2, .xz, .zst, .zip), a polars or
        pandas frame, a table of Arrow, a relation of DuckDB, a list of dictionaries or a
        dictionary of columns. Delimited files give strings only, so that ids such as 007 keep their
        zeros; the other formats give their own types.
    table
        The name under which findings are noted.
    strict
        Refuse broken rows instead of skipping and counting them.

    Returns
    -------
    tuple of (polars.DataFrame, list of CleaningEntry)
        At least one row and one column; broken rows with line numbers of the first three.

    Raises
    ------
    DataError
        When the source is missing, a directory, empty, not UTF-8, not in its format, or
        (with `strict`) has a broken row.
    """
    loaded = load_table(source, table=table, strict=strict)
    return loaded.frame, loaded.findings.entries


def load_table(source: Source, *, table: str, strict: bool) -> ReadResult:
    """Read a table as `read_table` does, with the number of records of its source."""
    if isinstance(source, pl.LazyFrame):
        frame = source.collect()
    elif isinstance(source, pl.DataFrame):
        frame = source
    elif isinstance(source, str | os.PathLike):
        return _read_file(Path(source), table, strict)
    else:
        frame = table_from_memory(source, table)
    findings = Findings()
    if table == "events" and hasattr(source, "iloc"):
        frame = _with_dates(frame, source, findings)
    frame = plain_objects(frame, table)
    if not frame.height or not frame.width:
        raise DataError(
            f"{table}: the given frame has {frame.height} rows and "
            f"{frame.width} columns; it needs at least one of each"
        )
    return ReadResult(frame, frame.height, findings=findings)


def _with_dates(frame: pl.DataFrame, pandas: Any, findings: Findings) -> pl.DataFrame:  # noqa: ANN401
    """Add the dates of an unnamed pandas index, unless a column is named like a time."""
    dates = _unnamed_dates(pandas.index)
    if dates is None:
        return frame
    is_used = not has_role(frame.columns, "time")
    use = "is the time" if is_used else "is not used, since a column is named like the time"
    findings.add("events", f"the index of the pandas frame, of dates, {use}", frame.height, "noted")
    if not is_used:
        return frame
    return frame.with_columns(timestamp=pl.Series(pl.from_pandas(dates.to_series())))


def _unnamed_dates(index: Any) -> Any | None:  # noqa: ANN401
    """Return the unnamed level of a pandas index that holds dates."""
    for level, name in enumerate(index.names):
        values = index.get_level_values(level)
        if name is None and str(values.dtype).startswith("period["):
            values = values.to_timestamp()
        if name is None and str(values.dtype).startswith("datetime64"):
            return values
    return None


def _read_file(path: Path, table: str, strict: bool) -> ReadResult:
    data, encoding = as_utf8(contents(path))
    suffixes = [suffix.lower() for suffix in path.suffixes]
    suffix = next((s for s in reversed(suffixes) if s not in PACKED), "")
    is_parquet = data[:4] == b"PAR1"
    if suffix in _PARQUET and not is_parquet:
        raise DataError(f"{path}: named as Parquet, but its contents are not")
    if is_parquet:
        loaded = _read_parquet(data, path)
    else:
        check_header(data, str(path))
        if _is_json(data, suffix):
            loaded = read_json(data, str(path), table=table)
        else:
            tabs = suffix in (".tsv", ".tab")
            loaded = read_delimited(data, str(path), tabs=tabs, table=table)
    frame, broken = loaded.frame, loaded.broken
    if not frame.height or not frame.width:
        none = (
            f"a header and no rows (columns {column_list(frame.columns)})"
            if frame.width
            else "no rows"
        )
        problem = f"{len(broken):,} rows, all broken" if broken else none
        raise DataError(
            f"{path}: {problem}; it needs at least one row it can use"
            + "".join(f"; {b}" for b in broken[:3])
        )
    if broken and strict:
        raise DataError(
            f"{path}: {len(broken):,} broken rows: {'; '.join(broken[:3])}. "
            "Mend them, or read without strict to skip and count them"
        )
    loaded.findings.add(table, BROKEN_ROW, len(broken), "dropped", broken[:3])
    if encoding:
        loaded.findings.add(table, f"read as {encoding}", loaded.rows_read, "noted")
    return loaded


def _read_parquet(data: bytes, path: Path) -> ReadResult:
    try:
        frame = pl.read_parquet(data)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{path}: a damaged Parquet file ({error}); fetch or make it again"
        ) from None
    return ReadResult(frame, frame.height)


def _is_json(data: bytes, suffix: str) -> bool:
    head = data[:4096].lstrip()
    # There are published CSV files named .json, and JSON lines named .csv or .txt.
    if suffix not in _DELIMITED:
        return head[:1] in (b"{", b"[")
    return re.match(rb"""\{\s*["']|\[\s*\{\s*["']""", head) is not None


def table_from_memory(
    source: PandasFrame | ArrowTable | Rows | Columns, table: str
) -> pl.DataFrame:
    """Return a table that is in memory as Python objects or those of another library.

    Raises
    ------
    DataError
        No table, or one with a column of several types.
    """
    pandas = type(source).__module__.partition(".")[0] == "pandas"
    if pandas and hasattr(source, "columns"):
        return _from_pandas(source, table)
    rows = isinstance(source, list | tuple) and all(isinstance(row, Mapping) for row in source)
    arrow = hasattr(source, "__arrow_c_stream__") and not pandas  # a Series has no columns
    if not (rows or arrow or isinstance(source, Mapping)):
        raise DataError(
            f"{table}: expected a path, a polars, pandas or Arrow table, a list of "
            f"dictionaries or a dictionary of columns, not "
            f"{type(source).__name__}"
        )
    data: Any = source
    if not arrow:
        data = plain_columns(data, table)
    try:
        return pl.DataFrame(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        problem = str(error).partition("\n")[0]  # without the stack of contexts
        raise DataError(
            f"{table}: the {type(source).__name__} given cannot be read as a table: "
            f"{problem}. Give each column values of one type"
        ) from None


def _from_pandas(frame: Any, table: str) -> pl.DataFrame:  # noqa: ANN401
    # An index with a name is a column that groupby or set_index moved into the index.
    named = [n for n in frame.index.names if n is not None and n not in frame.columns]
    frame = frame.reset_index(level=named) if named else frame
    frame = frame.rename(columns=str)
    if frame.columns.is_unique:
        periods = [n for n in frame.columns if str(frame[n].dtype).startswith("period[")]
        frame = frame.assign(**{name: frame[name].dt.start_time for name in periods})
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if str(dtype).startswith("period[") and frame.columns.is_unique:
            frame[name] = frame[name].dt.to_timestamp()  # the beginning of a day, week, month
        texts = frame.columns.is_unique and _is_interval(frame[name])
        if texts:
            frame[name] = frame[name].astype(object).map(str, na_action="ignore")
        elif str(dtype) == "object" and frame.columns.is_unique:
            frame[name] = _objects(frame[name], table)
    try:
        return pl.DataFrame(pl.from_pandas(frame))
    except ImportError:
        raise MissingExtraError("Reading pandas frames", "pandas") from None
    except Exception as error:  # pyarrow's errors, which cannot be named without importing it
        if not frame.columns.is_unique:
            raise DataError(
                f"{table}: the pandas frame names a column twice "
                f"({column_list(frame.columns)}); rename one"
            ) from None
        bad = next((c for c in frame.columns if not _is_readable(frame[[c]])), "?")
        raise DataError(
            f"{table}: column {bad!r} of the pandas frame has mixed types, or one "
            f"that cannot be read: {error}. Make it one type, e.g. with "
            ".astype(str)"
        ) from None


def _is_interval(column: Any) -> bool:  # noqa: ANN401
    """Say whether a column holds the intervals of pandas.cut."""
    categories = getattr(column.dtype, "categories", column)
    return str(getattr(categories, "dtype", "")).startswith("interval")


def _objects(column: Any, table: str) -> Any:  # noqa: ANN401
    """Return a column of objects with values of one type, where these are values."""
    values = column.tolist()
    if set(map(type, values)) <= {str, type(None)}:
        return column
    return type(column)(
        plain_values(values, str(column.name), table), index=column.index, dtype=object
    )


def _is_readable(frame: Any) -> bool:  # noqa: ANN401
    try:
        pl.from_pandas(frame)
    except Exception:  # as above
        return False
    return True


def check_scalars(column: pl.Series, source: str, expected: str) -> None:
    """Raise `DataError` where a column holds lists, structs, bytes or Python objects."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"{source}: column {column.name!r} holds {_type_name(column.dtype)}, not {expected}"
        )


def _type_name(dtype: pl.DataType) -> str:
    """Return the name of a type, without the fields of a large struct."""
    name = str(dtype)
    if len(name) <= 80:
        return name
    return f"objects of {len(dtype.fields)} fields" if isinstance(dtype, pl.Struct) else "lists"


def id_strings(ids: pl.Series, source: str) -> pl.Series:
    """Return ids as strings, null where missing; 12 and 12.0 become "12", 007 stays.

    Raises
    ------
    DataError
        When the column holds lists, structs, bytes or objects.
    """
    check_scalars(ids, source, "ids; ids are strings or whole numbers")
    if ids.dtype.is_float():
        ids = ids.fill_nan(None)
        _refuse_rounded(ids, source)
        if ((ids.floor() == ids) & (ids.abs() < 2**63)).all():
            ids = ids.cast(pl.Int64)
    text = ids.cast(pl.String)
    if ids.dtype == pl.Decimal:  # as databases write whole numbers, with the zeros of the scale
        text = text.str.replace(r"\.0+$|(\.\d*[1-9])0+$", "$1")
    _refuse_objects(text, source)
    _refuse_scientific(text, source)
    text = text.set(text.str.strip_chars() == "", None)
    # A column of 12.0 holds integers that passed through pandas with a missing value.
    float_like = r"^-?\d+\.0+$"
    sample = text.drop_nulls().head(100)
    if (
        len(sample)
        and sample.str.contains(float_like).all()
        and text.str.contains(float_like).all()
    ):
        integers = text.str.replace(r"\.0+$", "")
        text = integers if integers.n_unique() == text.n_unique() else text
    return text


def _refuse_rounded(ids: pl.Series, source: str) -> None:
    """Raise `DataError` where floats are too large to hold every whole number."""
    exact = 2**24 if ids.dtype == pl.Float32 else 2**53
    large = ids.filter(ids.abs() > exact)
    if len(large):
        raise DataError(
            f"{source}: column {ids.name!r} holds ids as floats ({ids.dtype}), {len(large):,} of "
            f"them beyond {exact:,}, such as {large[0]:.0f}: there the last digits are lost, and "
            "different ids are one. Read the ids as text from where they come, such as with "
            "dtype=str in pandas, and write them again"
        )


def _refuse_scientific(ids: pl.Series, source: str) -> None:
    """Raise `DataError` where a hundredth of the ids are numbers that lost digits."""
    scientific = ids.filter(ids.str.contains(r"^\s*\d([.,]\d+)?[eE]\+\d{1,2}\s*$"))
    if len(scientific) > _MAX_SCIENTIFIC * len(ids):
        raise DataError(
            f"{source}: column {ids.name!r} holds numbers such as {scientific[0]!r}, in "
            f"{len(scientific):,} of {len(ids):,} rows: a spreadsheet lost digits, and "
            "different ids are one. Export the ids as text"
        )


def _refuse_objects(ids: pl.Series, source: str) -> None:
    """Raise `DataError` where some ids are objects or lists as text."""
    objects = ids.filter(ids.str.contains(r"""(?s)^\s*(\{\s*["'][^"']*["']\s*:|\[\s*["'{])"""))
    if len(objects):
        plain = ids.filter(~ids.is_in(objects.implode())).drop_nulls().head(1).to_list()
        others = f" beside plain ids, such as {plain[0]!r}" if plain else ""
        raise DataError(
            f"{source}: column {ids.name!r} holds objects or lists, such as "
            f"{objects[0][:80]!r}{others}. Write one id in each row, such as the "
            "field 'id' of the object"
        )
