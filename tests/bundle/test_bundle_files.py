import errno
import hashlib
import io
import json
import os
import resource
import tempfile
from pathlib import Path

import polars as pl
import pytest
from bundle_fills import CREATED, fill_with

from pennyweight.bundle import MANIFEST, Bundle, open_bundle, write_bundle
from pennyweight.errors import BundleError


def siblings(bundle: Bundle) -> list[str]:
    return sorted(p.name for p in bundle.path.parent.iterdir())


def check_intact(bundle: Bundle) -> str:
    opened = open_bundle(bundle.path)
    words = {opened.file("a.txt").read_text()[:3], opened.file("part/ü b.bin").read_text()[:3]}
    assert len(words) == 1
    return words.pop()


def edit(bundle: Bundle, **changes: object) -> None:
    path = bundle.path / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_manifest_names_every_file_with_checksum_and_size(bundle: Bundle) -> None:
    document = json.loads((bundle.path / MANIFEST).read_text())
    assert document["created"] == "2026-01-02T03:04:05+00:00"
    assert document["summary"] == {"items": 3}
    assert (document["parent"], document["plan"], document["report"]) == (None, None, None)
    for name, entry in document["files"].items():
        data = (bundle.path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert list(document["files"]) == ["a.txt", "part/ü b.bin"]
    assert open_bundle(bundle.path) == bundle
    assert bundle.nbytes == 300 + 15000
    assert siblings(bundle) == ["shop"]


def test_the_same_files_and_moment_give_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    again = write_bundle(
        tmp_path / "other", fill_with("old"), created=CREATED, summary={"items": 3}
    )
    assert again.sha256 == bundle.sha256
    child = write_bundle(tmp_path / "c", fill_with("new"), created=CREATED, parent=bundle.sha256)
    assert child.manifest.parent == bundle.sha256


def test_every_file_is_as_readable_as_others_of_its_owner(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        tempfile.mkstemp(dir=folder)

    old = os.umask(0o027)
    try:
        bundle = write_bundle(tmp_path / "b", fill, created=CREATED)
    finally:
        os.umask(old)
    modes = {p.stat().st_mode & 0o777 for p in bundle.path.iterdir()}
    assert (modes, bundle.path.stat().st_mode & 0o777) == ({0o640}, 0o750)


def test_a_changed_byte_names_the_file(bundle: Bundle) -> None:
    path = bundle.file("part/ü b.bin")
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"'part/ü b\.bin' is altered"):
        open_bundle(bundle.path)
    assert open_bundle(bundle.path, verify=False) == bundle


def test_missing_shortened_and_extra_files_are_named(bundle: Bundle) -> None:
    (bundle.path / "stray").touch()
    with pytest.raises(BundleError, match="'stray' is not in the manifest"):
        open_bundle(bundle.path, verify=False)
    bundle.file("a.txt").write_text("short")
    with pytest.raises(BundleError, match=r"'a.txt' has 5 bytes instead of 300"):
        open_bundle(bundle.path, verify=False)
    bundle.file("a.txt").unlink()
    with pytest.raises(BundleError, match=r"'a.txt' is missing"):
        open_bundle(bundle.path, verify=False)


def test_links_are_refused(bundle: Bundle) -> None:
    (bundle.path / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="no links"):
        open_bundle(bundle.path)


def test_a_truncated_manifest_is_said_to_be(bundle: Bundle) -> None:
    path = bundle.path / MANIFEST
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError, match=r"manifest\.json: truncated or not JSON"):
        open_bundle(bundle.path)


def test_a_newer_format_names_both_versions(bundle: Bundle) -> None:
    edit(bundle, format_version=4, pennyweight="9.0")
    with pytest.raises(BundleError, match=r"version 4, written by pennyweight 9\.0; .*version 3"):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": []},
        {"files": {"a.txt": 3}},
        {"files": {"../a.txt": {"sha256": "", "bytes": 0}}},
        {"files": {"/etc/passwd": {"sha256": "", "bytes": 0}}},
        {"summary": None},
        {"parent": 3},
        {"created": 0},
    ],
)
def test_a_manifest_of_other_shape_is_damaged(bundle: Bundle, changes: dict[str, object]) -> None:
    edit(bundle, **changes)
    with pytest.raises(BundleError, match="damaged"):
        open_bundle(bundle.path)


