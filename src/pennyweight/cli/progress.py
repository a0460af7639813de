"""How far a long job is: a bar on a terminal, otherwise one line a stage."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pennyweight.cli.exit_codes import check_interrupt
from pennyweight.cli.output import note

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Tell", "show_progress"]

Tell = Callable[[str, int, int], None]
LONG = 1.0  # seconds; a stage that took less leaves no line on a terminal


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Tell]:
    """Yield a callback that takes (stage, steps completed, total steps); 0 if unknown."""
    if quiet:
        with _logged(note, logging.ERROR):
            yield lambda stage, completed, total: check_interrupt()
    elif sys.stderr is not None and sys.stderr.isatty():
        with _bars() as bars, _logged(bars.console.print, logging.WARNING):
            bar = _Bar(bars)
            yield bar
            bar.close()
    else:
        with _logged(note, logging.WARNING):
            yield _Lines()


def _bars() -> "Progress":
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description:<18}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
    )


class _Bar:
    """One bar for the stage that runs, and a line for each that took long."""

    def __init__(self, bars: "Progress") -> None:
        self.bars, self.stage, self.began = bars, "", time.monotonic()
        self.task: TaskID | None = None

    def __call__(self, stage: str, completed: int, total: int) -> None:
        check_interrupt()
        if stage != self.stage or self.task is None:
            self.close()
            self.stage, self.began = stage, time.monotonic()
            self.task = self.bars.add_task(stage, total=total or None)
        self.bars.update(self.task, completed=completed, total=total or None)

    def close(self) -> None:
        """End the stage that runs."""
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
            spent = time.monotonic() - self.began
            if spent >= LONG:
                self.bars.console.print(f"{self.stage:<18} {spent:6.1f} s")


class _Lines:
    """A line when a stage begins, with the seconds since the start."""

    def __init__(self) -> None:
        self.stage, self.began = "", time.monotonic()

    def __call__(self, stage: str, completed: int, total: int) -> None:
        check_interrupt()
        if stage != self.stage:
            self.stage = stage
            note(f"{time.monotonic() - self.began:7.1f} s  {stage}")


@contextmanager
def _logged(write: Callable[[str], None], level: int) -> Iterator[None]:
    """Print log messages of the package, without breaking a bar."""

    class Written(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            write(record.getMessage())

    log, handler = logging.getLogger("pennyweight"), Written(level)
    stated, stating = logging.getLogger("pennyweight.forecast"), Written(level - 10)
    before = stated.level
    log.addHandler(handler)
    stated.addHandler(stating)
    stated.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        stated.removeHandler(stating)
        stated.setLevel(before)
