"""The bundles that can be served: those of the folder, with their entries in the store."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pennyweight.bundle import MANIFEST, Origin
from pennyweight.errors import BundleError
from pennyweight.serving.live.bundles import BundleStore, StoredBundle
from pennyweight.serving.live.clocks import bundle_disagreements
from pennyweight.serving.live.served_bundle import CoveredPositions
from pennyweight.serving.stores.protocol import Audit, Store

__all__ = ["BUNDLES", "BundleRegistry"]

BUNDLES = "bundles"  # a setting in the store
T = TypeVar("T")


class BundleRegistry:
    """The bundles of a folder, with their entries in the store. The folder decides.

    Parameters
    ----------
    read
        Runs a job on a store to read from.
    save
        Saves settings in the store, with an audit entry.
    """

    def __init__(
        self,
        bundles: BundleStore,
        read: Callable[[Callable[[Store], Any]], Any],
        save: Callable[[Mapping[str, Any], Audit | None], None],
    ) -> None:
        self._bundles, self._read, self._save = bundles, read, save

    def stored_bundles(self) -> list[StoredBundle]:
        """Return the bundles that can be served, in the order in which they came."""
        versions, registered = self._bundles.versions(), self._registered()
        return [
            *(_stored_bundle(registered[name]) for name in registered if name in versions),
            *self.unregistered(),
        ]

    def register(
        self, version: str, source: str, now: float, entry: Audit | None = None
    ) -> StoredBundle:
        """Add an entry for a bundle of the folder, with the changes in the store that it covers.

        This is determined now: later the store may reach a position that it does not have yet.
        """
        registered = self._registered()
        if version not in registered:
            covered, notes = self._inspect(version, now)
            registered[version] = asdict(StoredBundle(version, source, now, covered, notes))
            self._save({BUNDLES: list(registered.values())}, entry)
        return _stored_bundle(registered[version])

    def unregistered(self) -> list[StoredBundle]:
        """Return bundles of the folder without an entry, such as after a kill."""
        registered = self._registered()
        return [
            self._unregistered(name) for name in self._bundles.versions() if name not in registered
        ]

    def forget(self, version: str, entry: Audit) -> None:
        """Delete the entry of a bundle."""
        rows = [row for row in self._registered().values() if row["version"] != version]
        self._save({BUNDLES: rows}, entry)

    def _registered(self) -> dict[str, dict[str, Any]]:
        rows = self._read(lambda store: store.setting(BUNDLES)) or ()
        return {row["version"]: row for row in rows}

    def _unregistered(self, version: str) -> StoredBundle:
        path = self._bundles.folder / version
        try:
            added = path.stat().st_mtime
        except OSError:  # dropped meanwhile
            added = 0.0
        return StoredBundle(version, str(path), added)

    def _inspect(self, version: str, now: float) -> tuple[CoveredPositions, tuple[str, ...]]:
        try:
            bundle = self._bundles.bundle(version)
            manifest, path = bundle.manifest, Path(bundle.path / MANIFEST)
            origin = Origin.from_json(manifest.fitted_from, source=str(path))
        except BundleError:
            return CoveredPositions(), ()  # damaged: loading it reports the error
        notes = bundle_disagreements(origin, manifest.created, now)

        def look(store: Store) -> CoveredPositions:
            return CoveredPositions(
                store.covered("items", origin.items), store.covered("events", origin.events)
            )

        covered: CoveredPositions = self._read(look)
        if origin.items is not None and origin.items.seq > covered.items:
            notes.append(
                "its items were exported from another store, or from one that was ahead "
                "of this one: all live changes of this store are applied on top"
            )
        return covered, tuple(notes)


def _stored_bundle(row: dict[str, Any]) -> StoredBundle:
    covered = CoveredPositions(**row.get("covered") or {})
    return StoredBundle(
        row["version"], row["source"], row["added"], covered, tuple(row.get("notes") or ())
    )
