"""Published bundles stand on their own; a damaged one does not keep the service down."""

import logging
import shutil

import pytest
from live import service

from pennyweight.errors import BundleError, PlanError, StoreError
from pennyweight.serving.live.bundles import BundleStore, save_copy


@pytest.fixture
def original(bundles, tmp_path):
    return shutil.copytree(bundles[0], tmp_path / "original")


def overwrite(folder) -> None:
    """Change all files in place, as a careless copy over them does: no new inodes."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                file.truncate(0)
                file.write(b"not what it was")


def versions(live) -> list[str]:
    return live.get("/v1/version")["bundle_versions"]


def test_no_file_is_shared_with_the_original(original, tmp_path):
    models = BundleStore(tmp_path / "bundles")
    version = models.add(original)
    for path in (tmp_path / "bundles" / version).rglob("*"):
        if path.is_file():
            assert path.stat().st_nlink == 1
            assert not path.samefile(original / path.relative_to(tmp_path / "bundles" / version))
    assert models.add(original) == version
    assert models.versions() == [version]


def test_a_copy_deletes_the_unfinished_copy_of_a_killed_process(original, tmp_path):
    left = tmp_path / ".copy.new-ab12" / "bundle"
    left.mkdir(parents=True)
    (left / "users.arrow").write_bytes(b"u1")
    save_copy(original, tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} == {"original", "copy"}


def test_changing_the_original_in_place_harms_nothing(original, tmp_path):
    with service(original, tmp_path / "live") as live:
        overwrite(original)
        assert live.ids("/v1/recommend/u0", k=3)
        assert live.get("/v1/users/u0")["events"]
        assert live.http.delete("/v1/users/u0").status_code == 200
    with service(original, tmp_path / "live") as live:  # named still, and damaged
        assert live.ids("/v1/recommend/u1", k=3)
        assert any("named at the start" in note for note in live.get("/v1/bundles")["notes"])
    with pytest.raises(BundleError), service(original, tmp_path / "other"):
        pass


def test_a_damaged_bundle_gives_way_to_the_one_before(bundles, tmp_path, caplog):
    with service(bundles[0], tmp_path / "live") as live:
        (first,) = versions(live)
        assert live.get("/health/ready") == {"status": "ready", "notes": []}
        live.post("/v1/bundles", {"path": str(bundles[1])})
        (second,) = versions(live)
    damaged = tmp_path / "live" / "bundles" / second
    overwrite(damaged / "scorer")
    with caplog.at_level(logging.WARNING), service(None, tmp_path / "live") as live:
        assert versions(live) == [first]
        assert "is damaged" in live.get("/health/ready")["notes"][0]
        assert any(second in record.getMessage() for record in caplog.records)
        assert any(first in note for note in live.get("/v1/bundles")["notes"])
        for page in ("/", "/dashboard/bundles"):
            assert "answers in its place" in live.http.get(page).text
        erasure = live.http.delete("/v1/users/u0")  # one cannot be searched; the other is
        assert erasure.status_code == 409 and second in erasure.text
        assert "u0" not in [u for u in live.engine.publishing.bundles.interactions(first).users]
        live.post("/v1/bundles", {"path": str(bundles[0])})
        assert live.get("/health/ready")["notes"] == []
    shutil.rmtree(tmp_path / "live" / "bundles" / second)
    with service(None, tmp_path / "live") as live:
        assert versions(live) == [first]


@pytest.mark.parametrize("publish", [True, False])
def test_a_damaged_copy_is_replaced_by_a_whole_one(bundles, tmp_path, caplog, publish):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
        variants = [
            {"bundle_version": first, "share": 0.5},
            {"bundle_version": second, "share": 0.5},
        ]
        assert (
            live.http.put("/v1/bundles/traffic-split", json={"variants": variants}).status_code
            == 200
        )
        assert live.http.delete("/v1/users/u3").status_code == 200
    bad = tmp_path / "bad"
    overwrite(tmp_path / "live" / "bundles" / second)
    shutil.copytree(bundles[1], bad)
    (bad / "items.arrow").write_bytes(b"not what it was")
    with service(None, tmp_path / "live") as live:
        refused = live.http.post("/v1/bundles", json={"path": str(bad), "publish": publish})
        assert refused.status_code == 409
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": publish})
        variants = {"variants": [{"bundle_version": second, "share": 1}]}
        assert live.http.put("/v1/bundles/traffic-split", json=variants).status_code == 200
        assert versions(live) == [second]
        assert live.get("/health/ready")["notes"] == []
        assert "u3" not in list(live.engine.publishing.bundles.interactions(second).users)
        assert live.ids("/v1/recommend/u1", k=3)
    with service(None, tmp_path / "live") as live:
        assert versions(live) == [second]


def test_a_copy_that_is_damaged_while_it_answers_is_loaded_anew(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        (version,) = versions(live)
        before = live.engine.traffic.split.primary.recommender
        damaged = tmp_path / "live" / "bundles" / version / "items.arrow"
        damaged.unlink()  # its blocks may be mapped
        damaged.write_bytes(b"not what it was")
        live.post("/v1/bundles", {"path": str(bundles[0])})
        assert live.engine.traffic.split.primary.recommender is not before
        live.engine.publishing.bundles.load(version)
        assert live.ids("/v1/recommend/u1", k=3)


def test_one_of_two_that_is_damaged_leaves_the_other(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
        variants = [
            {"bundle_version": first, "share": 0.7},
            {"bundle_version": second, "share": 0.3},
        ]
        assert (
            live.http.put("/v1/bundles/traffic-split", json={"variants": variants}).status_code
            == 200
        )
    overwrite(tmp_path / "live" / "bundles" / first)
    with service(None, tmp_path / "live") as live:
        assert versions(live) == [second]
        assert "answers in its place" in live.http.get("/dashboard/bundles").text


def test_where_nothing_is_whole_the_start_fails_and_says_why(bundles, tmp_path):
    with pytest.raises(PlanError, match="name one to serve"), service(None, tmp_path / "live"):
        pass
    with service(bundles[0], tmp_path / "live") as live:
        (version,) = versions(live)
    (tmp_path / "live" / "bundles" / version / "items.arrow").unlink()
    with pytest.raises(BundleError, match=r"items\.arrow"), service(None, tmp_path / "live"):
        pass


def test_a_full_disk_keeps_nothing_of_a_bundle(bundles, tmp_path, monkeypatch):
    import errno

    from pennyweight.serving.live import bundles as module

    def full(read, written, size) -> None:
        written.write(read.read(100))
        raise OSError(errno.ENOSPC, "No space left on device")

    with service(bundles[0], tmp_path / "live") as live:
        before = sorted((tmp_path / "live" / "bundles").iterdir())
        monkeypatch.setattr(module.shutil, "copyfileobj", full)
        monkeypatch.setattr(module.fcntl, "ioctl", _refuse)
        with pytest.raises(StoreError, match="the disk is full"):
            live.engine.publishing.bundles.add(bundles[1])
        answer = live.http.post("/v1/bundles", json={"path": str(bundles[1])})
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert sorted((tmp_path / "live" / "bundles").iterdir()) == before
        assert len(live.get("/v1/bundles")["bundles"]) == 1
        monkeypatch.undo()
        live.post("/v1/bundles", {"path": str(bundles[1])})


def _refuse(*args: object) -> None:
    raise OSError("no")


def test_blocks_are_shared_where_the_file_system_can(bundles, tmp_path, monkeypatch):
    """A system that shares blocks is asked to; its copy is checked like any other."""
    import os

    from pennyweight.serving.live import bundles as module

    def shared(written, request, read) -> None:
        size = os.fstat(read).st_size
        os.pwrite(written.fileno(), os.pread(read, size, 0), 0)

    monkeypatch.setattr(module.fcntl, "ioctl", shared)
    monkeypatch.setattr(module.shutil, "copyfileobj", _refuse)
    version = BundleStore(tmp_path / "bundles").add(bundles[0])
    assert BundleStore(tmp_path / "bundles").load(version).catalog.ids


@pytest.mark.parametrize("damage", ["codes", "deep"])
def test_a_bundle_that_was_signed_anew_is_refused_whole(original, bundles, tmp_path, damage):
    import hashlib
    import json

    from pennyweight.storage.arrays import read_arrays, write_arrays

    path, manifest = original / "events.safetensors", original / "manifest.json"
    document = json.loads(manifest.read_bytes())
    if damage == "deep":
        depth = 100_000
        manifest.write_text(json.dumps(document)[:-1] + f', "x": {"[" * depth}{"]" * depth}}}')
    else:
        arrays, settings = read_arrays(path)
        item = arrays["item"].copy()
        item[0] = 10_000
        write_arrays(path, {**arrays, "item": item}, settings)
        document["files"][path.name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        manifest.write_text(json.dumps(document))
    with service(bundles[1], tmp_path / "live") as live:
        before = versions(live)
        answer = live.http.post("/v1/bundles", json={"path": str(original)})
        assert answer.status_code == 409, answer.text
        assert versions(live) == before == [p.name for p in (tmp_path / "live/bundles").iterdir()]
        assert live.http.get("/dashboard/bundles").status_code == 200
