"""SIGHUP: the keys are read again, and nothing stops."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pennyweight.serving.logs import event
from pennyweight.serving.security.keyring import KeyRing

__all__ = ["Hangup", "hangups"]


class Hangup:
    """Answers SIGHUP in the event loop, or as soon as there is one.

    Parameters
    ----------
    reload
        Called on SIGHUP.
    """

    def __init__(self, reload: Callable[[], None]) -> None:
        self._reload = reload
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits = False

    def attach(self) -> None:
        """Reload in the running loop from now on; a signal received earlier counts at once."""
        self._loop = asyncio.get_running_loop()
        if self._waits:
            self._loop.call_soon(self._reload)

    def received(self, number: int, frame: FrameType | None) -> None:
        """Take the signal; a handler may not do more, for it interrupts whatever runs."""
        if self._loop is None:
            self._waits = True
        elif not self._loop.is_closed():  # else the service is ending
            self._loop.call_soon_threadsafe(self._reload)


@contextmanager
def hangups(keys: KeyRing | None) -> Iterator[Hangup]:
    """Take SIGHUP, which would end the process, while the block runs."""

    def reload() -> None:
        event("hangup", {"keys": None if keys is None else keys.reload()})

    hangup = Hangup(reload)
    before = signal.signal(signal.SIGHUP, hangup.received)
    try:
        yield hangup
    finally:
        signal.signal(signal.SIGHUP, before)
