"""Backups of the folder of a service, taken while it runs, and their restoration."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pennyweight.bundle import MANIFEST, Bundle, Position, bundle_faults, open_bundle
from pennyweight.bundle.reader import package_version
from pennyweight.bundle.recovery import sweep
from pennyweight.errors import BundleError, DataError, PennyweightError, StoreError
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.progress.update import Progress
from pennyweight.serving.live.bundles import BundleStore, copy_bundle
from pennyweight.serving.live.exports import exporting
from pennyweight.serving.live.last_runs import BACKUP_RUN, LastRun, note_run
from pennyweight.serving.live.publishing import PREVIOUS, TRAFFIC
from pennyweight.serving.live.task_progress import noted_progress
from pennyweight.serving.live_folder import (
    BACKUP,
    BUNDLES,
    NEVER_SERVED,
    STORE,
    check_live_folder,
)
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.storage.files import sync_folder, write_atomic
from pennyweight.storage.folders import staging
from pennyweight.storage.private import narrow_tree

__all__ = ["BackupCheck", "BackupSummary", "back_up", "check_backup", "is_backup", "restore"]

FORMAT, FORMAT_VERSION = "pennyweight-backup", 1
STAGES = ("copy the store", "copy the bundles", "check the copy")
SPEED = 100e6  # bytes a second, of each stage; the first stage corrects it
TRIES = 3  # to find the bundles that the copied store names


class DamagedBackupError(DataError):
    """The summary of a backup cannot be read."""


@dataclass(frozen=True)
class BackupSummary:
    """The contents of a backup.

    Attributes
    ----------
    created
        Date and time, ISO 8601.
    pennyweight
        Version of the package that made it.
    counts
        Events, items and lists.
    items, events
        Positions of the store.
    store_sha256
        Checksum of the copy of the store.
    bundles
        Version -> sha256 of the bundle.
    nbytes
        Size of all files.
    """

    created: str
    pennyweight: str
    counts: Mapping[str, int]
    items: Position
    events: Position
    store_sha256: str
    bundles: Mapping[str, str]
    nbytes: int

    def to_bytes(self) -> bytes:
        """Return the JSON that `read` reads."""
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created": self.created,
            "pennyweight": self.pennyweight,
            "counts": dict(self.counts),
            "items": self.items.to_json(),
            "events": self.events.to_json(),
            "store_sha256": self.store_sha256,
            "bundles": dict(self.bundles),
            "bytes": self.nbytes,
        }
        return (json.dumps(document, indent=2) + "\n").encode()

    @classmethod
    def read(cls, folder: Path) -> "BackupSummary":
        """Read the summary of a backup; `DataError` where there is none."""
        path = folder / BACKUP
        try:
            document = json.loads(path.read_bytes())
            if document["format"] != FORMAT:
                raise ValueError("another format")
            if document["format_version"] != FORMAT_VERSION:
                raise DataError(
                    f"{path}: format version {document['format_version']}; this version of "
                    f"pennyweight reads {FORMAT_VERSION}: install a later one"
                )
            return cls(
                str(document["created"]),
                str(document["pennyweight"]),
                {str(name): int(n) for name, n in document["counts"].items()},
                Position.from_json(document["items"]),
                Position.from_json(document["events"]),
                str(document["store_sha256"]),
                {str(name): str(sha256) for name, sha256 in document["bundles"].items()},
                int(document["bytes"]),
            )
        except DataError:
            raise
        except OSError as error:
            raise DataError(
                f"{folder}: no backup ({path.name}: {error.strerror}); name a folder that "
                "`pennyweight backup` wrote"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedBackupError(
                f"{path}: damaged, no summary of a backup; use another backup"
            ) from error


def back_up(folder: Path, out: Path, *, progress: Progress = False) -> BackupSummary:
    """Copy the folder of a service, which may run meanwhile; the copy is checked.

    The store is of one moment. An erasure waits until the backup ends. Encoded items are left
    out: a service encodes them again.

    Raises
    ------
    DataError
        The folder is none of a service, or of one that never served a bundle; or there is
        something at `out`, or it lies in such a folder, a backup or a bundle.
    StoreError, BundleError
        The store or a bundle cannot be read, or the disk is full; nothing is left at `out`.
    """
    check_live_folder(folder)
    _check_free(out)
    with (
        noted_progress(folder, "backup") as show,
        tracked(progress, show) as tracker,
        _writing(out) as new,
        exporting(folder),
    ):
        tracker.expect(_stages(folder))
        os.mkdir(new / BUNDLES)
        for _ in range(TRIES):
            _copy_store(folder, new / STORE, partial(tracker, STAGES[0]))
            bundles = _copy_bundles(folder / BUNDLES, new / BUNDLES, partial(tracker, STAGES[1]))
            tracker(STAGES[2])
            with closing(SQLiteStore(new / STORE)) as copy:
                if not copy.setting(TRAFFIC):
                    raise DataError(f"{folder}: {NEVER_SERVED}, so there is nothing to back up")
                missing = _served(copy) - bundles.keys()
                faults, counts = copy.check(), {str(k): n for k, n in copy.counts().items()}
                positions = copy.position("items"), copy.position("events")
            if not missing:
                break
        else:
            raise StoreError(
                f"{folder}: the bundles {', '.join(sorted(missing))} are missing or are being "
                "replaced all the time; check the folder with `pennyweight check`"
            )
        if faults:
            raise StoreError(f"{folder / STORE}: damaged: {faults[0]}; restore an earlier backup")
        summary = BackupSummary(
            datetime.now(UTC).isoformat(timespec="seconds"),
            package_version(),
            counts,
            *positions,
            _sha256(new / STORE),
            {version: bundle.sha256 for version, bundle in bundles.items()},
            _nbytes(new),
        )
        write_atomic(new / BACKUP, summary.to_bytes())
    note_run(folder, BACKUP_RUN, LastRun(time.time(), "saved"))
    return summary


def is_backup(folder: Path) -> bool:
    """Return whether a folder is a backup, whole or not."""
    return (folder / BACKUP).is_file()


@dataclass(frozen=True)
class BackupCheck:
    """The state of a backup.

    Attributes
    ----------
    summary
        Its contents, None where the summary is damaged.
    faults
        Each names its file.
    """

    summary: BackupSummary | None
    faults: tuple[str, ...]


def check_backup(folder: Path) -> BackupCheck:
    """Check every file of a backup.

    Raises
    ------
    DataError
        No backup, or one of a later format version.
    """
    try:
        summary = BackupSummary.read(folder)
    except DamagedBackupError as error:
        bundles = BundleStore(folder / BUNDLES).versions()
        faults = [fault for name in bundles for fault in bundle_faults(folder / BUNDLES / name)]
        return BackupCheck(None, (str(error), *faults))
    return BackupCheck(summary, tuple(_faults(folder, summary)))


def _faults(folder: Path, summary: BackupSummary) -> Iterator[str]:
    """Yield the faults of the store and of the bundles."""
    path = folder / STORE
    try:
        if _sha256(path) != summary.store_sha256:
            yield f"{path}: altered since the backup"
    except OSError as error:
        yield f"{path}: {error.strerror}"
    for version, sha256 in summary.bundles.items():
        bundle = folder / BUNDLES / version
        if faults := bundle_faults(bundle):
            yield from faults
        elif open_bundle(bundle, verify=False).sha256 != sha256:
            yield f"{bundle / MANIFEST}: not that of the backup"


def restore(backup: Path, folder: Path) -> BackupSummary:
    """Make the folder of a service from a backup, checked before it gets its name.

    Raises
    ------
    DataError
        No backup, or there is something at `folder`.
    StoreError, BundleError
        The backup is damaged, or the disk is full; nothing is left at `folder`.
    """
    summary = BackupSummary.read(backup)
    _check_free(folder)
    if fault := next(_faults(backup, summary), None):
        raise StoreError(
            f"{fault}; use another backup (`pennyweight check {backup}` lists all faults)"
        )
    with _writing(folder) as new:
        os.mkdir(new / BUNDLES)
        shutil.copyfile(backup / STORE, new / STORE)
        for version in summary.bundles:
            copy_bundle(backup / BUNDLES / version, new / BUNDLES / version)
        if any(_faults(new, summary)):
            raise StoreError(f"{backup}: changed while it was read; restore it again")
        with closing(SQLiteStore(new / STORE)) as store:
            faults, counts = store.check(), store.counts()
        if faults or counts != summary.counts:
            raise StoreError(
                f"{backup / STORE}: {faults[0] if faults else 'other counts than noted'}; use "
                "another backup"
            )
    return summary


def _check_free(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError(f"{path}: exists and is not empty; name another folder")
    for folder in path.resolve().parents:
        if (folder / MANIFEST).is_file():
            owner = "a bundle"
        elif (folder / BACKUP).is_file():
            owner = "a backup"
        elif (folder / STORE).is_file() and (folder / BUNDLES).is_dir():
            owner = "the folder of a service"
        else:
            continue
        raise DataError(f"{path}: lies in {owner} ({folder}), which it would spoil; name another")


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """Yield a private folder that takes the name `path` when the block ends without an error."""
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        with staging(path) as new:
            new.chmod(0o700)
            yield new
            narrow_tree(new)
            _sync_tree(new)
            os.rename(new, path)
            sync_folder(path.parent)
    except PennyweightError:
        raise
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; nothing was saved there") from error


def _stages(folder: Path) -> Iterator[ExpectedStage]:
    """Yield the stages; each reads its bytes, and the last one reads all again."""
    store, bundles = (folder / STORE).stat().st_size, _nbytes(folder / BUNDLES)
    for name, nbytes in zip(STAGES, (store, bundles, store + bundles), strict=True):
        yield ExpectedStage(name, nbytes / SPEED, group="bytes")


def _copy_store(folder: Path, path: Path, on_step: Callable[[int, int], None]) -> None:
    path.unlink(missing_ok=True)
    on_step(0, 0)
    with closing(SQLiteStore(folder / STORE)) as store:
        store.copy_to(path, on_step)


def _copy_bundles(
    folder: Path, target: Path, on_step: Callable[[int, int], None]
) -> dict[str, Bundle]:
    """Copy the bundles of a folder; those that are dropped meanwhile are left out."""
    shutil.rmtree(target)
    target.mkdir()
    bundles, source = {}, BundleStore(folder)
    versions = source.versions()
    for done, version in enumerate(versions):
        on_step(done, len(versions))
        try:
            bundles[version] = copy_bundle(folder / version, target / version)
        except BundleError:
            if version in source.versions():
                raise
            shutil.rmtree(target / version)
    return bundles


def _served(store: SQLiteStore) -> set[str]:
    """Return the bundles that a store names as served now, or before a rollback."""
    variants = [*(store.setting(TRAFFIC) or ()), *(store.setting(PREVIOUS) or ())]
    return {str(variant["version"]) for variant in variants}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _nbytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sync_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            handle = os.open(Path(place, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(place))
