"""Where progress is displayed: a terminal, a notebook, a function of the caller, or nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from pennyweight.progress.notebook import NotebookProgress, in_notebook
from pennyweight.progress.terminal import TerminalProgress, on_terminal
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.progress.update import Progress

__all__ = ["tracked"]


@contextmanager
def tracked(progress: Progress) -> Iterator[ProgressTracker]:
    """Yield the tracker of a call whose ``progress=`` is given.

    True displays a bar in a notebook or on a terminal; elsewhere nothing is printed.
    """
    if callable(progress):
        yield ProgressTracker(progress)
    elif not isinstance(progress, bool | None):
        raise TypeError(
            f"progress is a {type(progress).__name__}; give True, False or a function that takes "
            "a ProgressUpdate"
        )
    elif progress and in_notebook():
        with NotebookProgress() as bar:
            yield ProgressTracker(bar)
    elif progress and on_terminal():
        with TerminalProgress() as bar:
            yield ProgressTracker(bar)
    else:
        yield ProgressTracker()
