"""The dialect of a delimited file: separator, header, and the lines before it."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pennyweight.data.columns import bare, has_role

__all__ = ["DOUBLE_COLON", "Dialect", "find_dialect"]

DOUBLE_COLON = b"\x1f"  # replaces "::", which polars does not split by
_SEP_LINE = re.compile(rb'"?sep=([^\r\n"])"?[^\r\n]*\r?\n', re.IGNORECASE)
_SAMPLE_LINES = 200
_TITLE_LINES = 20  # most lines of a title


@dataclass(frozen=True)
class Dialect:
    """The dialect of a delimited file.

    Attributes
    ----------
    separator
        One ASCII character.
    header, start
        The names as they are in the file (empty ones too); where the rows begin.
    spaced
        Fields have a space after (or before) the separator that is not part of them.
    notes
        One sentence for each peculiarity.
    """

    separator: str
    header: tuple[str, ...]
    start: int
    spaced: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """The column names: stripped, the empty ones numbered."""
        names = [name.strip() if self.spaced else name for name in self.header]
        return tuple(name or f"column_{i}" for i, name in enumerate(names, 1))


def find_dialect(data: bytes, *, tabs: bool) -> Dialect:
    """Detect the dialect from the first lines.

    Parameters
    ----------
    data
        The contents; ``::`` was replaced by `DOUBLE_COLON`.
    tabs
        The separator is the tab if the header has one.
    """
    notes: list[str] = []
    start, declared = 0, None
    if mark := _SEP_LINE.match(data):
        declared, start = mark[1].decode("latin-1"), mark.end()
        notes.append(f"first line 'sep={declared}' of Excel: not a row")
    start = _skip_blank(data, start)
    start, comments = _skip_comments(data, start)
    if comments:
        notes.append(f"comment lines before the header: {comments}, not rows")
    start, titles = _skip_titles(data, start, tabs)
    if titles:
        notes.append(f"lines of a title before the header: {titles}, not rows")
    end = data.find(b"\n", start)
    end = len(data) if end < 0 else end
    lines = _sample(data, end + 1)
    header = data[start:end].decode("utf-8", "replace").rstrip("\r")
    if header.startswith("#"):
        header = header.lstrip("# ")
    separator = declared or _separator(header, lines, tabs)
    names, end = _header(data, start, end, header, separator)
    if _has_row_names(names, lines, separator):
        names = ["", *names]
        notes.append("the header is one name short: the first column is of row names (R)")
    extra = _n_trailing(names, lines, separator)
    if extra:
        names += [""] * extra
        notes.append("a separator at the end of every row: no column")
    spaced = _is_spaced(header, lines, separator)
    if spaced:
        notes.append("spaces around the separators: not part of the values")
    return Dialect(separator, tuple(names), end + 1, spaced, tuple(notes))


def _skip_blank(data: bytes, start: int) -> int:
    blank = re.compile(rb"(?:[ \t]*\r?\n)*").match(data, start)
    return blank.end() if blank else start


def _skip_comments(data: bytes, start: int) -> tuple[int, int]:
    """Skip lines that begin with ``#``, unless the last of them is the header."""
    at, count, last = start, 0, start
    while data.startswith(b"#", at) and b"\n" in data[at : at + (1 << 16)]:
        last, count = at, count + 1
        at = _skip_blank(data, data.find(b"\n", at) + 1)
    if not count or at >= len(data):
        return start, 0
    comment = data[last : data.find(b"\n", last)].decode("utf-8", "replace").strip("# \r")
    after = data[at : data.find(b"\n", at)].decode("utf-8", "replace")
    separator = _separator(comment, [after], tabs=False)
    same_width = comment.count(separator) == after.count(separator) > 0
    if (
        same_width
        and _is_header(comment.split(separator))
        and not _is_header(after.split(separator))
    ):
        return last, count - 1
    return at, count


