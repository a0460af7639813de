"""A progress bar on a terminal."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from pennyweight.progress.update import ProgressUpdate

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["TerminalProgress", "on_terminal"]

LONG = 1.0  # seconds; a shorter stage leaves no line


def on_terminal() -> bool:
    """Return whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


class TerminalProgress:
    """One bar on standard error, and a line for each stage that took long.

    A context manager: the bar disappears at its end.
    """

    def __init__(self) -> None:
        self._bars = _bars()
        self._stage, self._began = "", time.monotonic()
        self._task: TaskID | None = None

    def __enter__(self) -> "TerminalProgress":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_stage()
        self._bars.stop()

    def __call__(self, update: ProgressUpdate) -> None:
        """Show an update."""
        if update.stage != self._stage:
            self._end_stage()
            self._stage, self._began = update.stage, time.monotonic()
        total = None if update.share is None else 1.0
        if self._task is None:
            self._task = self._bars.add_task(update.heading, total=total, left=update.time_left)
        self._bars.update(
            self._task,
            description=update.heading,
            completed=update.share or 0.0,
            total=total,
            left=update.time_left,
        )

    def print(self, text: str) -> None:
        """Print a line above the bar."""
        self._bars.console.print(text)

    def _end_stage(self) -> None:
        spent = time.monotonic() - self._began
        if self._stage and spent >= LONG:
            self.print(f"{self._stage:<22} {spent:6.1f} s")
        self._stage = ""


def _bars() -> "Progress":
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description:<24}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[left]}"),
        console=Console(stderr=True, highlight=False, markup=False),
        transient=True,
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )
