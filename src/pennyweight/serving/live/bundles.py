"""Bundles that can be served, each in its own folder."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pennyweight.bundle import MANIFEST, Bundle, check_place, open_bundle
from pennyweight.bundle.recovery import repair, sweep
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.errors import BundleError, PlanError, StoreError, UnknownIdError
from pennyweight.recommender.recommender import Recommender
from pennyweight.recommender.storage import forget_users, read_catalog, read_interactions
from pennyweight.serving.live.served_bundle import NOTHING_COVERED, CoveredPositions, ServedBundle
from pennyweight.serving.stores.room import UNWRITABLE
from pennyweight.storage.files import sync_folder
from pennyweight.storage.folders import replace_directory, staging
from pennyweight.storage.private import make_private, narrow_tree

__all__ = ["BundleStore", "StoredBundle", "copy_bundle", "save_copy"]

VERSION_CHARS = 12  # of the sha256 of a bundle
TRIES, PAUSE = 5, 0.05  # to read a bundle that is being replaced; seconds between them
T = TypeVar("T")
_FICLONE = 0x40049409  # share the blocks of a file, each copied when it is written to
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class StoredBundle:
    """A bundle that can be served.

    Attributes
    ----------
    version
        The first characters of its sha256.
    source
        Where it was taken from.
    added
        Epoch seconds.
    covered
        Which changes in the store its data holds already.
    notes
        Warnings, such as of an event in the future.
    """

    version: str
    source: str
    added: float
    covered: CoveredPositions = NOTHING_COVERED
    notes: tuple[str, ...] = ()


class BundleStore:
    """The folder of bundles.

    A bundle is copied (where the file system can, its blocks are shared until one is written
    to): whatever becomes of the original, this one stays as it was checked.

    Parameters
    ----------
    folder
        Made where it is missing.

    Attributes
    ----------
    renewed
        Bundles that were damaged and replaced, and not loaded since.
    on_load
        Called with each bundle that was loaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.renewed: set[str] = set()
        self.on_load: Callable[[ServedBundle], None] = lambda bundle: None
        self._elsewhere: dict[str, StoredBundle] = {}
        try:
            make_private(folder)
            narrow_tree(folder)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise

    def path(self, version: str) -> Path:
        """Return where a bundle is; `UnknownIdError` where it is not."""
        versions = self.versions()
        if version not in versions and version in self._elsewhere:
            return Path(self._elsewhere[version].source)
        if version not in versions:
            raise UnknownIdError(
                f"no bundle {version!r}; there are {', '.join(versions) or 'none'}"
            )
        return self.folder / version

    def versions(self) -> list[str]:
        """Return the bundles that are here."""
        if not self.folder.is_dir():
            return []
        return sorted(p.name for p in self.folder.iterdir() if p.name.isalnum() and p.is_dir())

    def borrow(self, source: Path | str, now: float) -> StoredBundle:
        """Let a bundle be loaded from where it lies, for there is no room to take it over."""
        bundle = open_bundle(source)
        stored = StoredBundle(bundle.sha256[:VERSION_CHARS], str(bundle.path), now)
        if stored.version not in self.versions():
            self._elsewhere[stored.version] = stored
        return stored

    def borrowed(self) -> list[StoredBundle]:
        """Return the bundles that are loaded from where they lie."""
        return list(self._elsewhere.values())

    def _check_owned(self, path: Path) -> None:
        if path.parent != self.folder:
            raise PlanError(
                f"{path}: this bundle is served from its original folder, which this service "
                "does not change; publish it when there is enough space"
            )

    def clean(self) -> list[str]:
        """Delete leftovers of a killed process; return their names.

        Only for the one process that the folder belongs to, before it does anything else.
        """
        leftovers = [p for p in self.folder.iterdir() if p.name.startswith(".") and p.is_dir()]
        for path in leftovers:
            version, kind, _ = path.name[1:].partition(".old-")
            if kind:
                repair(self.folder / version)
        leftovers = [path for path in leftovers if path.exists()]
        for path in leftovers:
            shutil.rmtree(path)
        if leftovers:
            sync_folder(self.folder)
        return [path.name for path in leftovers]

    def add(self, source: Path | str) -> str:
        """Copy a bundle, check every file of the copy, and return its version.

        A copy that is there already stays, unless it is damaged: then it is replaced.

        Raises
        ------
        BundleError
            No bundle, or a damaged one; nothing is kept of it.
        StoreError
            The disk is full or refuses; nothing is kept of it.
        """
        bundle = open_bundle(source, verify=False)
        version = bundle.sha256[:VERSION_CHARS]
        path = self.folder / version
        if path.is_dir() and _is_intact(path):
            return version
        with _refusals(self.folder), staging(path) as new:
            _copy(bundle, new)
            _check(bundle, new)
            narrow_tree(new)
            if path.is_dir():
                self.renewed.add(version)
            replace_directory(new, path)
        return version

    def load(self, version: str, covered: CoveredPositions = NOTHING_COVERED) -> ServedBundle:
        """Load a bundle, its files checked; errors as of `Recommender.load`."""
        served = ServedBundle.of(version, Recommender.load(self.path(version)), covered)
        self.on_load(served)
        self.renewed.discard(version)
        return served

    def bundle(self, version: str) -> Bundle:
        """Open a bundle without checking its files."""
        return open_bundle(self.path(version), verify=False)

    def forget(self, version: str, users: Collection[str]) -> int | None:
        """Take users out of a bundle; return how many events, None where it knows none of them.

        Raises
        ------
        BundleError
            It is damaged.
        StoreError
            The disk refuses; it stays as it was.
        """
        self._check_owned(self.path(version))
        with _refusals(self.folder):
            events = forget_users(self.bundle(version), users)
        if events is not None:
            narrow_tree(self.path(version))
        return events

    def interactions(self, version: str) -> Interactions | None:
        """Return the current event log of a bundle."""
        return _between(lambda: read_interactions(self.bundle(version)))

    def item_ids(self, version: str) -> Ids:
        """Return the ids of the items of a bundle, in code order."""
        return _between(lambda: read_catalog(self.bundle(version)).ids)

    def remove(self, version: str) -> None:
        """Delete a bundle; after a kill it is either intact or deleted at the next start."""
        path, trash = self.path(version), self.folder / f".{version}.gone"
        self._check_owned(path)
        with _refusals(self.folder):
            if trash.exists():
                shutil.rmtree(trash)
            path.rename(trash)  # takes no room: bundles are dropped when the disk is full
            shutil.rmtree(trash)


