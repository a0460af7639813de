"""`pennyweight serve` as a process: it starts, refuses, and goes when it is told to."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
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
    process = subprocess.run(command(*options), capture_output=True, text=True, timeout=WAIT)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
    return process.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_finishes_running_requests_and_ends(bundle, tmp_path, number):
    with started(bundle, "--data", tmp_path / "live", "--log") as (process, address):
        with httpx.Client(base_url=address) as http:
            event = {"user_id": "ann", "item_id": "i1", "event_id": "e"}
            assert http.post("/v1/events", json=event).json()["accepted"] == 1
        process.send_signal(number)
        _, err = process.communicate(timeout=WAIT)
        assert process.returncode == 0
    assert '"route": "/v1/events"' in err
    assert '"event": "stop"' in err
    assert "ann" not in err  # nothing of a user is logged
    with started("--data", tmp_path / "live") as (_, address):
        assert httpx.post(f"{address}/v1/events", json=event).json()["duplicates"] == 1


def test_its_folder_is_beside_the_bundle_unless_told(bundle):
    with started(bundle):
        assert (bundle.parent / "shop.live" / "store.sqlite").is_file()


def test_keys_are_asked_for_and_may_be_made_meanwhile(cli, bundle, tmp_path):
    keys = tmp_path / "keys.json"

    def key(*scopes: str) -> str:
        return cli("keys", "create", "--keys", keys, *scopes).out.strip()

    reader = key("--scope", "read")
    with started(bundle, "--data", tmp_path / "live", "--keys", keys) as (_, address):
        with httpx.Client(base_url=address) as http:
            assert http.get("/v1/recommend/u1").status_code == 401
            assert http.get("/health/ready").status_code == 200
            http.headers["x-api-key"] = reader
            assert http.get("/v1/recommend/u1").status_code == 200
            event = {"user_id": "ann", "item_id": "i1"}
            assert http.post("/v1/events", json=event).status_code == 403
            http.headers["x-api-key"] = key("--scope", "events")
            for _ in range(600):  # the file is looked at once a second
                if http.post("/v1/events", json=event).status_code == 200:
                    break
                time.sleep(0.1)
            assert http.post("/v1/events", json=event).status_code == 200
            assert http.get("/v1/users/ann").status_code == 403


def test_a_hangup_reads_the_keys_again_and_stops_nothing(cli, bundle, tmp_path):
    keys = tmp_path / "keys.json"
    secret = cli("keys", "create", "--keys", keys, "--scope", "read").out.strip()
    options = ("--data", tmp_path / "live", "--keys", keys, "--log")
    with started(bundle, *options) as (process, address):
        with httpx.Client(base_url=address, headers={"x-api-key": secret}) as http:
            for _ in range(3):
                process.send_signal(signal.SIGHUP)
                assert http.get("/v1/recommend/u1").status_code == 200
            keys.write_text("{")
            process.send_signal(signal.SIGHUP)
            assert http.get("/v1/recommend/u1").status_code == 200  # the last good keys
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=WAIT)
        assert process.returncode == 0
    assert '"event": "hangup", "keys": 1' in err and "keys were not read again" in err
    assert '"event": "stop"' in err


def test_a_hangup_without_keys_and_while_it_loads_stops_nothing(bundle, tmp_path):
    with started(bundle, "--data", tmp_path / "live") as (process, address):
        process.send_signal(signal.SIGHUP)
        assert httpx.get(f"{address}/v1/recommend/u1").status_code == 200
        assert process.poll() is None


@pytest.mark.parametrize("is_closed", [False, True], ids=["nobody reads", "the readers are gone"])
def test_it_serves_with_or_without_a_reader_of_its_output(bundle, tmp_path, is_closed):
    reader, writer = os.pipe()
    if is_closed:
        os.close(reader)
    else:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4_096)
        os.set_blocking(writer, True)
    port = free_port()
    options = ("--data", tmp_path / "live", "--log", "--port", port)
    process = subprocess.Popen(command(bundle, *options), stdout=writer, stderr=writer)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT) as http:
            answered(http)
            for _ in range(20):
                assert http.get("/v1/recommend/u1").status_code == 200
                assert http.get("/v1/recommend/u1", params={"k": "x"}).status_code == 422
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WAIT) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=WAIT)
        os.close(writer)
        if not is_closed:
            os.close(reader)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def answered(http: httpx.Client) -> None:
    """Wait until lists are given."""
    for _ in range(10 * WAIT):
        with contextlib.suppress(httpx.TransportError):
            if http.get("/health/ready").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("it does not answer")


@pytest.mark.parametrize("trusted", ["", "127.0.0.1,::1"])
def test_a_proxy_is_believed_where_it_is_named(bundle, tmp_path, trusted):
    # Whatever the environment says to the server below.
    options = ("--data", tmp_path / "live", "--rate", 0.1, "--trusted-proxies", trusted)
    with started(bundle, *options) as (_, address):
        with httpx.Client(base_url=address) as http:
            statuses = [
                http.get("/v1/version", headers={"x-forwarded-for": f"1.2.3.{n}"}).status_code
                for n in range(8)
            ]
    assert (429 in statuses) is not bool(trusted)


def test_a_prefix_is_told_and_answered(bundle, tmp_path):
    options = ("--data", tmp_path / "live", "--root-path", "/shop/")
    with started(bundle, *options) as (_, address):
        assert address.endswith("/shop")
        page = httpx.get(f"{address}/dashboard/bundles")
        assert page.status_code == 200 and 'href="/shop/dashboard/users"' in page.text


def test_what_cannot_be_served_is_told(bundle, tmp_path):
    assert "keys create" in refused(bundle, "--host", "0.0.0.0", "--data", tmp_path / "a")
    assert "no such bundle" in refused(tmp_path / "none", "--data", tmp_path / "b")
    assert "name a bundle" in refused()
    assert "no bundle has been published" in refused("--data", tmp_path / "c")
    assert "--trusted-proxies" in refused(bundle, "--trusted-proxies", "*")
    assert "--root-path" in refused(bundle, "--root-path", "/v1")
    (tmp_path / "keys.json").write_text("{")
    assert "keys.json" in refused(
        bundle, "--keys", tmp_path / "keys.json", "--data", tmp_path / "d"
    )
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "store.sqlite").write_text("not a database, not at all, no way" * 100)
    assert "not a database" in refused(bundle, "--data", tmp_path / "e")
    assert f"--data {tmp_path / 'e'}" in refused(tmp_path / "e")


def test_one_folder_is_for_one_service_and_one_port_too(bundle, tmp_path):
    with started(bundle, "--data", tmp_path / "live") as (_, address):
        assert "another service uses this folder" in refused(bundle, "--data", tmp_path / "live")
        port = address.rsplit(":", 1)[1]
        assert port in refused(bundle, "--data", tmp_path / "other", "--port", port)
