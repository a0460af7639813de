"""Tables as consoles and Markdown draw them, with lines of ``+----+`` or ``|---|``."""

import re

__all__ = ["unframed"]

_RULE = re.compile(rb"^[ \t]*[|+][-+=|: \t]*-[-+=|: \t]*[|+]?[ \t]*\r?$")
_ROW = re.compile(rb"^[ \t]*\|(.*)\|[ \t]*\r?$")
_END = re.compile(rb"^\(?\d+ rows?\b.*$|^Query OK.*$|^Empty set.*$")
_HEAD = 1 << 16


def unframed(data: bytes) -> tuple[bytes, str]:
    """Return the table with one ``|`` between its cells, and a note; other data as it is.

    Mysql and MariaDB draw a frame, Markdown a line below the header. Cells are padded with
    spaces there, which are not part of the values.
    """
    head = [line for line in data[:_HEAD].split(b"\n")[:20] if line.strip()]
    if len(data) > _HEAD:
        head = head[:-1] or head
    first = [line for line in head if not _RULE.match(line)]
    has_rule = any(_RULE.match(line) for line in head[:4])
    if not has_rule or not first or not _ROW.match(first[0]):
        return data, ""
    rows: list[bytes] = []
    for line in data.split(b"\n"):
        if not line.strip() or _RULE.match(line) or _END.match(line.strip()):
            rows.append(b"")  # lines keep their numbers
            continue
        row = _ROW.match(line)
        if row is None:
            rows.append(line)  # broken; the reader says so
            continue
        cells = re.split(rb"(?<!\\)\|", row[1])
        rows.append(b"|".join(_bare(cell) for cell in cells))
    return b"\n".join(rows).strip(
        b"\n"
    ) + b"\n", "a table drawn with frames: lines and spaces are no values"


def _bare(cell: bytes) -> bytes:
    cell = cell.strip(b" \t")
    return b'"' + cell.replace(rb"\|", b"|") + b'"' if rb"\|" in cell else cell
