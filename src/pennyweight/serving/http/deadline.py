"""Until when a request waits for its answer, and whether anybody still does."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["DEADLINE", "TIMEOUT", "Deadline"]

TIMEOUT = 3.0  # seconds from the arrival of a request; later, its client is taken to have given up


@dataclass(slots=True)
class Deadline:
    """The patience of a request.

    Attributes
    ----------
    at
        When it ends, by `time.monotonic`.
    is_disconnected
        Returns whether the client has closed its connection.
    """

    at: float
    is_disconnected: Callable[[], bool]


# The deadline of the request that this task answers, set by the outermost middleware.
DEADLINE: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
