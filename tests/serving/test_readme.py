"""The session with curl that the README shows works as it is printed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from live import service

import pennyweight
from pennyweight import demo

README = Path(__file__).resolve().parents[2] / "README.md"


def shape(value: object) -> object:
    """Return the parts that do not depend on the fit, the moment or chance."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    same = isinstance(value, bool) or value in ("my-novel", "history", "text")
    return value if same else type(value)


def test_the_session_works(tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (block,) = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    items, events = demo.write(tmp_path, readers=300)
    shop = pennyweight.fit(items, events, encoder="tfidf", scorers=["content", "neighbors"])
    shop.save(tmp_path / "b")
    steps = re.findall(r"^\$ (.*)\n(.*)$", block, re.MULTILINE)
    assert len(steps) == 4
    with service(tmp_path / "b", tmp_path / "live") as live:
        for command, printed in steps:
            local = command.replace("localhost:8000", f"localhost:{live.port}")
            process = subprocess.run(
                ["bash", "-c", local], capture_output=True, text=True, check=True
            )
            assert shape(json.loads(process.stdout)) == shape(json.loads(printed)), command
