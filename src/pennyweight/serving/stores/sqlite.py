"""A store in one SQLite file."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import apsw

from pennyweight.bundle import Position
from pennyweight.errors import StoreError
from pennyweight.serving.stores.copying import copy_database
from pennyweight.serving.stores.protocol import (
    IMPRESSION,
    AttributedEvent,
    Audit,
    ErasureCounts,
    Event,
    ListExposure,
    Recommendation,
    StoredItem,
    Table,
    UnfinishedErasureError,
)
from pennyweight.serving.stores.room import REFUSED, unwritable
from pennyweight.serving.stores.rows import CREDITED, item_of, items_text, recommendation_of
from pennyweight.serving.stores.schema import migrate
from pennyweight.serving.stores.sqlite_browsing import SQLiteBrowser
from pennyweight.serving.stores.sqlite_file import create_private, quick_check, store_errors
from pennyweight.serving.stores.tombstones import Tombstones

__all__ = ["SQLiteStore"]

BUSY_MS = 5_000
CACHE_KIB = 16 * 1024
CHECKPOINT = 4_000  # pages of 4 KiB in the log, until they are moved into the file
TOGETHER = 64  # rows in one statement
Row = TypeVar("Row")

EVENT = "event_id, user, item, event_type, time, weight, recommendation_id, position"
EVENT_READ = f"{EVENT}, seq"
ITEM = "item_id, document, available, published, changed, removed, seq, field_seqs"
BARE_ITEM = ITEM.replace("document", "NULL")
RECOMMENDATION = "recommendation_id, user, time, bundle_version, scenario, source, items"
# The highest number given. Items are never deleted, events may be.
LAST: dict[Table, str] = {
    "items": "(SELECT coalesce(max(seq), 0) FROM items)",
    "events": "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)",
}
NOT_IMPRESSION = f"event_type <> '{IMPRESSION}'"  # as in the index, or it is not used
PARTS = (NOT_IMPRESSION, f"event_type = '{IMPRESSION}'")  # of the events of a user: an index each


class SQLiteStore:
    """One file, written ahead to a log that is forced to disk before a method returns.

    Parameters
    ----------
    path
        The file; made with its tables where there is none.
    vfs
        Name of the file system layer of SQLite to go through, if not its own.

    Raises
    ------
    StoreError
        No database, one of a later version, or a place that cannot be written to.
    """

    def __init__(self, path: Path | str, *, vfs: str | None = None) -> None:
        self.path, self._vfs = Path(path), vfs
        self.refusal: str | None = None
        self._depth = 0  # of transactions within each other
        create_private(self.path)
        with store_errors(self.path):
            self._database = apsw.Connection(str(self.path), vfs=vfs)
            self._database.set_busy_timeout(BUSY_MS)
            self._prepare()
            self._inode = self.path.stat().st_ino

    def _prepare(self) -> None:
        database = self._database
        database.pragma("journal_mode", "wal")
        database.pragma("synchronous", "full")
        database.pragma("secure_delete", True)  # deleted rows are overwritten
        database.pragma("temp_store", "memory")  # nothing is spilt to another file
        database.pragma("cache_size", -CACHE_KIB)
        database.pragma("wal_autocheckpoint", CHECKPOINT)
        database.pragma("journal_size_limit", 64 << 20)
        migrate(database, str(self.path))
        self._tombstones = Tombstones(database)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all changes of the block or none of them; may be nested."""
        # A connection as a context manager would keep the interpreter while it commits.
        name = f"level_{self._depth}"
        with store_errors(self.path):
            self._database.execute(f"SAVEPOINT {name}")
            self._depth += 1
            try:
                yield
                self._database.execute(f"RELEASE {name}")
            except BaseException:
                if self._database.in_transaction:  # else SQLite has undone all of it
                    self._database.execute(f"ROLLBACK TO {name}")
                    self._database.execute(f"RELEASE {name}")
                raise
            finally:
                self._depth -= 1

    def reader(self) -> Self:
        """Return a store over the same file with its own connection."""
        return type(self)(self.path, vfs=self._vfs)

    def begin_branch(self) -> None:
        """Give changes from here on to a new branch, by which `position` names them."""
        self._write(
            "INSERT INTO branches (branch, items, events) VALUES (lower(hex(randomblob(12))), "
            f"{LAST['items']}, {LAST['events']})",
            (),
        )

    def position(self, table: Table) -> Position:
        """Return the last change of a table, to be noted with an export."""
        rows = self._read(
            f"SELECT branch, {LAST[table]} FROM branches ORDER BY number DESC LIMIT 1"
        )
        return Position(*rows[0])

    def covered(self, table: Table, position: Position | None) -> int:
        """Return the seq up to which a position covers the changes here; 0 for another store's."""
        if position is None:
            return 0
        end = (
            f"coalesce((SELECT {table} FROM branches n WHERE n.number > b.number ORDER BY "
            f"n.number LIMIT 1), {LAST[table]})"
        )
        rows = self._read(f"SELECT {end} FROM branches b WHERE branch = ?", (position.branch,))
        return position.seq if rows and position.seq <= rows[0][0] else 0

    def add_events(self, events: Sequence[Event]) -> int:
        """Keep events whose id is not known yet; return how many those were.

        Events of erased users are dropped.
        """
        erased = self.erased({event.user for event in events})
        rows = [
            (e.event_id, e.user, e.item, e.kind, e.time, e.weight, e.recommendation_id, e.position)
            for e in events
            if e.user not in erased
        ]
        before = self._database.total_changes()
        self._insert(f"INSERT INTO events ({EVENT})", rows, "ON CONFLICT DO NOTHING")
        return self._database.total_changes() - before

    def history(
        self, user: str, newest: int, ignored: Callable[[str], bool] = lambda kind: False
    ) -> list[Event]:
        """Return a user's newest events, oldest first; not impressions, nor types to ignore."""
        sql = (
            f"SELECT {EVENT_READ} FROM events WHERE user = ? AND {NOT_IMPRESSION} "
            "ORDER BY time DESC, seq DESC"
        )
        events: list[Event] = []
        with store_errors(self.path):
            cursor = self._database.execute(sql, (user,))
            for row in cursor:
                event = Event(*row)
                if not ignored(event.kind):
                    events.append(event)
                    if len(events) == newest:
                        break
            cursor.close()
        return events[::-1]

    def events_of(self, user: str, n: int | None = None, after: Event | None = None) -> list[Event]:
        """Return up to n events of a user that come after one.

        First those of the history, oldest first, then impressions in the order of arrival: as the
        indices have them, so that no page sorts all of them.
        """
        select, limit = f"SELECT {EVENT_READ} FROM events WHERE user = ?", -1 if n is None else n
        rows: list[tuple[Any, ...]] = []
        in_impressions = after is not None and after.kind == IMPRESSION
        if not in_impressions:
            last = (float("-inf"), 0) if after is None else (after.time, after.seq)
            rows = self._read(
                f"{select} AND {NOT_IMPRESSION} AND (time, seq) > (?, ?) "
                "ORDER BY time, seq LIMIT ?",
                (user, *last, limit),
            )
        if n is None or len(rows) < n:
            rows += self._read(
                f"{select} AND event_type = '{IMPRESSION}' AND seq > ? ORDER BY seq LIMIT ?",
                (
                    user,
                    after.seq if after is not None and in_impressions else 0,
                    limit - len(rows),
                ),
            )
        return [Event(*row) for row in rows]

    def all_events(self) -> Iterator[Event]:
        """Yield all events in the order in which they came; not while the store is written to."""
        with store_errors(self.path):
            for row in self._database.execute(f"SELECT {EVENT_READ} FROM events ORDER BY seq"):
                yield Event(*row)

    def events_after(self, seq: int, n: int) -> list[Event]:
        """Return up to n events with a higher seq, in its order."""
        sql = f"SELECT {EVENT_READ} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return [Event(*row) for row in self._read(sql, (seq, n))]

    def users(self, n: int, after: str = "") -> list[str]:
        """Return up to n users with events, in order, those after one."""
        rows = self._read(
            f"SELECT DISTINCT user FROM events WHERE user > ? AND {NOT_IMPRESSION} "
            "ORDER BY user LIMIT ?",
            (after, n),
        )
        return [row[0] for row in rows]

    def put_items(self, items: Iterable[StoredItem]) -> int:
        """Keep items, each in the place of the last one of its id; return the last seq."""
        last = int(self._read("SELECT coalesce(max(seq), 0) FROM items")[0][0])
        rows = []
        for last, item in enumerate(items, last + 1):  # noqa: B020 - counted on from there
            document, field_seqs = (
                None if part is None else json.dumps(part)
                for part in (item.document, item.numbered(last).field_seqs)
            )
            rows.append(
                (
                    item.item_id,
                    document,
                    item.available,
                    item.published,
                    item.changed,
                    item.removed,
                    last,
                    field_seqs,
                )
            )
        self._insert(f"INSERT OR REPLACE INTO items ({ITEM})", rows)
        return last

    def item(self, item_id: str) -> StoredItem | None:
        """Return an item that was put, if any."""
        rows = self._read(f"SELECT {ITEM} FROM items WHERE item_id = ?", (item_id,))
        return item_of(rows[0]) if rows else None

    def items(self, after: int = 0, *, documents: bool = True) -> list[StoredItem]:
        """Return the items with a higher seq, in its order, with or without documents."""
        columns = ITEM if documents else BARE_ITEM
        rows = self._read(f"SELECT {columns} FROM items WHERE seq > ? ORDER BY seq", (after,))
        return [item_of(row) for row in rows]

    def items_named(self, item_ids: Sequence[str], *, documents: bool = True) -> list[StoredItem]:
        """Return those of some items that were put, with or without documents."""
        columns = ITEM if documents else BARE_ITEM
        rows = self._read(
            f"SELECT {columns} FROM items WHERE item_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(item_ids)),),
        )
        return [item_of(row) for row in rows]

    def add_recommendations(self, recommendations: Iterable[Recommendation]) -> None:
        """Store served lists, except those of erased users."""
        lists = list(recommendations)
        erased = self.erased({r.user for r in lists if r.user is not None})
        rows = [
            (
                r.recommendation_id,
                r.user,
                r.time,
                r.bundle_version,
                r.scenario,
                r.source,
                items_text(r),
            )
            for r in lists
            if r.user not in erased
        ]
        self._insert(
            f"INSERT INTO recommendations ({RECOMMENDATION})", rows, "ON CONFLICT DO NOTHING"
        )

    def recommendation(self, recommendation_id: str) -> Recommendation | None:
        """Return a served list, if it is still stored."""
        rows = self._read(
            f"SELECT {RECOMMENDATION} FROM recommendations WHERE recommendation_id = ?",
            (recommendation_id,),
        )
        return recommendation_of(rows[0]) if rows else None

    def recommendations_of(
        self, user: str, n: int | None = None, after: Recommendation | None = None
    ) -> list[Recommendation]:
        """Return up to n lists served to a user after another one, oldest first."""
        last = (float("-inf"), "") if after is None else (after.time, after.recommendation_id)
        rows = self._read(
            f"SELECT {RECOMMENDATION} FROM recommendations WHERE user = ? "
            "AND (time, recommendation_id) > (?, ?) ORDER BY time, recommendation_id LIMIT ?",
            (user, *last, -1 if n is None else n),
        )
        return [recommendation_of(row) for row in rows]

    def user_counts(self, user: str) -> tuple[int, int]:
        """Return the numbers of events and of served lists of a user."""
        parts = (f"SELECT count(*) FROM events WHERE user = ? AND {part}" for part in PARTS)
        events = sum(self._read(sql, (user,))[0][0] for sql in parts)
        (lists,) = self._read("SELECT count(*) FROM recommendations WHERE user = ?", (user,))
        return events, lists[0]

    def forget_recommendations(self, before: float) -> int:
        """Delete lists served before a time; return their number."""
        return self._write("DELETE FROM recommendations WHERE time < ?", (before,))

    def list_counts(self, since: float, until: float) -> dict[str, int]:
        """Return how many lists each bundle gave from one time until before another."""
        return dict(
            self._read(
                "SELECT bundle_version, count(*) FROM recommendations INDEXED BY shown_at "
                "WHERE time >= ? AND time < ? GROUP BY 1",
                (since, until),
            )
        )

    def exposures(self, since: float, n: int, after: str = "") -> list[ListExposure]:
        """Return up to n users who got lists from a time on, in order, those after one."""
        rows = self._read(
            "SELECT user, count(*), min(bundle_version), max(bundle_version) "
            "FROM recommendations INDEXED BY shown_to "
            "WHERE user > ? AND time >= ? GROUP BY user ORDER BY user LIMIT ?",
            (after, since, n),
        )
        return [ListExposure(*row) for row in rows]

    def attributed(
        self, since: float, n: int, after: tuple[str, int] = ("", 0)
    ) -> list[AttributedEvent]:
        """Return up to n events that name a list given from a time on, by list and number."""
        rows = self._read(
            "SELECT e.recommendation_id, e.seq, e.user, e.event_type, e.weight, e.time, "
            f"{CREDITED}, r.user, r.time FROM events e INDEXED BY attributed "
            "CROSS JOIN recommendations r ON r.recommendation_id = e.recommendation_id "
            "WHERE e.recommendation_id IS NOT NULL AND r.time >= ? "
            "AND (e.recommendation_id, e.seq) > (?, ?) "
            "ORDER BY e.recommendation_id, e.seq LIMIT ?",
            (since, *after, n),
        )
        return [AttributedEvent(*row) for row in rows]

    def erase(self, user: str) -> ErasureCounts:
        """Delete all rows that name a user, from the log too; not in a transaction.

        A keyed hash of the id stays: nothing of the user is kept again until `readmit`.

        Raises
        ------
        UnfinishedErasureError
            Deleted, but the log still holds it; erase again.
        StoreError
            Nothing was deleted.
        """
        with self.transaction():
            self._tombstones.add(user)
            parts = (f"DELETE FROM events WHERE user = ? AND {part}" for part in PARTS)
            events = sum(self._write(sql, (user,)) for sql in parts)
            lists = self._write("DELETE FROM recommendations WHERE user = ?", (user,))
        self.empty_log()
        return ErasureCounts(events, lists)

    def empty_log(self) -> None:
        """Remove every byte of deleted rows from the files; not in a transaction.

        Raises
        ------
        UnfinishedErasureError
            The disk refuses, or a reader is active.
        """
        try:
            busy, _, _ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").get
        except apsw.Error as error:
            full = isinstance(error, apsw.FullError)
            reason = "the disk is full" if full else REFUSED
            raise UnfinishedErasureError(reason) from error
        if busy:
            raise UnfinishedErasureError("the log of the store is being read")

    def erased(self, users: Collection[str]) -> set[str]:
        """Return those of the users who have been erased and not readmitted."""
        with store_errors(self.path):
            return self._tombstones.among(users)

    def readmit(self, user: str) -> bool:
        """Store events of an erased user again; return whether the user had been erased."""
        with self.transaction():
            return self._tombstones.remove(user)

    def save_setting(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a setting, any JSON."""
        self._write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, json.dumps(value)))

    def setting(self, key: str) -> Any:  # noqa: ANN401
        """Return a setting, or None."""
        rows = self._read("SELECT value FROM notes WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else None

    def add_audit(self, entry: Audit) -> None:
        """Record an action of an administrator."""
        self._write(
            "INSERT INTO audits (time, actor, action, detail) VALUES (?, ?, ?, ?)",
            (entry.time, entry.actor, entry.action, entry.detail),
        )

    def audits(self, n: int) -> list[Audit]:
        """Return the last n entries, newest first."""
        rows = self._read(
            "SELECT time, actor, action, detail FROM audits ORDER BY seq DESC LIMIT ?", (n,)
        )
        return [Audit(*row) for row in rows]

    def counts(self) -> dict[Literal["events", "items", "recommendations"], int]:
        """Return how many of each are kept."""
        rows = self._read(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM items), "
            "(SELECT count(*) FROM recommendations)"
        )
        events, items, lists = rows[0]
        return {"events": events, "items": items, "recommendations": lists}

    @property
    def browser(self) -> SQLiteBrowser:
        """Reads events and users in pages."""
        return SQLiteBrowser(self._read)

    def copy_to(self, path: Path, on_step: Callable[[int, int], None]) -> None:
        """Write all data as of one moment to a new file; not in a transaction."""
        with store_errors(self.path), self.transaction():
            self._database.execute("SELECT 1 FROM events LIMIT 1").fetchall()  # the moment
            copy_database(self._database, path, on_step)

    def unwritable(self) -> str | None:
        """Return why the disk takes no more, None where it does; tries it. For any thread."""
        try:
            return unwritable(self.path.parent)
        except StoreError:
            return REFUSED

    def check(self) -> list[str]:
        """Return the faults of the file; none if all is well."""
        return [row[0] for row in self._read("PRAGMA integrity_check") if row[0] != "ok"]

    def quick_check(self, seconds: float) -> list[str] | None:
        """Look for damage through a separate connection; None where the time ran out."""
        if not self.path.exists() or self.path.stat().st_ino != self._inode:
            return [f"{self.path}: the file was moved or replaced while it is in use"]
        flags = apsw.SQLITE_OPEN_READONLY
        return quick_check(apsw.Connection(str(self.path), flags, vfs=self._vfs), seconds)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with store_errors(self.path):
            return self._database.execute(sql, values).fetchall()

    def _write(self, sql: str, values: Sequence[Any]) -> int:
        with store_errors(self.path):
            self._database.execute(sql, values)
            return self._database.changes()

    def _insert(self, into: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
        """Insert rows, many with each statement.

        SQLite lets go of the interpreter for a statement, and this thread may wait long until it
        has it again.
        """
        if len(rows) <= TOGETHER:  # a single statement is a transaction
            self._insert_together(into, rows, conflict)
            return
        with self.transaction():
            for start in range(0, len(rows), TOGETHER):
                self._insert_together(into, rows[start : start + TOGETHER], conflict)

    def _insert_together(self, into: str, rows: Sequence[Sequence[Any]], conflict: str) -> None:
        if rows:
            places = f"({','.join('?' * len(rows[0]))})"
            sql = f"{into} VALUES {','.join([places] * len(rows))} {conflict}"
            self._write(sql, [value for row in rows for value in row])
