"""Ctrl-C at any moment, a full disk, a closed pipe: real processes, for real signals."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import Cli
from small import FAST
from small import shop as small_shop

COMMAND = (sys.executable, "-m", "pennyweight")
PATIENCE = 60.0  # seconds until a hanging process fails a test


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupt(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    return process.returncode, err


@pytest.mark.parametrize(
    "stage",
    [
        "read",
        pytest.param("encode", marks=pytest.mark.slow),
        "fit tower",
        pytest.param("refit tower", marks=pytest.mark.slow),
        pytest.param("final tower", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_in_a_stage(shop: tuple[Path, Path], tmp_path: Path, stage: str) -> None:
    out = tmp_path / "bundle"
    with started("fit", *shop, "--out", out, "--encoder", "tfidf") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if re.search(rf" s +\d+/\d+ {stage}(,|$)", line):
                break
        code, err = interrupt(process)
    assert code == 130
    assert err.splitlines()[-1] == "interrupted: nothing was saved"
    assert "Traceback" not in err and "Error" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("delay", [0.3, pytest.param(0.6, marks=pytest.mark.slow), 1.0])
def test_ctrl_c_at_some_moment(shop: tuple[Path, Path], tmp_path: Path, delay: float) -> None:
    with started("fit", *shop, "--out", tmp_path / "b", "--encoder", "tfidf") as process:
        time.sleep(delay)
        code, err = interrupt(process)
    if "interrupted: " in err:
        assert code == 130
        assert "Traceback" not in err
    else:  # on a busy machine Python itself had not begun
        assert "cli/app.py" not in err
    assert list(tmp_path.iterdir()) == []


# Runs in a process of its own: a save that waits where the test wants it to be interrupted.
SLOW_SAVE = """
import sys, time
from pathlib import Path
from pennyweight.cli.main import main
from pennyweight.scorers.blend import Blend

def save(self, folder):
    (folder / "half").write_bytes(b"x")
    print("saving", file=sys.stderr, flush=True)
    time.sleep(60)

Blend.save = save
main(sys.argv[1:])
"""


def test_ctrl_c_while_saving_keeps_the_old_bundle(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "made" / "bundle"
    files = small_shop(tmp_path)
    words = ["fit", *map(str, files), "--out", str(out), "--overwrite", *FAST]
    assert cli(*words, "--quiet").code == 0
    before = contents(out.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_SAVE, *words], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert any(line == "saving\n" for line in process.stderr)
    code, err = interrupt(process)
    assert code == 130
    assert err == f"interrupted: nothing was saved; {out} is as it was\n"
    assert contents(out.parent) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def limited(nbytes: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, nbytes))

    return limit


@pytest.mark.parametrize("nbytes", [500, pytest.param(4_000, marks=pytest.mark.slow), 20_000])
def test_full_disk_keeps_the_old_bundle(cli: Cli, tmp_path: Path, nbytes: int) -> None:
    """A limit on the size of files fails a write just as a full disk does."""
    out = tmp_path / "made" / "bundle"
    words = ["fit", *map(str, small_shop(tmp_path)), "--out", str(out), "--overwrite", *FAST]
    assert cli(*words, "--quiet").code == 0
    before = contents(out.parent)
    ran = subprocess.run(
        [*COMMAND, *words], preexec_fn=limited(nbytes), capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert "disk is full" in ran.stderr and "untouched" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert contents(out.parent) == before


def test_full_disk_keeps_the_old_report(tmp_path: Path) -> None:
    out = tmp_path / "made" / "report.json"
    out.parent.mkdir()
    out.write_text("old")
    words = ["evaluate", *map(str, small_shop(tmp_path)), "--out", str(out), *FAST, "--quiet"]
    ran = subprocess.run(
        [*COMMAND, *words], preexec_fn=limited(500), capture_output=True, text=True
    )
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert contents(out.parent) == {"report.json": b"old"}


def test_closed_pipe_and_full_standard_output(bundle: Path) -> None:
    words = [*COMMAND, "recommend", str(bundle), "--text", "whale", "-k", "400"]
    pipe, end = os.pipe()
    os.close(pipe)
    ran = subprocess.run(words, stdout=end, stderr=subprocess.PIPE, text=True)
    os.close(end)
    assert (ran.returncode, ran.stderr) == (141, "")
    with open("/dev/full", "w") as full:
        ran = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 2 and "space" in ran.stderr and "Traceback" not in ran.stderr
    ran = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *words], stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_output_is_utf8_in_any_locale(bundle: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "recommend", str(bundle), "--user", "💡"],
        capture_output=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert ran.returncode == 0
    ran.stdout.decode("utf-8")


def test_help_loads_no_library_of_numbers() -> None:
    code = (
        "import sys\n"
        "from pennyweight.cli.main import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "finally:\n"
        "    print(*sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stderr.split())
    assert "pennyweight.cli.main" in loaded
    assert loaded.isdisjoint({"numpy", "polars", "scipy", "onnxruntime", "starlette", "uvicorn"})
