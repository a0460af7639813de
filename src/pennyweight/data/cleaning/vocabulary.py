"""The usual names of event types, and whether each is for an item, against it or neutral."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

__all__ = [
    "Sense",
    "is_consumption",
    "is_purchase",
    "is_removal",
    "is_switched",
    "is_vouched",
    "sense_of",
    "speaks_of_liking",
]

Sense = Literal["positive", "negative", "neutral", "unknown", "doubtful"]

# Base forms; plural, past and progressive forms are derived.
_DEEDS = frozenset(
    "view click clk tap select open visit read play playback listen stream watch finish complete "
    "completion download install purchase buy bought order transaction checkout conversion convert "
    "book booking reserve reservation rent rental borrow loan apply application enroll enrol "
    "enrolment enrollment detail pageview pv clickthrough use consume consumption bid donate hire "
    "order transact pay payment paid sale sell sold deposit start started interact interaction "
    "engage engagement dwell try eat eaten cook visit attend attended checkin print expand zoom "
    "preview sample message contact lead swipe swiperight rewatch replay reread reorder "
    "repurchase scrobble".split()
)
_OPINIONS = frozenset(
    "like love heart star favorite favourite fav fave save bookmark pin collect follow subscribe "
    "subscription upvote thumbsup thumbup voteup share repost retweet recommend approve approval "
    "interested interest helpful relevant satisfied happy positive cart basket bag atc wishlist "
    "wish add added".split()
)
_REMARKS = frozenset("vote comment reply review rate rating event implicit explicit true".split())
_AGAINST = frozenset(
    "dislike downvote thumbsdown thumbdown votedown hide hidden block ban mute report flag spam "
    "hate angry complain complaint return refund cancel cancellation canceled chargeback remove "
    "removal delete deletion reject rejection decline dismiss dismissal discard uninstall bounce "
    "revert reversal reverse void undo withdraw withdrawal withdrawn negative irrelevant unhelpful "
    "disapprove disapproval deny drop dropout dropped disinterested uninterested swipeleft revoke "
    "trash opt-out optout dispute".split()
)
_NEUTRAL = frozenset(
    "impression imp impr exposure expose exposed show shown display render serve served "
    "recommended suggested delivered delivery deliver neutral fail failed failure abandon "
    "abandonment expire expiry attempt attempted".split()
)
# Neutral unless a deed is named beside it: search_click is a click.
_INCIDENTAL = frozenset(
    "search query login logout signin signout signup register registration session heartbeat ping "
    "pause resume seek buffer scroll hover notification push email mail sms sent send receive "
    "error skip skipped next previous prev "
    "filter sort stop leave exit close timeout idle focus blur load unload refresh autoplay "
    "pageload ignore ignored snooze quit".split()
)
# A view of many items is an impression of each: Product List Viewed.
_SLATES = frozenset(
    "list results result promotion promo banner feed carousel widget slate search".split()
)
_FILLERS = frozenset(
    "a an the to from in on of by for with it this my me user customer client visitor member item "
    "product page app web site mobile content post article news video audio song track album movie "
    "film show game store shop offer button link image photo library playlist collection list "
    "listing goods request requested money partial partially full fully feedback action "
    "recommendation shipment up down issued initiated processed queue watchlist".split()
)
# Objects of a removal or a return.
_OBJECTS = frozenset(
    "cart basket bag wishlist wish order purchase transaction like love heart star favorite "
    "favourite fav save bookmark pin follow subscription vote comment review rating booking book "
    "reservation payment sale interaction loan rental application recommendation enrolment "
    "enrollment upvote thumbsup share event".split()
)
# Nouns and fillers beside a deed: hotel_click, begin_checkout.
_SUBJECTS = frozenset(
    "begin began screen trailer episode room hotel recipe property house home car vehicle job "
    "course lesson chapter podcast movie restaurant place venue flight trip tour city categorie "
    "category brand author artist section tab menu detail info information progres success "
    "successful ok confirmed created new first second quick half time percent ad offer deal "
    "coupon gift card map phone email call whatsapp website direction seller shipping address "
    "similar related recommended user profile document pdf file game match menu message dish "
    "meal cart step page id type sku variant size color option result top main go see look in "
    "out through thru rate ed es server client ecommerce online in-app inapp android ios".split()
)
_SWITCHED = frozenset(
    "like love heart star favorite favourite fav fave save bookmark pin follow subscribe upvote "
    "thumbsup wishlist wish collect".split()
)
_LIKING = frozenset(
    "like love heart upvote downvote thumbsup thumbup thumbsdown thumbdown voteup votedown dislike "
    "hate interested disinterested uninterested satisfied happy angry helpful unhelpful positive "
    "negative recommend".split()
)
_THUMBS = frozenset("thumbsdown thumbdown thumbsup thumbup votedown voteup down up nope".split())
_BOUGHT = frozenset(
    "purchase repurchase buy bought order reorder transaction pay paid sale sell sold".split()
)
_CONSUMED = frozenset(
    "view watch play playback listen stream read pageview pv visit open start finish complete "
    "completion dwell replay rewatch reread".split()
)
_REMOVED = frozenset("remove removal delete deletion discard un empty clear off".split())
# The end of a dislike or a block says nothing of the item: undislike, remove_block.
_UNDOABLE = frozenset(
    "dislike downvote thumbsdown thumbdown votedown hide hidden block ban mute report flag spam "
    "hate snooze ignore".split()
)
_ENDS = frozenset("un undo remove removal delete deletion revoke revert withdraw clear".split())
_EMPTIED = frozenset(("empty", "clear"))
_CLEARED = frozenset("cart basket bag wishlist wish favorite favourite watchlist".split())
# Of machines, and of a player that failed or came to an end.
_MACHINES = frozenset("bot bots robot crawler spider scraper".split())
_PLAYED = frozenset("play playback listen stream watch replay".split())
_TESTED = frozenset("event order purchase transaction payment ping data notification".split())
_ENDED = frozenset("stop pause".split())
_SHOPS = frozenset("sender seller vendor store shop merchant warehouse supplier origin".split())
_REPORTED = frozenset("sale sell order purchase transaction payment booking".split())
_NEGATORS = frozenset("not no non never without dont didnt doesnt un dis".split())
# Names whose sense does not follow from their words.
_FIXED: dict[str, Sense] = {
    "thumbsdown": "negative",
    "thumbdown": "negative",
    "votedown": "negative",
    "thumbsup": "positive",
    "thumbup": "positive",
    "voteup": "positive",
    "down": "negative",
    "up": "positive",
    "addtolist": "positive",
    "showless": "negative",
    "seeless": "negative",
    "lesslikethis": "negative",
    "morelikethis": "positive",
    "showmore": "positive",
    "donotshow": "negative",
    "dontshow": "negative",
    "neveragain": "negative",
    "donotrecommend": "negative",
    "dontrecommend": "negative",
    "sessionstart": "neutral",
    "sessionstarted": "neutral",
    "appopen": "neutral",
    "appstart": "neutral",
    "applaunch": "neutral",
    "firstvisit": "neutral",
    "firstopen": "neutral",
    "userengagement": "neutral",
    "checkin": "positive",
    "cancelled": "negative",
    "showdetails": "positive",
    "showdetail": "positive",
    "swipeleft": "negative",
    "swiperight": "positive",
    "swipedleft": "negative",
    "swipedright": "positive",
    "leftswipe": "negative",
    "rightswipe": "positive",
    "seen": "positive",
    "optout": "negative",
    "timespent": "positive",
    "showcase": "neutral",
    "viewthrough": "neutral",
    "sendback": "negative",
    "sentback": "negative",
    "takeback": "negative",
    "nope": "negative",
    "superlike": "positive",
    "showfewer": "negative",
    "unenrol": "negative",
    "unenroll": "negative",
    "unenrolled": "negative",
    "churn": "doubtful",
    "churned": "doubtful",
    "deselect": "doubtful",
    "deselected": "doubtful",
    "delisted": "doubtful",
    "deactivated": "doubtful",
    "none": "unknown",
    "returning": "doubtful",
    "returningvisitor": "doubtful",
    "returninguser": "doubtful",
    "returningcustomer": "doubtful",
}
# Words that begin with un or dis and deny nothing.
_HARMLESS = re.compile(
    r"(un(lock|iq|it|ion|iv|der|til|box|pack|wrap|known|defined|named|typed)|"
    r"dis(co|cuss|count|creet|tanc|tribut|patch|play|h|tinct|trict|ney))"
)
_SUFFIXES = ("ing", "ed", "es", "s", "d", "led", "ling")


def sense_of(name: str) -> Sense:
    """Return the sense of the name of an event type.

    Names are compared without case, spaces and punctuation; ``addToCart``, ``add_to_cart``
    and ``Add to cart`` are one name. ``doubtful`` is a name that holds a word of denial,
    such as ``un`` or ``return``, and is not known as a whole; ``unknown`` is any other.
    """
    words = _words(name)
    joined = "".join(words)
    if joined in _FIXED:
        return _FIXED[joined]
    if "returning" in words:  # returning users, not returned items
        return "doubtful"
    bases = _joined_thumbs([_base(word) for word in _split_compounds(words)])
    if "".join(bases) in _FIXED:  # swiped_left
        return _FIXED["".join(bases)]
    return _sense_in_context(bases) or _sense_of(bases)


@lru_cache(maxsize=1_024)
def is_vouched(name: str) -> bool:
    """Say whether each word in the name of a type is known, or names the subject of a deed."""
    words = _joined_thumbs([word for word in _split_compounds(_words(name)) if not word.isdigit()])
    return "".join(_words(name)) in _FIXED or all(
        _is_word(word) or word.removesuffix("s") in _SUBJECTS for word in words
    )


def is_switched(name: str) -> bool:
    """Say whether a type is an opinion that can be switched off, such as a favorite."""
    bases = {*_joined_thumbs([_base(word) for word in _split_compounds(_words(name))])}
    return bool(bases & _SWITCHED) and bases <= _SWITCHED | _FILLERS


def speaks_of_liking(name: str) -> bool:
    """Say whether the name of a type is about liking, as a like or a thumb down is."""
    bases = _bases(name)
    plain = bases <= _VOCABULARY and not _LIKING.isdisjoint(bases)  # and no love story
    return plain or "".join(_words(name)) in _THUMBS


@lru_cache(maxsize=1_024)
def is_consumption(name: str) -> bool:
    """Say whether events of this type are views, which may have no duration."""
    return sense_of(name) == "positive" and not _CONSUMED.isdisjoint(_bases(name))


@lru_cache(maxsize=1_024)
def is_purchase(name: str) -> bool:
    """Say whether events of this type are purchases, which a removal does not undo."""
    return sense_of(name) == "positive" and not _BOUGHT.isdisjoint(_bases(name))


@lru_cache(maxsize=1_024)
def is_removal(name: str) -> bool:
    """Say whether events of this type only take an item off a list, such as a cart."""
    words = _bases(name)
    removed = not _REMOVED.isdisjoint(words)
    return removed and sense_of(name) == "negative" and _BOUGHT.isdisjoint(words)


def _bases(name: str) -> set[str]:
    return {*_joined_thumbs([_base(word) for word in _split_compounds(_words(name))])}


def _joined_thumbs(words: list[str]) -> list[str]:
    """Return words with a thumb and its direction as one: ``thumbs_up_removed``."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("thumb", "thumbs") and word in ("up", "down"):
            joined[-1] = "thumbs" + word
        else:
            joined.append(word)
    return joined


