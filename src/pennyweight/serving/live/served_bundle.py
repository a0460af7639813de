"""A bundle in service: the saved one with all items added, changed or deleted since."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog, is_iso_date
from pennyweight.data.cleaning.feedback import FeedbackRules
from pennyweight.data.cleaning.missing import is_missing_id
from pennyweight.data.documents import document_of, documents, drop_unsuitable
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.encoders.endpoint import EndpointEncoder
from pennyweight.encoders.texts import has_characters
from pennyweight.errors import DataError, UnknownIdError
from pennyweight.ranking.filter_masks import FilterMasks, Mask
from pennyweight.ranking.ranker import Ranker
from pennyweight.ranking.retrieval import Retriever
from pennyweight.recommender.item_growth import EncodedTexts, changed_texts
from pennyweight.recommender.recommender import Recommender
from pennyweight.serving.live.encoded_items import EncodedItems
from pennyweight.serving.live.item_changes import document_over
from pennyweight.serving.live.publication import published_times
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["NOTHING_COVERED", "CoveredPositions", "ServedBundle", "epoch", "known_columns"]


@dataclass(frozen=True)
class CoveredPositions:
    """Which changes in the store a bundle's data holds already: up to these seq, 0 for none."""

    items: int = 0
    events: int = 0


NOTHING_COVERED = CoveredPositions()


