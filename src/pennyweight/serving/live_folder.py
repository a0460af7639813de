"""The folder of a service: the names in it, and the one process that it belongs to."""

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pennyweight.bundle import MANIFEST
from pennyweight.errors import DataError, StoreError
from pennyweight.serving.live.encoded_item_files import ENCODED_ITEMS
from pennyweight.serving.live.last_runs import BACKUP_RUN, REFIT_RUN
from pennyweight.serving.live.task_progress import PROGRESS
from pennyweight.serving.stores.room import UNWRITABLE
from pennyweight.storage.files import write_atomic
from pennyweight.storage.private import narrow, others_may

__all__ = [
    "BACKUP",
    "BUNDLES",
    "NEVER_SERVED",
    "REFIT",
    "STORE",
    "check_live_folder",
    "discard_imports",
    "discard_refit",
    "imports_folder",
    "locked_folder",
    "running_service",
    "serving_at",
]

STORE, BUNDLES, LOCK = "store.sqlite", "bundles", "lock"
BACKUP = "backup.json"  # of a folder that `backup` wrote
REFIT = "refit"  # the folder of a refit under way
IMPORTS = "imports"  # the folder of uploaded files that wait
ADDRESS = "service.json"  # where the running service is found
NEVER_SERVED = "no bundle has been published there (`pennyweight serve BUNDLE --data DIR`)"
FOLDERS, NOTES = (BUNDLES, REFIT, IMPORTS, ENCODED_ITEMS), (REFIT_RUN, BACKUP_RUN, PROGRESS)
# Prefixes of the names in the folder.
OURS = (STORE, LOCK, ADDRESS, *FOLDERS, *NOTES, ".")

_log = logging.getLogger(__name__)


def check_live_folder(folder: Path) -> None:
    """Raise `DataError` where a folder is none of a service."""
    _check_purpose(folder)
    if not ((folder / STORE).is_file() and (folder / BUNDLES).is_dir()):
        raise DataError(f"{folder}: not a folder of a service; name the folder of `serve --data`")


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep a folder to this process: two would undo each other's work.

    Raises
    ------
    DataError
        The folder is a backup or a bundle.
    StoreError
        Another process has it.
    """
    _check_purpose(folder)
    handle = _lock_file(folder)
    try:
        try:
            if handle is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _rename_bundles(folder)
        except OSError:
            raise StoreError(
                f"{folder}: another service uses this folder; choose another with --data"
            ) from None
        yield
    finally:
        if handle is not None:
            os.close(handle)


def discard_refit(folder: Path) -> None:
    """Delete all that a refit has made in the folder of a service; its data name users."""
    work = folder / REFIT
    for path in work.iterdir() if work.is_dir() else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def imports_folder(folder: Path) -> Path:
    """Return the folder of the uploaded files of a service."""
    return folder / IMPORTS


def discard_imports(folder: Path) -> None:
    """Delete uploaded files, which may name users."""
    work = imports_folder(folder)
    if work.is_dir():
        shutil.rmtree(work)


@contextmanager
def serving_at(folder: Path, address: str) -> Iterator[None]:
    """Note in a folder where its service is found, while the block lasts."""
    path = folder / ADDRESS
    try:
        write_atomic(path, json.dumps({"address": address}).encode())
    except OSError as error:  # lists are given all the same
        _log.warning("%s: cannot be written: %s", path, error.strerror)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def running_service(folder: Path) -> str | None:
    """Return the address of the service that uses a folder; None where none runs.

    Raises
    ------
    StoreError
        One runs, and does not say where.
    """
    try:
        with locked_folder(folder):
            return None
    except StoreError:
        pass
    try:
        return str(json.loads((folder / ADDRESS).read_bytes())["address"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(
            f"{folder}: another process uses it, but no service has noted its address there; wait "
            "until it has started, or stop it"
        ) from None


def _check_purpose(folder: Path) -> None:
    """Raise `DataError` where files of a service would spoil a folder."""
    if (folder / BACKUP).is_file():
        raise DataError(
            f"{folder}: a backup, which a service would change; make a folder of it with "
            f"`pennyweight restore {folder} --to DIR`"
        )
    if (folder / MANIFEST).is_file():
        raise DataError(f"{folder}: a bundle; name another folder for the service (--data)")


def _lock_file(folder: Path) -> int | None:
    """Return the handle to lock: of a file, else of the folder, None if neither can be opened."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(folder)
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise StoreError(f"{folder}: {error.strerror}; choose another with --data") from error
    for path in (folder / LOCK, folder):  # nothing can be made there, so nothing is undone
        try:
            return os.open(path, os.O_RDONLY)
        except OSError:
            continue
    return None


def _rename_bundles(folder: Path) -> None:
    """Give the folder of bundles its name where an earlier version called it ``models``."""
    before = folder / "models"
    if (folder / STORE).is_file() and before.is_dir() and not (folder / BUNDLES).exists():
        with suppress(OSError):  # an error of the disk is reported later
            before.rename(folder / BUNDLES)


def _close_to_others(folder: Path) -> None:
    if all(path.name.startswith(OURS) for path in folder.iterdir()):
        narrow(folder)
    elif others_may(folder, 5):
        _log.warning(
            "%s: others may look into it, and not all in it is of this service; chmod 700 "
            "it, or give another folder with --data",
            folder,
        )
