"""Full disks and failed syncs: nothing is acknowledged."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import httpx
import pytest
from live import service
from protected_app import serving

from pennyweight.errors import StoreError
from pennyweight.serving.http.app import make_app
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore

NAME = "faulty"


class Faults:
    """The operations that the disk refuses at the moment."""

    writes = syncs = moves = False


class FaultyFile(apsw.VFSFile):
    """A file that refuses on demand, also at checkpoints of the write-ahead log."""

    def __init__(self, name, flags) -> None:
        super().__init__("", name, flags)
        self.holds_tables = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)

    def xWrite(self, data: bytes, offset: int) -> None:
        if Faults.writes or (Faults.moves and self.holds_tables):
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if Faults.syncs:
            raise apsw.IOError("sync failed")
        super().xSync(flags)


class FaultyDisk(apsw.VFS):
    """The usual file system, through files that refuse on demand."""

    def __init__(self) -> None:
        super().__init__(NAME, "")

    def xOpen(self, name, flags):
        return FaultyFile(name, flags)


@pytest.fixture(scope="module")
def disk() -> Iterator[str]:
    faulty = FaultyDisk()
    yield NAME
    faulty.unregister()


@pytest.fixture(autouse=True)
def reset_faults() -> Iterator[None]:
    yield
    Faults.writes = Faults.syncs = Faults.moves = False


def asking(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}")


def event(number: int) -> Event:
    return Event(f"e{number}", "ann", "i1", "view", float(number))


@pytest.mark.parametrize("fault", ["writes", "syncs"])
def test_a_store_says_so_and_goes_on_when_the_disk_does(disk, tmp_path, fault):
    store = SQLiteStore(tmp_path / "s.sqlite", vfs=disk)
    assert store.add_events([event(1)]) == 1
    setattr(Faults, fault, True)
    with pytest.raises(StoreError, match=r"s\.sqlite.*nothing was stored"):
        store.add_events([event(2)])
    setattr(Faults, fault, False)
    assert store.add_events([event(3)]) == 1
    assert [e.event_id for e in store.history("ann", 9)] == ["e1", "e3"]
    store.close()
    again = SQLiteStore(tmp_path / "s.sqlite")
    assert [e.event_id for e in again.history("ann", 9)] == ["e1", "e3"]
    assert again.check() == []
    again.close()


@pytest.mark.parametrize("fault", ["writes", "syncs"])
def test_the_service_refuses_and_recovers(disk, bundles, tmp_path, fault):
    store = SQLiteStore(tmp_path / "store.sqlite", vfs=disk)
    engine = Engine(store, BundleStore(tmp_path / "bundles"))
    engine.start(bundles[0])
    with serving(make_app(engine)) as port, asking(port) as http:
        event = {"user_id": "ann", "item_id": "i1"}
        assert http.post("/v1/events", json=event | {"event_id": "e1"}).status_code == 200
        setattr(Faults, fault, True)
        for path, body in (
            ("/v1/events", event | {"event_id": "e2"}),
            ("/v1/items", {"items": [{"item_id": "n", "attributes": {"title": "x"}}]}),
        ):
            response = http.post(path, json=body)
            assert response.status_code == 503
            assert response.headers["retry-after"] == "5"
            assert response.headers["content-type"] == "application/problem+json"
            assert str(tmp_path) not in response.text  # where it lies is nobody's business
        assert http.get("/v1/recommend/ann").status_code == 200  # lists are given all the same
        assert http.get("/v1/items/n").status_code == 404
        setattr(Faults, fault, False)
        assert http.post("/v1/events", json=event | {"event_id": "e2"}).json()["accepted"] == 1
        assert "pennyweight_storage_errors_total 2.0" in http.get("/metrics").text
    engine.close()
    with service(None, tmp_path) as after:
        events = after.get("/v1/users/ann")["events"]
        assert [e["event_id"] for e in events] == ["e1", "e2"]


@pytest.mark.parametrize("again", ["erase", "start"])
def test_an_erasure_that_the_disk_cuts_short_says_so_and_is_finished_later(
    disk, bundles, tmp_path, again
):
    user = "u5"
    engine = Engine(SQLiteStore(tmp_path / "store.sqlite", vfs=disk), BundleStore(tmp_path / "m"))
    engine.start(bundles[0])
    with serving(make_app(engine)) as port, asking(port) as http:
        http.post("/v1/events", json={"user_id": user, "item_id": "i1", "event_id": "by-u5"})
        assert http.get(f"/v1/recommend/{user}").json()["source"] == "history"
        engine.lists.log.close()
        Faults.moves = True
        response = http.delete(f"/v1/users/{user}")
        assert response.status_code == 503
        assert response.json()["type"] == "/docs#unfinished-erasure"
        assert "the disk is full" in response.json()["detail"]
        assert str(tmp_path) not in response.text
        data = http.get(f"/v1/users/{user}").json()
        assert data["erased"] and data["events"] == []
        assert http.get(f"/v1/recommend/{user}").json()["source"] == "popularity"
        assert "by-u5" in store_text(tmp_path)
        Faults.moves = False
        if again == "erase":
            assert http.delete(f"/v1/users/{user}").status_code == 200
            assert "by-u5" not in store_text(tmp_path)
    # As a kill leaves it: the log is as it was, and nothing is tidied up.
    for path in tmp_path.glob("store.sqlite*"):
        (tmp_path / "after").mkdir(exist_ok=True)
        (tmp_path / "after" / path.name).write_bytes(path.read_bytes())
    engine.close()
    with service(bundles[0], tmp_path / "after") as after:
        assert "by-u5" not in store_text(tmp_path / "after")
        assert after.get(f"/v1/recommend/{user}")["source"] == "popularity"


def test_an_erasure_of_which_the_disk_takes_nothing_leaves_all_as_it_was(disk, bundles, tmp_path):
    engine = Engine(SQLiteStore(tmp_path / "store.sqlite", vfs=disk), BundleStore(tmp_path / "m"))
    engine.start(bundles[0])
    with serving(make_app(engine)) as port, asking(port) as http:
        Faults.writes = True
        response = http.delete("/v1/users/u5")
        assert response.status_code == 503 and response.json()["type"] == "/docs#store"
        assert not http.get("/v1/users/u5").json()["erased"]
        assert http.get("/v1/recommend/u5").json()["source"] == "history"
        assert engine.users.erasing == 0
    Faults.writes = False
    engine.close()


def store_text(folder: Path) -> str:
    """Return all that the files of a store hold."""
    contents = [path.read_bytes() for path in folder.glob("store.sqlite*")]
    return b"".join(contents).decode("latin-1")
