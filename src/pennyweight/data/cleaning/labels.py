"""Columns that stand for event types: of 0 and 1, such as a click, or by their values."""

import re
from collections.abc import Collection

import polars as pl

from pennyweight.data.cleaning.event_types import NO_TYPE, Meaning, sense_of_type
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.vocabulary import sense_of
from pennyweight.errors import DataError

__all__ = ["flagged", "is_label", "is_undoing", "label_column", "label_meanings", "names_types"]

_OPINION = re.compile(
    r"(is|was|has|voted|would)?(like[ds]?|recommend(ed)?|up|thumbsup|upvoted?|satisfied"
    r"|positive|love[ds]?)"
)
_OUTCOME = re.compile(
    r"labels?|(is|was|has|did)?(click(ed|s)?|clk|convert(ed)?|conversion|purchase[ds]?|bought|buy"
    r"|order(ed)?|book(ed)?|booking|watch(ed)?|view(ed)?|read|open(ed)?|play(ed)?|finish(ed)?"
    r"|complete[ds]?|interact(ed|ion)?|install(ed)?|download(ed)?|cart|addtocart|addedtocart"
    r"|favou?rite[ds]?|saved?|follow(ed|s)?|subscribed?|longview|effective|cvr|ctr|ctcvr"
    r"|skip(ped)?)"
)
_YES, _NO = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f")
_SIGNS = ("-1", "-1.0")
_SILENT = 0.75  # share of zeros from which on they mean that no opinion was given
# Columns about where and how, whose values may look like types.
_CONTEXT = re.compile(
    r"source|referr|channel|medium|page|screen|device|platform|context|campaign|country|plan|tier"
    r"|status|state|categor|genre|title|name|comment|text|review"
)
_WHEN = re.compile(r"[_\W](at|on|date|time|timestamp|ts)$")
_SHOWN = re.compile(r"impres|expos|show|display|render")
_MOST_TYPES = 40


def label_column(frame: pl.DataFrame, taken: Collection[str], source: str) -> str | None:
    """Return the column that stands for event types where none is named so, if there is one.

    A column of 0 and 1 such as ``clicked``, or one whose values are the names of types, among
    them one that is no liking.

    Raises
    ------
    DataError
        Several columns could be it.
    """
    free = [name for name in frame.columns if name not in taken]
    found = [name for name in free if is_label(name) and _is_binary(frame[name], name)]
    if len(found) > 1:
        raise DataError(
            f"{source}: the columns {', '.join(map(repr, found[:6]))} each say with 0 and 1 "
            f"whether something happened. Choose the one that counts with --type-column "
            f"{found[0]}, columns={{'type': {found[0]!r}}}; --type-column '' counts every row"
        )
    found = found or [name for name in free if names_types(frame[name])]
    if len(found) > 1:
        raise DataError(
            f"{source}: by their values the columns {', '.join(map(repr, found[:6]))} could each "
            f"hold the types of the events. Choose one with --type-column {found[0]}, "
            f"columns={{'type': {found[0]!r}}}; --type-column '' counts every row as liking"
        )
    return found[0] if found else None


def is_label(name: str) -> bool:
    """Say whether a column is named after a deed or an opinion, such as ``is_click``."""
    return bool(_OPINION.fullmatch(_key(name)) or _OUTCOME.fullmatch(_key(name)))


def is_undoing(name: str) -> bool:
    """Say whether a column is named after the end of liking, such as ``is_returned``."""
    return sense_of(_WHEN.sub("", _bare(name))) == "negative"


def flagged(column: pl.Series) -> pl.Series | None:
    """Return which rows a column of yes and no says yes of; None for another column.

    Of a column such as ``cancelled_at`` they are those with a value, unless most have one, as
    where everything that is lent comes back.
    """
    if _WHEN.search(column.name.casefold()):
        given = blanked(column).is_not_null()
        return given if given.sum() <= len(given) / 2 else given & False
    words = _words(column)
    return None if words is None else words.is_in(_YES).fill_null(False)


def label_meanings(name: str, values: Collection[str], silent: float = 0.0) -> dict[str, Meaning]:
    """Return what the values of a column mean, if it says whether something happened.

    1 is what the column is named after; 0 is nothing where that is a deed, such as a click,
    and the opposite where it is an opinion, such as a like, unless nearly all are 0. -1 is
    always a dislike.

    Parameters
    ----------
    name, values
        The column, and its distinct values as texts.
    silent
        The share of the rows that are 0.
    """
    lowered = {value.strip().casefold(): value for value in values if value != NO_TYPE}
    if lowered.keys() <= {*_SIGNS, "1", "1.0", "0", "0.0"} and lowered.keys() & {*_SIGNS}:
        return {
            value: "negative" if low[0] == "-" else "ignore" if low[0] == "0" else 1.0
            for low, value in lowered.items()
        }
    opinion, deed = _OPINION.fullmatch(_key(name)), _OUTCOME.fullmatch(_key(name))
    if not (opinion or deed or is_undoing(name)) or not lowered.keys() <= {*_YES, *_NO}:
        return {}
    sense = "positive" if opinion else sense_of(_bare(name))
    yes: Meaning = 1.0
    if sense in ("negative", "neutral"):
        yes = "negative" if sense == "negative" else "ignore"
    no: Meaning = 1.0 if yes != 1.0 else "negative" if opinion and silent < _SILENT else "ignore"
    found: dict[str, Meaning] = {NO_TYPE: "ignore"} if deed and yes == 1.0 else {}
    return found | {value: yes if low in _YES else no for low, value in lowered.items()}


def names_types(column: pl.Series) -> bool:
    """Say whether the values of a column are names of event types, not all of them liking."""
    if _CONTEXT.search(column.name.casefold()):
        return False
    if column.dtype.is_integer():
        low, high = column.min(), column.max()
        return low == -1 and high == 1
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    for part in (column.head(10_000), column):
        texts = blanked(part).cast(pl.String).str.strip_chars().drop_nulls().unique()
        if not 2 <= len(texts) <= _MOST_TYPES:
            return False
    names = texts.to_list()
    senses = [sense_of_type(name) for name in names]
    shown = any(
        sense == "neutral" and _SHOWN.search(name.casefold())
        for name, sense in zip(names, senses, strict=True)
    )
    unknown = senses.count("unknown")
    clear = unknown == 0 if "negative" not in senses else unknown <= len(senses) / 2
    return ("negative" in senses or shown) and "positive" in senses and clear


def _is_binary(column: pl.Series, name: str) -> bool:
    words = _words(column)
    if words is None:
        return False
    distinct = words.drop_nulls().n_unique()
    # An empty cell says that there was no click, but not that there was a dislike.
    return distinct > 1 or (words.null_count() > 0 and bool(_OUTCOME.fullmatch(_key(name))))


def _words(column: pl.Series) -> pl.Series | None:
    """Return the values of a column of yes and no as texts, null where empty; else None."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return None
    for part in (column.head(1_000), column):
        words = blanked(part).cast(pl.String).str.strip_chars().str.to_lowercase()
        if not words.drop_nulls().is_in([*_YES, *_NO, *_SIGNS]).all():
            return None
    return words if words.null_count() < len(words) else None


def _bare(name: str) -> str:
    return re.sub(r"^(is|was|has|did)(?=[_\W]|[A-Z])[_\W]*", "", name)


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
