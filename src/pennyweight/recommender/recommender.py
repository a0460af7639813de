"""The one deep object: a catalog, a scorer and an event log behind a few verbs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.bundle import Bundle, Origin
from pennyweight.config.plan import Plan
from pennyweight.config.report import Report
from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.feedback import FeedbackRules
from pennyweight.data.dataset import EventReading
from pennyweight.data.interactions import Interactions
from pennyweight.data.tables import Source as Table
from pennyweight.errors import DataError, PlanError
from pennyweight.ranking.explanations import CommonWords
from pennyweight.ranking.query import (
    NO_QUERY,
    Query,
    Source,
    check_id,
    check_ids,
    item_query,
    known_codes,
    resolve_query,
    user_histories,
    warn_unknown,
)
from pennyweight.ranking.ranker import Ranker
from pennyweight.ranking.reasons import Reason
from pennyweight.ranking.request import RankingRequest
from pennyweight.recommender import display, storage
from pennyweight.recommender.batch import Batch
from pennyweight.recommender.event_reading import (
    check_no_reading,
    feedback_rules,
    read_histories,
)
from pennyweight.recommender.exploration import exploration
from pennyweight.recommender.export import export, export_similar
from pennyweight.recommender.frames import to_frame, vectors_frame
from pennyweight.recommender.item_growth import EncodedTexts, changed_texts, with_texts
from pennyweight.scorers.item_vectors import TextVectors
from pennyweight.scorers.protocol import Scorer

__all__ = ["Recommender", "Repeats"]

Repeats = Literal["exclude", "include"]

POPULAR_INSTEAD = "popular items are listed instead"


class Recommender:
    """Recommends items to users, for histories and for texts, and says why.

    Results are polars frames; ``.to_pandas()`` makes pandas frames of them.

    Parameters
    ----------
    catalog
        The items.
    scorer
        A fitted scorer over them.
    interactions
        The events in which `user` is looked up; without them, give histories.
    repeats
        ``"exclude"`` leaves out the items of the history; ``"include"`` keeps it, as suits
        music, groceries and places.

    Attributes
    ----------
    plan, report, origin
        The settings, measurements and data of its fit, if any; saved with it.
    bundle
        The bundle it was loaded from or last saved to, if any.

    Raises
    ------
    DataError
        The events are about another catalog.
    PlanError
        `repeats` is neither of the two.
    """

    def __init__(
        self,
        catalog: Catalog,
        scorer: Scorer,
        interactions: Interactions | None = None,
        *,
        repeats: Repeats = "exclude",
    ) -> None:
        if repeats not in ("exclude", "include"):
            raise PlanError(f"repeats {repeats!r}: exclude or include")
        if interactions is not None and interactions.n_items != len(catalog):
            raise DataError(
                f"the events are about {interactions.n_items:,} items, the catalog "
                f"has {len(catalog):,}; read both together"
            )
        self.catalog, self.scorer, self.interactions = catalog, scorer, interactions
        self.repeats: Repeats = repeats
        self.plan: Plan | None = None
        self.report: Report | None = None
        self.bundle: Bundle | None = None
        self.origin = Origin()
        self._common_words = CommonWords(catalog.texts)

    def recommend(
        self,
        *,
        user: str | None = None,
        history: Sequence[str] | None = None,
        text: str | None = None,
        k: int = 10,
        filter: str | None = None,
        exclude_seen: bool | None = None,
        diversity: float = 0.0,
        explain: bool = False,
        items: Sequence[str] | None = None,
        explore: float | None = None,
    ) -> pl.DataFrame:
        """Return the k best items for a user, a history or a text.

        Parameters
        ----------
        user
            Id in the event log; an unknown user gets the most popular items and a warning. So does
            a call without user, history and text, without the warning.
        history
            Item ids, oldest first, instead of a user.
        text
            A search in words, alone or together with a user or a history.
        k
            How many items; fewer are returned where fewer are eligible.
        filter
            Condition on the attributes, such as ``'brand == "X" and price < 20'``; see `Filter`.
        exclude_seen
            Leave out the items of the history; by default as `repeats` says. Items that the user
            turned down are left out too, unless this is False.
        diversity
            From 0 (relevance only) to 1 (maximum diversity).
        explain
            Add the column reason.
        items
            Rank these ids only.
        explore
            Largest share of the positions for exploration of new items, from 0 to 0.5; by default
            that of the plan. Only lists by history explore.

        Returns
        -------
        polars.DataFrame
            rank (from 1), item_id, title, score, source (the basis of the list: ``"history"``,
            ``"text"``, ``"history and text"``, ``"popularity"`` or ``"negative events"``; of
            an explored item ``"exploration"``), and reason with `explain`.

        Warns
        -----
        UnknownUserWarning
            The user is not in the event log.

        Raises
        ------
        UnknownIdError
            `history` or `items` has an id that is not in the catalog.
        PlanError, TypeError
            An argument is out of range, or of another type.
        DataError
            The filter cannot be read, or names an unknown column.
        """
        query = self._query(user, history, text)
        exploring = exploration(explore, self, user, text=text)
        options = (k, filter, exclude_seen, diversity, explain, self._candidates(items))
        request = RankingRequest(query, *options, exploration=exploring)
        recommendations = self.ranker.rank([request])[0]
        if user is not None:
            by_text = recommendations.source == "text"
            basis = "the list is by text alone" if by_text else POPULAR_INSTEAD
            warn_unknown(self.interactions, [user], basis)
        return to_frame(recommendations, self.catalog)

    @cached_property
    def ranker(self) -> Ranker:
        """Ranks by item codes; `recommend`, `similar`, exports and the service all use it."""
        return Ranker.of(
            self.scorer,
            self.catalog,
            self.interactions,
            exclude_seen=self.repeats == "exclude",
            common_words=self._common_words,
            rerank_seconds=None if self.plan is None else self.plan.rerank.seconds,
        )

    def with_items(self, items: Catalog, rows: EncodedTexts | None = None) -> "Recommender":
        """Return a recommender that also knows some items, new ones or others than before.

        Nothing is fitted: text scorers encode the new texts; behavior that was learned stays
        with an item that changes, and a new item has none. This recommender stays unchanged;
        the two share everything that did not change. The new one cannot be saved.

        Parameters
        ----------
        items
            With the columns of the catalog; see `pennyweight.data.documents.documents`.
        rows
            Vectors of some of the texts by `encode_texts`; others are encoded now.
        """
        changed = changed_texts(self.catalog, items, rows.again if rows else None)
        catalog, codes = self.catalog.with_items(items)
        scorer = self.scorer
        if len(changed):
            scorer = with_texts(scorer, items.texts, codes, changed, rows, len(catalog))
        return self._other(catalog, scorer, self.interactions)

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Return the scorer's vectors of some texts; none where it keeps no such rows."""
        return self.scorer.encode_texts(texts)

    def with_log(self, interactions: Interactions | None) -> "Recommender":
        """Return the same recommender with another event log in which users are looked up."""
        return self._other(self.catalog, self.scorer, interactions)

    def _other(self, catalog: Catalog, scorer: Scorer, log: Interactions | None) -> "Recommender":
        if log is not None and log.n_items != len(catalog):
            log = log.of_more_items(len(catalog))
        other = Recommender(catalog, scorer, log, repeats=self.repeats)
        other.plan, other.report, other.bundle = self.plan, self.report, self.bundle
        other.origin, other._common_words = self.origin, self._common_words
        return other

    @property
    def rules(self) -> FeedbackRules:
        """Meanings of the types of later events, see `feedback_rules`."""
        return feedback_rules(self.interactions, self.plan)

    def source(
        self,
        *,
        user: str | None = None,
        history: Sequence[str] | None = None,
        text: str | None = None,
    ) -> Source:
        """Return the source that `recommend` gives for a query.

        ``"popularity"`` is the fallback, ``"negative events"`` that of a user who only turned
        items down.
        """
        return self.ranker.query_scorer.score([self._query(user, history, text)]).sources[0]

    def recommend_many(
        self,
        users: Sequence[str] | None = None,
        k: int = 10,
        *,
        filter: str | None = None,
        exclude_seen: bool | None = None,
        diversity: float = 0.0,
        explain: bool = False,
        items: Sequence[str] | None = None,
        explore: float | None = None,
    ) -> pl.DataFrame:
        """Return the k best items for many users, by default for all of the event log.

        Scores are held for as many users at a time as fit in 16 MiB; `export` does not
        hold the lists either. Arguments are those of `recommend`.

        Returns
        -------
        polars.DataFrame
            user_id, rank, item_id, score, source as of `recommend`, and reason where asked
            for; users in the order given.

        Warns
        -----
        UnknownUserWarning
            Some users are not in the event log.
        """
        log = self._log()
        names = log.users if users is None else check_ids(users)
        if users is not None:
            warn_unknown(log, names, POPULAR_INSTEAD)
        options = (k, filter, exclude_seen, diversity, explain, self._candidates(items))
        request = RankingRequest(NO_QUERY, *options, exploration=exploration(explore, self))
        batch = Batch(self.ranker, self.catalog, request)
        return pl.concat(frame for _, frame in batch.frames(names, *user_histories(log, names)))

    def export(
        self,
        path: Path | str,
        k: int = 10,
        *,
        events: Table | None = None,
        columns: Mapping[str, str | None] | None = None,
        filter: str | None = None,
        exclude_seen: bool | None = None,
        diversity: float = 0.0,
        explain: bool = False,
        items: Sequence[str] | None = None,
        explore: float | None = None,
        progress: Callable[[int, int], None] | None = None,
        **reading: Unpack[EventReading],
    ) -> int:
        """Write the k best items of every user to a file; return how many users there are.

        Neither the scores nor the lists are held in memory. Finished parts stay in
        ``PATH.parts`` until the file is complete: after an interruption the same call of the
        same saved recommender goes on from there.

        Parameters
        ----------
        path
            The file, replaced when the last list is made; ``.parquet``, ``.csv`` or
            ``.jsonl`` says its format. Columns are those of `recommend_many`.
        events, columns, **reading
            Histories to recommend for instead of the event log, and how they are read where it
            is not as the plan says: arguments of `read`, such as ``time_format="day-first"``.
        progress
            Called with (users done, users to do), those done before left out.

        Raises
        ------
        PlanError, DataError
            Another ending or impossible arguments; events that cannot be used, or another
            export to this file under way.
        """
        if events is None:
            check_no_reading(columns, reading)
            log = self._log()
        else:
            log = read_histories(
                events, self.catalog.ids, columns, reading, rules=self.rules, plan=self.plan
            )
        options = (k, filter, exclude_seen, diversity, explain, self._candidates(items))
        request = RankingRequest(NO_QUERY, *options, exploration=exploration(explore, self))
        batch = Batch(self.ranker, self.catalog, request)
        return export(Path(path), batch, log, bundle=self.bundle, progress=progress)

    def similar(
        self, item_id: str, k: int = 10, *, filter: str | None = None, explain: bool = False
    ) -> pl.DataFrame:
        """Return the items most similar to one, in the columns of `recommend`.

        They are scored for a history of this item alone, without popularity. An item without
        events is looked up by its text; if that says nothing either, the most popular items are
        returned, with the source ``"popularity"``.

        Raises
        ------
        UnknownIdError
            The item is not in the catalog; names the nearest ids.
        """
        codes = known_codes(self.catalog.ids, [check_id(item_id, "item_id")], "item")
        request = RankingRequest(item_query(codes), k, filter, explain=explain)
        return to_frame(self.ranker.rank([request])[0], self.catalog)

    def similar_many(
        self,
        items: Sequence[str] | None = None,
        k: int = 10,
        *,
        filter: str | None = None,
        explain: bool = False,
    ) -> pl.DataFrame:
        """Return the items nearest to each of many, by default to every item of the catalog.

        Each list is that of `similar`; `export_similar` does not hold the lists.

        Returns
        -------
        polars.DataFrame
            item_id, rank, similar_item_id, score, source, and reason where asked for; items in
            the order given.
        """
        codes = self._item_codes(items)
        batch = self._batch(k, filter, explain=explain)
        return pl.concat(frame for _, frame in batch.item_frames(codes))

    def export_similar(
        self,
        path: Path | str,
        k: int = 10,
        *,
        items: Sequence[str] | None = None,
        filter: str | None = None,
        explain: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Write the items nearest to every item to a file; return how many lists there are.

        Columns are those of `similar_many`; files, interruptions and errors as in `export`.
        """
        batch = self._batch(k, filter, explain=explain)
        codes = self._item_codes(items)
        return export_similar(Path(path), batch, codes, bundle=self.bundle, progress=progress)

    @property
    def item_vectors(self) -> pl.DataFrame:
        """The vectors of all items: item_id, and a column for each component that has some.

        A column is named like its component, such as ``content`` and ``tower``, and holds float32
        arrays of one width; ``item_vectors["tower"].to_numpy()`` is the matrix, a row for each
        item. Quantized vectors are widened. TF-IDF vectors are sparse, and left out.
        """
        return vectors_frame(self.scorer, self.catalog)

    def explain(
        self, item_id: str, *, user: str | None = None, history: Sequence[str] | None = None
    ) -> Reason:
        """Return why an item would be recommended to a user or for a history."""
        codes = known_codes(self.catalog.ids, [check_id(item_id, "item_id")], "item")
        query = self._query(user, history, None)
        events = query.history.item
        has_evidence = len(events) and not self.ranker.query_scorer.unknown_items.covers(events)
        source: Source = "history" if has_evidence else "popularity"
        return self.ranker.explainer.explain(codes, query, source)[0]

    def save(
        self,
        path: Path | str,
        *,
        overwrite: bool = False,
        created: datetime | None = None,
        parent: str | None = None,
        extra: Callable[[], Mapping[str, bytes]] | None = None,
    ) -> Bundle:
        """Save to a directory, whole or not at all.

        Parameters
        ----------
        path
            Where the bundle shall be.
        overwrite
            Replace a bundle that is there.
        created
            Moment to note in it; by default now.
        parent
            sha256 of the bundle it was made from, to keep with it.
        extra
            Gives further files, name -> contents; called when the others are written and
            `report` knows their bytes.

        Raises
        ------
        BundleError
            The place is taken, or the disk is full; an existing bundle stays intact.
        """
        self.bundle = storage.save(
            self, path, overwrite=overwrite, created=created, parent=parent, extra=extra
        )
        return self.bundle

    @classmethod
    def load(cls, path: Path | str, *, verify: bool = True) -> "Recommender":
        """Load a bundle that `save` wrote.

        Parameters
        ----------
        verify
            Compare the checksum of every file first.

        Raises
        ------
        BundleError
            No bundle, a damaged one, or one of another format version.
        """
        return storage.load(cls, path, verify=verify)

    def _batch(self, k: int, filter: str | None, *, explain: bool) -> Batch:
        request = RankingRequest(NO_QUERY, k, filter, explain=explain)
        return Batch(self.ranker, self.catalog, request)

    def _item_codes(self, items: Sequence[str] | None) -> NDArray[np.int32]:
        if items is None:
            return np.arange(len(self.catalog), dtype=np.int32)
        return known_codes(self.catalog.ids, items, "items")

    def _candidates(self, items: Sequence[str] | None) -> NDArray[np.int32] | None:
        return None if items is None else self._item_codes(items)

    def _query(self, user: str | None, history: Sequence[str] | None, text: str | None) -> Query:
        ids = self.catalog.ids
        return resolve_query(self.interactions, ids, user=user, history=history, text=text)

    def _log(self) -> Interactions:
        if self.interactions is None:
            raise PlanError("this recommender keeps no event log and so knows no users")
        return self.interactions

    def __repr__(self) -> str:
        return display.as_text(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)
