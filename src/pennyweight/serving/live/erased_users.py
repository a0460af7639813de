"""Erased users in bundles: taken out of their files, or out of memory."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from pennyweight.errors import BundleError
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.stores.protocol import Store

__all__ = ["ERASING", "strip_bundle", "strip_bundles", "without_erased"]

ERASING = "erasing"  # a setting: an erasure began and may not have reached all bundles

_log = logging.getLogger(__name__)


class Bundles(Protocol):
    """Bundles that can forget users, as `Publishing` has them."""

    bundles: BundleStore

    def forget_users(self, version: str, users: Collection[str]) -> int | None:
        """Take users out of a bundle; return how many events, None where it knows none of them."""


def strip_bundle(store: StoreAccess, publishing: Bundles, version: str, *, actor: str) -> None:
    """Take erased users out of a bundle that still holds them."""
    log = publishing.bundles.interactions(version)
    if log is None:
        return
    erased: Collection[str] = store.read_now(lambda store: store.erased(log.users))
    if erased:
        events = publishing.forget_users(version, erased)
        counted = f"{version}: {len(erased)} users, {events} events"
        store.audit(actor, "erase from bundle", counted)
        _log.warning("erased users were taken out of bundle %s", counted)


def strip_bundles(store: StoreAccess, publishing: Bundles, versions: Sequence[str]) -> bool:
    """Take erased users out of bundles at the start; return whether none of them is damaged."""
    all_intact = True
    for version in versions:
        try:
            strip_bundle(store, publishing, version, actor="start")
        except BundleError as error:  # it cannot be served either
            _log.error("%s: users cannot be erased from a damaged bundle: %s", version, error)
            all_intact = False
    return all_intact


def without_erased(bundle: ServedBundle, store: Store) -> ServedBundle:
    """Return a bundle without the events of erased users, where its files cannot be changed."""
    log = bundle.recommender.interactions
    erased: Collection[str] = () if log is None else store.erased(log.users)
    if log is None or not erased:
        return bundle
    retained = np.ones(len(log.users), np.bool_)
    retained[log.users.codes(list(erased))] = False
    negative = log.negative.where(retained[log.negative.user])
    return bundle.with_log(replace(log.where(retained[log.user]), negative=negative))
