"""A disk that is full or read-only when the service starts: lists are given, writes refused."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from live import Service
from protected_app import serving
from test_erasure import until

from pennyweight.errors import StoreError
from pennyweight.serving.http.app import make_app
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live_folder import locked_folder
from pennyweight.serving.stores.opening import ReadOnlyStore, open_store
from pennyweight.serving.stores.protocol import Event, ReadOnlyError, StoredItem
from pennyweight.serving.stores.room import unwritable
from pennyweight.serving.stores.sqlite import SQLiteStore

REASON = "the disk is full"
ROWS = 48 << 10  # bytes that do for some rows, and not for a bundle


def events(n: int, start: int = 0) -> list[Event]:
    return [Event(f"e{i}", "ann", f"i{i}", "view", float(i)) for i in range(start, start + n)]


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk can only be made by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filling").open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                for _ in range(10_000):
                    file.write(bytes(size))
            except OSError:
                continue


def write_protect(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ended_without_tidying_up(folder: Path) -> Path:
    """Return a store as a killed process leaves it: some events are in the log alone."""
    store = SQLiteStore(folder / "first.sqlite")
    store.add_events(events(2))
    store._database.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    store.add_events(events(2, start=2))
    for end in ("", "-wal"):
        shutil.copy(folder / f"first.sqlite{end}", folder / f"s.sqlite{end}")
    store.close()
    return folder / "s.sqlite"


def test_events_that_are_in_the_log_alone_are_read_and_no_file_is_made_or_changed(tmp_path):
    path = ended_without_tidying_up(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    store = ReadOnlyStore(path, REASON)
    readers = [store.reader() for _ in range(3)]
    for opened in (store, *readers):
        assert [e.event_id for e in opened.history("ann", 9)] == ["e0", "e1", "e2", "e3"]
    assert store.quick_check(4.0) == []
    for opened in (store, *readers):
        opened.close()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    again = SQLiteStore(path)
    assert len(again.history("ann", 9)) == 4
    again.close()


def test_a_store_that_was_closed_is_read_as_it_lies(tmp_path):
    store = SQLiteStore(tmp_path / "s.sqlite")
    store.add_events(events(3))
    store.close()
    read = ReadOnlyStore(tmp_path / "s.sqlite", REASON)
    assert len(read.history("ann", 9)) == 3
    read.close()
    assert names(tmp_path) == ["s.sqlite"]


@pytest.mark.parametrize("content", [None, b""])
def test_where_there_is_none_it_is_empty(tmp_path, content):
    if content is not None:
        (tmp_path / "s.sqlite").write_bytes(content)
    store = ReadOnlyStore(tmp_path / "s.sqlite", REASON)
    reader = store.reader()
    assert reader.history("ann", 9) == [] and reader.items() == [] and reader.setting("x") is None
    reader.close()
    store.close()


def test_nothing_is_written(tmp_path):
    store = ReadOnlyStore(tmp_path / "s.sqlite", REASON)
    item = StoredItem("i", {"title": "x"}, True, None, 1.0)
    for write in (
        lambda: store.add_events(events(1)),
        lambda: store.put_items([item]),
        lambda: store.erase("ann"),
        lambda: store.save_setting("a", 1),
        lambda: store.forget_recommendations(1.0),
    ):
        with pytest.raises(ReadOnlyError, match=r"the disk is full.*restart the service"):
            write()
    store.close()


def test_other_files_are_no_stores(tmp_path):
    (tmp_path / "s.sqlite").write_text("no database " * 500)
    with pytest.raises(StoreError, match="not a database"):
        ReadOnlyStore(tmp_path / "s.sqlite", REASON)
    database = apsw.Connection(str(tmp_path / "old.sqlite"))
    database.execute("CREATE TABLE x (a)")
    database.close()
    with pytest.raises(StoreError, match="another version"):
        ReadOnlyStore(tmp_path / "old.sqlite", REASON)


def test_a_folder_that_can_be_written_to(tmp_path):
    assert unwritable(tmp_path / "new" / "folder") is None
    assert names(tmp_path / "new" / "folder") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--data"):
        unwritable(tmp_path / "file")


@pytest.mark.parametrize("spoil", [fill, write_protect], ids=["full", "read-only"])
@pytest.mark.parametrize("served_before", [True, False])
def test_lists_are_given_and_writes_are_refused(bundles, disk, caplog, spoil, served_before):
    event = {"user_id": "ann", "item_id": "i1", "event_id": "e1"}
    if served_before:
        engine = Engine(open_store(disk / "store.sqlite"), BundleStore(disk / "bundles"))
        engine.start(bundles[0])
        with serving(make_app(engine)) as port:
            live = Service(engine, port, disk)
            live.post("/v1/events", event)
            live.http.patch("/v1/items/i3", json={"available": False})
            live.http.close()
        engine.close()
    spoil(disk)
    with locked_folder(disk):
        engine = Engine(open_store(disk / "store.sqlite"), BundleStore(disk / "bundles"))
        engine.start(None if served_before else bundles[0])
        with serving(make_app(engine)) as port:
            live = Service(engine, port, disk)
            refusals(live, event)
            held = live.get("/v1/users/ann")["events"]
            assert [e["event_id"] for e in held] == (["e1"] if served_before else [])
            assert ("i3" in live.ids("/v1/recommend/new", k=40)) is not served_before
            live.http.close()
        engine.close()
    assert "lists are served, but no event" in caplog.text


def refusals(live: Service, event: dict) -> None:
    ready = live.get("/health/ready")
    assert ready["status"] == "ready" and "events are refused: the disk is" in ready["reason"]
    for method, path, body in (
        ("POST", "/v1/events", event | {"event_id": "e2"}),
        ("PUT", "/v1/items/n", {"attributes": {"title": "tea"}}),
        ("PATCH", "/v1/items/i2", {"available": False}),
        ("DELETE", "/v1/users/ann", None),
    ):
        response = live.http.request(method, path, json=body)
        assert response.status_code == 503, response.text
        assert "when the service started" in response.json()["detail"]
        assert "/" not in response.json()["detail"]
    assert "i2" in live.ids("/v1/recommend/new", k=40)
    for page in ("/", "/dashboard/bundles", "/dashboard/quality", "/dashboard/users?id=ann"):
        assert live.http.get(page).status_code == 200


def test_a_disk_with_room_for_events_and_none_for_a_bundle(bundles, disk, caplog):
    (disk / "filling").write_bytes(bytes((16 << 20) - (1_500 << 10)))
    big = bundles[0]
    size = sum(p.stat().st_size for p in big.rglob("*") if p.is_file())
    (disk / "more").write_bytes(bytes(max(0, (300 << 10) - size // 2)))
    engine = Engine(open_store(disk / "store.sqlite"), BundleStore(disk / "bundles"))
    engine.start(big)
    assert engine.is_ready
    engine.close()


def test_an_erasure_for_which_there_is_no_room_is_said_and_no_list_rests_on_the_user(bundles, disk):
    user = "u5"
    engine = Engine(open_store(disk / "store.sqlite"), BundleStore(disk / "bundles"))
    engine.start(bundles[0])
    with serving(make_app(engine)) as port:
        live = Service(engine, port, disk)
        assert live.get(f"/v1/recommend/{user}")["source"] == "history"
        live.engine.lists.log.close()  # its writes would take the room
        fill(disk)
        with (disk / "filling").open("r+b") as file:
            file.truncate((disk / "filling").stat().st_size - ROWS)
        response = live.http.delete(f"/v1/users/{user}")
        assert response.status_code == 503 and response.json()["type"] == "/docs#unfinished-erasure"
        assert "/" not in response.json()["detail"]
        assert live.get(f"/v1/recommend/{user}")["source"] == "popularity"
        live.http.close()
    fill(disk)
    engine.close()
    for room in (False, True):
        if room:
            (disk / "filling").unlink()
        engine = Engine(open_store(disk / "store.sqlite"), BundleStore(disk / "bundles"))
        engine.start(None)
        with serving(make_app(engine)) as port:
            live = Service(engine, port, disk)
            assert live.get(f"/v1/recommend/{user}")["source"] == "popularity"
            assert bool(live.get(f"/v1/users/{user}")["events"]) is not room
            live.http.close()
        engine.close()


def test_a_disk_that_fills_under_way_is_told_until_there_is_room(bundles, disk):
    engine = Engine(open_store(disk / "store.sqlite"), BundleStore(disk / "bundles"))
    engine.start(bundles[0])
    with serving(make_app(engine)) as port:
        live = Service(engine, port, disk)
        assert "reason" not in live.get("/health/ready")
        fill(disk)
        batch = [{"user_id": "ann", "item_id": f"i{n % 9}"} for n in range(1_000)]
        while live.http.post("/v1/events", json={"events": batch}).status_code == 200:
            pass  # as many as the log has room for
        state = live.get("/health/ready")
        assert state["status"] == "ready" and "events are refused: the disk" in state["reason"]
        assert live.get("/v1/recommend/u5")["source"] == "history"
        (disk / "filling").unlink()
        until(lambda: "reason" not in live.get("/health/ready"))
        assert live.http.post("/v1/events", json={"events": batch}).status_code == 200
        live.http.close()
    engine.close()


def test_two_services_do_not_share_a_folder_that_is_read_only(disk):
    write_protect(disk)
    with (
        locked_folder(disk),
        pytest.raises(StoreError, match="another service"),
        locked_folder(disk),
    ):
        pass


def test_a_service_is_started_with_no_room_at_all(bundles, disk):
    fill(disk)
    command = [
        sys.executable,
        "-m",
        "pennyweight",
        "serve",
        str(bundles[0]),
        "--port",
        "0",
        "--data",
        str(disk / "live"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None
        assert "serves" in process.stdout.readline()
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert "the disk is full" in errors


def test_a_folder_of_an_earlier_version_keeps_its_bundles(tmp_path):
    (tmp_path / "models" / "abc").mkdir(parents=True)
    with locked_folder(tmp_path):
        assert not (tmp_path / "bundles").exists()  # the folder of something else
    (tmp_path / "store.sqlite").touch()
    with locked_folder(tmp_path):
        assert (tmp_path / "bundles" / "abc").is_dir() and not (tmp_path / "models").exists()
