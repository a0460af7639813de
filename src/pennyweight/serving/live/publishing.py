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
from pennyweight.serving.live.experiment import EXPERIMENTS, Experiment, replaced, running
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.items import Items
from pennyweight.serving.live.lists import ListRequest, rank_lists
from pennyweight.serving.live.operator_notes import OperatorNotes
from pennyweight.serving.live.registry import BundleRegistry
from pennyweight.serving.live.restoring import restore_items
from pennyweight.serving.live.served_bundle import NOTHING_COVERED, ServedBundle
from pennyweight.serving.live.store_access import StoreAccess
from pennyweight.serving.live.traffic_split import Traffic
from pennyweight.serving.live.variants import Variant
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
                self.serve(stored.version, actor=actor, force=force)
            except ForeignBundleError:
                if stored.version not in before:
                    self.drop(stored.version, actor=actor)
                raise
            return stored

    def serve(self, version: str, *, actor: str, force: bool = False) -> None:
        """Serve a bundle to all users, which ends an experiment; see `change`.

        Doubts about it are noted for operators.

        Parameters
        ----------
        force
            Serve a bundle even if it has no item of the served one.
        """
        variants = [Variant(version, 1.0)]
        with self.lock:
            doubts = self.checked_doubts(variants, force=force)
            self.change(variants, actor, "publish", f"{version} 1", doubts=doubts)

    def checked_doubts(self, variants: Sequence[Variant], *, force: bool) -> list[str]:
        """Return doubts about bundles in words; `ForeignBundleError` about another catalog."""
        doubts = self.doubts(variants)
        for doubt in doubts:
            if doubt.is_foreign and not force:
                raise ForeignBundleError(
                    f"{doubt.sentences()[0]}; publish the bundle of this shop, or force it "
                    '(--force; over HTTP "force": true)'
                )
        return [text for doubt in doubts for text in doubt.sentences()]

    def doubts(self, variants: Sequence[Variant]) -> list[BundleDoubts]:
        """Compare those bundles that are not served now with the one of most users."""
        if not self._traffic.is_split:
            return []
        split, doubts, read = self._traffic.split, [], self._store.read_now
        for version in (v.version for v in variants if v.version not in split.bundles):
            with suppress(BundleError):  # damaged: loading it reports the error
                doubts.append(bundle_doubts(self.bundles, version, split.primary, read))
        return doubts

    def change(
        self,
        variants: Sequence[Variant],
        actor: str,
        action: str,
        detail: str,
        experiment: Experiment | None = None,
        doubts: Sequence[str] = (),
    ) -> None:
        """Load and try bundles, then serve them, with an audit entry.

        Errors leave all as it was.

        Parameters
        ----------
        experiment
            That shares the users between the bundles, or that ends with this change. Without it,
            an experiment that runs is stopped.
        doubts
            To be noted for operators.

        Raises
        ------
        BundleError, UnknownIdError, StoreError
            A bundle cannot be loaded, or the store takes no setting.
        """
        with self.lock:
            loaded, now, experiments = self.load(variants), self._clock(), self.experiments()
            last = running(experiments)
            if experiment is None and last is not None:
                experiment = last.finished(now, actor)
            settings: dict[str, Any] = {TRAFFIC: [asdict(variant) for variant in variants]}
            if experiment is not None:
                former = experiments if last is not None else [*experiments, experiment]
                settings[EXPERIMENTS] = replaced(former, experiment)
            before = self._traffic.split.variants if self._traffic.is_split else None
            if before != tuple(variants):
                settings[SINCE] = now
                settings |= self._previous(variants, before or (), experiment)
            self._store.save_settings(settings, Audit(now, actor, action, detail))
            self.switch(variants, loaded, experiment if len(variants) > 1 else None)
            for subject in ("damaged", "start", "doubts"):
                self._notes.pop(subject, None)
            if doubts:
                self._notes.add("doubts", "; ".join(doubts))

    def _previous(
        self,
        variants: Sequence[Variant],
        before: Sequence[Variant],
        experiment: Experiment | None,
    ) -> dict[str, Any]:
        """Return the setting of what a rollback serves: what all users had last, if it changes."""
        if len(before) == 1:
            return {PREVIOUS: [asdict(before[0])]}
        if len(variants) == 1 and list(variants) == self.previous() and experiment is not None:
            kept = experiment.before in self.bundles.versions()
            return {PREVIOUS: [asdict(Variant(str(experiment.before), 1.0))] if kept else []}
        return {}

    def roll_back(self, *, actor: str) -> None:
        """Serve what all users had before; `PlanError` where that was nothing."""
        with self.lock:
            previous = self.previous()
            if not previous:
                raise PlanError("no earlier bundle to roll back to")
            version = previous[0].version
            self.change(previous, actor, "publish", f"{version} 1")

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
        """Return the bundle that `roll_back` would serve, if any."""
        # A store of an earlier version may name two bundles that shared the users.
        saved = sorted(self.saved_variants(PREVIOUS), key=lambda variant: -variant.share)
        return [Variant(variant.version, 1.0) for variant in saved[:1]]

    def experiments(self) -> list[Experiment]:
        """Return all experiments, the oldest first."""
        return [Experiment.from_json(row) for row in self._store.setting(EXPERIMENTS) or ()]

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
        self,
        variants: Sequence[Variant],
        loaded: Mapping[str, tuple[ServedBundle, int]],
        experiment: Experiment | None = None,
    ) -> None:
        """Serve bundles that were loaded, with the items that came since."""
        with self._traffic.lock:
            bundles = dict(self._traffic.bundles)
            for version, (bundle, seq) in loaded.items():
                newer = self._store.read_now(lambda store, seq=seq: store.items(after=seq))  # type: ignore[misc]
                bundles[version] = bundle.with_items(newer)
            self._traffic.replace(variants, bundles, experiment)
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
