"""The lists of all users or items in a file, in parts that an interruption does not cost."""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pennyweight.bundle.reader import Bundle, package_version
from pennyweight.data.interactions import Interactions
from pennyweight.errors import DataError, PlanError
from pennyweight.formatting import count
from pennyweight.machine.forecast import Forecast, speed
from pennyweight.machine.machine import matrix_threads, resident_memory
from pennyweight.recommender.batch import BLOCK_BYTES, Batch
from pennyweight.storage.files import digest, replacing, write_atomic
from pennyweight.storage.locks import lock_handle, open_lock

__all__ = ["FORMATS", "check_format", "expected", "export", "export_similar", "parts_folder"]

FORMATS: dict[str, Callable[[pl.LazyFrame, Path], object]] = {
    ".parquet": pl.LazyFrame.sink_parquet,
    ".csv": pl.LazyFrame.sink_csv,
    ".jsonl": pl.LazyFrame.sink_ndjson,
}
JOB = "job.json"
PART_SECONDS, PART_ROWS = 10.0, 1_000_000  # work that an interruption can cost, and its memory
ROW_BYTES = 150  # of a row held, and once more while it is written
SCORE_WORK = 5_000  # operations that a score takes to be made and ranked
REMEDY = "export for some of the users: --events with their events alone"

_log = logging.getLogger(__name__)


def check_format(path: Path) -> None:
    """Raise `PlanError` where the ending is not that of a format."""
    if path.suffix not in FORMATS:
        raise PlanError(f"{path}: the ending says the format; it must be {' or '.join(FORMATS)}")


def parts_folder(path: Path) -> Path:
    """Return where the parts of a file are kept until it is whole."""
    return path.with_name(f"{path.name}.parts")


def expected(lists: int, items: int, k: int) -> Forecast:
    """Return the memory and time that lists of k items will take."""
    memory = {
        "recommender": resident_memory(),
        "scores": 6 * max(BLOCK_BYTES, 4 * items),
        "lists": ROW_BYTES * min(PART_ROWS, lists * k),
    }
    return Forecast(memory, lists * items * SCORE_WORK / speed())


def export(
    path: Path,
    batch: Batch,
    log: Interactions,
    *,
    bundle: Bundle | None,
    progress: Callable[[int, int], None] | None,
) -> int:
    """Write the list of each user of a log; return how many there are.

    Parameters
    ----------
    bundle
        Where scorer and catalog are from. Parts are taken up again only where it, the
        histories and the settings of `batch` are the same; without one they never are.
    """
    users, request, rules = log.users, batch.request, batch.ranker.rules
    job = {
        "histories": digest("\n".join(users), log.item, log.weight, log.time, log.offsets),
        "turned_down": digest(log.negative.user, log.negative.item),
        "exclude_seen": rules.excludes_seen(request),
        "exclude_turned_down": rules.excludes_turned_down(request),
    }
    frames = partial(batch.frames, users, log.histories, log.turned_down)
    _export(path, batch, _Work(len(users), "user", job, frames), bundle, progress)
    return len(users)


def export_similar(
    path: Path,
    batch: Batch,
    codes: NDArray[np.int32],
    *,
    bundle: Bundle | None,
    progress: Callable[[int, int], None] | None,
) -> int:
    """Write the list of items similar to each of some, by code; return how many there are."""
    job = {"similar_to": digest(codes)}
    frames = partial(batch.item_frames, codes)
    _export(path, batch, _Work(len(codes), "item", job, frames), bundle, progress)
    return len(codes)


@dataclass(frozen=True)
class _Work:
    """The lists of an export.

    Attributes
    ----------
    lists, noun
        Their number, and the user of each.
    job
        Identifies them.
    frames
        Yields (lists done, frame) from a list on.
    """

    lists: int
    noun: str
    job: dict[str, Any]
    frames: Callable[[int], Iterator[tuple[int, pl.DataFrame]]]


def _export(
    path: Path,
    batch: Batch,
    work: _Work,
    bundle: Bundle | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    check_format(path)
    request = batch.request
    expected(work.lists, len(batch.catalog), request.k).state(REMEDY)
    candidates = request.candidates
    job = work.job | {
        "pennyweight": package_version(),
        "bundle": None if bundle is None else bundle.sha256,
        "k": int(request.k),
        "eligible": digest(batch.ranker.retriever.eligible(request.filter)),
        "candidates": None if candidates is None else digest(candidates),
        "diversity": float(request.diversity),
        "explain": bool(request.explain),
    }
    if request.exploration is not None:
        job["explore"] = request.exploration.share
    with _parts(path, job) as folder, threadpool_limits(matrix_threads()):
        begun = _exported_users(folder)
        if begun:
            nouns = count(work.lists, work.noun)
            _log.warning("%s: %d of %s were done before", path, begun, nouns)
        held: list[pl.DataFrame] = []
        first, since = begun, time.monotonic()
        for stop, frame in work.frames(begun):
            held.append(frame)
            rows, spent = sum(map(len, held)), time.monotonic() - since
            if rows >= PART_ROWS or spent >= PART_SECONDS or stop == work.lists:
                _write(folder, pl.concat(held), first, stop)
                held, first, since = [], stop, time.monotonic()
            if progress is not None:
                progress(stop - begun, work.lists - begun)
        _assemble(folder, path)
        shutil.rmtree(folder)


@contextmanager
def _parts(path: Path, job: dict[str, Any]) -> Iterator[Path]:
    """Yield the folder of the parts, empty unless it holds parts of the same job."""
    folder = parts_folder(path)
    marker, description = folder / JOB, json.dumps(job)
    if folder.exists() and not marker.is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: is not the work of an export; move it away")
    folder.mkdir(parents=True, exist_ok=True)
    handle = open_lock(folder)
    try:
        try:
            lock_handle(handle, wait=False)
        except OSError:
            raise DataError(f"{path}: another export to this file is under way") from None
        if (
            job["bundle"] is None
            or not marker.is_file()
            or marker.read_text("utf-8") != description
        ):
            for file in [*_files(folder), marker]:
                file.unlink(missing_ok=True)
            write_atomic(marker, description.encode())
        yield folder
    finally:
        os.close(handle)


def _files(folder: Path) -> list[Path]:
    """Return the parts, in the order of their users."""
    return sorted(folder.glob("*.parquet"))


def _exported_users(folder: Path) -> int:
    """Return how many users the parts cover from the first on."""
    stop = 0
    for part in _files(folder):
        first, last = map(int, part.stem.split("-"))
        if first != stop:
            raise DataError(
                f"{folder}: the part from user {stop:,} on is missing; delete the folder"
            )
        stop = last
    return stop


def _write(folder: Path, frame: pl.DataFrame, first: int, stop: int) -> None:
    data = BytesIO()
    # The scorers' own precision; more digits would only be longer.
    frame.with_columns(pl.col("score").cast(pl.Float32)).write_parquet(data)
    write_atomic(folder / f"{first:012d}-{stop:012d}.parquet", [data.getbuffer()])


def _assemble(folder: Path, path: Path) -> None:
    """Write the file from its parts, which stream through memory."""
    try:
        with replacing(path) as temporary:
            FORMATS[path.suffix](pl.scan_parquet(_files(folder)), temporary)
    except pl.exceptions.PolarsError as error:
        raise OSError(f"{path}: cannot be written: {error}") from error
