"""Delimited text: read by polars where the file is sound, otherwise row by row."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import polars.selectors as cs

from pennyweight.data.cleaning_log import Findings
from pennyweight.data.readers.binary_formats import refuse_binary
from pennyweight.data.readers.comment_lines import are_comments, without_comments, without_sums
from pennyweight.data.readers.dialect import DOUBLE_COLON, Dialect, find_dialect
from pennyweight.data.readers.drawn_tables import remove_frame, remove_padding
from pennyweight.data.readers.layouts import find_layout, join_flags
from pennyweight.data.readers.quotes import Quotes, find_quotes, separators
from pennyweight.data.readers.records import Record, records, row_shapes
from pennyweight.data.readers.repeated_headers import without_headers
from pennyweight.data.readers.result import ReadResult
from pennyweight.data.readers.short_rows import ShortRows
from pennyweight.data.readers.text_encoding import encoding_remedy
from pennyweight.errors import DataError

__all__ = ["check_header", "decode", "read_delimited"]

_HEAD = 1 << 16
_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")
_WRAPPED = r'(?s)^"(?:[^"]|"")*"$'


def decode(data: bytes, source: str) -> str:
    """Return the text of UTF-8 bytes.

    Raises
    ------
    DataError
        Naming the first byte that is not UTF-8, its line, and the command that mends it.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{source}: not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start:,}, "
            f"line {line:,}. {encoding_remedy(data, source)}"
        ) from None


def check_header(data: bytes, source: str) -> None:
    """Raise `DataError` where the first line has a NUL, as binary files do, or is XML."""
    if re.match(rb"\s*<(\?xml|!doctype|html|[a-z]+>)", data[:200], re.IGNORECASE):
        raise DataError(
            f"{source}: XML or HTML, not one of CSV, TSV, JSON lines and Parquet. "
            'Convert it, for instance a table of XML: python -c "import pandas as p; '
            f"p.read_xml('{source}').to_csv('rows.csv', index=False)\""
        )
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise DataError(
            f"{source}: a workbook of Excel (.xls), not one of CSV, TSV, JSON lines "
            "and Parquet. Save the sheet as CSV UTF-8 in Excel"
        )
    refuse_binary(data, source)
    at = data.find(b"\0", 0, data.find(b"\n") if b"\n" in data else None)
    if at >= 0:
        raise DataError(
            f"{source}: not UTF-8: byte 0x00 at offset {at:,}, line 1. "
            + encoding_remedy(data, source)
        )


def read_delimited(data: bytes, source: str, *, tabs: bool, table: str = "table") -> ReadResult:
    """Read delimited text with a header, every field a string, empty fields null.

    Parameters
    ----------
    data
        The contents.
    source
        The file, for error messages.
    tabs
        The separator is the tab if the header has one; otherwise the header decides.
    table
        The name under which findings are noted.

    Returns
    -------
    Loaded
        The sound rows, and one sentence with the line number for each broken row.
    """
    is_cut = not data.endswith((b"\n", b"\r"))
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    data, note = remove_frame(data)
    data, padding = remove_padding(data) if not note else (data, note)
    note = note or padding
    # Without a final newline polars misses a last empty field too many.
    if not data.endswith(b"\n") or data.endswith((b"\n\n", b"\n\r\n")):
        data = data.rstrip(b"\r\n") + b"\n"
    if b"::" in data[:_HEAD] and DOUBLE_COLON not in data and _is_double_colon(data):
        data = data.replace(b"::", DOUBLE_COLON)
    dialect = find_layout(data, source) or find_dialect(data, tabs=tabs)
    if note:
        dialect = replace(dialect, notes=(note, *dialect.notes))
    _check_names(dialect, source)
    quotes = find_quotes(data, dialect.start, dialect.separator, len(dialect.header))
    if not quotes.regular or not (quotes.enclose or quotes.absent):
        data, quotes = _unescape(data, dialect, quotes)
    loaded = _read_fast(data, dialect, quotes)
    if loaded is None:
        loaded = _read_careful(data, dialect, quotes, source, table, is_cut=is_cut)
    return _finish(loaded, dialect, quotes, table)


