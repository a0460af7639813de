"""What a long job is doing, how far it is, and where the time went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "Stages"]

Progress = Callable[[str, int, int], None]
"""Called with the stage, steps done and steps in all (0 where not known)."""


class Stages:
    """Seconds spent in each stage, and the way to whoever shows progress."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Time a stage; gives a function to call with (steps done, steps in all)."""
        started = time.perf_counter()

        def report(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress(name, done, total)

        report(0, 0)
        try:
            yield report
        finally:
            spent = time.perf_counter() - started
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
