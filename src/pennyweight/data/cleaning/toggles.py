"""Switches beside event types: the state ``off`` of a favorite takes it back."""

from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning.constant_columns import constant_of
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.vocabulary import is_switched

__all__ = ["OFF", "with_switches"]

OFF = " off"  # ends the type of an event that takes back an opinion
_STATES = ("state status toggle toggled switch on enabled active checked set flag").split()
_ON_OFF = (("on", "off"), ("enabled", "disabled"), ("checked", "unchecked"))
_YES_NO = (("true", "false"), ("1", "0"), ("yes", "no"))
_SWITCHES = frozenset("toggle toggled switch on enabled active checked".split())


def with_switches(types: pl.Series, frame: pl.DataFrame, roles: Mapping[str, str]) -> pl.Series:
    """Return the types of events with `OFF` at the end of those that a switch turned off.

    Parameters
    ----------
    types
        The type of each row of the frame, as text.
    """
    distinct = types.unique().to_list()
    switched = [name for name in distinct if name is not None and is_switched(name)]
    taken = {name for role, name in roles.items() if role not in ("status", "weight")}
    for name in frame.columns if switched else ():
        words = [word for word in words_of(name) if word not in ("is", "was")]
        if name in taken or not words or words[-1] not in _STATES:
            continue
        off = _turned_off(frame[name], words[-1])
        if off is not None and constant_of(frame, name, roles) is None:
            switched_off = off & types.is_in(switched).fill_null(False)
            return types.zip_with(~switched_off, types + OFF)
    return types


def _turned_off(column: pl.Series, word: str) -> pl.Series | None:
    """Return the rows of a switch that are off; None for other columns."""
    if column.dtype.is_nested() or column.dtype.is_float():
        return None
    texts = blanked(column).cast(pl.String).str.strip_chars().str.to_lowercase()
    values = (
        {*texts.drop_nulls().unique().to_list()} if texts.head(1_000).n_unique() <= 3 else set()
    )
    pairs = (*_ON_OFF, *_YES_NO) if word in _SWITCHES else _ON_OFF
    off = next((no for yes, no in pairs if values == {yes, no}), None)
    return None if off is None else (texts == off).fill_null(False)
