"""Atomic writes, checksums, and the cache folder."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from pennyweight.storage.locks import lock_handle

__all__ = [
    "cache_folder",
    "digest",
    "file_sha256",
    "replacing",
    "replacing_private",
    "sync_folder",
    "write_atomic",
]


def cache_folder() -> Path:
    """Return the cache folder; ``PENNYWEIGHT_CACHE`` overrides it."""
    named = os.environ.get("PENNYWEIGHT_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("pennyweight"))


def digest(*parts: str | bytes | NDArray[Any]) -> str:
    """Return a 128-bit BLAKE2b digest in hex over texts, bytes and arrays (with shape, dtype)."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            state.update(f"{part.dtype}{part.shape}".encode())
            part = np.ascontiguousarray(part).tobytes()
        elif isinstance(part, str):
            part = part.encode("utf-8", "surrogatepass")
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the name of a temporary file beside `path` to write, which then takes its place.

    The bytes are forced to disk before the name is moved over, so a reader sees the old
    file or the new one. Missing folders are made. Whatever fails, the old file stays whole
    and no temporary file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk does not say where
        raise
    sync_folder(path.parent)


@contextmanager
def replacing_private(path: Path) -> Iterator[Path]:
    """Do as `replacing` with a file that its owner alone may read: it names people.

    Temporary files of writers that were killed are deleted first. The lock on the temporary file
    says that its writer lives.
    """
    _discard_unfinished(path)
    with replacing(path) as temporary:
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            lock_handle(handle, wait=False)
            yield temporary
        finally:
            os.close(handle)


def _discard_unfinished(path: Path) -> None:
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    names = os.listdir(path.parent) if path.parent.is_dir() else []
    for name in filter(pattern.fullmatch, names):
        try:
            handle = os.open(path.with_name(name), os.O_RDWR)
        except OSError:  # gone meanwhile, or not ours
            continue
        try:
            lock_handle(handle, wait=False)
            path.with_name(name).unlink(missing_ok=True)
        except OSError:  # its writer lives
            continue
        finally:
            os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)  # Windows syncs only files opened for writing
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Force names in a folder to disk, or they may be lost with the power.

    Windows opens no folders, and journals their names.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path | str, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Replace a file by `data`; whatever fails, the old file stays whole (see `replacing`).

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written; no temporary file is left.
    """
    with replacing(Path(path)) as temporary, open(temporary, "xb") as file:
        for chunk in (data,) if isinstance(data, bytes) else data:
            file.write(chunk)


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hex, remembered by path, size and modification time."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    note = cache_folder() / "sums" / digest(key)
    try:
        checksum = note.read_text()
        if len(checksum) == 64:
            return checksum
    except OSError:
        pass
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        write_atomic(note, checksum.encode())
    except OSError:
        pass  # a read-only cache costs time, not correctness
    return checksum
