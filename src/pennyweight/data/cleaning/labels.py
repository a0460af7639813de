"""Columns of 0 and 1 that say whether something happened, such as a click or a like."""

import re
from collections.abc import Collection

import polars as pl

from pennyweight.data.cleaning.event_types import Meaning
from pennyweight.data.cleaning.vocabulary import sense_of
from pennyweight.errors import DataError

__all__ = ["label_column", "label_meanings"]

_OPINION = re.compile(
    r"(is|was|has|voted|would)?(like[ds]?|recommend(ed)?|up|thumbsup|upvoted?|satisfied"
    r"|positive|love[ds]?)"
)
_OUTCOME = re.compile(
    r"labels?|(is|was|has|did)?(click(ed|s)?|clk|convert(ed)?|conversion|purchase[ds]?|bought|buy"
    r"|order(ed)?|book(ed)?|booking|watch(ed)?|view(ed)?|read|open(ed)?|play(ed)?|finish(ed)?"
    r"|complete[ds]?|interact(ed|ion)?|install(ed)?|download(ed)?|cart|addtocart|addedtocart"
    r"|favou?rite[ds]?|saved?|follow(ed|s)?|subscribed?|longview|effective|cvr|ctr|ctcvr|hate"
    r"|dislike[ds]?)"
)
_YES, _NO = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f")


def label_column(frame: pl.DataFrame, taken: Collection[str], source: str) -> str | None:
    """Return the column that says of each row whether its event happened, if there is one.

    Raises
    ------
    DataError
        Several columns could be it.
    """
    found = [
        name
        for name in frame.columns
        if name not in taken
        and (_OPINION.fullmatch(_key(name)) or _OUTCOME.fullmatch(_key(name)))
        and _is_binary(frame[name])
    ]
    if len(found) > 1:
        raise DataError(
            f"{source}: the columns {', '.join(map(repr, found[:6]))} each say with 0 and 1 "
            f"whether something happened. Choose the one that counts with --type-column "
            f"{found[0]}, columns={{'type': {found[0]!r}}}; --type-column '' counts every row"
        )
    return found[0] if found else None


def label_meanings(name: str, values: Collection[str]) -> dict[str, Meaning]:
    """Return what the values of a column mean, if it says whether something happened.

    1 is what the column is named after; 0 is nothing where that is a deed, such as a click,
    and the opposite where it is an opinion, such as a like. -1 is always a dislike.
    """
    lowered = {value.strip().casefold(): value for value in values}
    if lowered.keys() <= {"-1", "-1.0", "1", "1.0", "0", "0.0"} and lowered.keys() & {"-1", "-1.0"}:
        return {
            value: "negative" if low[0] == "-" else "ignore" if low[0] == "0" else 1.0
            for low, value in lowered.items()
        }
    key = _key(name)
    opinion, outcome = _OPINION.fullmatch(key), _OUTCOME.fullmatch(key)
    if not (opinion or outcome) or not lowered.keys() <= {*_YES, *_NO}:
        return {}
    yes: Meaning = "negative" if sense_of(name) == "negative" or "hate" in key else 1.0
    no: Meaning = "negative" if opinion else 1.0 if yes == "negative" else "ignore"
    return {value: yes if low in _YES else no for low, value in lowered.items()}


def _is_binary(column: pl.Series) -> bool:
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        return False
    head = column.drop_nulls().head(1_000).cast(pl.String).str.strip_chars().str.to_lowercase()
    if not len(head) or not head.is_in([*_YES, *_NO, "-1", "-1.0"]).all():
        return False
    words = column.drop_nulls().cast(pl.String).str.strip_chars().str.to_lowercase().unique()
    return len(words) > 1 and bool(words.is_in([*_YES, *_NO, "-1", "-1.0"]).all())


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
