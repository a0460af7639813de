"""Arrays on disk that know their own checksum, and the cache folder."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from pennyweight.errors import BundleError

__all__ = [
    "cache_folder",
    "digest",
    "file_sha256",
    "read_arrays",
    "write_arrays",
    "write_atomic",
]


def cache_folder() -> Path:
    """Return the folder for what can be computed again; ``PENNYWEIGHT_CACHE`` overrides it."""
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


def write_atomic(path: Path, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file beside its place, flush it to disk, then rename: it is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # mkstemp makes it private; data is for sharing
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hex, remembered by path, size and modification time."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    note = cache_folder() / "sums" / digest(key)
    try:
        found = note.read_text()
        if len(found) == 64:
            return found
    except OSError:
        pass
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        write_atomic(note, [found.encode()])
    except OSError:
        pass  # a read-only cache costs time, not correctness
    return found


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]
) -> None:
    """Write arrays and JSON settings to one safetensors file, atomically, with a checksum."""
    plain = {name: np.ascontiguousarray(value) for name, value in sorted(arrays.items())}
    text = json.dumps(dict(settings), sort_keys=True, ensure_ascii=False)
    # One key: the library writes several in random order, and equal data shall be equal bytes.
    head = json.dumps({"digest": digest(text, *plain.values()), "settings": text})
    write_atomic(path, [to_safetensors(plain, {"pennyweight": head})])


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `write_arrays` wrote.

    Raises
    ------
    BundleError
        The file is missing, truncated, altered, or of another kind.
    """
    remedy = "; delete it and build it again"
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {}).get("pennyweight", "{}"))
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except FileNotFoundError:
        raise BundleError(f"{path}: missing") from None
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path}: {error}{remedy}") from error
    text = metadata.get("settings", "")
    if metadata.get("digest") != digest(text, *arrays.values()):
        raise BundleError(f"{path}: contents do not match their checksum{remedy}")
    return arrays, json.loads(text)
