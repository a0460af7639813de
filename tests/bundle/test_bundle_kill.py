import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bundle_fills import CREATED, fill_with

from pennyweight.bundle import Bundle, open_bundle, reader, write_bundle

CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pennyweight.bundle import write_bundle

path, kill_at = Path(sys.argv[1]), int(sys.argv[2])
rename, calls = os.rename, 0

def counted(source, target):
    global calls
    calls += 1
    if calls == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)
    if calls == -kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

def fill(folder):
    for name in "abcdef":
        (folder / name).write_bytes(word * 40_000)

os.rename = counted
print("ready", flush=True)
word = b"one"
while True:
    write_bundle(path, fill, created=datetime(2026, 1, 1, tzinfo=UTC), overwrite=True)
    word = b"two" if word == b"one" else b"one"
"""


def start(path: Path, kill_at: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CHILD, str(path), str(kill_at)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def check_intact(path: Path) -> set[bytes]:
    bundle = open_bundle(path)
    words = {(bundle.path / name).read_bytes()[:3] for name in bundle.manifest.files}
    assert len(words) == 1
    return words


def check_clean(path: Path) -> None:
    write_bundle(path, fill_with("new"), created=CREATED, overwrite=True)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_save_killed_at_any_moment_leaves_a_whole_bundle(bundle: Bundle) -> None:
    rng = random.Random(5)
    for _ in range(10):
        with start(bundle.path, 0) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(rng.uniform(0, 0.03))
            child.send_signal(signal.SIGKILL)
        check_intact(bundle.path)
    check_clean(bundle.path)


# The first save renames old away (1) and new into place (2).
@pytest.mark.parametrize(
    ("kill_at", "content"), [(1, b"old"), (-1, b"old"), (2, b"old"), (-2, b"one")]
)
def test_a_save_killed_at_either_rename(bundle: Bundle, kill_at: int, content: bytes) -> None:
    with start(bundle.path, kill_at) as child:
        assert child.wait(30) == -signal.SIGKILL
    assert check_intact(bundle.path) == {content}
    check_clean(bundle.path)


def test_a_write_cleans_up_after_a_killed_one(bundle: Bundle) -> None:
    os.rename(bundle.path, bundle.path.with_name(".shop.old-x"))
    bundle.path.with_name(".shop.old-empty").mkdir()
    with pytest.raises(ValueError, match="stop"):
        write_bundle(bundle.path, stop, created=CREATED, overwrite=True)
    assert check_intact(bundle.path) == {b"old"}
    check_clean(bundle.path)


def stop(folder: Path) -> None:
    raise ValueError("stop")


def test_a_living_writer_is_left_alone(bundle: Bundle) -> None:
    def fill(folder: Path) -> None:
        write_bundle(bundle.path, fill_with("mid"), created=CREATED, overwrite=True)
        assert folder.is_dir()
        fill_with("new")(folder)

    write_bundle(bundle.path, fill, created=CREATED, overwrite=True)
    assert check_intact(bundle.path) == {b"new"}


def test_a_reader_that_meets_a_replacement_looks_again(bundle: Bundle, monkeypatch) -> None:
    compare, paths = reader._compare, []

    def replaced(path: Path, files, verify):
        if not paths:
            paths.append(path)
            other = write_bundle(path.with_name("o"), fill_with("newer"), created=CREATED)
            shutil.rmtree(path)
            os.rename(other.path, path)
        return compare(path, files, verify)

    monkeypatch.setattr(reader, "_compare", replaced)
    assert open_bundle(bundle.path).nbytes == 25500
