"""Files of the service are for their owner alone, whatever the umask."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from live import service
from protected_app import make_key

from pennyweight.errors import DataError
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import Keys
from pennyweight.storage.private import make_private, narrow_tree, owner_only


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def exposed(folder: Path) -> list[str]:
    """Return what others have any right on."""
    paths = [folder, *folder.rglob("*")]
    return [f"{p.name} {p.stat().st_mode & 0o777:o}" for p in paths if p.stat().st_mode & 0o077]


def test_all_that_a_service_keeps_is_for_its_owner(umask, bundles, tmp_path):
    folder = tmp_path / "live"
    with service(bundles[0], folder) as live:
        folder.chmod(0o700)  # `serve` makes it so; see below
        for n in range(20):
            live.post("/v1/events", {"user_id": f"u{n}", "item_id": "i1"})
            live.get(f"/v1/recommend/u{n}")
        live.post("/v1/bundles", {"path": str(bundles[1])})
        live.http.delete("/v1/users/u5")
        names = {path.name for path in folder.rglob("*")}
        assert {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "bundles"} <= names
        assert exposed(folder) == []


def test_open_files_of_an_earlier_version_become_private(bundles, tmp_path):
    folder = tmp_path / "live"
    with service(bundles[0], folder) as live:
        live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    for path in [folder / "bundles", folder / "store.sqlite"]:
        path.chmod(0o777)
    with service(None, folder):
        assert [name for name in exposed(folder) if "live" not in name] == []


@pytest.mark.parametrize("made", [None, 0o755, 0o777])
def test_a_process_with_an_open_umask(bundles, tmp_path, made):
    folder = tmp_path / "data"
    if made is not None:
        folder.mkdir()
        folder.chmod(made)
    with _process(bundles[0], folder) as address:
        item = {"attributes": {"title": "a new red boot"}}
        assert httpx.put(f"{address}/v1/items/new", json=item).status_code == 200
        assert exposed(folder) == []
        assert (folder / "store.sqlite").exists()


def test_a_folder_that_is_not_the_services_is_left_alone_and_said(bundles, tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "letter.txt").write_text("dear")
    process = _process(bundles[0], folder)
    with process:
        pass
    assert "others may look into it" in process.said
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    (folder / "letter.txt").unlink()
    assert [name for name in exposed(folder) if "home" not in name] == []


class _process:
    """A service in a process of its own, whose umask hides nothing."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        words = ["serve", str(bundle), "--data", str(folder), "--port", "0"]
        code = "import os, sys; os.umask(0); from pennyweight.cli.main import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> str:
        line = self.process.stdout.readline()
        assert "serves" in line, self.process.stderr.read()
        return line.split()[0]

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, self.said = self.process.communicate(timeout=30)
        assert self.process.returncode == 0


def test_files_of_others_that_are_linked_here_keep_their_mode(tmp_path):
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.write_text("x")
    theirs.chmod(0o644)
    ours.mkdir(mode=0o755)
    (ours / "hard").hardlink_to(theirs)
    (ours / "soft").symlink_to(theirs)
    (ours / "own").write_text("y")
    narrow_tree(ours)
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o644
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    assert stat.S_IMODE((ours / "own").stat().st_mode) == 0o600


def test_the_umask_is_given_back(tmp_path, umask):
    with owner_only():
        (tmp_path / "new").write_text("x")
    make_private(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert os.umask(umask) == umask


def test_a_keys_file_that_others_may_read_is_said(tmp_path, caplog):
    path = tmp_path / "keys.json"
    make_key(path, "shop", "read")
    KeyRing(path)
    assert not caplog.records
    path.chmod(0o640)
    KeyRing(path)
    assert "others may read" in caplog.text and "chmod 600" in caplog.text


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_keys_file_that_others_may_write_is_refused(tmp_path, mode):
    path = tmp_path / "keys.json"
    make_key(path, "shop", "read")
    path.chmod(mode)
    with pytest.raises(DataError, match=r"others can write.*chmod 600"):
        KeyRing(path)
    path.chmod(0o600)
    assert len(Keys.load(path).keys) == 1


def test_a_keys_file_that_anybody_may_replace_is_refused(tmp_path):
    path = tmp_path / "open" / "keys.json"
    make_key(path, "shop", "read")
    path.parent.chmod(0o777)
    with pytest.raises(DataError, match=r"anybody can write.*chmod o-w"):
        KeyRing(path)
    path.parent.chmod(0o1777)  # sticky, as /tmp is
    KeyRing(path)


def test_keys_that_others_may_write_are_not_taken_over(tmp_path, caplog):
    from protected_app import Clock

    clock, path = Clock(), tmp_path / "keys.json"
    make_key(path, "shop", "read")
    ring = KeyRing(path, clock=clock)
    forged, _ = make_key(path, "forged", "admin")
    path.chmod(0o666)
    clock.now += 2
    assert ring.find(forged) is None
    assert "last good" in caplog.text


def test_ids_of_lists_come_from_the_system(live, monkeypatch):
    import random

    random.seed(0)
    first = live.get("/v1/recommend/u1")["recommendation_id"]
    random.seed(0)
    second = live.get("/v1/recommend/u1")["recommendation_id"]
    event_ids = live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})["event_ids"]
    assert len({first, second, *event_ids}) == 3
    assert all(len(id) == 24 and int(id, 16) >= 0 for id in (first, second, *event_ids))
