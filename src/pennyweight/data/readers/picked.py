"""A list of shown items beside the one that was chosen: only this one is an event."""

import re
from collections.abc import Callable, Mapping

import polars as pl

from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.columns import column_option, has_role
from pennyweight.data.readers.nested import words

__all__ = ["NOT_PICKED", "is_shown", "picked_item"]

NOT_PICKED = "list of shown items from which nothing was chosen"  # begins the reason
_PICKED = re.compile(
    r"click(ed|s)?|clk|select(ed|ion)?|chosen|choice|picked|tapped|opened|purchased|bought|played"
    r"|watched|consumed|viewed|booked|ordered|converted",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"list|slate|recs?|recommend\w*|shown|displayed|impress\w*|candidates|results?|suggest\w*"
    r"|options|exposed|presented|served",
    re.IGNORECASE,
)
_NONE = ("0", "-1")  # where nothing was chosen
_AMONG = 0.9  # share of the chosen items that are in the list of their row


def picked_item(
    frame: pl.DataFrame,
    lists: Callable[[pl.DataFrame], Mapping[str, pl.Series]],
    chosen: Mapping[str, str | None],
    findings: Findings,
) -> tuple[pl.DataFrame, str] | None:
    """Return the rows with a chosen item and its column, where lists hold the choices offered.

    Parameters
    ----------
    frame
        Events.
    lists
        Returns column -> the lists of ids of each row, which may be of shown items.
    chosen
        Role -> column, as the user chose them.
    findings
        Takes the notes.
    """
    picks = [name for name in frame.columns if _names_pick(name)]
    if not picks or chosen.get("item") or has_role(frame.columns, "item"):
        return None
    shown = lists(frame)
    for name in picks:
        if name in shown or frame[name].dtype.is_nested():
            continue
        texts = blanked(frame[name]).cast(pl.String).str.strip_chars()
        for slate, ids in shown.items():
            picked = texts.set(texts.is_in(_NONE) & ~_contains(ids, texts), None)
            if not _is_choice(picked, ids) and not (is_shown(slate) and _names_item(name)):
                continue
            filled = picked.is_not_null()
            findings.add(
                "events",
                f"{slate!r} is read as the items that were shown, {name!r} as the one that was "
                f"chosen ({column_option('item', slate)} reads each element of the list as an "
                "event)",
                int(filled.sum()),
                "noted",
            )
            findings.add("events", f"{NOT_PICKED} (no {name!r})", int((~filled).sum()), "dropped")
            return frame.filter(filled), name
    return None


def is_shown(name: str) -> bool:
    """Say whether a column is named after a list that was shown, such as a slate."""
    return any(map(_SHOWN.fullmatch, words(name)))


def _names_pick(name: str) -> bool:
    """Say whether a column is named after a chosen item: ``clicked_item_id``, ``clicked``."""
    rest = [word for word in words(name) if not _PICKED.fullmatch(word)]
    return len(rest) < len(words(name)) and (rest in ([], ["id"]) or _names_item(name))


def _names_item(name: str) -> bool:
    rest = [word for word in words(name) if not _PICKED.fullmatch(word)]
    return bool(rest) and has_role(["_".join(rest), "_".join([*rest, "id"])], "item")


def _contains(lists: pl.Series, ids: pl.Series) -> pl.Series:
    """Say whether the list of each row has its id."""
    rows = pl.DataFrame({"id": ids, "list": lists.cast(pl.List(pl.String))})
    return rows.select(pl.col("list").list.contains(pl.col("id")).fill_null(False)).to_series()


def _is_choice(ids: pl.Series, lists: pl.Series) -> bool:
    """Say whether nearly all ids are in the list of their row, and lists have other ones."""
    chosen = ids.is_not_null() & (lists.list.len() > 0).fill_null(False)
    among = _contains(lists, ids).filter(chosen).mean()
    longer = (lists.list.len() > 1).filter(chosen).mean()
    return bool(among is not None and among >= _AMONG and longer > 1 - _AMONG)  # type: ignore[operator]
