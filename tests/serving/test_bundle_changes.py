"""Publication and rollback from another process, with a running service and without one."""

import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from live import service

import pennyweight
from pennyweight.bundle import open_bundle
from pennyweight.errors import BundleError, DataError, PlanError, StoreError
from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.live_folder import locked_folder, running_service, serving_at
from pennyweight.serving.operations.bundle_changes import (
    KEY_VARIABLE,
    check_may_publish,
    listed_bundles,
    prune,
    publish,
    roll_back,
)
from pennyweight.serving.operations.checking import check_folder
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import change, new_key
from pennyweight.serving.stores.sqlite import SQLiteStore

KILLED = """
import os, pathlib, shutil, signal, sys
from pennyweight.serving.operations.bundle_changes import prune

def killed(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

shutil.rmtree = killed
prune(pathlib.Path(sys.argv[1]), 1)
"""


def version(bundle: Path) -> str:
    return open_bundle(bundle).sha256[:12]


@pytest.fixture
def folder(bundles, tmp_path) -> Path:
    with service(bundles[0], tmp_path / "live"):
        pass
    return tmp_path / "live"


def test_a_stopped_service_is_changed_directly(bundles, folder):
    publish(folder, bundles[1])
    listed = listed_bundles(folder)
    assert listed.served == {version(bundles[1]): 1.0}
    assert listed.previous == {version(bundles[0]): 1.0}
    assert [stored.version for stored in listed.stored] == [version(b) for b in bundles]
    roll_back(folder)
    assert listed_bundles(folder).served == {version(bundles[0]): 1.0}
    with closing(SQLiteStore(folder / "store.sqlite")) as store:
        assert store.audits(1)[0].actor == "command line"


def test_a_running_service_changes_itself(bundles, folder):
    with (
        locked_folder(folder),
        service(None, folder) as live,
        serving_at(folder, f"http://127.0.0.1:{live.port}"),
    ):
        publish(folder, bundles[1])
        assert live.engine.traffic.split.primary.version == version(bundles[1])
        roll_back(folder)
        assert live.engine.traffic.split.primary.version == version(bundles[0])
        with pytest.raises((BundleError, PlanError), match="no such bundle"):
            publish(folder, folder / "nothing")
    assert running_service(folder) is None


def test_the_oldest_bundles_go_and_those_in_use_stay(bundles, folder, tmp_path):
    copies = []
    for number in range(3):
        recommender = pennyweight.Recommender.load(bundles[0])
        recommender.save(tmp_path / f"copy{number}", parent=f"{number}" * 64)
        copies.append(tmp_path / f"copy{number}")
    with (
        locked_folder(folder),
        service(None, folder) as live,
        serving_at(folder, f"http://127.0.0.1:{live.port}"),
    ):
        for copy in copies:
            live.post("/v1/bundles", {"path": str(copy), "publish": False})
        publish(folder, bundles[1])
        assert prune(folder, 9) == []
        assert prune(folder, 4) == [version(copies[0])]
    assert prune(folder, 1) == [version(copies[1]), version(copies[2])]  # without a service
    listed = listed_bundles(folder)
    assert [stored.version for stored in listed.stored] == [version(b) for b in bundles]
    with closing(SQLiteStore(folder / "store.sqlite")) as store:
        dropped = [entry.detail for entry in store.audits(9) if entry.action == "drop bundle"]
    assert dropped[::-1] == [version(copy) for copy in copies]
    roll_back(folder)


def test_a_kill_while_bundles_are_deleted_leaves_whole_ones(bundles, folder, tmp_path):
    pennyweight.Recommender.load(bundles[0]).save(tmp_path / "copy", parent="0" * 64)
    publish(folder, bundles[1])
    publish(folder, tmp_path / "copy")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not check_folder(folder).faults
    assert listed_bundles(folder).served == {version(tmp_path / "copy"): 1.0}
    assert version(bundles[0]) not in {stored.version for stored in listed_bundles(folder).stored}
    roll_back(folder)
    assert prune(folder, 1) == []
    assert not [path for path in (folder / "bundles").iterdir() if path.name.startswith(".")]


def test_keys_are_needed_where_the_service_has_some(bundles, folder, tmp_path, monkeypatch):
    keys = tmp_path / "keys.json"
    secret, key = new_key("operator", ["admin"], now=datetime.now(UTC))
    change(keys, lambda known: known.with_key(key), make=True)
    access = AccessPolicy(KeyRing(keys))
    with (
        locked_folder(folder),
        service(None, folder, access=access) as live,
        serving_at(folder, f"http://127.0.0.1:{live.port}"),
    ):
        monkeypatch.delenv(KEY_VARIABLE, raising=False)
        for refused in (check_may_publish, lambda folder: publish(folder, bundles[1])):
            with pytest.raises(PlanError, match=KEY_VARIABLE):
                refused(folder)
        monkeypatch.setenv(KEY_VARIABLE, secret)
        check_may_publish(folder)
        publish(folder, bundles[1])
    assert listed_bundles(folder).served == {version(bundles[1]): 1.0}
    check_may_publish(folder)  # no service: the folder is changed directly


def test_a_folder_in_use_without_an_address(bundles, folder):
    with locked_folder(folder), pytest.raises(StoreError, match="noted its address"):
        publish(folder, bundles[1])
    with (
        locked_folder(folder),
        serving_at(folder, "http://127.0.0.1:9"),
        pytest.raises(StoreError, match="does not answer"),
    ):
        publish(folder, bundles[1])
    with pytest.raises(DataError, match="a bundle; name another folder"):
        publish(bundles[0], bundles[1])


def test_a_damaged_bundle_leaves_the_served_one(bundles, folder, tmp_path):
    damaged = tmp_path / "damaged"
    pennyweight.Recommender.load(bundles[1]).save(damaged)
    file = next(path for path in damaged.rglob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BundleError, match=file.name):
        publish(folder, damaged)
    assert listed_bundles(folder).served == {version(bundles[0]): 1.0}
