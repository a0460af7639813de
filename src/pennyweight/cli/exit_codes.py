"""Exit codes, and the last message of a command."""

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
    "OK",
    "GateFailed",
    "check_interrupt",
    "code_of",
    "flushed",
    "keeping",
    "prepare",
    "words_of",
]

OK, GATE, INPUT, BUG, INTERRUPTED, PIPE = 0, 1, 2, 70, 130, 141


class GateFailed(Exception):
    """The result misses a required quality."""


class _Interrupted(Exception):
    """Ctrl-C during work that had to be cleaned up first."""


class _State:
    """The state of the command, for Ctrl-C."""

    interrupted = False
    needs_cleanup = False  # whether work must be cleaned up first
    outcome: Callable[[], str] = staticmethod(lambda: "nothing was changed")


def prepare() -> None:
    """Write UTF-8 whatever the locale says, and answer Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # else closed, or replaced by the caller
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)
        report = sys.unraisablehook
        sys.unraisablehook = lambda unraisable: None if _State.interrupted else report(unraisable)


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    """Leave at once, for an exception in the middle of an import can crash it; or tidy up."""
    _State.interrupted = True
    if not _State.needs_cleanup:
        _leave()
    raise KeyboardInterrupt


def _leave() -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # one Ctrl-C is enough
    _tell(f"interrupted: {_State.outcome()}")
    flushed(INTERRUPTED)
    os._exit(INTERRUPTED)  # Python's own way out reports a signal where exec() was under way


def check_interrupt() -> None:
    """Raise the Ctrl-C that was swallowed, if any."""
    if _State.interrupted:
        raise KeyboardInterrupt


@contextmanager
def keeping(outcome: Callable[[], str]) -> Iterator[None]:
    """Clean up on Ctrl-C in this block, then print `outcome()`, the state on disk."""
    _State.outcome, _State.needs_cleanup = staticmethod(outcome), True
    try:
        yield
    except BaseException as error:
        if _State.interrupted:
            raise _Interrupted from error
        raise
    finally:
        _State.needs_cleanup = False


def words_of(arguments: Sequence[str]) -> list[str]:
    """Return arguments read as UTF-8 whatever the locale; `DataError` where they are not."""
    try:
        return [os.fsencode(word).decode("utf-8") for word in arguments]
    except UnicodeError:
        raise DataError(f"an argument is not UTF-8: {list(arguments)!a}") from None


def code_of(error: BaseException) -> int:
    """Print an error on stderr; return the exit code."""
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
    """Flush stdout; return the exit code, or another one if that fails."""
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
        pass  # the reader is gone
