"""Checks whether the store is whole: at the start, every hour, and after a failure."""

import logging
import threading
from collections.abc import Callable

__all__ = ["Integrity"]

_log = logging.getLogger(__name__)

FIRST_SECONDS = 2.0  # of the first check, for which the start waits
SECONDS = 4.0  # of the others: an erasure waits 5 s for readers to end
EVERY = 3_600.0  # seconds between checks
SPACING = 10.0  # seconds between checks after failures


class Integrity:
    """Checks a store in its own thread, for a bounded time each.

    Parameters
    ----------
    check
        Looks for damage for some seconds, see `Store.quick_check`.
    every
        Seconds between checks.

    Attributes
    ----------
    damage
        The faults, None without any or where the time ran out.
    """

    def __init__(self, check: Callable[[float], list[str] | None], *, every: float = EVERY) -> None:
        self.damage: str | None = None
        self._check, self._every = check, every
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._said_unfinished = False
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Check once, then go on in the background."""
        self.check(FIRST_SECONDS)
        self._thread = threading.Thread(target=self._run, name="pennyweight-integrity", daemon=True)
        self._thread.start()

    def suspect(self) -> None:
        """Check soon: the store has just failed."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the check under way."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def check(self, seconds: float) -> None:
        """Check within a limited time; note and log damage."""
        try:
            damage = self._check(seconds)
        except Exception as error:  # a file that cannot even be read
            damage = [str(error)]
        if damage is None:
            if not self._said_unfinished:
                _log.warning("the store is too large to be checked in %g s", seconds)
            self._said_unfinished = True
            return
        if damage and self.damage is None:
            _log.error("the store is damaged: %s; restore it from a copy", "; ".join(damage))
        self.damage = damage[0] if damage else None

    def _run(self) -> None:
        while True:
            self._wake.wait(self._every)
            if self._stopping.is_set():
                return
            self._wake.clear()
            self.check(SECONDS)
            self._stopping.wait(SPACING)
