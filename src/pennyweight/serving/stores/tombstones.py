"""Tombstones: keyed hashes of erased users, which keep them from coming back."""

import hashlib
import json
import secrets
from collections.abc import Collection

import apsw

__all__ = ["Tombstones"]

KEY, KEY_BYTES, DIGEST_BYTES = "tombstone key", 32, 16
MANY = 1_000  # users, from which on all digests are read at once


class Tombstones:
    """The erased users of a database: a BLAKE2b digest each, under a random key.

    The key is made with the first tombstone. It keeps digests from being compared across
    services and looked up in precomputed tables. An owner of the whole database can still
    test whether an id they already know was erased.

    Parameters
    ----------
    database
        With the tables ``tombstones`` and ``notes``.
    """

    def __init__(self, database: apsw.Connection) -> None:
        self._database = database

    def add(self, user: str) -> None:
        """Mark a user as erased."""
        key = self._key() or self._new_key()
        self._database.execute("INSERT OR IGNORE INTO tombstones VALUES (?)", (_digest(key, user),))

    def remove(self, user: str) -> bool:
        """Let a user come back; return whether the user had been erased."""
        key = self._key()
        if key is None:
            return False
        self._database.execute("DELETE FROM tombstones WHERE digest = ?", (_digest(key, user),))
        return self._database.changes() > 0

    def among(self, users: Collection[str]) -> set[str]:
        """Return those of the users who have been erased."""
        if not self._any():
            return set()
        key = self._key()
        if key is None:
            return set()
        names = {_digest(key, user): user for user in users}
        if len(names) > MANY:
            digests = self._database.execute("SELECT digest FROM tombstones")
        else:
            places = ",".join("?" * len(names))
            sql = f"SELECT digest FROM tombstones WHERE digest IN ({places})"
            digests = self._database.execute(sql, tuple(names))
        return {names[digest] for (digest,) in digests if digest in names}

    def _any(self) -> bool:
        return bool(self._database.execute("SELECT 1 FROM tombstones LIMIT 1").fetchall())

    def _key(self) -> bytes | None:
        # Read anew: the transaction that made it may have been rolled back.
        rows = self._database.execute("SELECT value FROM notes WHERE key = ?", (KEY,)).fetchall()
        return bytes.fromhex(json.loads(str(rows[0][0]))) if rows else None

    def _new_key(self) -> bytes:
        key = secrets.token_bytes(KEY_BYTES)
        self._database.execute("INSERT INTO notes VALUES (?, ?)", (KEY, json.dumps(key.hex())))
        return key


def _digest(key: bytes, user: str) -> bytes:
    data = user.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, key=key, digest_size=DIGEST_BYTES).digest()
