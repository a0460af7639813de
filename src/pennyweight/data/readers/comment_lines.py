"""Lines between the rows of a delimited file that are no rows: comments, footers, sums."""

import re
from collections.abc import Sequence

import polars as pl

from pennyweight.data.cleaning_log import Findings

__all__ = ["are_comments", "without_comments", "without_sums"]

_COMMENT = re.compile(r"""^\s*"?#""")
_FOOTER = re.compile(r"""^\(\d+ rows?(?: affected)?\)\s*$""")  # psql, sqlcmd
_FEW = 0.05  # largest share of comments
_NUMBER = r"[^\w\s]?\s?-?[\d.,' ]+\s?(?:\w{3}|[^\w\s])?"
_SUM = (
    r"(?i)^(?:(?:grand |sub ?|report )?totals?|gesamt(?:summe|ergebnis)?|summe|somme|total général|"
    r"totale|suma|razem|totaal|toplam|итого|всего|合計|总计|總計|合计|합계|summa|i alt)\s*:?$"
)


def are_comments(broken: Sequence[str], sound: Sequence[str]) -> list[bool]:
    """Return which unreadable lines are comments, or the count of rows below a table.

    Where rows begin with ``#`` as well, no line with one counts as a comment.
    """
    marked = any(_COMMENT.match(line) for line in sound)
    return [
        bool(_FOOTER.match(line)) or (not marked and bool(_COMMENT.match(line))) for line in broken
    ]


def without_comments(frame: pl.DataFrame, table: str, findings: Findings) -> pl.DataFrame:
    """Leave out the few comments that have as many fields as rows have.

    They begin with ``# ``, and each further field with a space, unless it is empty.
    """
    if not frame.width or not frame.height:
        return frame
    marked = frame.to_series(0).str.contains(r"^#[ \t]+\S").fill_null(False)
    if frame.width < 2 or not 0 < int(marked.sum()) <= max(1, _FEW * frame.height):
        return frame
    others = [pl.nth(place).fill_null(" ").str.starts_with(" ") for place in range(1, frame.width)]
    prose = frame.filter(marked).select(pl.all_horizontal(others)).to_series()
    comments = marked.scatter(marked.arg_true(), prose)
    rows = frame.filter(comments)
    if not rows.height:
        return frame
    examples = [",".join(value or "" for value in row) for row in rows.head(3).rows()]
    findings.add(table, "comment line, which begins with '# '", rows.height, "dropped", examples)
    return frame.filter(~comments)


def without_sums(frame: pl.DataFrame, table: str, findings: Findings) -> pl.DataFrame:
    """Leave out a last row of sums: a word, numbers, and more empty cells than other rows."""
    if frame.height < 2 or frame.width < 3:
        return frame
    last = frame.tail(1)
    filled = [value for value in last.row(0) if value is not None]
    is_sum = bool(filled) and re.match(_SUM, str(filled[0]).strip()) is not None
    if not (is_sum and all(re.fullmatch(_NUMBER, str(value).strip()) for value in filled[1:])):
        return frame
    usual = frame.head(-1).select(pl.all().null_count()).sum_horizontal()[0] / (frame.height - 1)
    if frame.width - len(filled) <= usual:
        return frame
    examples = [",".join("" if value is None else str(value) for value in last.row(0))]
    findings.add(table, "sum below the rows: not a row", 1, "dropped", examples)
    return frame.head(-1)