def test_other_folders_are_neither_opened_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="no such bundle"):
        open_bundle(tmp_path / "nothing")
    for name in ("notes", "file"):
        with pytest.raises(BundleError, match="no bundle; name the directory that fit saved"):
            open_bundle(tmp_path / name)
        with pytest.raises(BundleError, match="is no bundle; choose another"):
            write_bundle(tmp_path / name, fill_with("new"), created=CREATED, overwrite=True)
    assert (tmp_path / "notes" / "letter.txt").read_text() == "dear"
    with pytest.raises(BundleError, match="not a manifest"):
        (tmp_path / "notes" / MANIFEST).write_text("{}")
        open_bundle(tmp_path / "notes")


def test_a_bundle_is_replaced_only_on_purpose(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="a bundle is there"):
        write_bundle(bundle.path, fill_with("new"), created=CREATED)
    assert check_intact(bundle) == "old"
    write_bundle(bundle.path, fill_with("new"), created=CREATED, overwrite=True)
    assert check_intact(bundle) == "new"
    assert siblings(bundle) == ["shop"]
    (bundle.path.parent / "made").mkdir()  # an empty directory is only a place
    made = write_bundle(bundle.path.parent / "made", fill_with("new"), created=CREATED)
    assert siblings(made) == ["made", "shop"]


def test_a_link_to_a_bundle_is_followed(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("shop")
    write_bundle(tmp_path / "current", fill_with("new"), created=CREATED, overwrite=True)
    assert (tmp_path / "current").is_symlink()
    assert check_intact(bundle) == "new"


def full_disk(folder: Path) -> None:
    (folder / "a.txt").write_text("n" * 1234)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_for_polars(folder: Path) -> None:
    pl.DataFrame({"a": range(100_000)}).write_ipc("/dev/full")


@pytest.mark.parametrize("fill", [full_disk, full_for_polars])
def test_a_full_disk_leaves_the_old_bundle_whole(bundle: Bundle, fill) -> None:
    with pytest.raises(BundleError, match=r"at least [\d,]+ bytes are needed .* untouched"):
        write_bundle(bundle.path, fill, created=CREATED, overwrite=True)
    assert check_intact(bundle) == "old"
    assert siblings(bundle) == ["shop"]
    with pytest.raises(BundleError, match=r"needed, .* free; make room"):
        write_bundle(bundle.path.parent / "first", fill, created=CREATED)


def test_a_file_that_the_system_cuts_short_is_a_full_disk_too(bundle: Bundle) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(BundleError, match="disk is full"):
            write_bundle(bundle.path, fill_with("new"), created=CREATED, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert check_intact(bundle) == "old"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_save_leaves_nothing_behind(bundle: Bundle, stop) -> None:
    def fill(folder: Path) -> None:
        fill_with("new")(folder)
        raise stop

    with pytest.raises(stop):
        write_bundle(bundle.path, fill, created=CREATED, overwrite=True)
    assert check_intact(bundle) == "old"
    assert siblings(bundle) == ["shop"]


def test_a_failing_rename_puts_the_old_bundle_back(bundle: Bundle, monkeypatch) -> None:
    rename = os.rename

    def fail(source: Path, target: Path) -> None:
        if ".new-" in str(source):
            raise OSError(errno.EIO, "broken")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(BundleError, match="cannot be saved"):
        write_bundle(bundle.path, fill_with("new"), created=CREATED, overwrite=True)
    assert check_intact(bundle) == "old"
    assert siblings(bundle) == ["shop"]


def test_values_that_are_no_json_are_refused_before_the_work(tmp_path: Path) -> None:
    for value in (float("nan"), Path("x")):
        with pytest.raises(BundleError, match="must be JSON"):
            write_bundle(tmp_path / "b", full_disk, created=CREATED, summary={"x": value})
    assert list(tmp_path.iterdir()) == []


def test_a_file_named_like_the_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="written by write_bundle"):
        write_bundle(tmp_path / "b", lambda folder: (folder / MANIFEST).touch(), created=CREATED)


def test_opening_reads_each_file_once(bundle: Bundle, monkeypatch) -> None:
    names, digest = [], hashlib.file_digest

    def counted(file: io.BufferedReader, algorithm: str) -> object:
        names.append(Path(file.name).relative_to(bundle.path).as_posix())
        return digest(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    open_bundle(bundle.path)
    assert sorted(names) == ["a.txt", "part/ü b.bin"]
    open_bundle(bundle.path, verify=False)
    assert len(names) == 2
