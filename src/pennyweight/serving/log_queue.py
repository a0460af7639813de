"""A log queue whose writers never wait, even if its reader is slow, stopped or gone."""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

__all__ = ["LogQueue"]

NBYTES = 1 << 20
EVERY = 0.02  # seconds between two writes, so that busy moments share one
PIECE = 4_096  # bytes that fit into a pipe that can be written to, in one piece (PIPE_BUF)
LOOK = 100  # milliseconds between checks for a reader and for the end of the queue


class LogQueue:
    """Lines on their way to a stream; a thread writes them, and surplus lines are dropped.

    A pipe without a reader is full after 64 KiB, and then a write blocks: in the thread of the
    event loop that would stop every request.

    Parameters
    ----------
    stream
        Where to; written to by its file descriptor, if it has one. None: nowhere.
    nbytes
        Bytes that may wait.
    notice
        Returns a line that says how many were dropped, written as soon as others are again.

    Attributes
    ----------
    dropped
        Lines that were not written: too many waited, the reader is gone, or the disk is full.
    on_drop
        Called with the number of lines each time some are dropped, from any thread.
    """

    def __init__(
        self,
        stream: TextIO | None,
        *,
        nbytes: int = NBYTES,
        notice: Callable[[int], str] | None = None,
    ) -> None:
        self.dropped = 0
        self.on_drop: Callable[[int], None] = lambda n: None
        self._stream, self._nbytes, self._notice = stream, nbytes, notice
        self._descriptor = _descriptor(stream)
        self._lines: deque[bytes] = deque()
        self._waiting = self._untold = 0
        self._lock = threading.RLock()
        self._filled, self._closing = threading.Event(), threading.Event()
        self._end = float("inf")
        self._thread = threading.Thread(target=self._run, name="pennyweight-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, text: str) -> int:
        """Queue a line, or several; drop it where too many wait."""
        line = text.encode("utf-8", "backslashreplace")
        with self._lock:
            fits = self._waiting + len(line) <= self._nbytes and not self._closing.is_set()
            if fits:
                self._lines.append(line)
                self._waiting += len(line)
        if fits:
            self._filled.set()
        else:
            self._drop(1)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the thread writes the lines soon, and no caller waits for it."""

    def close(self, patience: float = 1.0) -> None:
        """Write the waiting lines, for a limited time; later lines are dropped."""
        self._end = time.monotonic() + patience
        self._closing.set()
        self._filled.set()
        self._thread.join(patience + 1)

    def _run(self) -> None:
        while True:
            self._filled.wait()
            self._closing.wait(EVERY)
            last = self._closing.is_set()  # read first: nothing is queued after it
            self._filled.clear()
            self._write_all(self._taken())
            if last:
                return

    def _taken(self) -> list[bytes]:
        with self._lock:
            lines, self._lines = list(self._lines), deque()
        return lines

    def _write_all(self, lines: list[bytes]) -> None:
        if lines and self._untold and self._notice is not None:
            notice = self._notice(self._untold).encode()
            if self._written(notice):
                self._untold = 0
        piece: list[bytes] = []
        for line in [*lines, None]:
            if piece and (line is None or sum(map(len, piece)) + len(line) > PIECE):
                if not self._written(b"".join(piece)):
                    self._drop(len(piece))
                with self._lock:
                    self._waiting -= sum(map(len, piece))
                piece = []
            if line is not None:
                piece.append(line)

    def _written(self, data: bytes) -> bool:
        """Write as soon as the reader reads; return whether that was possible."""
        try:
            if self._descriptor is None:
                if self._stream is not None:
                    self._stream.write(data.decode())
                    self._stream.flush()
                return True
            for start in range(0, len(data), PIECE):
                rest = data[start : start + PIECE]
                while rest:
                    if not self._may_write(self._descriptor):
                        return False
                    rest = rest[os.write(self._descriptor, rest) :]
        except (
            OSError,
            ValueError,
        ):  # no reader, a full disk, or a closed stream
            return False
        return True

    def _may_write(self, descriptor: int) -> bool:
        """Wait until a write will not block; false where the queue closes before."""
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        while True:
            timed_out = self._closing.is_set() and time.monotonic() > self._end
            if ready.poll(0 if timed_out else LOOK):
                return True
            if timed_out:
                return False

    def _drop(self, n: int) -> None:
        with self._lock:
            self.dropped += n
            self._untold += n
        self.on_drop(n)


def _descriptor(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):  # in memory, or closed
        return None
