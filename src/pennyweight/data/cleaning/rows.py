"""The rows of an event log during cleaning: which are alive, and why others were dropped."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning_log import Action, Findings

__all__ = ["Mask", "Rows"]

Mask = NDArray[np.bool_]


class Rows:
    """The rows still alive, and the notes on the dropped ones."""

    def __init__(self, frame: pl.DataFrame, roles: Mapping[str, str], findings: Findings) -> None:
        self.frame, self.findings = frame.select(list(dict.fromkeys(roles.values()))), findings
        self.alive = np.ones(frame.height, dtype=bool)

    def drop(self, reason: str, bad: Mask) -> None:
        """Drop rows that are alive, and count them."""
        self.note(reason, bad, "dropped")
        self.alive &= ~bad

    def note(self, reason: str, bad: Mask, action: Action = "noted") -> None:
        """Count rows that are alive, with up to three examples."""
        rows = np.flatnonzero(bad & self.alive)
        examples = [
            ", ".join(f"{k} {v!r}" for k, v in self.frame.row(row, named=True).items())
            for row in rows[:3].tolist()
        ]
        self.findings.add("events", reason, len(rows), action, examples)
