"""The demo tells each part when it is there, also where its output goes into a pipe."""

import subprocess
import sys
from pathlib import Path


def test_the_first_part_is_told_before_the_second_is_measured(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pennyweight",
        "demo",
        "--readers",
        "60",
        "--encoder",
        "tfidf",
        "--quiet",
    ]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        output = ""
        while "nobody has read it" not in output:
            line = running.stdout.readline()
            assert line, output
            output += line
        assert not (tmp_path / "demo-out/frontier.html").exists()
        assert running.poll() is None
    finally:
        running.kill()
        running.communicate()
