"""Users: storage of their events, and erasure of all data about a user."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from pennyweight.errors import BundleError, BusyError, PlanError, StoreError
from pennyweight.serving.http.deadline import DEADLINE
from pennyweight.serving.live.erased_users import ERASING, strip_bundles
from pennyweight.serving.live.exports import wait_for_exports
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.list_service import ListService
from pennyweight.serving.live.publishing import Publishing
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live_folder import discard_imports, discard_refit
from pennyweight.serving.stores.protocol import ErasureCounts, Event, Store, UnfinishedErasureError

__all__ = ["EventCounts", "LiveUsers"]

PATIENCE = 30.0  # seconds for the answers under way

_log = logging.getLogger(__name__)


class EventCounts(NamedTuple):
    """Events that were new, known already, and of erased users, which were dropped."""

    accepted: int
    duplicates: int
    erased: int


class LiveUsers:
    """Keeps events of users, and erases users from the store, the bundles and the memory.

    Attributes
    ----------
    erasing
        Erasures that began and did not succeed yet.
    """

    def __init__(
        self,
        store: StoreAccess,
        publishing: Publishing,
        lists: ListService,
        histories: HistoryCache,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._publishing, self._lists = store, publishing, lists
        self._histories, self._clock = histories, clock
        self.erasing = 0

    async def add_events(self, events: Sequence[Event]) -> EventCounts:
        """Keep events, none of erased users; return how many, once they are on disk and count."""

        def add(store: Store) -> EventCounts:
            added = store.add_events(events)
            if added == len(events):
                return EventCounts(added, 0, 0)
            erased = store.erased({event.user for event in events})
            dropped = sum(event.user in erased for event in events)
            return EventCounts(added, len(events) - added - dropped, dropped)

        counts = await self._store.writer.written(add, deadline=DEADLINE.get())
        self._histories.forget({event.user for event in events})
        return counts

    async def erase(self, user: str, *, actor: str) -> dict[str, Any]:
        """Erase a user; return the numbers of deleted rows, and the bundles trained on the user.

        The writer deletes the rows and leaves a tombstone in one transaction: events queued
        before are deleted with the rest, and later ones are dropped. Answers and exports that
        had begun by then are waited for.

        Raises
        ------
        BusyError
            An answer under way did not end. Nothing of the user is on disk, but to erase again
            makes sure that nothing is in memory.
        UnfinishedErasureError
            The disk refused after that transaction. No list rests on the user, but a file may
            still name it, until the user is erased again or the service starts again.
        StoreError
            The disk refuses, and nothing was deleted.
        """
        self.erasing += 1  # stays raised where it began and does not end, and with it the setting
        refused: list[str] = []
        try:
            await self._lists.log.flush()
            await self._wait_for_exports()  # they keep the log of the store from being emptied
            erased: ErasureCounts = await self._store.writer.written(
                lambda store: _erase(store, user), alone=True
            )
        except UnfinishedErasureError as error:
            erased = ErasureCounts(0, 0)
            refused.append(str(error))
        except Exception:
            self.erasing -= 1
            raise
        trained: list[dict[str, str]] = []
        events = 0
        try:
            trained, events = await asyncio.to_thread(self._forget_in_bundles, user)
            await asyncio.to_thread(self._discard_refit)
        except StoreError as error:
            refused.append(str(error))
        finally:  # even after a failure, no list uses deleted events
            self._histories.forget([user])
            self._lists.log.forget(user)
        await self._settle()
        self._histories.forget([user])  # a list under way may have cached the old history again
        await self._settle()
        self._lists.log.forget(user)
        if refused:
            raise _unfinished("; ".join(refused))
        await self._note_end(actor, f"{erased.events} events, {erased.recommendations} lists")
        return {**asdict(erased), "bundle_events": events, "trained_on": trained}

    async def readmit(self, user: str, *, actor: str) -> bool:
        """Keep events of an erased user again; return whether the user had been erased."""
        erased: bool = await self._store.writer.written(lambda store: store.readmit(user))
        if erased:
            # Without the id: the entry would outlast the next erasure.
            await asyncio.to_thread(self._store.audit, actor, "readmit user", "consented anew")
        return erased

    def finish_erasures(self) -> None:
        """Take erased users out of the log and all bundles where an erasure was cut short."""
        if not self._store.setting(ERASING):
            return
        self._store.writer.submit(lambda store: store.empty_log(), alone=True).result()
        versions = self._publishing.bundles.versions()
        discard_refit(self._folder)
        discard_imports(self._folder)
        if strip_bundles(self._store, self._publishing, versions):
            self._store.save_settings({ERASING: False})

    async def _note_end(self, actor: str, counted: str) -> None:
        self.erasing -= 1
        try:
            if not self.erasing:
                await self._store.writer.written(lambda store: store.save_setting(ERASING, False))
            await asyncio.to_thread(self._store.audit, actor, "erase user", counted)
        except StoreError as error:
            _log.error("a user was erased, which could not be noted: %s", error)

    def _discard_refit(self) -> None:
        """Delete data of a refit and uploads, which name users; `StoreError` as the disk."""
        try:
            discard_refit(self._folder)
            discard_imports(self._folder)
        except OSError as error:
            _log.error("an erased user stays in the data of a refit or an import: %s", error)
            raise StoreError("cannot delete data of a refit or an import: disk error") from error

    @property
    def _folder(self) -> Path:
        """The folder of the service."""
        return self._publishing.bundles.folder.parent

    def _forget_in_bundles(self, user: str) -> tuple[list[dict[str, str]], int]:
        """Take a user out of the bundles, each of which is tried; return them and its events.

        One that is served from where it lies is the caller's own, and forgets the user in memory.

        Raises
        ------
        StoreError
            The disk refuses; says why in words that name no file.
        BundleError
            A bundle is damaged.
        """
        trained, events = [], 0
        damaged: list[str] = []
        refused: list[str] = []
        publishing = self._publishing
        with publishing.lock:
            borrowed = {stored.version for stored in publishing.bundles.borrowed()}
            for stored in publishing.stored_bundles():
                try:
                    n = publishing.forget_users(stored.version, [user])
                except BundleError as error:
                    damaged.append(f"{stored.version}: {error}")
                except StoreError as error:
                    _log.error("an erased user stays in the files of a bundle: %s", error)
                    refused.append(stored.version)
                except PlanError:
                    if stored.version not in borrowed:
                        raise
                else:
                    if n is not None:
                        events += n
                        trained.append({"bundle_version": stored.version, "source": stored.source})
        if refused:
            raise StoreError(f"cannot write {', '.join(refused)}: disk error")
        if damaged:
            raise BundleError(
                f"the user cannot be removed from a damaged bundle: {'; '.join(damaged)}. Drop "
                "it or restore it, then erase again; all other data are erased"
            )
        return trained, events

    async def _settle(self) -> None:
        """Wait for the answers and exports that are under way now."""
        pending = [answer for answer in self._lists.under_way if not answer.done()]
        if pending:
            _, running = await asyncio.wait(pending, timeout=PATIENCE)
            if running:
                raise BusyError(f"{len(running)} responses are in progress; erase the user again")
        # One export of a user at a time runs, so this read comes after it.
        await self._store.read(lambda store: None)
        await self._wait_for_exports()

    async def _wait_for_exports(self) -> None:
        """Wait for exports and backups in other processes."""
        if not await asyncio.to_thread(wait_for_exports, self._folder, PATIENCE):
            raise BusyError(
                "an export or a backup is running; erase the user again when it has ended"
            )


def _erase(store: Store, user: str) -> ErasureCounts:
    store.save_setting(ERASING, True)
    return store.erase(user)


def _unfinished(reason: str) -> UnfinishedErasureError:
    return UnfinishedErasureError(
        f"the user is deleted and no list rests on the user, but a file may still hold the id: "
        f"{reason}. Make room and erase the user again; the next start finishes it too"
    )
