"""Backups of a service that runs, their restoration, and kills at every step of both."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from live import Service, service

from pennyweight.errors import BundleError, DataError, StoreError
from pennyweight.serving.live_folder import locked_folder
from pennyweight.serving.operations.backup import BackupCheck, back_up, check_backup, restore
from pennyweight.serving.operations.checking import check_folder
from pennyweight.serving.stores.sqlite import SQLiteStore

KILLS = 5
NOTED = 10  # steps that note the end of a backup
CHILD = """
import os, signal, sys
from pathlib import Path
from pennyweight.serving.operations.backup import back_up, restore
from pennyweight.serving.stores import copying

kill_at, calls = int(sys.argv[1]), 0

def killing(run):
    def counted(*arguments):
        global calls
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        result = run(*arguments)
        calls += 1
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return counted

copying.PAGES = 20
copying.time.sleep = killing(lambda seconds: None)
os.fsync, os.rename = killing(os.fsync), killing(os.rename)
{"back_up": back_up, "restore": restore}[sys.argv[2]](Path(sys.argv[3]), Path(sys.argv[4]))
print(calls)
"""


def run(kill_at: int, verb: str, source: Path, target: Path) -> int | None:
    """Return the number of steps, None where the process was killed."""
    command = [sys.executable, "-c", CHILD, str(kill_at), verb, str(source), str(target)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0
    return int(done.stdout)


def events_of(folder: Path) -> list[tuple]:
    with closing(SQLiteStore(folder / "store.sqlite")) as store:
        return [(e.event_id, e.user, e.item, e.seq) for e in store.all_events()]


def send(live: Service, start: int, n: int) -> None:
    events = [
        {"event_id": f"e{number}", "user_id": f"u{number % 60}", "item_id": f"i{number % 30}"}
        for number in range(start, start + n)
    ]
    live.post("/v1/events", {"events": events})


@pytest.fixture(scope="module")
def folder(bundles, tmp_path_factory) -> Path:
    """The folder of a service with events, items and two bundles."""
    folder = tmp_path_factory.mktemp("shop") / "live"
    with service(bundles[0], folder) as live:
        send(live, 0, 900)
        live.http.put("/v1/items/new", json={"attributes": {"title": "tea blend new"}})
        live.post("/v1/bundles", {"path": str(bundles[1])})
    return folder


def test_a_restored_backup_serves_as_the_original(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        send(live, 0, 500)
        live.http.put("/v1/items/new", json={"attributes": {"title": "tea blend new"}})
        live.post("/v1/bundles", {"path": str(bundles[1])})
        summary = back_up(tmp_path / "live", tmp_path / "backup")
        lists = [live.ids(f"/v1/recommend/u{number}") for number in range(9)]
        similar = live.ids("/v1/similar/new")
    assert summary.counts["events"] == 500 and len(summary.bundles) == 2
    assert check_backup(tmp_path / "backup") == BackupCheck(summary, ())
    assert restore(tmp_path / "backup", tmp_path / "again") == summary
    assert events_of(tmp_path / "again") == events_of(tmp_path / "live")
    assert not check_folder(tmp_path / "again").faults
    with service(None, tmp_path / "again") as again:
        assert [again.ids(f"/v1/recommend/u{number}") for number in range(9)] == lists
        assert again.ids("/v1/similar/new") == similar
        again.post("/v1/bundles/rollback", {})


def test_nothing_acknowledged_before_the_backup_is_missing_from_it(bundles, tmp_path):
    acknowledged, stop = [0], threading.Event()
    with service(bundles[0], tmp_path / "live") as live:

        def feed() -> None:
            while not stop.is_set():
                send(live, acknowledged[0], 20)
                acknowledged[0] += 20

        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            for number in range(5):
                before = acknowledged[0]
                summary = back_up(tmp_path / "live", tmp_path / f"backup{number}")
                assert before <= summary.counts["events"]
                assert summary.counts["events"] % 20 == 0  # no half of a batch
        finally:
            stop.set()
            feeder.join()
    restore(tmp_path / "backup4", tmp_path / "again")
    copied = events_of(tmp_path / "again")
    assert copied == events_of(tmp_path / "live")[: len(copied)]
    assert len(copied) < acknowledged[0] + 20


def test_an_erasure_waits_for_a_backup(bundles, tmp_path, monkeypatch):
    from pennyweight.serving.operations import backup

    statuses, copy = [], backup._copy_bundles
    with service(bundles[0], tmp_path / "live") as live:
        send(live, 0, 60)
        erasure = threading.Thread(
            target=lambda: statuses.append(live.http.delete("/v1/users/u3").status_code)
        )

        def slow(*arguments):
            erasure.start()
            erasure.join(0.5)
            assert erasure.is_alive()
            return copy(*arguments)

        monkeypatch.setattr(backup, "_copy_bundles", slow)
        back_up(tmp_path / "live", tmp_path / "backup")
        erasure.join()
    assert statuses == [200]
    assert check_backup(tmp_path / "backup").summary.counts["events"] == 60


def test_a_backup_killed_at_any_step_leaves_nothing_or_all_in_its_place(folder, tmp_path):
    out = tmp_path / "backup"
    steps = run(0, "back_up", folder, tmp_path / "first")
    assert steps is not None and steps > 20
    for kill_at in range(1, steps + 1, max(1, steps // KILLS)):
        assert run(kill_at, "back_up", folder, out) is None
        assert not check_folder(folder).faults
        if kill_at < steps - NOTED:
            assert not out.exists()
        elif out.exists():  # it has its name, and only its end was not noted
            assert not check_backup(out).faults
            shutil.rmtree(out)
    assert run(steps, "back_up", folder, out) is None
    assert not check_backup(out).faults  # it had its name already
    back_up(folder, tmp_path / "last")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup", "first", "last"]


def test_a_restoration_killed_at_any_step_leaves_nothing_in_its_place(folder, tmp_path):
    back_up(folder, tmp_path / "backup")
    steps = run(0, "restore", tmp_path / "backup", tmp_path / "first")
    assert steps is not None and steps > 10
    for kill_at in range(1, steps, max(1, steps // KILLS)):
        assert run(kill_at, "restore", tmp_path / "backup", tmp_path / "live") is None
        assert not (tmp_path / "live").exists()
    restore(tmp_path / "backup", tmp_path / "live")
    assert not check_folder(tmp_path / "live").faults
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup", "first", "live"]


def test_an_altered_backup_is_refused(folder, tmp_path):
    backup, to = tmp_path / "backup", tmp_path / "live"
    back_up(folder, backup)
    bundle = next((backup / "bundles").iterdir())
    for file in (backup / "store.sqlite", next(p for p in bundle.iterdir() if p.suffix)):
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        (fault,) = check_backup(backup).faults
        assert fault.startswith(f"{file}: ")
        with pytest.raises(StoreError, match="use another backup") as raised:
            restore(backup, to)
        assert str(raised.value).startswith(f"{file}: ")
        assert not to.exists()
        file.write_bytes(data)
    (backup / "store.sqlite").unlink()
    assert check_backup(backup).faults == (f"{backup / 'store.sqlite'}: No such file or directory",)


def test_a_check_lists_every_fault_of_a_backup(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1])})
        backup = tmp_path / "backup"
        back_up(tmp_path / "live", backup)
    first, second = sorted((backup / "bundles").iterdir())
    altered, cut, gone = sorted(p for p in first.iterdir() if p.name != "manifest.json")[:3]
    altered.write_bytes(altered.read_bytes()[:-1] + b"~")
    cut.write_bytes(cut.read_bytes()[:-1])
    gone.unlink()
    (first / "stranger").touch()
    (second / "manifest.json").unlink()
    store = backup / "store.sqlite"
    store.write_bytes(store.read_bytes() + b"~")
    faulty = {altered, cut, gone, first / "stranger", second / "manifest.json", store}
    check = check_backup(backup)
    assert {Path(fault.partition(": ")[0]) for fault in check.faults} == faulty
    (backup / "backup.json").write_text("{")
    check = check_backup(backup)
    assert check.summary is None
    named = {Path(fault.partition(": ")[0]) for fault in check.faults}
    assert named == faulty - {store} | {backup / "backup.json"}


def test_a_folder_that_never_served_a_bundle_is_not_whole_nor_saved(bundles, tmp_path):
    damaged, live = tmp_path / "damaged", tmp_path / "live"
    shutil.copytree(bundles[0], damaged)
    next(damaged.rglob("*.safetensors")).unlink()
    with pytest.raises(BundleError), service(damaged, live):
        pass
    assert (live / "store.sqlite").is_file()
    (fault,) = check_folder(live).faults
    assert "no bundle has been published there" in fault
    with pytest.raises(DataError, match="nothing to back up"):
        back_up(live, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_backup_is_not_put_where_it_spoils_something(folder, bundles, tmp_path):
    back_up(folder, tmp_path / "backup")
    for place, owner in (
        (folder / "backup", "the folder of a service"),
        (folder / "bundles" / "backup", "the folder of a service"),
        (bundles[0] / "backup" / "today", "a bundle"),
        (tmp_path / "backup" / "again", "a backup"),
    ):
        with pytest.raises(DataError, match=f"lies in {owner}"):
            back_up(folder, place)
        with pytest.raises(DataError, match=f"lies in {owner}"):
            restore(tmp_path / "backup", place)
    assert not check_folder(folder).faults and not check_backup(tmp_path / "backup").faults


def test_places_that_are_taken_and_folders_of_others(folder, tmp_path):
    with pytest.raises(DataError, match="not a folder of a service"):
        back_up(tmp_path, tmp_path / "backup")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "letter").touch()
    with pytest.raises(DataError, match="not empty"):
        back_up(folder, taken)
    with pytest.raises(DataError, match="no backup"):
        restore(folder, tmp_path / "live")
    back_up(folder, tmp_path / "backup")
    with pytest.raises(DataError, match="not empty"):
        restore(tmp_path / "backup", taken)
    summary = json.loads((tmp_path / "backup" / "backup.json").read_text())
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(summary | {"format_version": 9}))
    with pytest.raises(DataError, match="install a later one"):
        restore(tmp_path / "backup", tmp_path / "live")


def test_an_empty_folder_takes_a_backup_and_a_restoration(folder, tmp_path):
    for name in ("backup", "live"):
        (tmp_path / name).mkdir()
    back_up(folder, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "live")
    assert (tmp_path / "live").stat().st_mode & 0o077 == 0
    assert not check_folder(tmp_path / "live").faults


def test_a_check_names_each_fault(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        send(live, 0, 60)
        live.post("/v1/bundles", {"path": str(bundles[1])})
        state = check_folder(tmp_path / "live")  # while it runs
        assert not state.faults and state.events == 60
        assert list(state.served.values()) == [1.0] and len(state.bundles) == 2
    versions = sorted(state.bundles)
    file = next(p for p in (tmp_path / "live/bundles" / versions[0]).iterdir() if p.suffix)
    file.write_bytes(file.read_bytes()[:-1])
    os.rename(tmp_path / "live/bundles" / versions[1], tmp_path / "away")
    faults = check_folder(tmp_path / "live").faults
    assert len(faults) == 2
    assert file.name in faults[0] and versions[1] in faults[1]
    (tmp_path / "live/store.sqlite").write_bytes(b"no database" * 1_000)
    assert any("store.sqlite" in fault for fault in check_folder(tmp_path / "live").faults)


def test_a_service_does_not_change_a_backup_or_a_bundle(bundles, tmp_path):
    shop = bundles[0]
    with service(shop, tmp_path / "live"):
        pass
    back_up(tmp_path / "live", tmp_path / "backup")
    before = sorted(path.name for path in shop.iterdir())
    for folder, kind in ((tmp_path / "backup", "a backup"), (shop, "a bundle")):
        with pytest.raises(DataError, match=kind), locked_folder(folder):
            pass
    with pytest.raises(DataError, match="pennyweight restore"):
        back_up(tmp_path / "backup", tmp_path / "again")
    assert not check_backup(tmp_path / "backup").faults
    assert sorted(path.name for path in shop.iterdir()) == before
