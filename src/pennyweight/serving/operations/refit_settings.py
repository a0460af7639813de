"""How a refit is made, also by a separate process."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.live_folder import REFIT

__all__ = ["NEW", "Mode", "ProcessSettings", "PublishIf", "is_refit"]

Mode = Literal["full", "warm"]
PublishIf = Literal["better", "not-worse", "always"]
NEW = "bundle"  # the new bundle in the folder of a refit
MODULE = "pennyweight.serving.operations.refit_process"


@dataclass(frozen=True)
class ProcessSettings:
    """How the process of a service refits.

    Attributes
    ----------
    mode, publish_if
        As of `Refit`.
    memory
        Bytes of data that the process may hold; None for no limit.
    """

    mode: Mode
    publish_if: PublishIf
    memory: int | None = None

    def command(self, folder: Path) -> list[str]:
        """Return the command line of the process."""
        return [sys.executable, "-m", MODULE, str(folder), json.dumps(asdict(self))]


def is_refit(stored: StoredBundle, folder: Path) -> bool:
    """Return whether a bundle was published by a refit of a service's folder."""
    return Path(stored.source) == folder.resolve() / REFIT / NEW
