"""Whether the folder of a service is whole: its store, and every file of its bundles."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pennyweight.bundle import bundle_faults, open_bundle
from pennyweight.errors import BundleError, StoreError
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.publishing import PREVIOUS, TRAFFIC
from pennyweight.serving.live_folder import BUNDLES, NEVER_SERVED, STORE, check_live_folder
from pennyweight.serving.stores.sqlite import SQLiteStore

__all__ = ["FolderCheck", "check_folder"]

REMEDY = "restore a backup"
BUNDLE_REMEDY = "publish a whole bundle of the same fit, or restore a backup"


@dataclass(frozen=True)
class FolderCheck:
    """The state of the folder of a service.

    Attributes
    ----------
    events, items, lists
        How many the store holds.
    bundles
        Version -> bytes, of those that are whole.
    served
        Version -> share of the users.
    faults
        Each names its file and a remedy.
    """

    events: int
    items: int
    lists: int
    bundles: dict[str, int]
    served: dict[str, float]
    faults: tuple[str, ...]


def check_folder(folder: Path) -> FolderCheck:
    """Check the folder of a service, which may run meanwhile.

    Raises
    ------
    DataError
        The folder is none of a service.
    """
    check_live_folder(folder)
    faults: list[str] = []
    bundles, served = _bundles(folder / BUNDLES, faults), dict[str, float]()
    counts: dict[Literal["events", "items", "recommendations"], int] = {}
    try:
        with closing(SQLiteStore(folder / STORE)) as store:
            faults += [f"{folder / STORE}: {fault}; {REMEDY}" for fault in store.check()]
            counts = store.counts()
            served = {v["version"]: v["share"] for v in store.setting(TRAFFIC) or ()}
            previous = [v["version"] for v in store.setting(PREVIOUS) or ()]
            if not served:
                faults.append(f"{folder}: {NEVER_SERVED}")
    except StoreError as error:
        faults.append(f"{error}; {REMEDY}")
        previous = []
    present = set(BundleStore(folder / BUNDLES).versions())
    for version in dict.fromkeys([*served, *previous]):
        if version not in present:
            faults.append(f"{folder / BUNDLES}: the bundle {version} is missing; {REMEDY}")
    return FolderCheck(
        counts.get("events", 0),
        counts.get("items", 0),
        counts.get("recommendations", 0),
        bundles,
        served,
        tuple(faults),
    )


def _bundles(folder: Path, faults: list[str]) -> dict[str, int]:
    whole = {}
    for version in BundleStore(folder).versions():
        try:
            whole[version] = open_bundle(folder / version).nbytes
        except BundleError as error:
            found = bundle_faults(folder / version) or [str(error)]
            faults += [f"{fault}; {BUNDLE_REMEDY}" for fault in found]
    return whole