def copy_bundle(source: Path, target: Path) -> Bundle:
    """Copy a bundle to a new folder and check every file of the copy.

    One that is replaced meanwhile is copied anew.

    Raises
    ------
    BundleError
        No bundle, or a damaged one.
    """
    target.mkdir()

    def copy() -> Bundle:
        for path in target.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        bundle = open_bundle(source, verify=False)
        _copy(bundle, target)
        _check(bundle, target)
        return open_bundle(target, verify=False)

    return _between(copy)


def save_copy(source: Path, target: Path, *, overwrite: bool = False) -> None:
    """Copy a bundle to a place that is free, whole or not at all; errors as of `copy_bundle`.

    Parameters
    ----------
    overwrite
        Replace a bundle that is there.
    """
    target = target.resolve()
    check_place(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target)
    with _refusals(target), staging(target) as new:
        copy_bundle(source, new / "bundle")
        replace_directory(new / "bundle", target)


def _is_intact(path: Path) -> bool:
    try:
        open_bundle(path)
    except BundleError:
        return False
    return True


def _between(read: Callable[[], T]) -> T:
    """Read from a bundle, with retries in case it is being replaced meanwhile."""
    for _ in range(TRIES):
        try:
            return read()
        except BundleError:
            time.sleep(PAUSE)
    return read()


def _copy(bundle: Bundle, folder: Path) -> None:
    """Copy the files of a manifest, and it, and force them to disk."""
    folders = {folder}
    for name in (MANIFEST, *bundle.manifest.files):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        folders.add(target.parent)
        with open(_handle(bundle.path / name), "rb") as read, target.open("xb") as written:
            try:
                fcntl.ioctl(written, _FICLONE, read.fileno())
            except OSError:  # another disk, or one that cannot
                shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            os.fsync(written.fileno())
    for directory in folders:
        sync_folder(directory)


def _handle(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error


def _check(bundle: Bundle, folder: Path) -> None:
    """Raise `BundleError` where a copy is not as its manifest says; names the original."""
    try:
        copied = open_bundle(folder)
    except BundleError:
        open_bundle(bundle.path)  # raises if the original is damaged too
        copied = None
    if copied is None or copied.sha256 != bundle.sha256:
        raise BundleError(f"{bundle.path}: changed while it was read; publish it again")


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """Turn errors of the disk into a `StoreError`."""
    try:
        yield
    except StoreError:
        raise
    except BundleError as error:  # raised where a bundle is written to a full disk
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in UNWRITABLE:
            raise StoreError(f"{folder}: {UNWRITABLE[error.__cause__.errno]}") from error
        raise
    except OSError as error:
        full = error.errno in _FULL
        reason = "the disk is full" if full else str(error)
        raise StoreError(f"{folder}: {reason}") from error
