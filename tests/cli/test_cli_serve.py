"""`pennyweight serve` as a process: it starts, refuses, and goes when it is told to."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import pennyweight
import small_shop

WAIT = 60


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        made = pennyweight.fit(small_shop.items(), small_shop.events(), encoder="tfidf")
        made.save(folder / "shop")
    return folder / "shop"


def command(*options: object) -> list[str]:
    return [sys.executable, "-m", "pennyweight", "serve", *map(str, options)]


@contextmanager
def started(*options: object) -> Iterator[tuple[subprocess.Popen, str]]:
    """Start a service; yield it and its address."""
    process = subprocess.Popen(
        command(*options, "--port", 0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        line = process.stdout.readline()
        yield process, re.match(r"(http://\S+) serves \w+: 30 items", line)[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=WAIT)


def refused(*options: object) -> str:
    done = subprocess.run(command(*options), capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_finishes_what_was_begun_and_goes(bundle, tmp_path, number):
    with started(bundle, "--data", tmp_path / "live", "--log") as (process, address):
        with httpx.Client(base_url=address) as http:
            told = {"user_id": "ann", "item_id": "i1", "event_id": "e"}
            assert http.post("/v1/events", json=told).json()["accepted"] == 1
        process.send_signal(number)
        _, err = process.communicate(timeout=WAIT)
        assert process.returncode == 0
    assert '"route": "/v1/events"' in err
    assert '"event": "stop"' in err
    assert "ann" not in err  # nothing of a user is logged
    with started("--data", tmp_path / "live") as (_, address):
        assert httpx.post(f"{address}/v1/events", json=told).json()["duplicates"] == 1


def test_its_folder_is_beside_the_bundle_unless_told(bundle):
    with started(bundle):
        assert (bundle.parent / "shop.live" / "store.sqlite").is_file()


def test_keys_are_asked_for_and_may_be_made_meanwhile(bundle, tmp_path):
    keys = tmp_path / "keys.json"
    make = [sys.executable, "-m", "pennyweight", "keys", "create", "--keys", str(keys)]

    def key(*scopes: str) -> str:
        done = subprocess.run([*make, *scopes], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    reader = key("--scope", "read")
    with started(bundle, "--data", tmp_path / "live", "--keys", keys) as (_, address):
        with httpx.Client(base_url=address) as http:
            assert http.get("/v1/recommend/u1").status_code == 401
            assert http.get("/health/ready").status_code == 200
            http.headers["x-api-key"] = reader
            assert http.get("/v1/recommend/u1").status_code == 200
            told = {"user_id": "ann", "item_id": "i1"}
            assert http.post("/v1/events", json=told).status_code == 403
            http.headers["x-api-key"] = key("--scope", "events")
            for _ in range(50):  # the file is looked at once a second
                if http.post("/v1/events", json=told).status_code == 200:
                    break
                import time

                time.sleep(0.1)
            assert http.post("/v1/events", json=told).status_code == 200
            assert http.get("/v1/users/ann").status_code == 403


def test_what_cannot_be_served_is_told(bundle, tmp_path):
    assert "keys create" in refused(bundle, "--host", "0.0.0.0", "--data", tmp_path / "a")
    assert "no such bundle" in refused(tmp_path / "none", "--data", tmp_path / "b")
    assert "name a bundle" in refused()
    assert "no bundle was ever published" in refused("--data", tmp_path / "c")
    (tmp_path / "keys.json").write_text("{")
    assert "keys.json" in refused(
        bundle, "--keys", tmp_path / "keys.json", "--data", tmp_path / "d"
    )
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "store.sqlite").write_text("not a database, not at all, no way" * 100)
    assert "not a database" in refused(bundle, "--data", tmp_path / "e")


def test_one_folder_is_for_one_service_and_one_port_too(bundle, tmp_path):
    with started(bundle, "--data", tmp_path / "live") as (_, address):
        assert "another service works there" in refused(bundle, "--data", tmp_path / "live")
        port = address.rsplit(":", 1)[1]
        assert port in refused(bundle, "--data", tmp_path / "other", "--port", port)