@dataclass(frozen=True)
class ServedBundle:
    """A recommender, and which of its items may be recommended.

    Attributes
    ----------
    version
        The bundle it began with.
    recommender
        The catalog of the bundle, with later items.
    open
        Items that may be recommended, bool (n_items,).
    published
        Epoch seconds since when an item counts as new, NaN if unknown, float64 (n_items,).
    covered
        Which changes in the store the bundle's data holds already.
    own
        The items that the bundle has itself; in `catalog` those that came live follow.
    without_vector
        Ids of live items that a server gave no vector, because it failed or must not be asked.
    """

    version: str
    recommender: Recommender
    open: Mask
    published: NDArray[np.float64]
    own: Catalog
    _filters: FilterMasks = field(repr=False, compare=False)
    covered: CoveredPositions = NOTHING_COVERED
    without_vector: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, version: str, recommender: Recommender, covered: CoveredPositions = NOTHING_COVERED
    ) -> "ServedBundle":
        """Return a bundle's own items, of which the catalog says which are available."""
        catalog = recommender.catalog
        published = published_times(catalog.attributes, len(catalog))
        open_, filters = catalog.available.copy(), FilterMasks(catalog.attributes)
        return cls(version, recommender, open_, published, catalog, filters, covered)

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.recommender.catalog

    @cached_property
    def remote_encoders(self) -> tuple[EndpointEncoder, ...]:
        """Encoders of its scorers that ask a server for vectors."""
        encoders = (scorer.encoder for scorer in self.recommender.scorer.components.values())
        remote = (encoder.remote for encoder in encoders if encoder is not None)
        return tuple(encoder for encoder in remote if encoder is not None)

    @cached_property
    def rules(self) -> FeedbackRules:
        """The meaning of events."""
        return self.recommender.rules

    @cached_property
    def created(self) -> float:
        """Epoch seconds when the bundle was made."""
        bundle = self.recommender.bundle
        return 0.0 if bundle is None else epoch(bundle.manifest.created)

    @property
    def newest_event(self) -> float:
        """Epoch seconds of the newest event the bundle learned from; 0 if unknown."""
        log = self.recommender.interactions
        return float(log.time.max()) if log is not None and log.real_time and len(log) else 0.0

    @cached_property
    def ranker(self) -> Ranker:
        """Ranks the items that may be recommended."""
        return replace(self.recommender.ranker, retriever=Retriever(self.open, self._filters))

    def without_ranking_stage(self) -> "ServedBundle":
        """Return a bundle whose lists have the order of the scorer."""
        other = replace(self)
        other.__dict__["ranker"] = replace(self.ranker, rerankers=(), depth=0)
        return other

    def freshness(self, now: float, half_life: float) -> NDArray[np.float32]:
        """Return 1 for an item published now, a half after `half_life` seconds; else 0."""
        # Beyond 200 half-lives nothing is left in float32; a short one would overflow it.
        with np.errstate(over="ignore"):
            age = np.minimum(np.maximum(now - self.published, 0) / half_life, 200)
        fresh = np.exp2(-age.astype(np.float32))
        fresh[np.isnan(fresh)] = 0
        return fresh

    def document(self, item_id: str) -> dict[str, Any]:
        """Return the columns of an item; `UnknownIdError` where there is none."""
        return document_of(self.catalog, self.catalog.ids.code(item_id))

    def check_type(self, kind: str) -> None:
        """Raise `DataError` where a type of events may mean the opposite of liking."""
        types = self.rules.types
        if types.clear_meaning(kind) is None or (
            kind.strip() in ("0", "0.0") and kind not in types
        ):
            raise DataError(
                f"type {kind!r} may say the opposite of liking: send a name that says which, such "
                "as like, dislike or impression. A bundle takes this one where it is fitted to a "
                "log that has it, with a meaning (--event-types)"
            )

    def is_missing(self, name: str, kind: Literal["user", "item"]) -> bool:
        """Whether an id is a word for a missing one, such as ``undefined``, and not a known id."""
        log, plan = self.recommender.interactions, self.recommender.plan
        extra = None if plan is None else plan.data.missing_ids
        known_ids = self.catalog.ids if kind == "item" else () if log is None else log.users
        return is_missing_id(name, extra, known_ids)

    def check_id(self, name: str, kind: Literal["user", "item"]) -> None:
        """Raise `DataError` where an id stands for a missing one: it would be everybody's."""
        if self.is_missing(name, kind):
            raise DataError(
                f"{kind}_id {name!r} stands for a missing id, and all without one would share it: "
                f"send the id of the {kind}; where it is one, fit the bundle with --missing-ids '' "
                "(missing_ids=[])"
            )

    def is_neutral(self, kind: str) -> bool:
        """Whether events of a type say nothing, as impressions do."""
        return self.meaning(kind) == "neutral"

    def meaning(self, kind: str) -> Literal["positive", "negative", "neutral"]:
        """Return the meaning of events of a type."""
        meaning = self.rules.types.clear_meaning(kind)
        if meaning is None or meaning == "ignore":
            return "neutral"
        return "negative" if meaning == "negative" else "positive"

    def is_open(self, item_id: str) -> bool:
        """Whether an item may be recommended; false for one that is not there."""
        try:
            return bool(self.open[self.catalog.ids.code(item_id)])
        except UnknownIdError:
            return False

    def published_at(self, item_id: str) -> float | None:
        """Return since when an item counts as new, if that is known."""
        time = float(self.published[self.catalog.ids.code(item_id)])
        return None if np.isnan(time) else time

    def check(self, documents_by_id: Mapping[str, Mapping[str, Any]]) -> list[bool]:
        """Return for each item whether its columns call it available.

        `DataError` where they are not those of the catalog.
        """
        return (
            [bool(available) for available in documents(documents_by_id, self.catalog).available]
            if documents_by_id
            else []
        )

    def counts(self, item: StoredItem) -> bool:
        """Whether a live change of an item is not in the data of the bundle already.

        By the position in the store from which the data was exported, never by a clock. An item
        that the bundle does not have counts in any case.
        """
        if not 0 < item.seq <= self.covered.items:
            return True
        return not self._is_own(item)

    def _is_own(self, item: StoredItem) -> bool:
        return 0 <= int(self.catalog.ids.codes([item.item_id])[0]) < len(self.own)

    def completed(self, item: StoredItem) -> StoredItem:
        """Return a live item, with fields that no change set as the bundle has them.

        Its document has only columns of the bundle; None if no change set any of them.
        """
        document = document_over(item, self.own, self.covered.items)
        if document is not None:
            document = drop_unsuitable({item.item_id: document}, self.catalog)[item.item_id]
        available, published = item.available, item.published
        if item.field_seqs is not None and self._is_own(item):
            if not item.changed_after("available", self.covered.items):
                available = self.is_open(item.item_id)
            if not item.changed_after("published", self.covered.items):
                published = self.published_at(item.item_id)
        return replace(item, document=document, available=available, published=published)

    def encode(self, items: Sequence[StoredItem]) -> EncodedItems:
        """Clean items, each once, and encode their texts; this takes long.

        Items without a document are skipped, and items that do not count.
        """
        documents_of = {
            item.item_id: document_over(item, self.own, self.covered.items)
            for item in items
            if item.document is not None and self.counts(item)
        }
        changed = {
            name: document for name, document in documents_of.items() if document is not None
        }
        if not changed:
            return EncodedItems.none(self.catalog)
        items_read = documents(drop_unsuitable(changed, self.catalog), self.catalog)
        at = changed_texts(self.catalog, items_read, self.without_vector)
        rows = (
            self.recommender.encode_texts([items_read.texts[i] for i in at.tolist()])
            if len(at)
            else {}
        )
        seq = [item.seq for item in items if item.item_id in changed]
        return EncodedItems(items_read, np.array(seq, np.int64), EncodedTexts(at, rows))

    def with_encoded(self, encoded: EncodedItems) -> "ServedBundle":
        """Return a bundle in which items are as they were read; new ones are not yet open."""
        if not len(encoded):
            return self
        texts = replace(encoded.texts, again=self.without_vector)
        recommender = self.recommender.with_items(encoded.items, texts)
        codes = self.catalog.ids.codes(encoded.items.ids)
        filters = self._filters.with_rows(recommender.catalog.attributes, codes[codes >= 0])
        lacking = self.without_vector.difference(encoded.encoded_ids) | self.lacking(encoded)
        return replace(
            self, recommender=recommender, _filters=filters, without_vector=lacking
        )._opened(())

    def lacking(self, encoded: EncodedItems) -> frozenset[str]:
        """Return the items whose texts were encoded without the vector of a server."""
        if not len(encoded.texts.at):
            return frozenset()
        rows, ids = encoded.texts.at.tolist(), list(encoded.items.ids)
        positions = self.recommender.scorer.without_vector(encoded.texts.rows)
        return frozenset(
            ids[rows[at]] for at in positions if has_characters(encoded.items.texts[rows[at]])
        )

    @property
    def awaited(self) -> frozenset[str]:
        """Ids of open items that a server may still give the vectors it failed to give."""
        may_ask = any(encoder.may_ask for encoder in self.remote_encoders)
        return frozenset(filter(self.is_open, self.without_vector if may_ask else ()))

    def with_items(self, items: Sequence[StoredItem]) -> "ServedBundle":
        """Return a bundle in which items are as they were put, each once; others stay.

        Changes that the bundle's data holds already are skipped.
        """
        return self.with_encoded(self.encode(items)).with_availability(items)

    def with_availability(self, items: Sequence[StoredItem]) -> "ServedBundle":
        """Return a bundle in which items that are there may be recommended or not, as put.

        Columns are not looked at, so this takes no time.
        """
        return self._opened([item for item in items if self.counts(item)])

    def with_availability_of(self, other: "ServedBundle") -> "ServedBundle":
        """Return a bundle with the availability of another that has no more items."""
        open_, published = self.open.copy(), self.published.copy()
        open_[: len(other.open)], published[: len(other.open)] = other.open, other.published
        return replace(self, open=open_, published=published)

    def with_log(self, log: Interactions | None) -> "ServedBundle":
        """Return a bundle that looks users up in another event log."""
        return replace(self, recommender=self.recommender.with_log(log))

    def log_without_names(self, users: Collection[str]) -> Interactions | None:
        """Return the event log in which some users cannot be looked up; no event is touched."""
        log = self.recommender.interactions
        if log is None:
            return None
        erased = set(users)
        names = (f"\0{code}" if name in erased else name for code, name in enumerate(log.users))
        return replace(log, users=Ids(names, "users"))

    def _opened(self, items: Sequence[StoredItem]) -> "ServedBundle":
        added = len(self.catalog) - len(self.open)
        open_ = np.pad(self.open, (0, added))
        published = np.pad(self.published, (0, added), constant_values=np.nan)
        codes = self.catalog.ids.codes([item.item_id for item in items])
        for item, code in zip(items, codes.tolist(), strict=True):
            if code < 0:
                continue  # not there yet, or of another bundle
            all_set = item.field_seqs is None or code >= len(self.own)
            if all_set or item.changed_after("available", self.covered.items):
                open_[code] = item.available and not item.removed
            if item.published is not None and (
                all_set or item.changed_after("published", self.covered.items)
            ):
                published[code] = item.published
        return replace(self, open=open_, published=published)


def known_columns(document: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Leave out columns that a catalog does not have, and values that are not its dates."""
    columns, dated = catalog.attributes.columns or ["text"], catalog.dated
    return {
        name: value
        for name, value in document.items()
        if name in columns and (name not in dated or is_iso_date(value))
    }


def epoch(text: str) -> float:
    """Return the epoch seconds of an ISO 8601 text; 0 for any other text."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
