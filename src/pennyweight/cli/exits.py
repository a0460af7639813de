"""Exit codes, and what is said on the way out."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from pennyweight.errors import DataError, PennyweightError

__all__ = [
    "DONE",
    "GateFailed",
    "check_interrupt",
    "check_words",
    "code_of",
    "flushed",
    "keeping",
    "prepare",
]

DONE, GATE, INPUT, BUG, INTERRUPTED, PIPE = 0, 1, 2, 70, 130, 141


class GateFailed(Exception):
    """The result is not as good as was asked for."""


class _Interrupted(Exception):
    """Ctrl-C; the message says what was kept."""


class _Signal:
    seen = False


def prepare() -> None:
    """Write UTF-8 whatever the locale says; remember a Ctrl-C that a library swallows."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by the caller
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)
        shown = sys.unraisablehook
        sys.unraisablehook = lambda seen: None if _Signal.seen else shown(seen)


def check_words(words: Sequence[str]) -> None:
    """Refuse arguments that are not UTF-8: no id and no text could be equal to one."""
    for word in words:
        if not word.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in word):
            raise DataError(f"the argument {word!r} is not UTF-8")


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    _Signal.seen = True
    raise KeyboardInterrupt


def check_interrupt() -> None:
    """Raise the Ctrl-C that was swallowed, if any."""
    if _Signal.seen:
        raise KeyboardInterrupt


@contextmanager
def keeping(what: Callable[[], str]) -> Iterator[None]:
    """Say at Ctrl-C in this block what was kept; `what` is asked at that moment."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or _Signal.seen:
            raise _Interrupted(what()) from None
        raise


def code_of(error: BaseException) -> int:
    """Say what went wrong on stderr; return the exit code."""
    if isinstance(error, _Interrupted | KeyboardInterrupt) or _Signal.seen:
        if signal.getsignal(signal.SIGINT) is _on_interrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # one Ctrl-C is enough
        _tell(f"interrupted: {error if isinstance(error, _Interrupted) else 'nothing was changed'}")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return PIPE
    if isinstance(error, GateFailed):
        _tell(str(error))
        return GATE
    if isinstance(error, MemoryError):
        _tell(f"error: out of memory; --max-users or --scorers make the job smaller {error}")
        return INPUT
    if isinstance(error, PennyweightError | OSError):
        _tell(f"error: {error}")
        return INPUT
    traceback.print_exception(error)
    _tell("this is a bug in pennyweight; please report it with the lines above")
    return BUG


def flushed(code: int) -> int:
    """Write out what is buffered; return the exit code, another where that fails."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        # Or the interpreter tries again when it closes, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return code or code_of(error)
    return code


def _tell(message: str) -> None:
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        pass  # nobody is listening
