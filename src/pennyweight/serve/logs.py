"""One line of JSON for each request and each thing that happens to the service."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from pennyweight.serve.watch import Answered

__all__ = ["JsonLines", "answered", "event", "json_lines"]

LOGGERS = ("pennyweight", "uvicorn")

_log = logging.getLogger("pennyweight.serve")
_requests = logging.getLogger("pennyweight.serve.requests")
_encode = json.JSONEncoder(default=str).encode


class JsonLines(logging.Formatter):
    """Formats a record as one line: time, level, event, and the mapping in ``record.fields``."""

    def __init__(self) -> None:
        super().__init__()
        self._second = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)

    def _time(self, created: float) -> str:
        whole, (second, text) = int(created), self._second
        if second != whole:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
            self._second = (whole, text)  # at once, for threads
        return f"{text}.{int((created - whole) * 1000):03d}Z"


def answered(done: Answered) -> None:
    """Log a request; an observer of `Watch`. The path is not logged: it may name a person."""
    level = logging.ERROR if done.status >= 500 else logging.INFO
    if _requests.isEnabledFor(level):
        fields = {
            "request_id": done.request_id,
            "method": done.method,
            "route": done.route,
            "status": done.status,
            "ms": round(done.seconds * 1000, 3),
            "key": done.key,
        }
        # `Logger.log` would first look for who called it, which costs more than the rest.
        record = _requests.makeRecord(
            _requests.name, level, __file__, 0, "request", (), None, extra={"fields": fields}
        )
        _requests.handle(record)


def event(name: str, fields: Mapping[str, object] | None = None) -> None:
    """Log a start, a stop, or what an administrator did."""
    _log.info(name, extra={"fields": dict(fields or {})})


@contextmanager
def json_lines(stream: TextIO, *, level: int = logging.INFO) -> Iterator[None]:
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
