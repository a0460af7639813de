"""Group commit."""

import threading
from pathlib import Path

import pytest

from pennyweight.errors import BusyError, DataError, StoreError
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.serving.stores.writer import Writer

WAIT = 20  # seconds at the most


def event(number: int) -> Event:
    return Event(f"e{number}", "ann", "a", "view", float(number))


@pytest.fixture
def store(tmp_path: Path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    yield store
    store.close()


def test_results_are_on_disk(store):
    writer = Writer(store)
    futures = [
        writer.submit(lambda s, n=n: s.add_events([event(n), event(n + 1)])) for n in range(50)
    ]
    assert [f.result(WAIT) for f in futures] == [2] + [1] * 49
    other = SQLiteStore(store.path)
    assert len(other.history("ann", 99)) == 51
    other.close()
    writer.close()


def test_waiting_jobs_are_written_in_one_transaction(store):
    commits = []

    def committed() -> bool:
        commits.append(1)
        return False  # True would take it back

    store._database.set_commit_hook(committed)
    gate = threading.Event()
    writer = Writer(store)
    first = writer.submit(lambda s: gate.wait(WAIT))
    futures = [writer.submit(lambda s, n=n: s.add_events([event(n)])) for n in range(100)]
    gate.set()
    assert first.result(WAIT)
    assert sum(f.result(WAIT) for f in futures) == 100
    assert len(commits) <= 2
    writer.close()


def test_a_job_that_fails_takes_back_its_own_and_leaves_the_others(store):
    gate = threading.Event()
    writer = Writer(store)
    writer.submit(lambda s: gate.wait(WAIT))

    def half(s):
        s.add_events([event(1)])
        raise DataError("no")

    futures = [
        writer.submit(job)
        for job in (lambda s: s.add_events([event(0)]), half, lambda s: s.add_events([event(2)]))
    ]
    gate.set()
    assert futures[0].result(WAIT) == futures[2].result(WAIT) == 1
    with pytest.raises(DataError):
        futures[1].result(WAIT)
    writer.close()
    assert [e.event_id for e in store.history("ann", 9)] == ["e0", "e2"]


def test_too_many_are_refused_and_none_is_lost(store):
    gate = threading.Event()
    writer = Writer(store, depth=2)
    writer.submit(lambda s: gate.wait(WAIT))
    accepted = []
    with pytest.raises(BusyError, match="try again"):
        for n in range(10):
            accepted.append(writer.submit(lambda s, n=n: s.add_events([event(n)])))
    gate.set()
    assert len(accepted) in (1, 2, 3)
    assert all(f.result(WAIT) == 1 for f in accepted)
    writer.close()
    assert len(store.history("ann", 99)) == len(accepted)


def test_an_erasure_runs_outside_of_a_transaction(store):
    writer = Writer(store)
    writer.submit(lambda s: s.add_events([event(1)])).result(WAIT)
    erasure = writer.submit(lambda s: s.erase("ann"), alone=True)
    other = Event("e2", "bob", "a", "view", 2.0)
    after = writer.submit(lambda s: s.add_events([other]))
    assert erasure.result(WAIT).events == 1
    assert after.result(WAIT) == 1
    writer.close()


def test_closing_finishes_what_waits(store):
    writer = Writer(store)
    futures = [writer.submit(lambda s, n=n: s.add_events([event(n)])) for n in range(20)]
    writer.close()
    assert all(f.done() for f in futures)
    assert len(store.history("ann", 99)) == 20


def test_an_error_of_the_disk_fails_all_of_them(store):
    gate = threading.Event()
    writer = Writer(store)
    writer.submit(lambda s: gate.wait(WAIT))

    def broken(s):
        raise StoreError("the disk is full")

    futures = [writer.submit(lambda s: s.add_events([event(1)])), writer.submit(broken)]
    gate.set()
    for future in futures:
        with pytest.raises(StoreError, match="full"):
            future.result(WAIT)
    assert writer.submit(lambda s: s.add_events([event(1)])).result(WAIT) == 1
    writer.close()
