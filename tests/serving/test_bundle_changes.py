"""Publication and rollback from another process, with a running service and without one."""

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
    publish,
    roll_back,
)
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.keys import change, new_key
from pennyweight.serving.stores.sqlite import SQLiteStore


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
