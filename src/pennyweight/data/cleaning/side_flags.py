"""Flags beside events: about the user, the item, or a list that the item is on."""

import re
import shlex
from collections.abc import Mapping

import polars as pl

from pennyweight.data.cleaning.labels import is_label
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.negations import words_of
from pennyweight.data.cleaning.reversal_columns import about_user_or_item, only_yes_and_no, says_yes
from pennyweight.data.cleaning_log import Findings

__all__ = ["side_flags"]

_LISTED = re.compile(
    r"(is|was|has)?(favou?rite[ds]?|fav|saved?|bookmark(ed)?|follow(ed|s|ing)?|subscribed?"
    r"|wishlist(ed)?|watchlist(ed)?)"
)
# With pieces, a duration or the moment of a deed, each row is an event.
_DEED = re.compile(
    r"(order(ed)?|purchased?|bought|sold|paid|view(ed)?|visit(ed)?|watched|played|read|listened"
    r"|opened|clicked|streamed|downloaded|rented)(at|on|date|time|timestamp|ts|datetime)"
    r"|quantity|qty|pieces|invoice(no|number|id)?|order(id|no|number)|pageview(id)?|menge|anzahl"
    r"|(dwell|watch|play|reading|listen|view)(ing)?(time|duration|seconds|secs|ms)"
)


def side_flags(frame: pl.DataFrame, roles: Mapping[str, str], findings: Findings) -> list[str]:
    """Return the columns of yes and no that are no event types, and note them.

    These have one value a user or an item, such as ``subscribed``, or mark an item on a list, such
    as ``is_favorite``, in rows that are orders or views.
    """
    deeds = [name for name in frame.columns if _DEED.fullmatch("".join(words_of(name)))]
    flags = []
    for name in frame.columns:
        if name in roles.values() or frame[name].dtype.is_nested() or not is_label(name):
            continue
        if not only_yes_and_no(frame[name]) or blanked(frame[name]).null_count() == frame.height:
            continue
        yes = says_yes(frame[name], "flag")
        if about_user_or_item(frame, yes, roles):
            reason = "has one value a user or an item, and says nothing of the single event"
        elif deeds and _LISTED.fullmatch("".join(words_of(name))):
            reason = f"is no type of events, since {deeds[0]!r} says that each row is one"
        else:
            continue
        flags.append(name)
        findings.add(
            "events",
            f"{name!r} {reason} (--type-column {shlex.quote(name)} counts the rows with yes)",
            frame.height,
            "noted",
        )
    return flags
