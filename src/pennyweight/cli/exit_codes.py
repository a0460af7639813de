"""Exit codes, and what is said on the way out."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from pennyweight.errors import DataError, PennyweightError

__all__ = [
    "DONE",
    "GateFailed",
    "check_interrupt",
    "code_of",
    "flushed",
    "keeping",
    "prepare",
    "words_of",
]

DONE, GATE, INPUT, BUG, INTERRUPTED, PIPE = 0, 1, 2, 70, 130, 141


class GateFailed(Exception):
    """The result is not as good as was asked for."""


class _Interrupted(Exception):
    """Ctrl-C where something had to be tidied up first."""


class _State:
    """What Ctrl-C has to know."""

    seen = False
    tidying = False  # whether there is something to tidy up
    kept: Callable[[], str] = staticmethod(lambda: "nothing was changed")


def prepare() -> None:
    """Write UTF-8 whatever the locale says, and answer Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # else closed, or replaced by the caller
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)
        shown = sys.unraisablehook
        sys.unraisablehook = lambda seen: None if _State.seen else shown(seen)


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    """Leave at once, for an exception in the middle of an import can crash it; or tidy up."""
    _State.seen = True
    if not _State.tidying:
        _leave()
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # one Ctrl-C is enough
    _tell(f"interrupted: {_State.kept()}")
    flushed(INTERRUPTED)
    os._exit(INTERRUPTED)  # Python's own way out reports a signal where exec() was under way


def check_interrupt() -> None:
    """Raise the Ctrl-C that was swallowed, if any."""
    if _State.seen:
        raise KeyboardInterrupt


@contextmanager
def keeping(what: Callable[[], str]) -> Iterator[None]:
    """Tidy up at Ctrl-C in this block, then say what was kept, which `what` knows."""
    _State.kept, _State.tidying = staticmethod(what), True
    try:
        yield
    except BaseException as error:
        if _State.seen:
            raise _Interrupted from error
        raise
    finally:
        _State.tidying = False


def words_of(arguments: Sequence[str]) -> list[str]:
    """Return arguments read as UTF-8 whatever the locale; `DataError` where they are not."""
    try:
        return [os.fsencode(word).decode("utf-8") for word in arguments]
    except UnicodeError:
        raise DataError(f"an argument is not UTF-8: {list(arguments)!a}") from None


def code_of(error: BaseException) -> int:
    """Say what went wrong on stderr; return the exit code."""
    if isinstance(error, _Interrupted | KeyboardInterrupt):
        _leave()
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
    import traceback  # slow to import, and a bug is rare

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
