"""Writing a bundle: beside its place first, then by two renames."""

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pennyweight.bundle.manifest import MANIFEST, FileEntry, Manifest
from pennyweight.bundle.reader import Bundle, checksums, open_bundle, package_version, sizes
from pennyweight.bundle.recovery import sweep
from pennyweight.errors import BundleError
from pennyweight.storage.files import sync_folder
from pennyweight.storage.folders import replace_directory, staging

__all__ = ["check_place", "write_bundle"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_bundle(
    path: Path | str,
    fill: Callable[[Path], None],
    *,
    created: datetime,
    summary: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | Callable[[], Mapping[str, Any] | None] | None = None,
    parent: str | None = None,
    fitted_from: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Bundle:
    """Write a bundle; after any failure the previous one is intact.

    Parameters
    ----------
    path
        Target directory. A link to a bundle is followed.
    fill
        Called with an empty directory; writes the files into it.
    created
        Moment to note in the manifest: the same moment and files give the same bytes.
    summary, plan, report, parent, fitted_from
        As in `Manifest`; a report that is a function is called when the files are written.
    overwrite
        Replace a bundle that is there. A file, or a directory with anything else in it, is
        refused all the same; an empty one is replaced.

    Raises
    ------
    BundleError
        The place is taken, the disk is full, or the directory cannot be written.
    """
    path = Path(path).resolve()
    get_report = report if callable(report) else lambda: report
    draft = Manifest(
        created.isoformat(),
        package_version(),
        {},
        parent,
        _plain(plan),
        _plain(get_report()),
        _plain(summary) or {},
        _plain(fitted_from),
    )
    draft.to_bytes()  # a value that is not JSON is found before the work, not after it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        check_place(path, overwrite=overwrite)
        with staging(path) as folder:
            _write(folder, fill, draft, get_report, path)
            check_place(path, overwrite=overwrite)  # another writer may have come first
            replace_directory(folder, path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be saved: {error}") from error
    return open_bundle(path, verify=False)


def _plain(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)


def check_place(path: Path, *, overwrite: bool) -> None:
    """Raise `BundleError` where `write_bundle` would refuse to write."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / MANIFEST).is_file():
        raise BundleError(f"{path}: exists and is no bundle; choose another place")
    if not overwrite:
        raise BundleError(
            f"{path}: a bundle is there; replace it on purpose with --overwrite "
            "(overwrite=True), or choose another place"
        )


def _write(
    folder: Path,
    fill: Callable[[Path], None],
    draft: Manifest,
    report: Callable[[], Mapping[str, Any] | None],
    path: Path,
) -> None:
    try:
        fill(folder)
        size = sizes(folder)
        if MANIFEST in size:
            raise BundleError(f"{MANIFEST} is written by write_bundle, not by `fill`")
        mode = folder.stat().st_mode & 0o666
        for name in size:
            (folder / name).chmod(mode)  # one made by mkstemp is for its owner's eyes only
            _sync_file(folder / name)
        sums = checksums(folder, list(size))
        entries = {name: FileEntry(sums[name], size[name]) for name in size}
        manifest = replace(draft, files=entries, report=_plain(report()))
        with (folder / MANIFEST).open("xb") as file:
            file.write(manifest.to_bytes())
            file.flush()
            os.fsync(file.fileno())
        for inner in {folder, *((folder / name).parent for name in size)}:
            sync_folder(inner)
    except OSError as error:
        # polars reports a full disk in words only, without the number.
        if any(error.errno == code or f"(os error {code})" in str(error) for code in _FULL):
            raise BundleError(_full(folder, path)) from error
        raise


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _full(folder: Path, path: Path) -> str:
    written = sum(sizes(folder).values())
    free = shutil.disk_usage(folder).free
    beside, untouched, needed = "", "", written + 1
    if path.exists():  # the best guess at the size of the next is the size of the last
        needed = max(needed, sum(sizes(path).values()))
        beside, untouched = " beside the old bundle", "; the bundle there is untouched"
    return (
        f"{path}: the disk is full: at least {needed:,} bytes are needed{beside}, "
        f"{free + written:,} were free{untouched}; make room or save elsewhere"
    )
