"""Vectors kept on disk, so that encoding again costs only the texts that changed.

A folder an encoder fingerprint; in it segment files, each written once and renamed into
place: the 16-byte keys of n texts, then n rows of float32. Its name carries the digest of its
contents. Any number of processes may read and write the folder at once.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder, Progress
from pennyweight.encoders.texts import check_texts
from pennyweight.errors import BudgetError, EndpointError
from pennyweight.storage.files import cache_folder, write_atomic

__all__ = ["cache_size", "encode_cached", "evict"]

KEY = 16
FLUSH = 4096  # texts in a segment, the most that a killed run loses
FLUSH_SECONDS = 30.0  # or those of this time, where they are slow
MAX_SEGMENTS = 64  # more than this for one encoder are merged
STALE = 3600  # seconds after which a temporary file has no living writer


def encode_cached(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    folder: Path | None = None,
    limit: int = 8 * 2**30,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Encode texts, reading from disk the vectors that this encoder has computed before.

    A text that occurs several times is encoded once. Damaged segments are skipped.

    Parameters
    ----------
    folder
        The cache; may be absent. Shared by all encoders. By default ``vectors`` in the cache
        folder.
    limit
        Bytes the cache may take; the oldest segments go first.
    progress
        Called with (distinct texts done, distinct texts).

    Returns
    -------
    ndarray
        float32 (len(texts), dim), equal to ``encoder.encode(texts)`` up to rounding.
    """
    if isinstance(encoder, ProjectedEncoder):  # the cost is that of the inner encoder
        vectors = encode_cached(
            encoder.encoder, texts, folder=folder, limit=limit, progress=progress
        )
        return encoder.project(vectors)
    folder = folder or cache_folder() / "vectors"
    keys = [_key(text) for text in check_texts(texts)]
    first: dict[bytes, int] = {}  # key -> position of the first text that has it
    for position, key in enumerate(keys):
        first.setdefault(key, position)
    encoder_folder = folder / encoder.fingerprint
    rows = np.zeros((len(texts), encoder.dim), np.float32)
    segments = _segments(encoder_folder)
    missing = dict(first)
    for segment in segments:
        if missing:
            _fill(segment, missing, rows)
    uncached = list(missing.items())
    if uncached:
        _encode_missing(encoder, texts, uncached, rows, encoder_folder, len(first), progress)
        if len(_segments(encoder_folder)) > MAX_SEGMENTS:
            _merge(encoder_folder, encoder.dim)
        evict(folder, limit)
    return rows[[first[key] for key in keys]] if len(first) < len(keys) else rows


def cache_size(folder: Path) -> int:
    """Return the bytes that the cached vectors take."""
    return sum(size for _, size, _ in _files(folder))


def evict(folder: Path, limit: int) -> None:
    """Remove the oldest segments until the cache takes at most `limit` bytes."""
    files = sorted(_files(folder))
    excess = sum(size for _, size, _ in files) - limit
    for _, size, path in files:
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY).digest()


def _encode_missing(
    encoder: Encoder,
    texts: Sequence[str],
    missing: Sequence[tuple[bytes, int]],
    rows: NDArray[np.float32],
    folder: Path,
    total: int,
    progress: Progress | None,
) -> None:
    """Encode texts into their rows and write segments; an interrupted run keeps its vectors."""
    unwritten: list[tuple[bytes, int]] = []
    flushed, done = time.monotonic(), total - len(missing)
    block = min(encoder.block, FLUSH)
    try:
        for start in range(0, len(missing), block):
            part = missing[start : start + block]
            positions = [position for _, position in part]
            rows[positions] = encoder.encode([texts[position] for position in positions])
            unwritten += part
            if len(unwritten) >= FLUSH or time.monotonic() - flushed > FLUSH_SECONDS:
                _write_rows(folder, unwritten, rows)
                unwritten, flushed = [], time.monotonic()
            done += len(part)
            if progress is not None:
                progress(done, total)
    except (BudgetError, EndpointError) as error:
        left = [texts[position] for _, position in missing[done - total + len(missing) :]]
        needs = f", {encoder.remote.price(left)}" if encoder.remote is not None else ""
        raise type(error)(
            f"{error}. {done:,} of {total:,} texts have vectors, which are kept; {len(left):,} are "
            f"to come{needs}: run the same command again to go on, no text is paid for twice"
        ) from error
    finally:
        if unwritten:
            _write_rows(folder, unwritten, rows)


def _write_rows(
    folder: Path, places: Sequence[tuple[bytes, int]], rows: NDArray[np.float32]
) -> None:
    """Write one segment: keys, each with the row of its vector."""
    _write(folder, [key for key, _ in places], rows[[row for _, row in places]])


def _write(folder: Path, keys: Sequence[bytes], rows: NDArray[np.float32]) -> None:
    chunks = [b"".join(keys), np.ascontiguousarray(rows).tobytes()]
    state = hashlib.blake2b(digest_size=KEY)
    for chunk in chunks:
        state.update(chunk)
    # The time in front keeps segments in the order of their making.
    write_atomic(folder / f"{time.time_ns():020d}-{state.hexdigest()}.segment", chunks)


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def _read(path: Path, dim: int) -> tuple[bytes, NDArray[np.float32]] | None:
    """Map one segment as (keys, rows); None when it is gone, truncated or altered."""
    try:
        data = np.memmap(path, np.uint8, mode="r")
    except (OSError, ValueError):
        return None
    count, rest = divmod(len(data), KEY + 4 * dim)
    checksum = hashlib.blake2b(data.data, digest_size=KEY).hexdigest()
    if rest or not path.stem.endswith(checksum):
        return None
    rows = data[count * KEY :].view(np.float32).reshape(count, dim)
    return data[: count * KEY].tobytes(), rows


def _fill(path: Path, missing: dict[bytes, int], out: NDArray[np.float32]) -> None:
    """Copy the missing rows from one segment, and remove them from `missing`."""
    segment = _read(path, out.shape[1])
    if segment is None:
        return
    keys, rows = segment
    for i in range(len(rows)):
        position = missing.pop(keys[i * KEY : (i + 1) * KEY], None)
        if position is not None:
            out[position] = rows[i]


def _merge(folder: Path, dim: int) -> None:
    """Write all segments of one encoder as one, then remove them and the damaged."""
    paths = _segments(folder)
    readable = [segment for segment in (_read(path, dim) for path in paths) if segment is not None]
    if readable:
        _write(
            folder, [keys for keys, _ in readable], np.concatenate([rows for _, rows in readable])
        )
    for path in paths:
        path.unlink(missing_ok=True)


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    """Return (time, bytes, path) of every segment; remove leftovers of killed writers."""
    files = []
    for path in folder.glob("*/*"):
        try:
            stat = path.stat()
            if path.suffix == ".segment":
                files.append((stat.st_mtime_ns, stat.st_size, path))
            elif path.name.startswith(".tmp-") and stat.st_mtime < time.time() - STALE:
                os.unlink(path)
        except FileNotFoundError:
            continue  # another process was faster
    return files
