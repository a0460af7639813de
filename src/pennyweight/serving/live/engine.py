"""The service without HTTP: bundles, histories, items and events, live.

Each concern has one object: `Engine.publishing` changes bundles, `Engine.lists` ranks,
`Engine.items` and `Engine.users` keep items and events. All use the store through `Engine.store`.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.drift import Drift
from pennyweight.serving.live.encoded_item_files import ENCODED_ITEMS, EncodedItemFiles
from pennyweight.serving.live.experiments import Experiments
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.items import Items
from pennyweight.serving.live.list_service import ListService
from pennyweight.serving.live.micro_batching import MicroBatching
from pennyweight.serving.live.new_item_feedback import NewItemFeedback
from pennyweight.serving.live.operator_notes import OperatorNotes
from pennyweight.serving.live.precedence import Precedence
from pennyweight.serving.live.publishing import Publishing
from pennyweight.serving.live.recommendation_log import RecommendationLog
from pennyweight.serving.live.remote_queries import RemoteQueries
from pennyweight.serving.live.startup import start_serving
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic
from pennyweight.serving.live.users import LiveUsers
from pennyweight.serving.stores.protocol import Store

__all__ = ["Engine", "Limits"]

ID_BYTES = 12  # from the operating system: one id reveals nothing about another


@dataclass(frozen=True)
class Limits:
    """Limits of the engine.

    Attributes
    ----------
    threads
        That score.
    requests, writes
        That may wait, however quickly they are done.
    history_bytes
        Of memory for histories.
    keep_lists
        Seconds for which served lists are stored.
    """

    threads: int = 1
    requests: int = 1_024
    writes: int = 4_096
    history_bytes: int = 64 << 20
    keep_lists: float = 30 * 86_400.0


class Engine:
    """Answers from bundles, takes events and items, and swaps bundles while it answers.

    Parameters
    ----------
    store
        Where events and items are kept; the engine closes it.
    bundles
        Where bundles are.
    queries
        Asks servers for the vectors of searches; by default none.
    clock
        Epoch seconds.
    make_id
        Gives ids for lists and for events that have none; random bits of the operating system
        by default.

    Attributes
    ----------
    store
        Reads and writes the store.
    traffic
        The bundles that are served, and their shares of users.
    publishing
        Adds, publishes and drops bundles.
    experiments
        Divides users between bundles.
    lists
        Ranks lists, and logs those that are served.
    items
        Keeps items, and adds them to the served bundles.
    users
        Keeps events, and erases users.
    histories
        Histories of users, in memory.
    feedback
        On new items, for lists that explore.
    drift
        Measures how far the shop has moved from what the served bundle learned; does not begin by
        itself.
    notes
        Conditions that operators must see, by subject.
    import_progress
        Returns when the import that runs began, epoch seconds, and its progress, if one does.
    """

    def __init__(
        self,
        store: Store,
        bundles: BundleStore,
        limits: Limits = Limits(),
        *,
        queries: RemoteQueries | None = None,
        clock: Callable[[], float] = time.time,
        make_id: Callable[[], str] | None = None,
    ) -> None:
        self.limits, self.clock = limits, clock
        self.make_id = make_id or partial(secrets.token_hex, ID_BYTES)
        self.notes = OperatorNotes()
        self.import_progress: Callable[[], tuple[float, ProgressUpdate] | None] = lambda: None
        self.queries = queries or RemoteQueries()
        bundles.on_load = self.queries.admit
        self.histories = HistoryCache(limits.history_bytes)
        self.store = StoreAccess(store, clock, depth=limits.writes)
        self.traffic = Traffic()
        files = EncodedItemFiles(bundles.folder.with_name(ENCODED_ITEMS))
        precedence = Precedence()
        self.items = Items(self.store, self.traffic, files, precedence, self.notes, clock=clock)
        self.publishing = Publishing(
            self.store,
            bundles,
            self.traffic,
            self.items,
            files,
            self.histories,
            self.notes,
            clock=clock,
        )
        self.experiments = Experiments(
            self.publishing, clock=clock, make_id=self.make_id, keep=limits.keep_lists
        )
        self.feedback = NewItemFeedback(self.store, self.traffic, clock, keep=limits.keep_lists)
        batching = MicroBatching(
            store,
            self.histories,
            threads=limits.threads,
            depth=limits.requests,
            clock=clock,
            precedence=precedence,
            feedback=self.feedback,
        )
        self.drift = Drift(self.store, self.traffic, bundles.folder.parent, clock)
        log = RecommendationLog(self.store.writer, clock, keep=limits.keep_lists)
        self.lists = ListService(self.store, batching, log, clock=clock, make_id=self.make_id)
        self.users = LiveUsers(self.store, self.publishing, self.lists, self.histories, clock=clock)

    @property
    def is_ready(self) -> bool:
        """Whether any bundle is served."""
        return self.traffic.is_split

    def start(self, bundle: Path | str | None) -> None:
        """Serve the last bundles, or a new bundle named at the start.

        If it is damaged, an earlier bundle answers, and `notes` have the reason.

        Raises
        ------
        BundleError
            It cannot be read, and no other can.
        PlanError
            No bundle was given and none was ever published.
        """
        self.store.integrity.begin()
        start_serving(self, bundle)

    def close(self) -> None:
        """Finish work under way, and close the store."""
        self.drift.close()
        self.publishing.close()
        self.queries.close()
        self.store.integrity.close()
        self.lists.batching.close()
        self.feedback.close()
        self.items.close()
        self.lists.log.close()
        self.store.close()
