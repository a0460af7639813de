"""Tables drawn by consoles and Markdown, with lines of ``+----+`` or ``|---|``."""

import re

from pennyweight.data.columns import has_role

__all__ = ["remove_frame", "remove_padding"]

_RULE = re.compile(rb"^[ \t]*[|+][-+=|: \t]*-[-+=|: \t]*[|+]?[ \t]*\r?$")
_ROW = re.compile(rb"^[ \t]*\|(.*)\|[ \t]*\r?$")
_END = re.compile(rb"^\(?\d+ rows?\b.*$|^Query OK.*$|^Empty set.*$")
_HEAD = 1 << 16


def remove_frame(data: bytes) -> tuple[bytes, str]:
    """Return the table with one ``|`` between its cells, and a note; other data unchanged.

    MySQL and MariaDB draw a frame, Markdown a line below the header. The spaces that pad the cells
    are no part of the values.
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
            rows.append(b"")  # line numbers stay right
            continue
        row = _ROW.match(line)
        if row is None:
            rows.append(line)  # broken; the reader reports it
            continue
        cells = re.split(rb"(?<!\\)\|", row[1])
        rows.append(b"|".join(_bare(cell) for cell in cells))
    return b"\n".join(rows).strip(
        b"\n"
    ) + b"\n", "a table drawn with frames: lines and spaces are no values"


def _bare(cell: bytes) -> bytes:
    cell = cell.strip(b" \t")
    return b'"' + cell.replace(rb"\|", b"|") + b'"' if rb"\|" in cell else cell


def remove_padding(data: bytes) -> tuple[bytes, str]:
    """Return rows padded with spaces with a single space between the cells, and the note.

    None where one of the first lines and the header differ in the number of words.
    """
    head = data[: 1 << 16].decode("utf-8", "replace").split("\n")[:200]
    lines = [line.rstrip("\r ") for line in head[: -1 if len(data) > 1 << 16 else None]]
    lines = [line for line in lines if line.strip()]
    if len(lines) < 2 or not re.search(r"\S {2,}\S", lines[0]):
        return data, ""
    if any(mark in lines[0] for mark in ",;|\t") or len({len(line.split()) for line in lines}) > 1:
        return data, ""
    names = lines[0].split()
    if not (has_role(names, "user") or has_role(names, "item") or "id" in names):
        return data, ""
    data = re.sub(rb" {2,}", b" ", re.sub(rb"(?m)^ +| +(?=\r?$)", b"", data))
    return data, "cells padded with spaces: one separates them"