def _sense_in_context(words: list[str]) -> Sense | None:
    """Return the sense of words that mean something else together; None for other words."""
    rest = {*words}
    against, ends = rest & _UNDOABLE, [word for word in words if word in _ENDS]
    if against and len(ends) == 1 and rest <= against | _FILLERS | {*ends}:
        return "neutral"
    if rest & _EMPTIED:
        others = rest - _EMPTIED - (_FILLERS - _CLEARED)
        return "negative" if others and others <= _CLEARED else _sense_without(words)
    if "off" in rest:
        return "negative" if rest & _SWITCHED and rest <= _SWITCHED | _FILLERS | {"off"} else None
    if words[:2] == ["return", "to"] and rest.isdisjoint(_SHOPS):
        return "positive"  # to a cart or a page
    if words[-1:] == ["report"] and rest - {"report"} and rest - {"report"} <= _REPORTED:
        return "unknown"
    return _sense_of_fault(words)


def _sense_without(words: list[str]) -> Sense:
    """Return the sense of words of which empty and clear speak of nothing bought."""
    others = [word for word in words if word not in _EMPTIED]
    return _sense_of(others) if others else "unknown"


def _sense_of_fault(words: list[str]) -> Sense | None:
    """Return the sense of events of machines and tests, and of a player that stopped."""
    rest = {*words}
    if rest & _MACHINES and rest <= _MACHINES | _DEEDS | _REMARKS | _FILLERS:
        return "neutral"
    if words[:1] == ["test"] and rest - {"test"} and rest - {"test"} <= _TESTED:
        return "neutral"
    if rest.isdisjoint(_PLAYED):
        return None
    if "error" in rest and rest.isdisjoint(_AGAINST):
        return "neutral"
    ended = rest & _ENDED
    return "unknown" if ended and rest <= ended | _PLAYED | _FILLERS else None


