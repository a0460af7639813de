"""Bundles that can be served, each in a folder of its own."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pennyweight.bundle import open_bundle
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.disk.folders import staging, sync_directory
from pennyweight.disk.private import make_private, narrow_tree
from pennyweight.errors import BundleError, UnknownIdError
from pennyweight.recommender.recommender import Recommender
from pennyweight.recommender.storage import forget_users, read_catalog, read_interactions
from pennyweight.serve.engine.shelf import Shelf

__all__ = ["Model", "Models"]

VERSION_CHARS = 12  # of the sha256 of a bundle


@dataclass(frozen=True)
class Model:
    """A bundle that can be served.

    Attributes
    ----------
    version
        The first characters of its sha256.
    source
        Where it was taken from.
    added
        Epoch seconds.
    """

    version: str
    source: str
    added: float


class Models:
    """The folder of bundles.

    A bundle is taken over as links to its files where that is possible, so that it costs no
    room, and is there still when somebody deletes the original.

    Parameters
    ----------
    folder
        Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_private(folder)
        narrow_tree(folder)

    def path(self, version: str) -> Path:
        """Return where a bundle is; `UnknownIdError` where it is not."""
        known = self.versions()
        if version not in known:
            raise UnknownIdError(f"no bundle {version!r}; there are {', '.join(known) or 'none'}")
        return self.folder / version

    def versions(self) -> list[str]:
        """Return the bundles that are here."""
        return sorted(p.name for p in self.folder.iterdir() if p.name.isalnum() and p.is_dir())

    def add(self, source: Path | str, now: float) -> Model:
        """Take a bundle over and check every file of it.

        Raises
        ------
        BundleError
            No bundle, or a damaged one; nothing is kept of it.
        """
        bundle = open_bundle(source)
        version = bundle.sha256[:VERSION_CHARS]
        model = Model(version, str(bundle.path), now)
        path = self.folder / version
        if path.is_dir():
            return model
        with staging(path) as new:
            shutil.copytree(bundle.path, new, copy_function=_link, dirs_exist_ok=True)
            if open_bundle(new).sha256 != bundle.sha256:
                raise BundleError(f"{source}: changed while it was read; publish it again")
            narrow_tree(new)
            new.rename(path)
        sync_directory(self.folder)
        return model

    def load(self, version: str) -> Shelf:
        """Load a bundle, its files checked; errors as of `Recommender.load`."""
        return Shelf.of(version, Recommender.load(self.path(version)))

    def forget(self, version: str, users: Collection[str]) -> int | None:
        """Take users out of a bundle; return how many events, None where it knows none of them."""
        events = forget_users(open_bundle(self.path(version), verify=False), users)
        if events is not None:
            narrow_tree(self.path(version))
        return events

    def interactions(self, version: str) -> Interactions | None:
        """Return the event log of a bundle as it is now."""
        return read_interactions(open_bundle(self.path(version), verify=False))

    def item_ids(self, version: str) -> Ids:
        """Return the ids of the items of a bundle, in code order."""
        return read_catalog(open_bundle(self.path(version), verify=False)).ids

    def remove(self, version: str) -> None:
        """Delete a bundle."""
        shutil.rmtree(self.path(version))


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
