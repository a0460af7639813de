"""`/health/ready` says whether requests should be sent here, and why not."""

import threading
from operator import attrgetter
from pathlib import Path

import apsw
import pytest
from live import Service, service
from protected_app import serving

from pennyweight.serving.backlog import STUCK_SECONDS
from pennyweight.serving.http.admission import Admission
from pennyweight.serving.http.app import make_app
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine, Limits
from pennyweight.serving.readiness import readiness
from pennyweight.serving.stores.integrity import Integrity
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore

WAIT = 20


def ready(live: Service) -> tuple[int, dict[str, str]]:
    response = live.http.get("/health/ready")
    assert live.http.get("/health/live").status_code == 200
    gorse = live.http.get("/api/health/ready")
    assert gorse.status_code == response.status_code
    assert gorse.json() == {"Ready": response.status_code == 200}
    assert live.metric("pennyweight_ready ") == (response.status_code == 200)
    return response.status_code, response.json()


def damage(path: Path) -> None:
    """Overwrite the second half of the pages of a store."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4_096 * 4_096)
        file.write(b"\xa5" * (size // 2))


def filled(path: Path, n: int = 2_000) -> None:
    store = SQLiteStore(path)
    store.add_events([Event(f"e{i}", f"u{i}", "i1", "view", float(i)) for i in range(n)])
    store.close()


def test_a_service_that_does_its_work_is_ready(live):
    assert ready(live) == (200, {"status": "ready", "notes": []})


def test_before_a_bundle_is_loaded_it_is_not(tmp_path):
    engine = Engine(SQLiteStore(tmp_path / "s.sqlite"), BundleStore(tmp_path / "bundles"))
    assert readiness(engine).status == "loading"
    engine.close()


def test_damage_is_found_at_the_start_and_lists_are_given_all_the_same(bundles, tmp_path, caplog):
    filled(tmp_path / "store.sqlite")
    damage(tmp_path / "store.sqlite")
    with service(bundles[0], tmp_path) as live:
        status, state = ready(live)
        assert status == 503 and state["status"] == "damaged"
        assert "copy" in state["reason"] and str(tmp_path) not in state["reason"]
        assert len(live.post("/v1/recommend", {"items": ["i1"]})["items"]) == 10
    assert "the store is damaged" in caplog.text


def test_damage_under_way_is_found_when_the_store_fails(bundles, tmp_path):
    filled(tmp_path / "store.sqlite")
    with service(bundles[0], tmp_path) as live:
        assert ready(live)[0] == 200
        damage(tmp_path / "store.sqlite")
        live.engine.store.integrity.check(4.0)
        assert ready(live)[1]["status"] == "damaged"


def test_a_store_that_was_moved_away_is_damage(bundles, tmp_path):
    with service(bundles[0], tmp_path) as live:
        (tmp_path / "store.sqlite").rename(tmp_path / "elsewhere")
        live.engine.store.integrity.check(4.0)
        assert ready(live)[1]["status"] == "damaged"
        (tmp_path / "elsewhere").rename(tmp_path / "store.sqlite")
        live.engine.store.integrity.check(4.0)
        assert ready(live)[0] == 200


@pytest.mark.parametrize("path", ["lists.batching", "store.writer"])
def test_a_stuck_thread(live, path):
    backlog = attrgetter(path)(live.engine).backlog
    backlog.begin(0)
    backlog._began[0] -= STUCK_SECONDS + 1
    status, state = ready(live)
    assert status == 503 and state["status"] == "stuck" and "start" in state["reason"]
    backlog.end(0, 0)
    assert ready(live)[0] == 200


def test_a_full_queue_of_writes(bundles, tmp_path):
    gate, begun = threading.Event(), threading.Event()
    with service(bundles[0], tmp_path, limits=Limits(writes=1)) as live:
        live.engine.store.writer.submit(lambda store: begun.set() or gate.wait(WAIT))
        assert begun.wait(WAIT)
        live.engine.store.writer.submit(lambda store: None)
        status, state = ready(live)
        assert status == 503 and state["status"] == "full" and "1 writes wait" in state["reason"]
        gate.set()
        for _ in range(1_000):
            if live.http.get("/health/ready").status_code == 200:
                return
        raise AssertionError("it stays full")


def test_too_many_requests(bundles, tmp_path):
    engine = Engine(SQLiteStore(tmp_path / "s.sqlite"), BundleStore(tmp_path / "bundles"))
    engine.start(bundles[0])
    admission = Admission(1)
    with serving(make_app(engine, admission=admission)) as port:
        live = Service(engine, port, tmp_path)
        assert ready(live)[0] == 200
        admission.refused += 3
        assert ready(live)[1]["status"] == "full"
        admission.measure()
        assert live.metric("pennyweight_overload_refusals_total") == 3
        live.http.close()
    engine.close()


def test_checks_are_bounded_in_time_and_take_no_lock_for_long(tmp_path, caplog):
    filled(tmp_path / "s.sqlite", 20_000)
    store = SQLiteStore(tmp_path / "s.sqlite")
    assert store.quick_check(60.0) == []
    assert store.quick_check(-1.0) is None
    integrity = Integrity(lambda seconds: store.quick_check(-1.0))
    for _ in range(3):
        integrity.check(1.0)
    assert integrity.damage is None
    assert caplog.text.count("too large to be checked") == 1
    assert store.add_events([Event("n", "u", "i", "view", 1.0)]) == 1
    store.close()


def test_a_check_goes_on_in_the_background_and_after_failures():
    checked = threading.Semaphore(0)

    def check(seconds: float) -> list[str]:
        checked.release()
        return []

    integrity = Integrity(check)
    integrity.begin()
    assert checked.acquire(timeout=WAIT)
    integrity.suspect()
    assert checked.acquire(timeout=WAIT)
    integrity.close()
    soon = Integrity(check, every=0.01)
    soon.begin()
    for _ in range(2):
        assert checked.acquire(timeout=WAIT)
    soon.close()


def test_a_file_that_is_no_database_any_more(tmp_path):
    filled(tmp_path / "s.sqlite")
    store = SQLiteStore(tmp_path / "s.sqlite")
    with (tmp_path / "s.sqlite").open("r+b") as file:
        file.write(b"\x00" * 4_096)
    assert store.quick_check(4.0)
    try:
        store.close()
    except apsw.Error:
        pass
