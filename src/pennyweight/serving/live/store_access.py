"""How the service reaches its store: one thread writes, one connection reads for all routes."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pennyweight.serving.stores.integrity import Integrity
from pennyweight.serving.stores.protocol import Audit, Store
from pennyweight.serving.stores.writer import Writer

__all__ = ["StoreAccess"]

T = TypeVar("T")


class StoreAccess:
    """Runs jobs on a store, and closes it.

    Parameters
    ----------
    store
        Where events, items and settings are kept.
    clock
        Epoch seconds.
    depth
        Writes that may wait.

    Attributes
    ----------
    is_read_only
        Whether the store takes no writes since the start.
    writer
        The thread that writes.
    integrity
        Looks for damage.
    reader
        The connection that jobs read from, one at a time.
    """

    def __init__(self, store: Store, clock: Callable[[], float], *, depth: int) -> None:
        self._store, self._clock = store, clock
        self.is_read_only = store.refusal is not None
        self.integrity = Integrity(store.quick_check)
        self.reader = store.reader()
        self._read_lock = threading.RLock()
        self.writer = Writer(store, depth=depth)

    @property
    def refusal(self) -> str | None:
        """Why nothing can be kept, None where it can."""
        return self._store.refusal or self.writer.refusal

    async def read(self, job: Callable[[Store], T]) -> T:
        """Return the result of a job that only reads, run off the event loop."""
        return await asyncio.to_thread(self.read_now, job)

    def read_now(self, job: Callable[[Store], T]) -> T:
        """Return the result of a job that only reads, run in this thread."""
        with self._read_lock:
            return job(self.reader)

    def setting(self, key: str) -> Any:  # noqa: ANN401
        """Return a setting, or None."""
        return self.read_now(lambda store: store.setting(key))

    def save_settings(self, settings: Mapping[str, Any], entry: Audit | None = None) -> None:
        """Keep settings and an audit entry in one write; returns when it is on disk."""

        def job(store: Store) -> None:
            for key, value in settings.items():
                store.save_setting(key, value)
            if entry is not None:
                store.add_audit(entry)

        self.writer.submit(job).result()

    def audit(self, actor: str, action: str, detail: str) -> None:
        """Keep an audit entry; returns when it is on disk."""
        entry = Audit(self._clock(), actor, action, detail)
        self.writer.submit(lambda store: store.add_audit(entry)).result()

    def close(self) -> None:
        """Finish the writes that wait, and let go of the store."""
        self.writer.close()
        self.reader.close()
        self._store.close()
