"""The keys of a running service: read again when their file changes."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from pennyweight.errors import DataError
from pennyweight.serving.security.keys import Key, Keys, is_exposed

__all__ = ["KeyRing"]

SECONDS = 1.0  # between two looks at the file

_log = logging.getLogger(__name__)


class KeyRing:
    """The current keys of a file.

    A damaged or deleted file changes nothing: the last good keys stay, so a slip of
    an editor neither locks everyone out nor opens the service.

    Parameters
    ----------
    path
        The keys file.
    clock
        Seconds that only go forward.
    failed
        Called with the error when a changed file cannot be read, once per change. It can be
        set later, for callbacks that are made after the ring, such as `Metrics.keys_failed`.

    Raises
    ------
    DataError
        When the file cannot be used at the start.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.path = path
        self._clock = clock
        self.failed = failed
        self._stamp = _stamp(path)  # before reading, or a change in between would be missed
        self._keys = self._load()
        self._looked = clock()

    @property
    def keys(self) -> Keys:
        """The keys now; looks at the file at most once a second."""
        now = self._clock()
        if now - self._looked >= SECONDS:
            self._looked = now
            self._look()
        return self._keys

    def reload(self) -> int:
        """Read the file again whether or not it seems changed; return how many keys there are."""
        self._looked = self._clock()
        self._read(_stamp(self.path))
        return len(self._keys.keys)

    def find(self, secret: str) -> Key | None:
        """Return the entry of a key, or None."""
        return self.keys.find(secret)

    def of_digest(self, digest: str) -> Key | None:
        """Return the key of a sha256, or None where it was revoked."""
        return self.keys.of_digest(digest)

    def _look(self) -> None:
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            self._read(stamp)

    def _read(self, stamp: tuple[int, int, int] | None) -> None:
        self._stamp = stamp
        try:
            self._keys = self._load()
        except (DataError, OSError) as error:
            _log.error("keys were not read again; the last good ones stay: %s", error)
            if self.failed is not None:
                self.failed(error)
        else:
            _log.info("keys were read again: %d", len(self._keys.keys))

    def _load(self) -> Keys:
        keys = Keys.load(self.path)
        if is_exposed(self.path):
            _log.warning(
                "%s: others may read names, scopes and hashes of keys; chmod 600 it", self.path
            )
        return keys


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return a mark that changes with a file; None where there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