def _unescape(data: bytes, dialect: Dialect, quotes: Quotes) -> tuple[bytes, Quotes]:
    r"""Replace ``\"``, as databases export it, by ``""`` where that makes the file sound."""
    if b'\\"' not in data:
        return data, quotes
    doubled = data[: dialect.start] + data[dialect.start :].replace(b'\\"', b'""')
    new_quotes = find_quotes(doubled, dialect.start, dialect.separator, len(dialect.header))
    return (doubled, new_quotes) if new_quotes.enclose and new_quotes.regular else (data, quotes)


def _is_double_colon(data: bytes) -> bool:
    lines = [line for line in data[:_HEAD].split(b"\n")[:-1][:200] if line.strip()]
    counts = {line.count(b"::") for line in lines}
    return len(counts) == 1 and counts != {0}


def _check_names(dialect: Dialect, source: str) -> None:
    """Raise `DataError` where the header names a column twice."""
    names = dialect.names
    if len(set(names)) < len(names):
        raise DataError(
            f"{source}: the header {dialect.separator.join(names)[:200]!r} is broken "
            "or names a column twice; give each column its own name"
        )


def _read_fast(data: bytes, dialect: Dialect, quotes: Quotes) -> ReadResult | None:
    """Read with polars; None where it fails, or rows have the wrong number of fields."""
    if not quotes.regular or (dialect.spaced and b'"' in data):
        return None
    body = data[dialect.start :]
    if not quotes.multiline:
        body = _BLANK_LINES.sub(b"\n", body.lstrip(b"\r\n"))
    if not body:
        return ReadResult(_empty(dialect), 0)
    try:
        frame = _parse(body, dialect, enclose=quotes.enclose)
    except pl.exceptions.PolarsError:
        return None
    width = len(dialect.header)
    n_separators = separators(body, ord(dialect.separator), enclose=quotes.enclose)
    # Polars pads short rows silently: only the count of separators shows them.
    if width > 1 and n_separators != frame.height * (width - 1):
        return None
    if not quotes.multiline and frame.height != body.count(b"\n"):
        return None
    return ReadResult(frame, frame.height)


def _parse(body: bytes, dialect: Dialect, *, enclose: bool) -> pl.DataFrame:
    return pl.read_csv(
        body,
        separator=dialect.separator,
        quote_char='"' if enclose else None,
        has_header=False,
        schema=dict.fromkeys(dialect.names, pl.String),
    )


def _empty(dialect: Dialect) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(dialect.names, pl.String))


def _read_careful(
    data: bytes, dialect: Dialect, quotes: Quotes, source: str, table: str, *, is_cut: bool
) -> ReadResult:
    """Read the sound records with polars, well quoted; describe the others.

    If the file `is_cut`, its last line may have lost the end of a value as well.
    """
    before = data.count(b"\n", 0, dialect.start) + 1
    lines = decode(data, source)[len(decode(data[: dialect.start], source)) :].split("\n")
    separator, width = dialect.separator, len(dialect.header)
    shapes = row_shapes(lines, separator, width)
    rows: list[tuple[str, Record | None]] = []
    broken: list[tuple[int, str]] = []
    clear = ShortRows(dialect.names, separator)
    reading = records(
        lines, separator, width=width, shapes=shapes, spaced=dialect.spaced, quoted=quotes.enclose
    )
    for record in reading:
        if record.error:
            broken.append((record.at, record.error))
        elif record.n_fields > width:
            broken.append((record.at, _width_differs(record, width)))
        else:
            row = record.fields or lines[record.at].split(separator)
            is_short = record.n_fields < width
            if not is_short:
                clear.learn(row)
            text = lines[record.at] if record.fields is None else _quoted(row, separator)
            rows.append((text, record if is_short else None))
    cut = len(lines) - 2 if is_cut else -1
    padded = []
    for place, (text, short) in enumerate(rows):
        if short is None:
            continue
        row = short.fields or text.rstrip("\r").split(separator)
        if short.at != cut and clear.are_clear(row):
            rows[place] = (text.rstrip("\r") + separator * (width - len(row)), None)
            padded.append(f"line {short.at + before:,}: {text.strip()}")
        else:
            broken.append((short.at, _width_differs(short, width)))
    sound = [text for text, record in rows if record is None]
    notes = are_comments([lines[at] for at, _ in broken], sound)
    comments = [lines[at] for (at, _), is_note in zip(broken, notes, strict=True) if is_note]
    broken = [entry for entry, is_note in zip(broken, notes, strict=True) if not is_note]
    body = "\n".join(sound).encode() + b"\n"
    frame = _parse(body, dialect, enclose=quotes.enclose) if sound else _empty(dialect)
    messages = [f"line {at + before:,}: {error}" for at, error in sorted(broken)]
    loaded = ReadResult(frame, len(sound) + len(broken), messages)
    reason = "row without its last cells: these are read as empty"
    loaded.findings.add(table, reason, len(padded), "changed", padded)
    reason = "comment lines among the rows: not rows"
    loaded.findings.add(table, reason, len(comments), "noted", comments)
    return loaded


