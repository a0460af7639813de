"""One line of JSON for each request and each thing that happens to the service."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from json.encoder import encode_basestring_ascii as _quoted
from typing import Protocol

from pennyweight.serving.http.request_middleware import HandledRequest

__all__ = ["JsonLines", "RequestLog", "dropped_line", "event", "json_lines"]

LOGGERS = ("pennyweight", "uvicorn", "asyncio")

_log = logging.getLogger("pennyweight.serving")
_encode = json.JSONEncoder(default=str).encode


class TextSink(Protocol):
    """Where lines go: a file, or a `LogQueue`."""

    def write(self, text: str, /) -> int:
        """Take text."""
        ...

    def flush(self) -> None:
        """Pass on buffered text."""
        ...


class _Stamp:
    """Formats Unix times; the text of a second is kept."""

    def __init__(self) -> None:
        self._second = (-1, "")

    def __call__(self, created: float) -> str:
        created_second, (second, text) = int(created), self._second
        if second != created_second:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created_second))
            self._second = (created_second, text)  # at once, for threads
        return f"{text}.{int((created - created_second) * 1000):03d}Z"


class JsonLines(logging.Formatter):
    """Formats a record as one line: time, level, event, and the mapping in ``record.fields``."""

    def __init__(self) -> None:
        super().__init__()
        self._stamp = _Stamp()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": self._stamp(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)


def event(name: str, fields: Mapping[str, object] | None = None) -> None:
    """Log a start, a stop, or an action of an administrator."""
    _log.info(name, extra={"fields": dict(fields or {})})


class RequestLog:
    """Writes a line for each request; the path is not in it, for it may name a person.

    It bypasses `logging`, whose records cost several times as much as the line.

    Parameters
    ----------
    stream
        Where to.
    clock
        Unix time in seconds.
    """

    def __init__(self, stream: TextSink, *, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock
        self._stamp = _Stamp()

    def answered(self, request: HandledRequest) -> None:
        """Write a line; an observer of `Watch`."""
        level = "error" if request.status >= 500 else "info"
        key = "null" if request.key is None else _quoted(request.key)
        line = (
            f'{{"time": "{self._stamp(self._clock())}", "level": "{level}", "event": "request", '
            f'"request_id": {_quoted(request.request_id)}, "method": {_quoted(request.method)}, '
            f'"route": {_quoted(request.route)}, "status": {request.status}, '
            f'"ms": {request.seconds * 1000:.3f}, "key": {key}}}\n'
        )
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:
            pass  # the reader is gone, or the disk is full: requests go on


def dropped_line(n: int, *, clock: Callable[[], float] = time.time) -> str:
    """Return the line that says how many lines before it were not written."""
    line = {"time": _Stamp()(clock()), "level": "warning", "event": "lines dropped", "lines": n}
    return _encode(line) + "\n"


@contextmanager
def json_lines(stream: TextSink, *, level: int = logging.INFO) -> Iterator[None]:
    """Let this package and the server log to a stream in lines of JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    before = []
    for name in LOGGERS:
        logger = logging.getLogger(name)
        before.append((logger, logger.handlers[:], logger.level, logger.propagate))
        logger.handlers[:], logger.propagate = [handler], False
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, handlers, old, propagate in before:
            logger.handlers[:], logger.propagate = handlers, propagate
            logger.setLevel(old)
