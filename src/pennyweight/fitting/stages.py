"""What a long job is doing, how far it is, and where time and memory went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pennyweight.machine.machine import peak_rss

__all__ = ["Progress", "Stages"]

Progress = Callable[[str, int, int], None]
"""Called with the stage, steps done and steps in all (0 where not known)."""


class Stages:
    """Seconds spent in each stage, memory at its highest by then, the way to who shows progress."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.began = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.peak_rss: dict[str, int] = {}
        self._progress = progress

    def tell(self, stage: str, done: int, total: int) -> None:
        """Show how far a part of a stage is."""
        if self._progress is not None:
            self._progress(stage, done, total)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Time a stage; gives a function to call with (steps done, steps in all)."""
        started = time.perf_counter()

        def report(done: int, total: int) -> None:
            self.tell(name, done, total)

        report(0, 0)
        try:
            yield report
        finally:
            spent = time.perf_counter() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
            self.peak_rss[name] = peak_rss()
