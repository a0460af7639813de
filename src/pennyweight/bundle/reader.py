"""Opening a bundle: nothing is handed out before it is known to be whole."""

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from pennyweight.bundle.manifest import MANIFEST, FileEntry, Manifest
from pennyweight.bundle.recovery import repair
from pennyweight.errors import BundleError

__all__ = ["Bundle", "bundle_faults", "open_bundle", "package_version"]

HASHING_THREADS = 4


@dataclass(frozen=True)
class Bundle:
    """A directory whose files are those that its manifest names.

    Attributes
    ----------
    path
        The directory.
    manifest
        Its files and their provenance.
    sha256
        Checksum of the manifest, and so of the whole: the identity of the bundle, by
        which a child names its parent.
    """

    path: Path
    manifest: Manifest = field(repr=False)
    sha256: str

    @property
    def nbytes(self) -> int:
        """Bytes of all files but the manifest."""
        return sum(entry.bytes for entry in self.manifest.files.values())

    def file(self, name: str) -> Path:
        """Return where a file is; `BundleError` if the bundle has none of that name."""
        if name not in self.manifest.files:
            raise BundleError(f"{self.path}: has no {name!r}; save the bundle again")
        return self.path / name


def package_version() -> str:
    """Return the version of this package."""
    return version("pennyweight")


def open_bundle(path: Path | str, *, verify: bool = True) -> Bundle:
    """Open a bundle.

    Parameters
    ----------
    path
        The directory. If a save was killed at the one moment when the old bundle was moved
        away and the new one not yet in place, the old one is moved back.
    verify
        Compare the checksum of every file. False compares only names and sizes.

    Raises
    ------
    BundleError
        No bundle, one of another format version, or one with a file missing, altered or
        too many; names the file.
    """
    path = Path(path).resolve()
    try:
        return _open(path, verify)
    except BundleError as error:
        # Missing until it is repaired, or read while it was replaced: look once more.
        if _repaired(path) or _replaced(path, error):
            return _open(path, verify)
        raise


def bundle_faults(path: Path) -> list[str]:
    """Return every fault of a bundle, each with its file; none if it is whole."""
    if not (path / MANIFEST).is_file():
        return [f"{path / MANIFEST}: is missing"]
    try:
        manifest, _ = _read_manifest(path)
        return [f"{path / name}: {fault}" for name, fault in _differences(path, manifest.files)]
    except BundleError as error:
        return [str(error)]
    except OSError as error:
        return [f"{path}: cannot be read: {error}"]


class _MismatchError(BundleError):
    """Files do not fit a manifest that was read as `manifest`."""

    manifest: bytes = b""


def _repaired(path: Path) -> bool:
    try:
        return repair(path)
    except OSError:  # such as a name too long to be one
        return False


def _replaced(path: Path, error: BundleError) -> bool:
    try:
        return (
            isinstance(error, _MismatchError) and (path / MANIFEST).read_bytes() != error.manifest
        )
    except OSError:
        return False


def _open(path: Path, verify: bool) -> Bundle:
    manifest, data = _read_manifest(path)
    problem = _compare(path, manifest.files, verify)
    if problem:
        mismatch = _MismatchError(
            f"{path}: {problem}; restore the bundle from a copy, or save it again"
        )
        mismatch.manifest = data
        raise mismatch
    return Bundle(path, manifest, hashlib.sha256(data).hexdigest())


def _read_manifest(path: Path) -> tuple[Manifest, bytes]:
    where = path / MANIFEST
    try:
        data = where.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        reason = "no such bundle"
        if path.exists():
            has = f"has no {MANIFEST}" if path.is_dir() else "is a file"
            reason = f"{has}, so it is no bundle"
        raise BundleError(f"{path}: {reason}; name the directory that fit saved") from None
    except OSError as error:
        raise BundleError(f"{where}: cannot be read: {error.strerror}") from error
    return Manifest.from_bytes(data, source=str(where), reader=package_version()), data


def _compare(path: Path, files: dict[str, FileEntry], verify: bool) -> str | None:
    """Return the first way in which the directory differs from its manifest."""
    try:
        first = next(_differences(path, files, verify=verify), None)
    except OSError as error:
        return f"cannot be read: {error}"
    return None if first is None else f"file {first[0]!r} {first[1]}"


def _differences(
    path: Path, files: dict[str, FileEntry], *, verify: bool = True
) -> Iterator[tuple[str, str]]:
    """Yield the name and the fault of each file that is not as the manifest says."""
    actual = {name: size for name, size in sizes(path).items() if name != MANIFEST}
    present = []
    for name, entry in files.items():
        if name not in actual:
            yield name, "is missing"
        elif actual[name] != entry.bytes:
            yield name, f"has {actual[name]:,} bytes instead of {entry.bytes:,}"
        else:
            present.append(name)
    for name in sorted(set(actual) - set(files)):
        yield name, "is not in the manifest: delete it if it came by chance"
    if verify:
        for name, sha256 in checksums(path, present).items():
            if sha256 != files[name].sha256:
                yield name, "is altered: its sha256 is not that of the manifest"


def sizes(path: Path) -> dict[str, int]:
    """Return name -> bytes of every file below a directory, names with forward slashes.

    Raises
    ------
    BundleError
        Something is neither file nor directory; a link could lead out of the bundle.
    """
    out: dict[str, int] = {}
    for folder, folders, names in os.walk(path):
        for name in [*names, *folders]:
            child = Path(folder, name)
            info = child.lstat()
            if stat.S_ISREG(info.st_mode):
                out[child.relative_to(path).as_posix()] = info.st_size
            elif not stat.S_ISDIR(info.st_mode):
                raise BundleError(f"{child}: a bundle holds plain files only, no links")
    return dict(sorted(out.items()))


def checksums(path: Path, names: dict[str, FileEntry] | list[str]) -> dict[str, str]:
    """Return name -> sha256 in hex; hashing releases the interpreter, so threads pay."""

    def checksum(name: str) -> str:
        with (path / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        return dict(zip(names, pool.map(checksum, names), strict=True))
