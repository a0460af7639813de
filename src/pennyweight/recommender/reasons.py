"""Why an item was recommended, from what really moved its score."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.encode.vectoriser import words
from pennyweight.score.protocol import Scorer

__all__ = ["Because", "Blended", "Evidence", "Kind", "Reason", "gather", "reason_for"]

Kind = Literal["history", "text", "new", "popular", "cold"]

MAX_NAMED = 3
LEAST_SHARE = 0.1  # a history item that moved less is not named
MAX_TERMS = 4


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

    def shared_terms(self, first: int, second: int) -> list[str]:
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


@dataclass(frozen=True)
class Evidence:
    """What moved the scores of some items: contributions (n_codes, n_events), parts' shares."""

    contributions: NDArray[np.float32]
    shares: Mapping[str, NDArray[np.float32]]


def gather(scorer: Scorer, history: Histories, codes: NDArray[np.int32]) -> Evidence:
    """Ask a scorer what moved the scores of some items."""
    if not len(history.item):
        return Evidence(np.zeros((len(codes), 0), np.float32), {})
    shares = scorer.part_shares(history, codes) if isinstance(scorer, Blended) else {}
    return Evidence(scorer.contributions(history, codes), shares)


def reason_for(
    row: int,
    code: int,
    evidence: Evidence,
    *,
    scorer: Scorer,
    catalog: Catalog,
    history: Histories,
    query: str | None,
    is_new: bool,
) -> Reason:
    """Put the evidence for one item, the row-th of it, into words."""
    because = _because(evidence.contributions[row], history, catalog)
    shares = {name: float(values[row]) for name, values in evidence.shares.items()}
    part = max(shares, key=shares.__getitem__) if shares and max(shares.values()) > 0 else None
    shared: tuple[str, ...] = ()
    said = []
    if is_new:
        said.append("new: chosen by its text")
    if because:
        said.append(f"because of {_and([f'"{b.title}" ({b.share * 100:.0f} %)' for b in because])}")
        nearest = int(catalog.ids.codes([because[0].item_id])[0])
        shared = () if nearest == code else tuple(_shared(scorer, code, nearest)[:MAX_TERMS])
    if part == "popularity" and because:
        said.append("popular with everyone")
    if query is not None:
        matched = _matched(query, catalog.texts[code])
        said.append("matches the text" + (f": {', '.join(matched)}" if matched else ""))
        shared = shared or matched
    elif shared:
        said.append(f"shares: {', '.join(shared)}")
    kind: Kind = "history" if because else "text" if query is not None else "popular"
    if not said:
        said.append("popular with everyone")
    elif is_new and not because:
        kind = "new" if query is None else "text"
    return Reason("; ".join(said), kind, because, part, shared)


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


def _shared(scorer: Scorer, first: int, second: int) -> list[str]:
    for part in [scorer, *(scorer.parts.values() if isinstance(scorer, Blended) else [])]:
        if isinstance(part, SharesTerms):
            return part.shared_terms(first, second)
    return []


def _matched(query: str, text: str) -> tuple[str, ...]:
    """Return the words of the query, three letters or more, that the text has."""
    has = set(words(text))
    wanted = dict.fromkeys(word for word in words(query) if len(word) >= 3)
    return tuple(word for word in wanted if word in has)[:MAX_TERMS]


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
