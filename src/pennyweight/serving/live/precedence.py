"""Which of the threads that share an interpreter goes first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Precedence"]


class Precedence:
    """Lets urgent work go before work that can wait.

    Threads take turns at the interpreter, so that one that computes all the time would make each
    step of a list wait for its turn. Work that can wait is done in small pieces, and before each
    of them stands back while a list is being made; not for ever, or it would never be done.
    """

    def __init__(self) -> None:
        self._urgent = 0
        self._change = threading.Condition()

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Go first while the block lasts."""
        with self._change:
            self._urgent += 1
        try:
            yield
        finally:
            with self._change:
                self._urgent -= 1
                if not self._urgent:
                    self._change.notify_all()

    def give_way(self, seconds: float) -> bool:
        """Wait until no urgent work runs, up to a limit; return whether it ended."""
        with self._change:
            return self._change.wait_for(lambda: not self._urgent, seconds)
