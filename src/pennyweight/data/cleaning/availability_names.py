"""The meaning of column names for the availability of items."""

import re

from pennyweight.data.cleaning.availability_words import (
    CHANNEL_STATE,
    CLEAR,
    CLEAR_NOT,
    DOUBTFUL,
    FILLERS,
    HIDING,
    HIDING_PHRASE,
    NO_SITES,
    NUMBERED_SITE,
    OFFLINE,
    ONLINE,
    OPEN_FOR,
    PIECES,
    REMOVED_AT,
    SITES,
    STATES,
    STOCK,
    VAGUE,
    VAGUE_NOT,
    WORDED,
)
from pennyweight.data.cleaning.negations import is_negator, words_of
from pennyweight.data.columns import bare
from pennyweight.data.plain_text import plain

__all__ = [
    "counts_pieces",
    "is_channel",
    "is_doubtful",
    "is_offline",
    "is_site",
    "is_stock",
    "is_vague",
    "key_of",
    "known_key",
    "may_be_dated",
    "means_unavailable",
    "tells_meaning",
]

_VAGUE = VAGUE | VAGUE_NOT | WORDED
# Known only by their full names: a product's quantity may be that of its pack.
_SHORT = {"state", "qty", "quantity", "estado", "stato", "statut", "live", "open"}
_DATED = (CLEAR_NOT | VAGUE_NOT | {"sold", "issold"}) - {"eol", "iseol", "endoflife"}
_LINKS = {"in", "on", "at", "for", "is", "im", "en", "to", "the", "by", "via", "a"}
_OF_BEING = re.compile(r"is|ist|est|es|e|do|longer|mehr|plus|more|flag|item|product")
_SHOWING = re.compile(
    r"available|availability|stock|inventory|active|live|visible|visibility|show|shown|display|"
    r"sell(able)?|sale|buy|order(able)?|recommend(able|ed)?|eligible|enabled?|public|publish(ed)?|"
    r"online|open|include[ds]?|allow(ed)?|approved|valid|current|in|has|can"
)


def key_of(name: str) -> str:
    """Return the name to compare; of a field in an object that is the last part of its path."""
    last = bare(name).rpartition(".")[2] if re.fullmatch(r"[\w-]+(\.[\w-]+)+", bare(name)) else name
    return re.sub(r"[\W_]+", "", plain(bare(last)))


def known_key(name: str) -> str:
    """Return the known name that a name comes down to; `key_of` where it is none.

    ``Product Visible?`` and ``visible status`` both come down to ``visible``.
    """
    key = key_of(name)
    if key in CLEAR | CLEAR_NOT or key in _VAGUE:
        return key
    words = words_of(bare(name).rpartition(".")[2])
    core = "".join(word for word in words if not FILLERS.fullmatch(word))
    for shorter in (core, STATES.sub("", core), STATES.sub("", key)):
        if shorter in (CLEAR | CLEAR_NOT | _VAGUE) - _SHORT:
            return shorter
    return key


def is_vague(name: str) -> bool:
    """Say whether a column may be about availability, so that its values decide."""
    key = known_key(name)
    return (
        key in _VAGUE
        or (key in CLEAR | CLEAR_NOT and key != key_of(name))
        or REMOVED_AT.fullmatch(key) is not None
        or STOCK.fullmatch(key) is not None
        or OPEN_FOR.fullmatch(key) is not None
        or is_channel(name)
        or _is_denial(name)
    )


def is_doubtful(name: str) -> bool:
    """Say whether a name has another common meaning, as ``is_live`` has of streams."""
    return known_key(name) in DOUBTFUL


def may_be_dated(name: str) -> bool:
    """Say whether a date in the column is the end of an item: ``discontinued``."""
    return known_key(name) in _DATED


def is_channel(name: str) -> bool:
    """Say whether a name is that of availability in one channel: ``available_online``."""
    words = [word for word in words_of(bare(name)) if word not in _LINKS]
    states = [word for word in words if CHANNEL_STATE.fullmatch(word)]
    others = [word for word in words if word not in states]
    return len(states) == 1 and bool(others) and all(map(_is_channel_word, others))


def is_offline(name: str) -> bool:
    """Say whether a channel is another one than the shop on the web."""
    return any(OFFLINE.fullmatch(word) for word in words_of(bare(name)))


def _is_channel_word(word: str) -> bool:
    return ONLINE.fullmatch(word) is not None or OFFLINE.fullmatch(word) is not None


def _is_denial(name: str) -> bool:
    """Say whether a name denies a known one: ``nicht lieferbar``, ``not_for_sale``."""
    words = [word for word in words_of(name) if not _OF_BEING.fullmatch(word)]
    affirmed = "".join(word for word in words if not is_negator(word))
    return affirmed in CLEAR | VAGUE and sum(map(is_negator, words)) == 1


def means_unavailable(name: str) -> bool:
    """Say whether true in a column of this name means that an item is not available."""
    key = known_key(name)
    if key in CLEAR_NOT | VAGUE_NOT | WORDED or REMOVED_AT.fullmatch(key):
        return True
    if key in CLEAR | VAGUE or STOCK.fullmatch(key) or is_site(name) or is_channel(name):
        return False
    words = words_of(name)
    hiding = HIDING_PHRASE.search(key) or any(HIDING.fullmatch(word) for word in words)
    return (sum(map(is_negator, words)) + bool(hiding)) % 2 == 1


def tells_meaning(name: str) -> bool:
    """Say whether the name alone settles the meaning of true in the column."""
    words = words_of(name)
    return (
        key_of(name) in CLEAR
        or is_vague(name)
        or means_unavailable(name)
        or any(_SHOWING.fullmatch(word) or HIDING.fullmatch(word) for word in words)
    )


def is_stock(key: str) -> bool:
    """Say whether a clear name is about stock, and so wins over numbers of pieces."""
    return key in CLEAR or key in ("soldout", "issoldout", "outofstock", "isoutofstock")


def counts_pieces(name: str) -> bool:
    """Say whether numbers in a column of this name may be pieces."""
    key = known_key(name)
    if _is_denial(name) and key not in CLEAR_NOT:  # ``no_stock`` may count the stock
        return False
    return (
        PIECES.search(key) is not None
        or STOCK.fullmatch(key) is not None
        or key in CLEAR | CLEAR_NOT
        or is_site(name)
    )


def is_site(name: str) -> bool:
    """Say whether a name is that of the stock at one of several places: ``stock_berlin``."""
    key, words = known_key(name), words_of(bare(name))
    if key in CLEAR | CLEAR_NOT | VAGUE | VAGUE_NOT | WORDED or STOCK.fullmatch(key):
        return False
    if NUMBERED_SITE.fullmatch(key):
        return True
    if not 2 <= len(words) <= 4 or REMOVED_AT.fullmatch(key) or HIDING_PHRASE.search(key):
        return False
    return any(SITES.fullmatch(word) for word in words) and not any(
        NO_SITES.fullmatch(word) or is_negator(word) for word in words
    )