def _width_differs(record: Record, width: int) -> str:
    return f"{record.n_fields} fields where the header has {width}"


def _quoted(row: Sequence[str], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerow(row)
    return text.getvalue()[:-2]


def _finish(loaded: ReadResult, dialect: Dialect, quotes: Quotes, table: str) -> ReadResult:
    """Remove the dialect from the values: quotes, spaces, empty fields, repeated headers."""
    frame, findings = loaded.frame, loaded.findings
    for note in dialect.notes:
        findings.add(table, note, frame.height, "noted")
    if dialect.spaced:
        frame = frame.with_columns(cs.string().str.strip_chars(" "))
    frame = _without_apostrophes(frame, table, findings)
    if not quotes.enclose and not quotes.absent:
        frame = _unwrap(frame, table, findings)
    frame = frame.with_columns(pl.when(cs.string() != "").then(cs.string()).name.keep())
    frame = frame.drop(
        name
        for name, own in zip(dialect.names, dialect.header, strict=True)
        if not own and frame.width > 1 and frame[name].null_count() == frame.height
    )
    frame = without_headers(frame, table, findings) if dialect.start else join_flags(frame)
    frame = without_comments(frame, table, findings)
    loaded.frame = without_sums(frame, table, findings)
    return loaded


def _without_apostrophes(frame: pl.DataFrame, table: str, findings: Findings) -> pl.DataFrame:
    """Remove single quotes around the fields, where the header has them around every name."""
    if not all(len(name) > 2 and name[0] == name[-1] == "'" for name in frame.columns):
        return frame
    frame = frame.rename(lambda name: name[1:-1])
    is_quoted = frame.select(cs.string().str.contains(r"^'.*'$").fill_null(True).all())
    names = [name for name in is_quoted.columns if is_quoted[name][0]]
    findings.add(table, "single quotes around the fields: not part of them", frame.height, "noted")
    return frame.with_columns(pl.col(n).str.slice(1, pl.col(n).str.len_chars() - 2) for n in names)


def _unwrap(frame: pl.DataFrame, table: str, findings: Findings) -> pl.DataFrame:
    """Remove quotes around whole fields; count the rows in which others stay as text."""
    inner = cs.string().str.slice(1, cs.string().str.len_chars() - 2).str.replace_all('""', '"')
    is_quoted = cs.string().str.contains(_WRAPPED)
    frame = frame.with_columns(pl.when(is_quoted).then(inner).otherwise(cs.string()).name.keep())
    has_quote = pl.any_horizontal(cs.string().str.contains('"', literal=True))
    rows = frame.select(has_quote.fill_null(False)).to_series()
    examples = [
        next(str(v) for v in row if v and '"' in v) for row in frame.filter(rows).head(3).rows()
    ]
    reason = "quotes do not enclose fields: each line is one row, quotes are text"
    findings.add(table, reason, int(rows.sum()), "noted", examples)
    return frame