def _sense_of(words: list[str]) -> Sense:
    against = {word for word in words if word in _AGAINST}
    negators = [word for word in words if word in _NEGATORS]
    rest = [word for word in words if word not in against and word not in _NEGATORS]
    if against:
        plain = all(word in _OBJECTS or word in _FILLERS or word == "add" for word in rest)
        return "negative" if plain and len(against) == 1 and not negators else "doubtful"
    if negators:
        return _denied_sense(rest, len(negators))
    if any(word in _NEUTRAL for word in rest):
        return "neutral"
    deeds = {word for word in rest if word in _DEEDS or word in _OPINIONS or word in _REMARKS}
    if deeds <= {"view", "open", "load"} and any(word in _SLATES for word in rest):
        return "neutral"
    if deeds:
        return "positive"
    if any(word in _INCIDENTAL for word in rest):
        return "neutral"
    return "doubtful" if any(_denies(word) for word in rest) else "unknown"


def _denied_sense(rest: list[str], times: int) -> Sense:
    """Return the sense of denied words: not clicked is neutral, not liked is a dislike."""
    normalized = ("recommend" if word == "recommended" else word for word in rest)
    content_words = [word for word in normalized if word not in _FILLERS]
    if times > 1 or not content_words:
        return "doubtful"
    if all(word in _OPINIONS for word in content_words):
        return "negative"
    return "neutral" if all(word in _DEEDS for word in content_words) else "doubtful"


