import os
import resource

import pytest

from pennyweight.storage.files import replacing_private, write_atomic


def test_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_atomic(path, b"old")
    write_atomic(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_atomic(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*a.json'"):
            write_atomic(path, bytes(2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_before_the_move_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomic(path, b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_private_file_is_for_its_owner(tmp_path):
    path = tmp_path / "events.csv"
    with replacing_private(path) as temporary:
        temporary.write_bytes(b"u1,i1\n")
    assert path.read_bytes() == b"u1,i1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_of_a_killed_writer_goes_with_the_next_one(tmp_path):
    path = tmp_path / "events.csv"
    others = [tmp_path / ".events.csv.backup", tmp_path / ".items.csv.0123abcd"]
    for other in [*others, tmp_path / ".events.csv.0123abcd"]:
        other.write_bytes(b"u1,i1\n")
    with replacing_private(path) as first, replacing_private(path) as second:
        assert {first, second} < set(tmp_path.iterdir())  # both writers live
        for temporary in (first, second):
            temporary.write_bytes(b"u1,i1\n")
    assert set(tmp_path.iterdir()) == {path, *others}
