"""Requests made up from the API's own document: none may fail, nor be answered off it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = [(1, 4), pytest.param(2, 15, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("seed", "examples"), EXAMPLES)
def test_no_request_breaks_the_service(live, tmp_path, seed, examples):
    document = tmp_path / "openapi.json"
    document.write_text(live.http.get("/openapi.json").text, encoding="utf-8")
    command = [
        Path(sys.executable).with_name("schemathesis"),
        "run",
        document,
        "--url",
        f"http://127.0.0.1:{live.port}",
        "--max-examples",
        str(examples),
        "--seed",
        str(seed),
        "--phases",
        "examples,coverage,fuzzing",
        "--request-timeout",
        "60",
        "--no-color",
        # A schema cannot say that shares add up to 1, or that a filter can be parsed.
        "--exclude-checks",
        "positive_data_acceptance",
    ]
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False
    )
    assert process.returncode == 0, process.stdout[-6000:]
    assert "Tested:" in process.stdout
    assert live.get("/health/ready") == {"status": "ready", "notes": []}


def test_a_path_that_is_too_long_is_no_bundle(live):
    response = live.http.post("/v1/bundles", json={"path": "0" * 4_000})
    assert response.status_code == 409
