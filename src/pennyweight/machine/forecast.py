"""The time and memory that a long command needs, forecast before it starts."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pennyweight.errors import BudgetError
from pennyweight.formatting import duration, size
from pennyweight.machine.machine import available_memory, resident_memory
from pennyweight.progress.tracker import ExpectedStage

__all__ = ["GIB", "Forecast", "speed"]

GIB = 1 << 30

_log = logging.getLogger("pennyweight.forecast")


@dataclass(frozen=True)
class Forecast:
    """Memory and time that a command will take.

    Attributes
    ----------
    memory
        Memory at the peak: name -> bytes; `rss_bytes` is their sum.
    seconds
        From start to end on this machine.
    stages
        The stages with their shares of the seconds, for commands that have several.
    """

    memory: Mapping[str, int]
    seconds: float
    stages: tuple[ExpectedStage, ...] = ()

    @property
    def rss_bytes(self) -> int:
        """Resident memory at its highest, in bytes."""
        return sum(self.memory.values())

    def after(self, stage: str) -> tuple[ExpectedStage, ...]:
        """Return the stages that come after one."""
        names = [expected.name for expected in self.stages]
        return self.stages[names.index(stage) + 1 :]

    def state(self, remedy: str, *, available: int | None = None) -> None:
        """Log the forecast (``pennyweight.forecast``, INFO); refuse a job that will not fit.

        Parameters
        ----------
        remedy
            The remedy, for the message.
        available
            Bytes that this process may hold; by default its memory plus the free memory.

        Raises
        ------
        BudgetError
            With the arithmetic.
        """
        if available is None:
            available = resident_memory() + available_memory()
        if self.rss_bytes <= available:
            about = (size(self.rss_bytes), duration(self.seconds))
            _log.info("expects to take about %s of memory and %s", *about)
            return
        terms = sorted(self.memory.items(), key=lambda term: -term[1])
        sums = " + ".join(f"{name} {nbytes / GIB:.2f}" for name, nbytes in terms)
        raise BudgetError(
            f"this needs about {self.rss_bytes / GIB:.1f} GiB of memory ({sums}) and "
            f"{available / GIB:.1f} GiB are available; {remedy}"
        )


def speed(*, repeats: int = 3) -> float:
    """Return how many float32 operations a second this machine does in a product of matrices.

    The best of some short products, so that other processes count less.
    """
    rng = np.random.default_rng(0)
    left = rng.standard_normal((1_024, 256), np.float32)
    right = rng.standard_normal((256, 3_072), np.float32)
    left @ right
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - began)
    return float(2 * left.size * right.shape[1] / best)
