"""Progress of a command: a bar on a terminal, otherwise a line for each stage."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pennyweight.cli.exit_codes import check_interrupt
from pennyweight.cli.output import note
from pennyweight.progress.terminal import TerminalProgress, on_terminal
from pennyweight.progress.update import ProgressUpdate, ShowProgress

__all__ = ["show_progress"]


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[ShowProgress]:
    """Yield a function that shows a `ProgressUpdate`, and raises a Ctrl-C that was swallowed."""
    if quiet:
        with _logged(note, logging.ERROR):
            yield _interruptible(lambda update: None)
    elif on_terminal():
        with TerminalProgress() as bar, _logged(bar.print, logging.WARNING):
            yield _interruptible(bar)
    else:
        with _logged(note, logging.WARNING):
            yield _interruptible(_Lines())


def _interruptible(show: ShowProgress) -> ShowProgress:
    def checked(update: ProgressUpdate) -> None:
        check_interrupt()
        show(update)

    return checked


class _Lines:
    """A line when a stage begins, with the seconds since the start."""

    def __init__(self) -> None:
        self.stage, self.began = "", time.monotonic()

    def __call__(self, update: ProgressUpdate) -> None:
        if update.stage != self.stage:
            self.stage = update.stage
            left = f", {update.time_left}" if update.time_left else ""
            note(f"{time.monotonic() - self.began:7.1f} s  {update.heading}{left}")


@contextmanager
def _logged(write: Callable[[str], None], level: int) -> Iterator[None]:
    """Print log messages of the package, without breaking a bar."""

    class Written(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            write(record.getMessage())

    log, handler = logging.getLogger("pennyweight"), Written(level)
    forecast_log, forecast_handler = logging.getLogger("pennyweight.forecast"), Written(level - 10)
    before = forecast_log.level
    log.addHandler(handler)
    forecast_log.addHandler(forecast_handler)
    forecast_log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        forecast_log.removeHandler(forecast_handler)
        forecast_log.setLevel(before)
