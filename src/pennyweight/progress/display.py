"""Where progress is displayed: a terminal, a notebook, a function of the caller, or nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from pennyweight.progress.notebook import NotebookProgress, in_notebook
from pennyweight.progress.terminal import TerminalProgress, on_terminal
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.progress.update import Progress, ProgressUpdate, ShowProgress

__all__ = ["tracked"]


@contextmanager
def tracked(progress: Progress, also: ShowProgress | None = None) -> Iterator[ProgressTracker]:
    """Yield the tracker of a call whose ``progress=`` is given.

    True displays a bar in a notebook or on a terminal; elsewhere nothing is printed.

    Parameters
    ----------
    also
        Called with each update, too.
    """
    with _display(progress) as show:
        yield ProgressTracker(_both(show, also))


def _both(show: ShowProgress | None, also: ShowProgress | None) -> ShowProgress | None:
    if show is None or also is None:
        return show or also

    def both(update: ProgressUpdate) -> None:
        show(update)
        also(update)

    return both


@contextmanager
def _display(progress: Progress) -> Iterator[ShowProgress | None]:
    if callable(progress):
        yield progress
    elif not isinstance(progress, bool | None):
        raise TypeError(
            f"progress is a {type(progress).__name__}; give True, False or a function that takes "
            "a ProgressUpdate"
        )
    elif progress and in_notebook():
        with NotebookProgress() as bar:
            yield bar
    elif progress and on_terminal():
        with TerminalProgress() as bar:
            yield bar
    else:
        yield None
