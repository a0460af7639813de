"""A progress bar below a notebook cell, without widgets."""

import sys
import time
from types import TracebackType
from uuid import uuid4

from pennyweight.formatting import count, duration
from pennyweight.html.environment import environment
from pennyweight.progress.update import ProgressUpdate

__all__ = ["NotebookProgress", "in_notebook"]

PAUSE = 0.2  # seconds between two updates of a stage


def in_notebook() -> bool:
    """Return whether this runs in a kernel, which displays HTML; a terminal does not."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class NotebookProgress:
    """One output of the cell, replaced with each update.

    A context manager: at its end a line with the duration remains.
    """

    def __init__(self) -> None:
        self._id: str | None = None
        self._began = time.monotonic()
        self._shown = 0.0
        self._last = ProgressUpdate("")

    def __enter__(self) -> "NotebookProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._id is None:
            return
        spent = duration(time.monotonic() - self._began)
        if kind is None:
            self._display(f"{count(self._last.number, 'stage')} in {spent}")
        else:
            self._display(f"stopped in {self._last.heading.strip()} after {spent}")

    def __call__(self, update: ProgressUpdate) -> None:
        """Show an update."""
        now = time.monotonic()
        new_stage = update.stage != self._last.stage
        self._last = update
        if new_stage or now - self._shown >= PAUSE:
            self._shown = now
            self._display(str(update), update)

    def _display(self, text: str, update: ProgressUpdate | None = None) -> None:
        from IPython.display import display, update_display

        template = environment(progress="pennyweight.progress").get_template("progress/bar.html")
        data = {"text/html": template.render(text=text, update=update), "text/plain": text}
        if self._id is None:
            self._id = uuid4().hex
            display(data, raw=True, display_id=self._id)  # type: ignore[no-untyped-call]
        else:
            update_display(data, raw=True, display_id=self._id)  # type: ignore[no-untyped-call]
