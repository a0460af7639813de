"""A refit in a separate process, run by a service; talks with it by lines of JSON.

    python -m pennyweight.serving.operations.refit_process FOLDER SETTINGS

It writes its result to stdout. If the bundle may be published, it waits for a line on stdin, so
that the service takes the bundle before the work is deleted.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from pennyweight.errors import PennyweightError, StoreError
from pennyweight.serving.operations.refit import Refit, RefitResult
from pennyweight.serving.operations.refit_settings import ProcessSettings

__all__ = ["main"]

NICENESS = 10


def main(folder: Path, settings: ProcessSettings) -> None:
    """Refit with low priority and bounded memory."""
    os.nice(NICENESS)
    if settings.memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (settings.memory, settings.memory))
    refit = Refit(folder, mode=settings.mode, publish_if=settings.publish_if)
    try:
        refit.run(_deliver)
    except PennyweightError as error:
        _write({"error": str(error)})
    except MemoryError:
        _write({"error": "it needs more memory than it may hold; raise --refit-memory"})


def _deliver(result: RefitResult) -> bool:
    _write(
        {
            "result": result.sentence(),
            "new_events": result.new_events,
            "bundle": None if result.bundle is None else str(result.bundle),
            "may_publish": result.may_publish,
            "seconds": round(result.seconds, 1),
            "processor_seconds": round(result.processor_seconds, 1),
        }
    )
    if result.may_publish and sys.stdin.readline().strip() != "published":
        raise StoreError("the service did not publish the bundle; the next refit goes on with it")
    return result.may_publish


def _write(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)  # noqa: T201 - what the service reads


if __name__ == "__main__":
    main(Path(sys.argv[1]), ProcessSettings(**json.loads(sys.argv[2])))
