"""Reads an uploaded file in a process of its own, with low priority and bounded memory.

    python -m pennyweight.serving.imports.process LIVE WORK SETTINGS

It writes the report and the rows into WORK, and to stdout one line of JSON: an error, if any. The
file comes from outside: whatever it does to this process, the service goes on.
"""

import json
import os
import resource
import sys
import time
from contextlib import closing
from pathlib import Path

from pennyweight.errors import PennyweightError
from pennyweight.serving.export import served_version
from pennyweight.serving.imports.events import read_events
from pennyweight.serving.imports.items import read_items
from pennyweight.serving.imports.report import ImportReport
from pennyweight.serving.imports.settings import REPORT, ImportSettings
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live_folder import BUNDLES, STORE
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.storage.files import write_atomic

__all__ = ["main"]

NICENESS = 10
MEMORY_ERROR = "it needs more memory than it may hold; split the file"


def main(live: Path, work: Path, settings: ImportSettings) -> None:
    """Read the file of an import."""
    os.nice(NICENESS)
    os.umask(0o077)
    if settings.memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (settings.memory, settings.memory))
    answer: dict[str, str] = {}
    try:
        report = _read(live, work, settings)
        write_atomic(work / REPORT, report.to_json().encode())
    except PennyweightError as error:
        answer["error"] = str(error)
    except MemoryError:
        answer["error"] = MEMORY_ERROR
    print(json.dumps(answer), flush=True)  # noqa: T201 - what the service reads


def _read(live: Path, work: Path, settings: ImportSettings) -> ImportReport:
    bundles = BundleStore(live / BUNDLES)
    with closing(SQLiteStore(live / STORE)) as store:
        version, covered = served_version(store, bundles)
        items = {item.item_id: item for item in store.items()}
    bundle = bundles.load(version, covered)
    if settings.kind == "items":
        return read_items(work, settings, bundle, items)
    there = {item for item, put in items.items() if not put.removed}
    return read_events(work, settings, bundle, items=there, now=time.time())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), ImportSettings(**json.loads(sys.argv[3])))
