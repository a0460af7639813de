"""Bundles: verified directories with a manifest, checksums and atomic replacement."""

from pennyweight.bundle.manifest import FORMAT_VERSION, MANIFEST, FileEntry, Manifest
from pennyweight.bundle.provenance import Origin, Position
from pennyweight.bundle.reader import Bundle, bundle_faults, open_bundle
from pennyweight.bundle.writer import check_place, write_bundle

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "Bundle",
    "FileEntry",
    "Manifest",
    "Origin",
    "Position",
    "bundle_faults",
    "check_place",
    "open_bundle",
    "write_bundle",
]
