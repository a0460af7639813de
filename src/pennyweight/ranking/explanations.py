"""Why an item was recommended, from what really moved its score."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.data.words import is_hangul, is_ideograph, words
from pennyweight.ranking.word_forms import legible, matched
from pennyweight.scorers.protocol import Scorer

__all__ = ["Because", "Blended", "Kind", "Reason", "common_words", "explain_items", "parts_of"]

Kind = Literal["history", "text", "new", "popular", "cold"]

MAX_NAMED = 3
LEAST_SHARE = 0.1  # a history item that moved less is not named
MAX_TERMS = 3
COMMON = 0.1  # words in more than this share of the texts tell nothing
SAMPLE = 500  # texts in which that is looked up
BLIND = ("popularity", "novelty")  # parts to which a history makes no difference


@runtime_checkable
class Blended(Protocol):
    """A scorer made of others that says what each of them gave."""

    parts: dict[str, Scorer]

    def part_shares(
        self, history: Histories, codes: NDArray[np.int32]
    ) -> Mapping[str, NDArray[np.float32]]:
        """Return each part's share in the scores of items, float32 (len(codes),) a part."""
        ...


@runtime_checkable
class SharesTerms(Protocol):
    """A scorer that knows the words two items have in common."""

    def shared_terms(self, code: int, other: int, *, limit: int) -> list[str]:
        """Return words of both items, the most telling first."""
        ...


@dataclass(frozen=True)
class Because:
    """An item of the history and its share in what the history added to the score."""

    item_id: str
    title: str
    share: float


@dataclass(frozen=True)
class Reason:
    """Why an item was recommended.

    Attributes
    ----------
    text
        One plain sentence.
    kind
        What it rests on: ``history``, ``text`` (words of the query), ``new`` (an item
        without events, reached by its text), ``popular`` (the history added nothing), or
        ``cold`` (there was no history).
    because
        The items of the history that added most, at most three.
    part
        The scorer that added most, if any did.
    shared
        Words that the item shares with the first of `because`, or with the query.
    """

    text: str
    kind: Kind
    because: tuple[Because, ...] = ()
    part: str | None = None
    shared: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def parts_of(scorer: Scorer) -> Mapping[str, Scorer]:
    """Return the parts of a blend; of any other scorer, itself."""
    return scorer.parts if isinstance(scorer, Blended) else {scorer.name: scorer}


def common_words(texts: Sequence[str]) -> frozenset[str]:
    """Return the words found in too many texts to tell one from another, in any language."""
    sample = texts[:: max(1, len(texts) // SAMPLE)]
    count = Counter(word for text in sample for word in set(words(text)))
    return frozenset(word for word, n in count.items() if n > max(3, COMMON * len(sample)))


def explain_items(
    codes: NDArray[np.int32],
    history: Histories,
    *,
    scorer: Scorer,
    catalog: Catalog,
    counts: NDArray[np.int64] | None = None,
    common: Set[str] = frozenset(),
    text: str | None = None,
    cold: bool = False,
    similar: bool = False,
) -> tuple[Reason, ...]:
    """Say why items were recommended for one history.

    Parameters
    ----------
    codes
        The items.
    counts
        Events of each item of the catalog, to know which are new.
    common
        Words not worth telling.
    text
        The words asked for, if any.
    cold
        There was nothing to go by, so that popularity spoke alone.
    similar
        The history is one item to which others are compared: it is not named.
    """
    if cold:
        lacking = "nothing is known of the history" if len(history.item) else "no history"
        lacking = lacking if text is None else "no word of the text is known"
        return (Reason(f"{lacking}: most popular", "cold", part="popularity"),) * len(codes)
    contributions = np.zeros((len(codes), 0), np.float32)
    shares: Mapping[str, NDArray[np.float32]] = {}
    if len(history.item):
        contributions = scorer.contributions(history, codes)
        shares = scorer.part_shares(history, codes) if isinstance(scorer, Blended) else {}
    if similar:
        shares = {name: value for name, value in shares.items() if name not in BLIND}
    reasons = []
    for row, code in enumerate(codes.tolist()):
        because = _because(contributions[row], history, catalog)
        part = max(shares, key=lambda name: float(shares[name][row]), default=None)
        if part is not None and shares[part][row] <= 0:
            part = None
        shared = _shared(scorer, code, catalog.ids.code(because[0].item_id)) if because else []
        if text is not None:
            shared = matched(text, catalog.texts[code])
        shared = [word for word in shared if _tells(word) and word not in common]
        shared = legible(shared, catalog.texts[code])[:MAX_TERMS]
        is_new = counts is not None and counts[code] == 0
        kind: Kind = "history" if because else "text" if text else "new" if is_new else "popular"
        found = Reason("", kind, because, part, tuple(shared))
        told = _likeness(found) if similar else _sentence(found, text is not None, is_new)
        reasons.append(replace(found, text=told))
    return tuple(reasons)


def _likeness(reason: Reason) -> str:
    said = [f"mostly {reason.part}"] if reason.part and reason.because else ["its text is alike"]
    return "; ".join([*said, *_words(reason, "shares")])


def _sentence(reason: Reason, asked: bool, is_new: bool) -> str:
    said = ["new: chosen by its text"] if is_new else []
    if reason.because:
        said.append(f"because of {_listed(reason.because)}")
    if asked:
        said += _words(reason, "matches the text") or ["matches the text"]
    else:
        said += _words(reason, "shares")
    if reason.part == "popularity" or not said:
        said.append("popular with everyone")
    return "; ".join(said)


def _words(reason: Reason, label: str) -> list[str]:
    return [f"{label}: {', '.join(reason.shared)}"] if reason.shared else []


def _because(
    contributions: NDArray[np.float32], history: Histories, catalog: Catalog
) -> tuple[Because, ...]:
    codes, event = np.unique(history.item, return_inverse=True)
    added = np.bincount(event, weights=contributions, minlength=len(codes)).clip(min=0)
    total = float(added.sum())
    if total <= 0:
        return ()
    shares = added / total
    order = np.argsort(-shares, kind="stable")[:MAX_NAMED]
    named = [i for rank, i in enumerate(order) if rank == 0 or shares[i] >= LEAST_SHARE]
    return tuple(
        Because(catalog.ids[int(codes[i])], catalog.title(int(codes[i])), float(shares[i]))
        for i in named
    )


def _tells(word: str) -> bool:
    return len(word) > 1 or is_ideograph(word) or is_hangul(word)


def _shared(scorer: Scorer, code: int, other: int) -> list[str]:
    for part in (scorer, *parts_of(scorer).values()):
        if isinstance(part, SharesTerms):
            return part.shared_terms(code, other, limit=20) if code != other else []
    return []


def _listed(because: tuple[Because, ...]) -> str:
    named = [f'"{item.title}" ({item.share * 100:.0f} %)' for item in because]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
