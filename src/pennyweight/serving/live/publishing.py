"""Publishing: a bundle is copied, loaded, tried, and then served."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pennyweight.data.interactions import Interactions
from pennyweight.errors import BundleError, PennyweightError, PlanError
from pennyweight.recommender.integrity import refusing_damage
from pennyweight.serving.live.bundle_doubts import BundleDoubts, bundle_doubts
from pennyweight.serving.live.bundles import BundleStore, StoredBundle
from pennyweight.serving.live.clocks import item_disagreements
from pennyweight.serving.live.encoded_item_files import EncodedItemFiles
from pennyweight.serving.live.erased_users import ERASING, strip_bundle, without_erased
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.items import Items
from pennyweight.serving.live.lists import ListRequest, rank_lists
from pennyweight.serving.live.operator_notes import OperatorNotes
from pennyweight.serving.live.registry import BundleRegistry
from pennyweight.serving.live.restoring import restore_items
from pennyweight.serving.live.served_bundle import NOTHING_COVERED, ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic, Variant, checked_variants
from pennyweight.serving.stores.protocol import Audit, Store
from pennyweight.serving.worker import Worker

__all__ = ["PREVIOUS", "SINCE", "TRAFFIC", "Publishing", "oldest_unused"]

# Settings in the store: the traffic split, the previous one, and its start (epoch seconds).
TRAFFIC, PREVIOUS, SINCE = "traffic split", "previous traffic split", "traffic split since"
CHANGES = 32  # that may wait for each other


class ForeignBundleError(PlanError):
    """A bundle has no item of the served one."""


class Publishing:
    """Adds, publishes and drops bundles while the service answers.

    Attributes
    ----------
    bundles
        The folder of bundles.
    registry
        The bundles of the folder, with the notes on each.
    lock
        Held while bundles are added, loaded or dropped.
    changes
        Runs changes one after another.
    """

    def __init__(
        self,
        store: StoreAccess,
        bundles: BundleStore,
        traffic: Traffic,
        items: Items,
        files: EncodedItemFiles,
        histories: HistoryCache,
        notes: OperatorNotes,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._traffic, self._items, self._files = store, traffic, items, files
        self._histories, self._notes, self._clock = histories, notes, clock
        self.bundles = bundles
        self.registry = BundleRegistry(bundles, store.read_now, store.save_settings)
        self.lock = threading.RLock()
        busy = f"{CHANGES} changes of bundles wait for each other; retry later"
        self.changes = Worker("bundles", depth=CHANGES, busy=busy)

    def stored_bundles(self) -> list[StoredBundle]:
        """Return the bundles that can be served, in the order in which they came."""
        return [*self.registry.stored_bundles(), *self.bundles.borrowed()]

    def add(self, bundle: Path | str, *, actor: str) -> StoredBundle:
        """Copy a bundle, without erased users, so that it can be published.

        Where this fails, nothing of it is kept.
        """
        with self.lock:
            before = self.bundles.versions()
            version = self.bundles.add(bundle)
            source, now = str(Path(bundle).resolve()), self._clock()
            try:
                strip_bundle(self._store, self, version, actor=actor)
                entry = Audit(now, actor, "add bundle", version)
                return self.registry.register(version, source, now, entry)
            except PennyweightError:
                if version not in before:
                    self.bundles.remove(version)
                raise

    def publish(self, bundle: Path | str, *, actor: str, force: bool = False) -> StoredBundle:
        """Add a bundle and serve it, with nothing else in between; errors as of `serve`."""
        with self.lock:
            before = self.bundles.versions()
            stored = self.add(bundle, actor=actor)
            try:
                self.serve([Variant(stored.version, 1.0)], actor=actor, force=force)
            except ForeignBundleError:
                if stored.version not in before:
                    self.drop(stored.version, actor=actor)
                raise
            return stored

    def serve(self, variants: Sequence[Variant], *, actor: str, force: bool = False) -> None:
        """Load and try bundles, then serve them; those before stay for `roll_back`.

        Doubts about them are noted for operators. Errors leave the traffic split unchanged.

        Parameters
        ----------
        force
            Serve a bundle even if it has no item of the served one.

        Raises
        ------
        PlanError
            A bundle is of another catalog, or the shares are no shares.
        BundleError, UnknownIdError, StoreError
            A bundle cannot be loaded, or the store takes no setting.
        """
        with self.lock:
            variants = checked_variants(variants)
            doubts = self.doubts(variants)
            for doubt in doubts:
                if doubt.is_foreign and not force:
                    raise ForeignBundleError(
                        f"{doubt.sentences()[0]}; publish the bundle of this shop, or force it "
                        '(--force; over HTTP "force": true)'
                    )
            self._serve(variants, actor=actor)
            if texts := [text for doubt in doubts for text in doubt.sentences()]:
                self._notes.add("doubts", "; ".join(texts))

    def doubts(self, variants: Sequence[Variant]) -> list[BundleDoubts]:
        """Compare those bundles that are not served now with the one of most users."""
        if not self._traffic.is_split:
            return []
        split, doubts, read = self._traffic.split, [], self._store.read_now
        for version in (v.version for v in variants if v.version not in split.bundles):
            with suppress(BundleError):  # damaged: loading it reports the error
                doubts.append(bundle_doubts(self.bundles, version, split.primary, read))
        return doubts

    def _serve(self, variants: Sequence[Variant], *, actor: str) -> None:
        with self.lock:
            variants = checked_variants(variants)
            loaded = self.load(variants)
            before = self._traffic.split.variants if self._traffic.is_split else None
            settings: dict[str, Any] = {TRAFFIC: [asdict(variant) for variant in variants]}
            if before != variants:
                settings[SINCE] = self._clock()
            if before is not None and before != variants:
                settings[PREVIOUS] = [asdict(variant) for variant in before]
            shares = ", ".join(f"{variant.version} {variant.share:g}" for variant in variants)
            entry = Audit(self._clock(), actor, "publish", shares)
            self._store.save_settings(settings, entry)
            self.switch(variants, loaded)
            for subject in ("damaged", "start", "doubts"):
                self._notes.pop(subject, None)

    def roll_back(self, *, actor: str) -> None:
        """Serve the traffic split before this one; `PlanError` where there was none."""
        with self.lock:
            previous = self.previous()
            if not previous:
                raise PlanError("no earlier bundle to roll back to")
            self._serve(previous, actor=actor)

    def drop(self, version: str, *, actor: str) -> None:
        """Delete a bundle; `PlanError` where it is served or would be rolled back to."""
        with self.lock:
            if version in self._in_use():
                raise PlanError(f"the bundle {version!r} is served, or kept for a rollback")
            self.bundles.remove(version)
            self.registry.forget(version, Audit(self._clock(), actor, "drop bundle", version))
            self._files.keep_versions(self.bundles.versions())

    def prune(
        self,
        keep: int,
        *,
        actor: str,
        among: Callable[[StoredBundle], bool] = lambda stored: True,
    ) -> list[str]:
        """Delete the oldest bundles until some are left; return the deleted ones.

        Those that are served, or would be rolled back to, stay.

        Parameters
        ----------
        keep
            How many may be left, those in use included.
        among
            Which bundles are counted and deleted.
        """
        with self.lock:
            bundles = [stored.version for stored in self.registry.stored_bundles() if among(stored)]
            dropped = oldest_unused(bundles, self._in_use(), keep)
            for version in dropped:
                self.drop(version, actor=actor)
            return dropped

    def _in_use(self) -> set[str]:
        variants = (*self._traffic.split.variants, *self.previous())
        return {variant.version for variant in variants}

    def previous(self) -> list[Variant]:
        """Return the variants that `roll_back` would serve."""
        return self.saved_variants(PREVIOUS)

    def saved_variants(self, key: str) -> list[Variant]:
        """Return the variants that a setting of the store names."""
        return [Variant(**variant) for variant in self._store.setting(key) or ()]

    def load(self, variants: Sequence[Variant]) -> dict[str, tuple[ServedBundle, int]]:
        """Load and try those bundles that are not served now; see `switch`."""
        served, renewed = self._traffic.bundles, self.bundles.renewed  # damaged files are mapped
        versions = [variant.version for variant in variants]
        return {
            version: self._load(version)
            for version in versions
            if version not in served or version in renewed
        }

    def switch(
        self, variants: Sequence[Variant], loaded: Mapping[str, tuple[ServedBundle, int]]
    ) -> None:
        """Serve bundles that were loaded, with the items that came since."""
        with self._traffic.lock:
            bundles = dict(self._traffic.bundles)
            for version, (bundle, seq) in loaded.items():
                newer = self._store.read_now(lambda store, seq=seq: store.items(after=seq))  # type: ignore[misc]
                bundles[version] = bundle.with_items(newer)
            self._traffic.replace(variants, bundles)
        self._histories.keep_versions(self._traffic.bundles)
        self._items.encode_again()

    def forget_users(self, version: str, users: Collection[str]) -> int | None:
        """Take users out of a bundle; return how many events, None where it knows none of them.

        Where its files cannot be changed, the served bundle forgets the users.
        """
        with self.lock:
            try:
                n = self.bundles.forget(version, users)
                log = None if n is None else self.bundles.interactions(version)
            except PennyweightError:  # damaged: its arrays are mapped, so no user can be looked up
                self._use_log(version, lambda bundle: bundle.log_without_names(users))
                raise
            if n is not None:
                self._use_log(version, lambda bundle: log)
        return n

    def close(self) -> None:
        """Finish the changes that wait."""
        self.changes.close()

    def _use_log(self, version: str, log: Callable[[ServedBundle], Interactions | None]) -> None:
        with self._traffic.lock:
            bundle = self._traffic.bundles.get(version)
            if bundle is not None:
                changed = bundle.with_log(log(bundle))
                self._traffic.replace_bundles(lambda bundles: {**bundles, version: changed})

    def _load(self, version: str) -> tuple[ServedBundle, int]:
        """Return a bundle with the items on disk, tried, and the seq up to which it has them."""
        stored = next((entry for entry in self.stored_bundles() if entry.version == version), None)
        covered = NOTHING_COVERED if stored is None else stored.covered
        bundle = self.bundles.load(version, covered)
        # Its files may name erased users where the disk refused to change them.
        if stored in self.bundles.borrowed() or self._store.setting(ERASING):
            loaded = bundle
            bundle = self._store.read_now(lambda store: without_erased(loaded, store))
        restoration = restore_items(bundle, self._files, self._store.read_now)
        self._items.failures.update(restoration.failed)
        now = self._clock()
        if texts := item_disagreements(restoration.states, now):
            self._notes.add("clock", "; ".join(texts))
        self._store.read_now(lambda store: _check_lists(restoration.bundle, store, now))
        return restoration.bundle, restoration.seq


def oldest_unused(versions: Sequence[str], in_use: Collection[str], keep: int) -> list[str]:
    """Return the oldest bundles to delete so that some are left, of those that are not in use.

    Parameters
    ----------
    versions
        In the order in which they came.
    """
    unused = [version for version in versions if version not in in_use]
    return unused[: max(0, len(versions) - keep)]


def _check_lists(served: ServedBundle, store: Store, now: float) -> None:
    """Rank lists with a bundle before it is served; `BundleError` where it cannot."""
    bundle = served.recommender.bundle
    with refusing_damage(Path(served.version) if bundle is None else bundle.path):
        requests = [ListRequest(k=3), ListRequest(user="", k=3)]
        for ranked in rank_lists(served, requests, HistoryCache(), store, now):
            if isinstance(ranked, Exception):
                raise ranked
