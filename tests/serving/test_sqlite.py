"""The file of the store: its tables, its settings, and files that are not one."""

import threading
from pathlib import Path

import apsw
import pytest

from pennyweight.errors import StoreError
from pennyweight.serving.live.publishing import PREVIOUS, SINCE, TRAFFIC
from pennyweight.serving.live.registry import BUNDLES
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.schema import STEPS
from pennyweight.serving.stores.sqlite import SQLiteStore


def test_writes_are_synced_to_disk(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    pragma = store._database.pragma
    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # full
    assert pragma("secure_delete") == 1
    assert pragma("user_version") == len(STEPS)
    store.close()


def test_tables_of_a_later_version_are_refused_and_untouched(tmp_path):
    path = tmp_path / "s.sqlite"
    SQLiteStore(path).close()
    database = apsw.Connection(str(path))
    database.pragma("user_version", len(STEPS) + 3)
    database.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=f"version {len(STEPS) + 3}.*install a later one"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_steps_are_done_one_after_the_other_and_each_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "s.sqlite"
    first = SQLiteStore(path)
    first.add_events([Event("e", "ann", "i", "view", 1.0)])
    first.close()
    schema = "pennyweight.serving.stores.schema"
    more = (*STEPS, "ALTER TABLE events ADD COLUMN place TEXT;", "CREATE TABLE x (a) STRICT;")
    monkeypatch.setattr(f"{schema}.STEPS", more)
    with pytest.raises(StoreError):
        SQLiteStore(path)  # a strict table needs types: the last step fails
    database = apsw.Connection(str(path))
    assert database.pragma("user_version") == len(STEPS) + 1
    columns = [row[1] for row in database.execute("PRAGMA table_info(events)")]
    database.close()
    assert "place" in columns
    monkeypatch.setattr(f"{schema}.STEPS", (*more[:-1], "CREATE TABLE x (a TEXT) STRICT;"))
    again = SQLiteStore(path)
    assert [e.event_id for e in again.events_of("ann")] == ["e"]
    again.close()


def test_a_store_of_an_earlier_version_keeps_its_rows_and_settings(tmp_path):
    path = tmp_path / "s.sqlite"
    database = apsw.Connection(str(path))
    for step in STEPS[:5]:
        database.execute(step)
    database.pragma("user_version", 5)
    database.execute(
        "INSERT INTO events (event_id, position, user, item, kind, time, weight) "
        "VALUES ('e', 0, 'ann', 'i', 'buy', 1, 1)"
    )
    database.execute(
        "INSERT INTO recommendations VALUES ('r', 'ann', 1, 'abc', NULL, 'history', '[[\"i\", 1]]')"
    )
    for key in ("models", "arms", "arms before", "arms since"):
        database.execute("INSERT INTO notes VALUES (?, ?)", (key, f'"{key}"'))
    database.close()
    store = SQLiteStore(path)
    assert [event.kind for event in store.history("ann", 9)] == ["buy"]
    assert store.recommendation("r").bundle_version == "abc"
    assert store.list_counts(0, 2) == {"abc": 1}
    settings = [store.setting(key) for key in (BUNDLES, TRAFFIC, PREVIOUS, SINCE)]
    assert settings == ["models", "arms", "arms before", "arms since"]
    store.close()


def test_other_threads_run_while_a_large_transaction_is_written(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    store.add_events([Event(f"e{i}", "ann", "i", "view", float(i)) for i in range(100_000)])
    steps, stopped = [0], threading.Event()

    def count() -> None:
        while not stopped.is_set():
            steps[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    with store.transaction():
        store._write("DELETE FROM events WHERE user = ?", ("ann",))
        before = steps[0]
    committed = steps[0] - before  # next to none where the commit keeps the interpreter
    stopped.set()
    thread.join()
    store.close()
    assert committed > 1_000


def test_transactions_within_each_other_are_undone_one_by_one(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    with store.transaction():
        store.add_events([Event("kept", "ann", "i", "view", 1.0)])
        with pytest.raises(KeyError), store.transaction():
            store.add_events([Event("undone", "ann", "i", "view", 2.0)])
            raise KeyError
        with store.transaction():
            store.add_events([Event("kept too", "ann", "i", "view", 3.0)])
    with pytest.raises(KeyError), store.transaction():
        with store.transaction():
            store.add_events([Event("undone with all", "ann", "i", "view", 4.0)])
        raise KeyError
    assert [event.event_id for event in store.events_of("ann")] == ["kept", "kept too"]
    store.close()


@pytest.mark.parametrize("kind", ["folder", "text", "nowhere"])
def test_other_files_are_no_databases(tmp_path, kind):
    path = tmp_path / "s.sqlite"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("this is a letter, and a long one. " * 100)
    else:
        path = Path("/no/such/place/s.sqlite")
    with pytest.raises(StoreError, match=r"s\.sqlite"):
        SQLiteStore(path)
    if kind == "text":
        assert path.read_text().startswith("this is a letter")


def test_an_old_log_is_taken_up(tmp_path):
    """The write-ahead log of a killed process is read by the next one."""
    import shutil

    store = SQLiteStore(tmp_path / "s.sqlite")
    store.add_events([Event("e", "ann", "i", "view", 1.0)])
    other = tmp_path / "other"
    shutil.copytree(tmp_path, other, ignore=shutil.ignore_patterns("other"))  # as if killed now
    store.close()
    after = SQLiteStore(other / "s.sqlite")
    assert len(after.events_of("ann")) == 1
    assert after.check() == []
    after.close()