def _denies(word: str) -> bool:
    return word.startswith(("un", "dis", "anti", "non")) and not _HARMLESS.match(word)


def _words(name: str) -> list[str]:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.replace("'", "").replace("’", ""))
    return re.findall(r"[^\W_]+", text.casefold())


def _is_word(word: str) -> bool:
    return _base(word) in _VOCABULARY


def _split_compounds(words: Iterable[str]) -> list[str]:
    """Split words that are written together, such as ``addtocart`` and ``unfollow``."""
    parts: list[str] = []
    for word in words:
        parts += [word] if _is_word(word) else _pieces(word) or [word]
    return parts


@lru_cache(maxsize=4_096)
def _pieces(word: str) -> list[str] | None:
    """Return the fewest known words that make up a word, or None."""
    if len(word) > 64:
        return None
    best: list[list[str] | None] = [[]] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(end):
            before, piece = best[start], word[start:end]
            # A short filler inside a word is a coincidence: unit is not un-it.
            fits = _is_word(piece) and (len(piece) > 2 or piece in ("to", "un", "no"))
            if before is not None and fits and piece not in ("a", "me", "my", "it"):
                at = best[end]
                if at is None or len(before) + 1 < len(at):
                    best[end] = [*before, piece]
    return best[-1]


@lru_cache(maxsize=4_096)
def _base(word: str) -> str:
    """Return the base form of a known word, or the word."""
    if word in _VOCABULARY:
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            for form in (stem, stem + "e", stem[:-1] if stem[-2:-1] == stem[-1:] else stem):
                if len(form) > 1 and form in _VOCABULARY:
                    return form
    if word.endswith("ied") and word[:-3] + "y" in _VOCABULARY:
        return word[:-3] + "y"
    return word


_VOCABULARY = (
    _DEEDS
    | _OPINIONS
    | _REMARKS
    | _AGAINST
    | _NEUTRAL
    | _INCIDENTAL
    | _SLATES
    | _EMPTIED
    | _FILLERS
    | _OBJECTS
    | _NEGATORS
)
