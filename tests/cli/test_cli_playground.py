"""`pennyweight playground` refuses what it cannot do, and serves simulated readers."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest


def test_bad_settings_are_refused(cli, tmp_path, monkeypatch):
    monkeypatch.delenv("PENNYWEIGHT_KEY", raising=False)
    ran = cli("playground", "--folder", tmp_path / "p", "--keys", tmp_path / "keys.json")
    assert ran.code == 2 and "PENNYWEIGHT_KEY" in ran.err
    ran = cli("playground", "--folder", tmp_path / "p", "--host", "0.0.0.0")
    assert ran.code == 2 and "keys create" in ran.err
    assert not (tmp_path / "p").exists()
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "playground.json").write_text(json.dumps({"readers": 99, "seed": 7}))
    ran = cli("playground", "--folder", tmp_path / "p", "--readers", 50, "--no-browser")
    assert ran.code == 2 and "other readers" in ran.err


@pytest.mark.slow
def test_a_playground_runs_until_its_end_and_goes_on(tmp_path):
    command = [sys.executable, "-m", "pennyweight", "playground", "--port", "0", "--no-browser"]
    command += ["--folder", str(tmp_path / "p"), "--readers", "50", "--rate", "50", "--quiet"]
    for run, options in enumerate((["--minutes", "0.05"], [])):
        with subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            line = process.stdout.readline()
            shop = line.removeprefix("Shop: ").partition(",")[0]
            if run:
                assert "reader-0001" in httpx.get(f"{shop}?reader=reader-0001").text
                os.kill(process.pid, signal.SIGINT)
            errors = process.stderr.read()
        assert process.returncode == 0 and "visits of simulated readers" in errors
