"""The thread that puts new and changed items on the shelves."""

import threading
from collections.abc import Callable, Sequence

from pennyweight.serve.store.protocol import StoredItem

__all__ = ["Stock"]

TOGETHER = 64  # items to encode in one step


class Stock:
    """Takes items that are on disk, and has them put on the shelves, the newest of each.

    Parameters
    ----------
    put
        Puts some items on all shelves.
    on_done
        Called with the items of each step and whether it went well.
    """

    def __init__(
        self,
        put: Callable[[Sequence[StoredItem]], None],
        on_done: Callable[[Sequence[StoredItem], Exception | None], None],
    ) -> None:
        self._put, self._on_done = put, on_done
        self._waiting: dict[str, StoredItem] = {}
        self._change = threading.Condition()
        self._busy = self._stopping = False
        self._thread = threading.Thread(target=self._run, name="pennyweight-stock", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that wait."""
        return len(self._waiting)

    def add(self, items: Sequence[StoredItem]) -> None:
        """Note items to put; of one id the later counts."""
        with self._change:
            for item in items:
                before = self._waiting.pop(item.item_id, None)
                if before is None or before.seq <= item.seq:
                    self._waiting[item.item_id] = item
                else:
                    self._waiting[item.item_id] = before
            self._change.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing waits; return whether it came to that."""
        with self._change:
            return self._change.wait_for(lambda: not self._waiting and not self._busy, seconds)

    def close(self) -> None:
        """Stop after the step under way; what waits is read from the store at the next start."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while some := self._next():
            self._put_some(some)
            with self._change:
                self._busy = False
                self._change.notify_all()

    def _put_some(self, items: Sequence[StoredItem]) -> None:
        failed: Exception | None = None
        try:
            self._put(items)
        except Exception as error:
            if len(items) > 1:  # one that cannot be read must not keep the others away
                for item in items:
                    self._put_some([item])
                return
            failed = error
        self._on_done(items, failed)

    def _next(self) -> list[StoredItem]:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                return []
            some = list(self._waiting.values())[:TOGETHER]
            for item in some:
                del self._waiting[item.item_id]
            self._busy = True
            return some
