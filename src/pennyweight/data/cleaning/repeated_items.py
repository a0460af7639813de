"""Items with several rows: duplicates, one row for each value of a list, or conflicts."""

from collections.abc import Sequence

import polars as pl

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.titles import is_title

__all__ = ["AGAIN", "EQUAL", "merge_repeated"]

AGAIN = "item id occurs again"
EQUAL = f"{AGAIN} in an equal row"
_ALL_BUT = 0.01  # largest share of items that differ in a second column too
_MARK = "|"


def merge_repeated(frame: pl.DataFrame, ids: pl.Series, findings: Findings) -> pl.DataFrame:
    """Return one row for each id, the first, with the values of a list joined.

    Rows of one item that differ in a single column of texts, such as a tag, are joined: its values
    become one text, separated by strokes. Otherwise the first row stays.

    Parameters
    ----------
    frame
        The rows without the column of ids.
    ids
        An id for each row, none missing.
    findings
        Takes notes of the joined and the dropped rows.
    """
    first = ids.is_first_distinct()
    n_more = len(ids) - int(first.sum())
    if not n_more:
        return frame
    several = frame.filter(ids.is_duplicated()).with_columns(__id=ids.filter(ids.is_duplicated()))
    differing = _differing(several)
    examples = [repr(item_id) for item_id in ids.filter(~first).head(3)]
    if not differing:
        findings.add("items", EQUAL, n_more, "dropped", examples)
        return frame.filter(first)
    column = next(iter(differing))
    if _is_list(frame[column], differing):
        joined = _joined(frame[column], ids)
        samples = joined.filter(joined.str.contains(_MARK, literal=True)).head(3)
        reason = f"rows of one item that differ in {column!r} alone: its values are joined"
        findings.add("items", reason, n_more, "merged", map(repr, samples))
        return frame.filter(first).with_columns(joined)
    names = list(differing)
    if _are_untitled(frame.filter(~first)) and not _are_untitled(frame.filter(first)):
        reason = "rows without a title, as for each variant or picture of an item: its first row"
        findings.add("items", reason, n_more, "merged", examples)
        return frame.filter(first)
    reason = f"{AGAIN} (the first row is kept), and {_describe(names)} in its rows"
    findings.add(
        "items", reason, n_more, "dropped", [_example(several, name) for name in names[:3]]
    )
    return frame.filter(first)


def _differing(rows: pl.DataFrame) -> dict[str, float]:
    """Return the columns that differ within ids, with the share of these ids, largest first."""
    nested = [name for name, dtype in rows.schema.items() if dtype.is_nested()]
    plain = rows.with_columns(pl.Series(n, list(map(str, rows[n].to_list()))) for n in nested)
    counts = plain.group_by("__id").agg(pl.all().n_unique())
    more = counts.drop("__id").select((pl.all() > 1).mean())
    shares = {name: float(more[name][0]) for name in more.columns}
    return {n: s for n, s in sorted(shares.items(), key=lambda pair: -pair[1]) if s > 0}


def _are_untitled(rows: pl.DataFrame) -> bool:
    """Say whether there are columns of titles, and the rows have none."""
    titles = [n for n in rows.columns if is_title(n) and rows[n].dtype == pl.String]
    return bool(titles) and all(not blanked(rows[n]).count() for n in titles)


def _is_list(column: pl.Series, differing: dict[str, float]) -> bool:
    """Say whether the differing values of a column are those of a list."""
    others = list(differing.values())[1:]
    if column.dtype != pl.String or is_title(column.name) or any(s > _ALL_BUT for s in others):
        return False
    return not column.str.contains(_MARK, literal=True).any()


def _joined(column: pl.Series, ids: pl.Series) -> pl.Series:
    """Return the distinct values of each id, joined, in the order of the first rows."""
    rows = pl.DataFrame({"id": ids, "value": column})
    values = rows.group_by("id", maintain_order=True).agg(
        pl.col("value").drop_nulls().unique(maintain_order=True)
    )
    text = values["value"].list.join(_MARK)
    return text.set(text == "", None).alias(column.name)


def _describe(names: Sequence[str]) -> str:
    quoted = ", ".join(map(repr, names[:3])) + (" …" if len(names) > 3 else "")
    return f"{quoted} {'differs' if len(names) == 1 else 'differ'}"


def _example(rows: pl.DataFrame, name: str) -> str:
    """Return an item and two of its values that differ."""
    texts = pl.Series("values", [None if v is None else str(v) for v in rows[name].to_list()])
    groups = pl.DataFrame({"id": rows["__id"], "values": texts}).group_by("id", maintain_order=True)
    values = groups.agg(pl.col("values").unique(maintain_order=True))
    example = values.filter(pl.col("values").list.len() > 1).row(0)
    return f"{example[0]!r} has {name} " + " and ".join(repr(value) for value in example[1][:2])