def _skip_titles(data: bytes, start: int, tabs: bool) -> tuple[int, int]:
    """Skip lines such as the title of a report, where a header comes after them."""
    lines = _sample(data, start)
    for place, line in enumerate(lines[:_TITLE_LINES]):
        separator = _separator(line, lines[place + 1 :], tabs)
        if _is_header(line.split(separator)):
            count = line.count(separator)
            # Spreadsheets pad a title to the width of the table.
            titles = [title.rstrip(separator + " ") for title in lines[:place]]
            shorter = all(title.count(separator) < count for title in titles)
            if place and shorter and _agreement(lines[place + 1 :], separator, count) > 0.5:
                return data.index(line.encode(), start), place
            break
    return start, 0


def _is_header(names: Sequence[str]) -> bool:
    names = [name.strip(' "') for name in names]
    id_names = {"id", "title", "name"} & {bare(name).lower() for name in names}
    return bool(id_names) or has_role(names, "user") or has_role(names, "item")


def _sample(data: bytes, start: int) -> list[str]:
    head = data[start : start + (1 << 18)].decode("utf-8", "replace").split("\n")
    if start + (1 << 18) < len(data):
        head = head[:-1] or head
    return [line.rstrip("\r") for line in head[:_SAMPLE_LINES] if line.strip(" \r")]


def _separator(header: str, lines: Sequence[str], tabs: bool) -> str:
    if tabs and "\t" in header:
        return "\t"
    counts = {mark: header.count(mark) for mark in (",", "\t", ";", "|", DOUBLE_COLON.decode())}
    best = max(counts, key=lambda mark: counts[mark])
    # A comma in a name must not hide the separator of all rows.
    if counts[best] and _agreement(lines, best, counts[best]) < 0.5:
        best = max(counts, key=lambda m: (_agreement(lines, m, counts[m]), counts[m]))
    if not counts[best] and _is_header(header.split(" ")):
        spaces = header.count(" ")
        return " " if spaces and _agreement(lines, " ", spaces) == 1.0 else best
    return best


def _agreement(lines: Sequence[str], mark: str, count: int) -> float:
    if not count:
        return 0.0
    return sum(line.count(mark) in (count, count + 1) for line in lines) / max(1, len(lines))


def _header(data: bytes, start: int, end: int, line: str, separator: str) -> tuple[list[str], int]:
    """Return the names and the position of the newline after them."""
    if '"' not in line:
        return line.split(separator), end
    text = data[start : start + (1 << 16)].decode("utf-8", "replace")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    try:
        names = next(reader)
    except csv.Error:
        return line.split(separator), end
    for _ in range(reader.line_num - 1):
        end = data.find(b"\n", end + 1)
        end = len(data) if end < 0 else end
    return names, end


def _n_trailing(names: Sequence[str], lines: Sequence[str], separator: str) -> int:
    """Return the number of separators at the end of every row beyond the header's."""
    counts = {_width(line, separator) for line in lines}
    if len(counts) != 1:
        return 0
    extra = counts.pop() - len(names)
    ends = extra > 0 and all(line.endswith(separator * extra) for line in lines)
    return extra if ends else 0


def _has_row_names(names: Sequence[str], lines: Sequence[str], separator: str) -> bool:
    """Say whether rows begin with a row name that the header does not list."""
    if len(lines) < 2 or {_width(line, separator) for line in lines} != {len(names) + 1}:
        return False
    first = [line.split(separator, 1)[0] for line in lines]
    bare_numbers = [number.strip('"') for number in first]
    if not all(map(str.isdecimal, bare_numbers)) or len(set(first)) < len(first):
        return False
    in_turn = bare_numbers == [str(n) for n in range(1, len(first) + 1)]
    return in_turn or all(number.startswith('"') for number in first)


def _width(line: str, separator: str) -> int:
    if '"' not in line:
        return line.count(separator) + 1
    try:
        return len(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return 0


def _is_spaced(header: str, lines: Sequence[str], separator: str) -> bool:
    """Say whether a space follows (or leads) every separator, in the header and in the rows."""
    if separator == " " or separator not in header:
        return False
    after, before = separator + " ", " " + separator
    for mark in (after, before):
        if header.count(mark) == header.count(separator):
            padded = sum(line.count(mark) >= header.count(separator) for line in lines)
            return padded >= 0.9 * len(lines)
    return False
