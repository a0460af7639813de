"""Items that a server gave no vector are encoded again once it answers."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from pennyweight.formatting import count
from pennyweight.serving.live.operator_notes import OperatorNotes
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic
from pennyweight.serving.stores.protocol import StoredItem

__all__ = ["VectorRetries"]

MAX_TOGETHER = 128  # items to encode in one try
FIRST_PAUSE, MAX_PAUSE = 5.0, 300.0  # seconds after a try that failed; doubled each time
NOTE = "vectors"  # the subject of the note for operators


class VectorRetries:
    """Encodes items again whose vector a server failed to give.

    After a failure it pauses, and takes half as many items, so that one text that the server
    refuses keeps no other from its vector.

    Parameters
    ----------
    index
        Encodes items and adds them to the served bundles.

    Attributes
    ----------
    pause
        Seconds before the next try.
    """

    def __init__(
        self,
        store: StoreAccess,
        traffic: Traffic,
        notes: OperatorNotes,
        index: Callable[[Sequence[StoredItem]], None],
    ) -> None:
        self._store, self._traffic, self._notes, self._index = store, traffic, notes, index
        self._together, self._last = MAX_TOGETHER, ""
        self.pause = FIRST_PAUSE

    def are_due(self) -> bool:
        """Return whether items await a vector, and note it for operators."""
        n = len(self._ids())
        if n:
            self._notes[NOTE] = (
                f"{count(n, 'item')} without a vector, since the server of the encoder failed: "
                "searches may miss them. They are encoded again once it answers; the log has its "
                "errors"
            )
        else:
            self._notes.pop(NOTE, None)
        return n > 0

    def __call__(self) -> float | None:
        """Encode some of the items; return the seconds until the next try, None for no more."""
        awaited = self._ids()
        if not awaited:
            return None
        ids = self._next(sorted(awaited))
        self._index(self._store.read_now(lambda store: store.items_named(ids)))
        if self._ids().isdisjoint(ids):
            self._together, self.pause = min(MAX_TOGETHER, 2 * self._together), FIRST_PAUSE
            return 0.0 if self.are_due() else None
        self._together = max(1, self._together // 2)
        pause, self.pause = self.pause, min(MAX_PAUSE, 2 * self.pause)
        return pause

    def _ids(self) -> frozenset[str]:
        """Return the items of all served bundles that await a vector."""
        bundles = self._traffic.bundles.values()
        return frozenset().union(*(bundle.awaited for bundle in bundles))

    def _next(self, ids: Sequence[str]) -> Sequence[str]:
        """Return those that come after the last ones, from the start again at the end."""
        start = bisect_right(ids, self._last) % len(ids)
        chosen = [*ids[start:], *ids[:start]][: self._together]
        self._last = chosen[-1]
        return chosen
