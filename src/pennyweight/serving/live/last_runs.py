"""When the last refit and the last backup of a service ended, and how: noted in its folder.

The commands that run them are other processes, so the service reads small files.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from pennyweight.storage.files import write_atomic
from pennyweight.storage.private import owner_only

__all__ = ["BACKUP_RUN", "OUTCOMES", "REFIT_RUN", "LastRun", "Outcome", "note_run", "read_run"]

REFIT_RUN, BACKUP_RUN = "last-refit.json", "last-backup.json"

Outcome = Literal["published", "not-published", "nothing-new", "saved", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True)
class LastRun:
    """The end of a refit or a backup.

    Attributes
    ----------
    time
        Epoch seconds.
    outcome
        ``published``, ``not-published`` or ``nothing-new`` for a refit; ``saved`` for a backup, or
        a bundle that was only to be saved; ``failed``.
    """

    time: float
    outcome: Outcome


def note_run(folder: Path, name: str, run: LastRun) -> None:
    """Note a run in the folder of a service; a disk that refuses changes nothing else."""
    with suppress(OSError), owner_only():
        write_atomic(folder / name, json.dumps(asdict(run)).encode())


def read_run(folder: Path, name: str) -> LastRun | None:
    """Return the last run; None where none is noted, or the note cannot be read."""
    try:
        document = json.loads((folder / name).read_bytes())
        run = LastRun(float(document["time"]), document["outcome"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return run if run.outcome in OUTCOMES else None
