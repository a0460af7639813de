"""The tables, as steps from one version to the next."""

import apsw

from pennyweight.errors import StoreError

__all__ = ["STEPS", "migrate"]

STEPS = (
    """
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        event_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        user TEXT NOT NULL,
        item TEXT NOT NULL,
        kind TEXT NOT NULL,
        time REAL NOT NULL,
        weight REAL NOT NULL,
        recommendation_id TEXT,
        UNIQUE (event_id, position)
    ) STRICT;
    CREATE INDEX history ON events (user, time, seq) WHERE kind <> 'impression';
    CREATE INDEX impressions ON events (user) WHERE kind = 'impression';
    CREATE INDEX attributed ON events (recommendation_id) WHERE recommendation_id IS NOT NULL;
    CREATE TABLE items (
        item_id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        document TEXT,
        available INTEGER NOT NULL,
        published REAL,
        changed REAL NOT NULL,
        removed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE recommendations (
        recommendation_id TEXT PRIMARY KEY,
        user TEXT,
        time REAL NOT NULL,
        model_version TEXT NOT NULL,
        scenario TEXT,
        source TEXT NOT NULL,
        items TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX shown_to ON recommendations (user, time) WHERE user IS NOT NULL;
    CREATE INDEX shown_at ON recommendations (time);
    CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE audits (
        seq INTEGER PRIMARY KEY,
        time REAL NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    """,
    "CREATE TABLE tombstones (digest BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;",
    # Numbers of erased events are not reused: they are the positions in the log.
    # The branches have the highest numbers of when they began; see `Store.begin_branch`.
    """
    ALTER TABLE events RENAME TO events_before;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        user TEXT NOT NULL,
        item TEXT NOT NULL,
        kind TEXT NOT NULL,
        time REAL NOT NULL,
        weight REAL NOT NULL,
        recommendation_id TEXT,
        UNIQUE (event_id, position)
    ) STRICT;
    INSERT INTO events SELECT * FROM events_before ORDER BY seq;
    DROP TABLE events_before;
    CREATE INDEX history ON events (user, time, seq) WHERE kind <> 'impression';
    CREATE INDEX impressions ON events (user) WHERE kind = 'impression';
    CREATE INDEX attributed ON events (recommendation_id) WHERE recommendation_id IS NOT NULL;
    CREATE TABLE branches (
        number INTEGER PRIMARY KEY,
        branch TEXT NOT NULL UNIQUE,
        items INTEGER NOT NULL,
        events INTEGER NOT NULL
    ) STRICT;
    INSERT INTO branches (branch, items, events) VALUES (
        lower(hex(randomblob(12))),
        (SELECT coalesce(max(seq), 0) FROM items),
        (SELECT coalesce(max(seq), 0) FROM events)
    );
    """,
    # Outcomes are counted from these alone: the rows themselves are wide.
    """
    DROP INDEX shown_to;
    DROP INDEX shown_at;
    CREATE INDEX shown_to ON recommendations (user, time, model_version) WHERE user IS NOT NULL;
    CREATE INDEX shown_at ON recommendations (time, model_version);
    """,
    # The change that set each field of an item; NULL where the last one set all of them.
    "ALTER TABLE items ADD COLUMN told TEXT;",
    # The names that requests and answers have.
    """
    ALTER TABLE events RENAME COLUMN kind TO event_type;
    ALTER TABLE recommendations RENAME COLUMN model_version TO bundle_version;
    ALTER TABLE items RENAME COLUMN told TO field_seqs;
    UPDATE notes SET key = 'bundles' WHERE key = 'models';
    UPDATE notes SET key = 'traffic split' WHERE key = 'arms';
    UPDATE notes SET key = 'previous traffic split' WHERE key = 'arms before';
    UPDATE notes SET key = 'traffic split since' WHERE key = 'arms since';
    """,
    # Pages of events, newest first; see `SQLiteBrowser`.
    """
    CREATE INDEX happened ON events (time, seq);
    CREATE INDEX item_events ON events (item, time, seq);
    CREATE INDEX typed ON events (event_type, time, seq);
    CREATE INDEX impressed ON events (user, time, seq) WHERE event_type = 'impression';
    """,
)


def migrate(database: apsw.Connection, path: str) -> None:
    """Bring the tables to the version of this package, a step at a time.

    Raises
    ------
    StoreError
        They are of a later version.
    """
    version = int(database.pragma("user_version") or 0)
    if version > len(STEPS):
        raise StoreError(
            f"{path}: tables of version {version}; this version of pennyweight reads up to "
            f"{len(STEPS)}: install a later one"
        )
    for number, step in enumerate(STEPS[version:], version + 1):
        with database:
            database.execute(step)
            database.pragma("user_version", number)
