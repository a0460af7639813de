"""Where the time and the memory of a long call went, stage by stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pennyweight.machine.machine import peak_rss
from pennyweight.progress.tracker import ProgressTracker

__all__ = ["Stages"]


class Stages:
    """Seconds spent in each stage, peak memory at the end of each, and the progress.

    Attributes
    ----------
    tracker
        Receives each stage and its steps.
    """

    def __init__(self, tracker: ProgressTracker | None = None) -> None:
        self.began = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.peak_rss: dict[str, int] = {}
        self.tracker = tracker or ProgressTracker()

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Time a stage; yields a function to call with (steps done, total steps)."""
        started = time.perf_counter()

        def report(done: int, total: int) -> None:
            self.tracker(name, done, total)

        report(0, 0)
        try:
            yield report
        finally:
            spent = time.perf_counter() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
            self.peak_rss[name] = peak_rss()
