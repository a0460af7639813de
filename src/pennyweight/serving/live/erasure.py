"""Erasure: a user leaves the store, the bundles, the memory, and the work under way."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pennyweight.errors import BundleError, BusyError, PlanError, StoreError
from pennyweight.serving.live.exports import wait_for_exports
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import Erased, Store, UnfinishedErasureError

if TYPE_CHECKING:
    from pennyweight.serving.live.engine import Engine

__all__ = [
    "ERASING",
    "erase_user",
    "finish_erasures",
    "readmit_user",
    "strip_erased",
    "without_erased",
]

ERASING = "erasing"  # a note in the store: an erasure began and may not have reached all bundles
PATIENCE = 30.0  # seconds for the answers under way

_log = logging.getLogger(__name__)


async def erase_user(engine: "Engine", user: str, *, actor: str) -> dict[str, Any]:
    """Erase a user; return what was deleted, and which bundles were trained with it.

    The writer deletes the rows and leaves a tombstone in one transaction: what was queued
    before is deleted with the rest, and what comes later is dropped. Answers and exports that
    had begun by then are waited for.

    Raises
    ------
    BusyError
        An answer under way did not end. Nothing of the user is on disk, but to erase again
        makes sure that nothing is in memory.
    UnfinishedErasureError
        The disk refused after that transaction. No list rests on the user, but a file may still
        name it, until the user is erased again or the service starts again.
    StoreError
        The disk refuses, and nothing was deleted.
    """
    engine.erasing += 1  # stays raised where it began and does not end, and with it the note
    refused: list[str] = []
    try:
        await engine.shown.flush()
        await _exports_end(engine)  # they keep the log of the store from being emptied
        gone: Erased = await engine.written(lambda store: _erase(store, user), alone=True)
    except UnfinishedErasureError as error:
        gone = Erased(0, 0)
        refused.append(str(error))
    except Exception:
        engine.erasing -= 1
        raise
    trained: list[dict[str, str]] = []
    events = 0
    try:
        trained, events = await asyncio.to_thread(_forget, engine, user)
    except StoreError as error:
        refused.append(str(error))
    finally:  # whatever else fails, no list rests on what was deleted
        engine.cache.forget([user])
        engine.shown.forget(user)
    await _settle(engine)
    engine.cache.forget([user])  # an answer under way may have put back what it had read before
    await _settle(engine)
    engine.shown.forget(user)
    if refused:
        raise _unfinished("; ".join(refused))
    counted = f"{gone.events} events, {gone.recommendations} lists"
    await _note_end(engine, actor, counted)
    return {**asdict(gone), "bundle_events": events, "trained_on": trained}


def _unfinished(why: str) -> UnfinishedErasureError:
    return UnfinishedErasureError(
        f"the user is deleted and no list rests on the user, but a file may still hold the id: "
        f"{why}. Make room and erase the user again; the next start finishes it too"
    )


async def _note_end(engine: "Engine", actor: str, counted: str) -> None:
    engine.erasing -= 1
    try:
        if not engine.erasing:
            await engine.written(lambda store: store.note(ERASING, False))
        await asyncio.to_thread(engine.audit, actor, "erase user", counted)
    except StoreError as error:
        _log.error("a user was erased, which could not be noted: %s", error)


def _erase(store: Store, user: str) -> Erased:
    store.note(ERASING, True)
    return store.erase(user)


def _forget(engine: "Engine", user: str) -> tuple[list[dict[str, str]], int]:
    """Take a user out of the bundles, of which each is tried; return which, and how many events.

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
    with engine.publishing:
        borrowed = {stored.version for stored in engine.bundles.borrowed()}
        for stored in engine.known():
            try:
                n = engine.forget_users(stored.version, [user])
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
        raise StoreError(f"the disk refuses to write {', '.join(refused)} again")
    if damaged:
        raise BundleError(
            f"nobody can be taken out of a bundle that is damaged: {'; '.join(damaged)}. Drop "
            "it, or restore it, and erase again; all else is erased"
        )
    return trained, events


async def _settle(engine: "Engine") -> None:
    """Wait for the answers and exports that are under way now."""
    pending = [answer for answer in engine.under_way if not answer.done()]
    if pending:
        _, late = await asyncio.wait(pending, timeout=PATIENCE)
        if late:
            raise BusyError(f"{len(late)} answers are still under way; erase the user again")
    await engine.read(lambda store: None)  # one export at a time runs, so this one comes after it
    await _exports_end(engine)


async def _exports_end(engine: "Engine") -> None:
    """Wait for `pennyweight export` in other processes."""
    if not await asyncio.to_thread(wait_for_exports, engine.bundles.folder.parent, PATIENCE):
        raise BusyError("`pennyweight export` still runs; erase the user again when it is done")


async def readmit_user(engine: "Engine", user: str, *, actor: str) -> bool:
    """Keep events of an erased user again; return whether the user had been erased."""
    erased: bool = await engine.written(lambda store: store.readmit(user))
    if erased:
        # Without the id: the entry would outlast the next erasure.
        await asyncio.to_thread(engine.audit, actor, "readmit user", "consented anew")
    return erased


def strip_erased(engine: "Engine", version: str, *, actor: str) -> int:
    """Take erased users out of a bundle that still holds them; return how many it had."""
    log = engine.bundles.interactions(version)
    if log is None:
        return 0
    erased: Collection[str] = engine.read_now(lambda store: store.erased(log.users))
    if erased:
        events = engine.forget_users(version, erased)
        counted = f"{version}: {len(erased)} users, {events} events"
        engine.audit(actor, "erase from bundle", counted)
        _log.warning("erased users were taken out of bundle %s", counted)
    return len(erased)


def without_erased(shelf: ServedBundle, store: Store) -> ServedBundle:
    """Return a shelf that forgets the events of erased users, where its files cannot be changed."""
    log = shelf.recommender.interactions
    erased: Collection[str] = () if log is None else store.erased(log.users)
    if log is None or not erased:
        return shelf
    kept = np.ones(len(log.users), np.bool_)
    kept[log.users.codes(list(erased))] = False
    against = log.negative.where(kept[log.negative.user])
    return shelf.with_log(replace(log.where(kept[log.user]), negative=against))


def finish_erasures(engine: "Engine") -> None:
    """Take erased users out of the log and all bundles where an erasure was cut short."""
    if not engine.read_now(lambda store: store.noted(ERASING)):
        return
    engine.writer.submit(lambda store: store.empty_log(), alone=True).result()
    whole = True
    for version in engine.bundles.versions():
        try:
            strip_erased(engine, version, actor="start")
        except BundleError as error:
            _log.error("%s: nobody can be taken out of a damaged bundle: %s", version, error)
            whole = False
    if whole:
        engine.writer.submit(lambda store: store.note(ERASING, False)).result()
