"""Explanations: the events, components and words that moved the score of an item."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.data.words import is_hangul, is_ideograph, words
from pennyweight.ranking.query import FALLBACKS, Query, Source
from pennyweight.ranking.reasons import Because, Kind, Reason
from pennyweight.ranking.stages import RankingBatch
from pennyweight.ranking.word_forms import legible, matched
from pennyweight.scorers.attribution import Attribution
from pennyweight.scorers.protocol import Scorer

__all__ = ["CommonWords", "Explainer", "explain_items", "explored_reason"]

MAX_NAMED = 3  # items of the history
MIN_SHARE = 0.1  # of the score, for an item to be named
MAX_TERMS = 3
MAX_FREQUENCY = 0.1  # share of the texts with a word, above which it is uninformative
SAMPLE = 500  # texts in which words are counted
MAX_SHARED = 60  # words that two items share, of which the telling ones are named


class CommonWords:
    """The words in too many texts to be informative, in any language.

    Parameters
    ----------
    texts
        Of which a sample is counted, when the words are first needed.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    @cached_property
    def words(self) -> frozenset[str]:
        """The words."""
        sample = self._texts[:: max(1, len(self._texts) // SAMPLE)]
        count = Counter(word for text in sample for word in set(words(text)))
        return frozenset(
            word for word, n in count.items() if n > max(3, MAX_FREQUENCY * len(sample))
        )


@dataclass(frozen=True, eq=False)
class Explainer:
    """The stage that gives reasons, where a request asks for them.

    Attributes
    ----------
    scorer, catalog
        The scorer and its items.
    counts
        Events of each item, to know which are new.
    common_words
        Words that no reason names.
    """

    scorer: Scorer
    catalog: Catalog
    counts: NDArray[np.int64] | None
    common_words: CommonWords

    def __call__(self, batch: RankingBatch) -> None:
        """Fill `reasons`; those of explored items say so."""
        batch.reasons = [
            self.explain(codes, request.query, source, batch.attributions.get(row))
            if request.explain
            else None
            for row, (request, codes, source) in enumerate(
                zip(batch.requests, batch.codes, batch.sources, strict=True)
            )
        ]
        for row, explored in batch.explored.items():
            reasons = batch.reasons[row]
            if reasons is not None:
                batch.reasons[row] = tuple(
                    explored_reason(reason) if place in explored.positions else reason
                    for place, reason in enumerate(reasons)
                )

    def explain(
        self,
        codes: NDArray[np.int32],
        query: Query,
        source: Source,
        attribution: Attribution | None = None,
    ) -> tuple[Reason, ...]:
        """Return why each of some items is recommended, for a list with that source.

        With the attribution of its scores, the query is not scored again.
        """
        cold = source in FALLBACKS
        if attribution is None and len(query.history.item) and not cold:
            attribution = self.scorer.attribute(query.history)[1][0]
        return explain_items(
            codes,
            query.history,
            scorer=self.scorer,
            attribution=attribution,
            catalog=self.catalog,
            counts=self.counts,
            common=self.common_words.words,
            text=query.text,
            cold=cold,
            similar=query.is_item,
        )


def explain_items(
    codes: NDArray[np.int32],
    history: Histories,
    *,
    scorer: Scorer,
    catalog: Catalog,
    attribution: Attribution | None = None,
    counts: NDArray[np.int64] | None = None,
    common: Set[str] = frozenset(),
    text: str | None = None,
    cold: bool = False,
    similar: bool = False,
) -> tuple[Reason, ...]:
    """Return why items are recommended for one history.

    Parameters
    ----------
    codes
        The items.
    attribution
        Of the scores of the history, if they are known.
    counts
        Events of each item of the catalog, to know which are new.
    common
        Words that no reason names.
    text
        The search in words, if any.
    cold
        Whether the list is one of the most popular items.
    similar
        Whether the history is one item to which others are compared; it is not named then.
    """
    fallbacks = [name for name, component in scorer.components.items() if component.is_fallback]
    if cold:
        missing = "nothing is known of the history" if len(history.item) else "no history"
        missing = missing if text is None else "no word of the text is known"
        by = fallbacks[0] if fallbacks else "popularity"
        return (Reason(f"{missing}: most popular", "cold", component=by),) * len(codes)
    contributions = np.zeros((len(codes), 0), np.float32)
    shares: Mapping[str, NDArray[np.float32]] = {}
    if len(history.item):
        attribution = attribution or Attribution(scorer, history)
        contributions = attribution.contributions(codes)
        shares = attribution.component_shares(codes)
    if similar:
        components = scorer.components
        shares = {name: share for name, share in shares.items() if components[name].is_personal}
    average = 0.0 if counts is None or not len(counts) else float(counts.mean())
    reasons = []
    for row, code in enumerate(codes.tolist()):
        because = _because(contributions[row], history, catalog)
        best = max(shares, key=lambda name: float(shares[name][row]), default=None)
        if best is not None and shares[best][row] <= 0:
            best = None
        other = catalog.ids.code(because[0].item_id) if because else code
        shared = scorer.shared_terms(code, other, limit=MAX_SHARED) if other != code else []
        by_meaning = False
        if text is not None:
            shared = matched(text, catalog.texts[code])
            by_meaning = scorer.search is not None and not shared
        shared = [word for word in shared if _is_informative(word)]
        shared = legible(shared, catalog.texts[code], common)[:MAX_TERMS]
        is_new = counts is not None and counts[code] == 0
        kind: Kind = "history" if because else "text" if text else "new" if is_new else "popular"
        reason = Reason("", kind, because, best, tuple(shared))
        sentence = (
            _similarity_sentence(reason)
            if similar
            else _sentence(
                reason,
                by_popularity=best in fallbacks,
                with_text=text is not None,
                by_meaning=by_meaning,
                is_new=is_new,
                is_popular=counts is None or bool(counts[code] > average),
            )
        )
        reasons.append(replace(reason, text=sentence))
    return tuple(reasons)


def _similarity_sentence(reason: Reason) -> str:
    by_component = reason.component and reason.because
    basis = f"mostly {reason.component}" if by_component else "its text is similar"
    return "; ".join([basis, *_shared_words(reason, "shares")])


def _sentence(
    reason: Reason,
    *,
    by_popularity: bool,
    with_text: bool,
    by_meaning: bool,
    is_new: bool,
    is_popular: bool,
) -> str:
    clauses = ["new: chosen by its text"] if is_new else []
    if reason.because:
        clauses.append(f"because of {_listed(reason.because)}")
    if with_text:
        match = "near the text in meaning" if by_meaning else "matches the text"
        clauses += _shared_words(reason, "matches the text") or [match]
    else:
        clauses += _shared_words(reason, "shares")
    if is_popular and (by_popularity or not clauses):
        clauses.append("popular with everyone")
    elif by_popularity:  # its weight in the blend may be negative
        clauses.append("less popular than others")
    elif not clauses:
        clauses.append("highest remaining score")
    return "; ".join(clauses)


def _shared_words(reason: Reason, label: str) -> list[str]:
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
    named = [i for rank, i in enumerate(order) if rank == 0 or shares[i] >= MIN_SHARE]
    return tuple(
        Because(catalog.ids[int(codes[i])], catalog.title(int(codes[i])), float(shares[i]))
        for i in named
    )


def explored_reason(reason: Reason) -> Reason:
    """Return the reason for an item that is in a list for exploration."""
    text = f"new item, listed to learn about it; {reason.text}"
    return replace(reason, text=text, kind="exploration")


def _is_informative(word: str) -> bool:
    return len(word) > 1 or is_ideograph(word) or is_hangul(word)


def _listed(because: tuple[Because, ...]) -> str:
    named = [f'"{item.title}" ({item.share * 100:.0f} %)' for item in because]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
