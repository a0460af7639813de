"""Work that nobody waits for any more is not done."""

import asyncio
import threading
import time

import pytest
from live import Service, service

from pennyweight.errors import BusyError
from pennyweight.serving.backlog import PATIENCE
from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.http.deadline import DEADLINE, TIMEOUT, Deadline
from pennyweight.serving.live.lists import ListRequest
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.serving.stores.writer import Writer

WAIT = 20
NOW, EXPIRED = float("inf"), float("-inf")


def deadline(at: float, *, disconnected: bool = False) -> Deadline:
    return Deadline(at, lambda: disconnected)


class Gate:
    """A job that holds a thread until it is opened."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, *args: object) -> bool:
        self.begun.set()
        return self.open.wait(WAIT)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.mark.parametrize(
    ("job_deadline", "n_calls"),
    [
        (deadline(NOW), True),
        (None, True),
        (deadline(EXPIRED), False),
        (deadline(NOW, disconnected=True), False),
    ],
    ids=["in time", "no request", "late", "gone"],
)
def test_lists_without_a_waiting_client_are_not_scored(live: Service, gate, job_deadline, n_calls):
    called = []

    async def submit_both() -> list[object]:
        engine = live.engine
        bundle = engine.traffic.split.primary
        held = engine.lists.submit(bundle, gate)
        await asyncio.to_thread(gate.begun.wait, WAIT)
        DEADLINE.set(job_deadline)
        jobs = [
            engine.lists.submit(bundle, ListRequest(k=3)),
            engine.lists.submit(bundle, lambda bundle, store: called.append(1)),
        ]
        gate.open.set()
        await held
        return await asyncio.gather(*jobs, return_exceptions=True)

    results = asyncio.run(submit_both())
    assert [isinstance(result, BusyError) for result in results] == [not n_calls] * 2
    assert len(called) == n_calls


def test_a_thread_that_is_stuck_makes_nobody_wait(live: Service, gate):
    async def submit() -> None:
        engine = live.engine
        bundle = engine.traffic.split.primary
        engine.lists.submit(bundle, gate)
        await asyncio.to_thread(gate.begun.wait, WAIT)
        DEADLINE.set(deadline(time.monotonic() + 0.1))
        with pytest.raises(BusyError, match="timed out"):  # while the thread is stuck
            await asyncio.wait_for(engine.lists.submit(bundle, ListRequest(k=3)), WAIT)
        engine.lists.batching.backlog._began[0] -= 2 * PATIENCE
        with pytest.raises(BusyError, match="would wait"):  # at once
            engine.lists.submit(bundle, ListRequest(k=3))

    asyncio.run(submit())
    event = {"user_id": "ann", "item_id": "i1"}
    assert live.http.get("/v1/recommend/ann").status_code == 503
    assert live.http.get("/v1/recommend/ann").headers["retry-after"] == "1"
    assert live.post("/v1/events", event)["accepted"] == 1  # of another thread
    gate.open.set()
    for _ in range(1_000):
        if live.http.get("/v1/recommend/ann").status_code == 200:
            return
        time.sleep(0.01)
    raise AssertionError("it does not go on")


def test_requests_come_with_a_deadline(bundles, tmp_path):
    seconds_left = []
    with service(bundles[0], tmp_path, access=AccessPolicy(timeout=TIMEOUT)) as live:
        submit = live.engine.lists.batching.backlog.put

        def put(job, **options) -> None:
            seconds_left.append(job.deadline.at - time.monotonic())
            submit(job, **options)

        live.engine.lists.batching.backlog.put = put  # type: ignore[method-assign]
        live.get("/v1/recommend/u1")
    assert 0 < seconds_left[0] <= TIMEOUT


def event(number: int) -> Event:
    return Event(f"e{number}", "ann", "a", "view", float(number))


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    yield store
    store.close()


def test_late_writes_are_not_written_and_those_of_clients_that_left_are(store, gate):
    writer = Writer(store)
    writer.submit(gate)
    assert gate.begun.wait(WAIT)
    futures = [
        writer.submit(lambda s, n=n: s.add_events([event(n)]), deadline=job_deadline)
        for n, job_deadline in enumerate(
            (deadline(EXPIRED), deadline(NOW, disconnected=True), None, deadline(NOW))
        )
    ]
    gate.open.set()
    assert [f.result(WAIT) for f in futures[1:]] == [1, 1, 1]
    writer.close()
    assert futures[0].cancelled()
    assert [e.event_id for e in store.history("ann", 9)] == ["e1", "e2", "e3"]


def test_a_write_that_waits_for_a_stuck_disk_is_told_so_and_never_written(store, gate):
    writer = Writer(store)
    writer.submit(gate)
    assert gate.begun.wait(WAIT)
    waits = writer.submit(lambda s: s.add_events([event(1)]), deadline=deadline(EXPIRED))
    for _ in range(1_000):
        if waits.cancelled():
            break
        time.sleep(0.01)
    assert waits.cancelled() and not gate.open.is_set()
    gate.open.set()
    writer.close()
    assert store.history("ann", 9) == []


def test_a_late_event_is_told_as_busy(bundles, tmp_path, gate, monkeypatch):
    monkeypatch.setattr("pennyweight.serving.stores.writer.GRACE", 0.0)
    with service(bundles[0], tmp_path, access=AccessPolicy(timeout=1.0)) as live:
        live.engine.store.writer.submit(gate)
        assert gate.begun.wait(WAIT)
        event = {"user_id": "ann", "item_id": "i1"}
        response = live.http.post("/v1/events", json=event)  # the disk is stuck
        assert response.status_code == 503 and response.headers["retry-after"] == "1"
        assert "nothing was stored" in response.json()["detail"]
        gate.open.set()
        end = time.monotonic() + WAIT
        while live.engine.store.writer.backlog.stuck_for and time.monotonic() < end:
            time.sleep(0.005)  # until the stuck write has ended, others are refused
        for _ in range(60):  # a busy machine may be late again, and stores nothing then
            response = live.http.post("/v1/events", json=event)
            if response.status_code != 503:
                break
        assert response.json()["accepted"] == 1
        assert len(live.engine.store.read_now(lambda store: store.history("ann", 9))) == 1
