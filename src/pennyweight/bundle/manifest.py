"""The manifest: the files of a bundle, and their provenance."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import PurePosixPath
from typing import Any

from pennyweight.errors import BundleError

__all__ = ["FORMAT", "FORMAT_VERSION", "MANIFEST", "FileEntry", "Manifest"]

FORMAT = "pennyweight-bundle"
FORMAT_VERSION = 3
MANIFEST = "manifest.json"
OPTIONAL = "fitted_from"  # earlier versions wrote none
MAX_DEPTH = 64  # of objects and lists within each other

Json = dict[str, Any]


@dataclass(frozen=True)
class FileEntry:
    """Checksum (hex) and size of one file."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """The contents of ``manifest.json``.

    Attributes
    ----------
    created
        Date and time, ISO 8601, as passed to the writer.
    pennyweight
        Version of the package that wrote the bundle.
    files
        Path within the bundle, with forward slashes -> its checksum and size.
    parent
        sha256 of the manifest of the bundle this one was made from.
    plan, report
        The settings and the measurements, where there are any.
    summary
        A few words and numbers to show: items, users, scorers.
    fitted_from
        The data of the fit, as `Origin` writes it; left out where it is unknown.
    """

    created: str
    pennyweight: str
    files: dict[str, FileEntry]
    parent: str | None
    plan: Json | None
    report: Json | None
    summary: Json
    fitted_from: Json | None = None

    def to_bytes(self) -> bytes:
        """Return the JSON, keys in a fixed order; `BundleError` where a value is not JSON."""
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        values = asdict(self)
        if self.fitted_from is None:
            del values["fitted_from"]
        try:
            text = json.dumps(head | values, indent=2, ensure_ascii=False, allow_nan=False)
            return (text + "\n").encode()
        except (TypeError, ValueError) as error:
            raise BundleError(
                f"{MANIFEST}: plan, report and summary must be JSON: {error}"
            ) from None

    @classmethod
    def from_bytes(cls, data: bytes, *, source: str, reader: str) -> "Manifest":
        """Read what `to_bytes` wrote.

        Parameters
        ----------
        source
            The file, for messages.
        reader
            Version of this package, for messages.

        Raises
        ------
        BundleError
            Not a manifest, or one of another format version.
        """
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BundleError(
                f"{source}: truncated or not JSON ({error}); save the bundle again"
            ) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BundleError(f"{source}: not a manifest of a {FORMAT}")
        if document.get("format_version") != FORMAT_VERSION:
            raise BundleError(
                f"{source}: format version {document.get('format_version')!r}, written by "
                f"pennyweight {document.get('pennyweight')}; pennyweight {reader} reads version "
                f"{FORMAT_VERSION}: install a version that reads it, or fit again"
            )
        if _depth(document) > MAX_DEPTH:
            raise BundleError(f"{source}: nested more than {MAX_DEPTH} deep; save the bundle again")
        try:
            names = [field.name for field in fields(cls)]
            values = {
                name: document[name] for name in names if name in document or name != OPTIONAL
            }
            values["files"] = _entries(document["files"])
            return cls(**_typed(values))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            problem = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise BundleError(f"{source}: damaged: {problem}; save the bundle again") from None


def _entries(files: Mapping[str, Mapping[str, Any]]) -> dict[str, FileEntry]:
    return {_inside(p): FileEntry(str(e["sha256"]), int(e["bytes"])) for p, e in files.items()}


def _inside(path: str) -> str:
    """Refuse a path that would lead out of the bundle."""
    if path.startswith("/") or ".." in PurePosixPath(path).parts or path in ("", MANIFEST):
        raise ValueError(f"path {path!r}")
    return path


def _typed(values: Json) -> Json:
    kinds = {"created": str, "pennyweight": str, "summary": dict}
    optional = {"parent": str, "plan": dict, "report": dict, OPTIONAL: dict}
    for name, kind in (kinds | optional).items():
        value = values.get(name)
        if not isinstance(value, kind) and not (name in optional and value is None):
            raise ValueError(f"{name} is {repr(value)[:100]}")
    return values


def _depth(value: object) -> int:
    """Return how deep objects and lists lie within each other, without recursion."""
    depth, layer = 0, [value]
    while layer:
        depth += 1
        below: list[object] = []
        for part in layer:
            if isinstance(part, dict):
                below.extend(part.values())
            elif isinstance(part, list):
                below.extend(part)
        layer = below
    return depth
