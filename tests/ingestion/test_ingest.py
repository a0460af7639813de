"""`pennyweight ingest` into a live service: each row once, counted, whatever dies when."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live import TIMEOUT
from live import service as service_of
from processes import KilledService
from protected_app import make_key

from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.security.keyring import KeyRing

WAIT = 120
HEADER = "user,item,event_type,timestamp\n"


@pytest.fixture
def service(bundle, tmp_path):
    running = KilledService(bundle, tmp_path / "live")
    running.start()
    yield running
    running.kill()


def csv_rows(start: int, stop: int) -> str:
    return "".join(f"u{i % 40},i{i % 20},view,{1_700_000_000 + i}\n" for i in range(start, stop))


def command(*options: object) -> list[str]:
    return [sys.executable, "-m", "pennyweight", "ingest", *map(str, options)]


def ingest(*options: object, data: bytes | None = None, code: int = 0) -> tuple[str, str]:
    done = subprocess.run(command(*options), capture_output=True, timeout=WAIT, input=data)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def times(service: KilledService) -> list[int]:
    """Return the times of all stored events: each row of `csv_rows` has one of its own."""
    return sorted(round(event["timestamp"]) - 1_700_000_000 for event in service.events())


def test_a_file_is_sent_once_and_goes_on_where_it_ended(service, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + csv_rows(0, 2_300))
    out, err = ingest(service.folder, log)
    assert out == (
        "read 2,300 rows: 2,300 sent (2,300 stored, 0 stored before, 0 of erased users), "
        "0 refused\n"
    )
    assert "user = user, item = item, time = timestamp, type = event_type" in err
    with log.open("a") as file:
        file.write(csv_rows(2_300, 2_500))
    out, _ = ingest(service.url, log)
    assert out.startswith("read 2,500 rows: 2,500 sent (2,500 stored, 0 stored before")
    assert times(service) == list(range(2_500))
    assert not (tmp_path / "log.csv.refused.jsonl").exists()
    (tmp_path / "log.csv.offset.json").unlink()  # lost: all is read again, and stored once
    out, _ = ingest(service.url, log)
    assert "2,500 sent (0 stored, 2,500 stored before" in out
    moved = log.rename(tmp_path / "renamed.csv")
    assert "0 stored, 2,500 stored before" in ingest(service.url, moved)[0]
    assert times(service) == list(range(2_500))


def test_bad_rows_are_put_aside_with_their_reasons(service, tmp_path):
    log = tmp_path / "log.jsonl"
    good = [{"user_id": f"u{i}", "item_id": "i1", "timestamp": 1.7e9 + i} for i in range(50)]
    lines = [json.dumps(row) for row in good]
    lines[7] = "{broken"
    lines[20] = json.dumps({"user_id": "undefined", "item_id": "i1", "timestamp": 1.7e9})
    lines[30] = json.dumps({"user_id": "u1", "item_id": "i1", "timestamp": "2999-01-01"})
    lines[31] = ""
    log.write_text("\n".join(lines) + "\n")
    out, err = ingest(service.url, log)
    assert out.startswith("read 49 rows: 46 sent (46 stored")
    assert "3 refused" in out and "log.jsonl.refused.jsonl: the refused rows" in err
    aside = tmp_path / "log.jsonl.refused.jsonl"
    assert aside.stat().st_mode & 0o077 == 0
    refused = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [row["reason"].split(":")[0] for row in refused] == [
        "is not JSON",
        "user_id 'undefined' stands for a missing id, and all without one would share it",
        refused[2]["reason"].split(":")[0],
    ]
    assert "in the future" in refused[2]["reason"]
    for row in refused:
        text = log.read_bytes()[row["byte"] :].splitlines()[0].decode()
        assert text == row["row"]
    ingest(service.url, log)
    assert len(aside.read_text().splitlines()) == 3
    (tmp_path / "log.jsonl.offset.json").unlink()
    _, err = ingest(service.url, log, "--strict", code=2)
    assert "the row at byte" in err and "is not JSON" in err


def test_standard_input(service, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = (HEADER + csv_rows(0, 1_200)).encode().rstrip(b"\n")  # the last row has no line break
    assert "1,200 sent (1,200 stored" in ingest(service.url, "-", data=data)[0]
    assert "1,200 sent (0 stored, 1,200 stored before" in ingest(service.url, "-", data=data)[0]
    assert times(service) == list(range(1_200))
    _, err = ingest(service.url, "-", "--follow", data=b"", code=2)
    assert "for files" in err


def test_files_that_cannot_be_read_are_named(service, tmp_path):
    _, err = ingest(service.url, tmp_path / "none.csv", code=2)
    assert "none.csv: No such file" in err
    log = tmp_path / "log.csv"
    log.write_text("who,what\na,b\n")
    _, err = ingest(service.url, log, code=2)
    assert "none is known as the user" in err and "--user-column" in err
    assert (
        "1 stored" in ingest(service.url, log, "--user-column", "who", "--item-column", "what")[0]
    )
    log.write_text('[{"user": "a"}]')
    _, err = ingest(service.url, log, "--offsets", tmp_path / "o.json", code=2)
    assert "is a JSON array" in err
    for name, data, word in (
        ("a.gz", gzip.compress(b"user_id,item_id\na,b\n"), "zcat"),
        ("a.csv", "user_id,item_id\na,b\n".encode("utf-16"), "iconv"),
    ):
        (tmp_path / name).write_bytes(data)
        _, err = ingest(service.url, tmp_path / name, code=2)
        assert word in err
    (tmp_path / "o.json").write_text("{}")
    _, err = ingest(service.url, log, "--offsets", tmp_path / "o.json", code=2)
    assert "o.json: is no offset file" in err
    _, err = ingest(tmp_path, log, code=2)
    assert "not a folder of a service" in err
    service.kill()
    _, err = ingest(service.folder, log, code=2)
    assert "no service runs there" in err


def test_the_key_comes_from_the_environment(bundle, tmp_path, monkeypatch):
    secret, _ = make_key(tmp_path / "keys.json", "logs", "events")
    log = tmp_path / "log.csv"
    log.write_text(HEADER + csv_rows(0, 3))
    access = AccessPolicy(keys=KeyRing(tmp_path / "keys.json"), timeout=TIMEOUT)
    with service_of(bundle, tmp_path / "guarded", access=access) as running:
        url = f"http://127.0.0.1:{running.port}"
        _, err = ingest(url, log, code=2)
        assert "set PENNYWEIGHT_KEY to a key with the scope events" in err
        monkeypatch.setenv("PENNYWEIGHT_KEY", secret)
        assert "3 stored" in ingest(url, log)[0]


def test_a_row_that_was_read_before_it_was_whole(service, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + csv_rows(0, 2) + "u1,i1,view,1700000002")
    assert "3 sent" in ingest(service.url, log)[0]
    with log.open("a") as file:
        file.write("9\n" + csv_rows(3, 5))
    out, _ = ingest(service.url, log)
    assert "read 6 rows: 5 sent" in out and "1 refused" in out
    assert "before it was whole" in (tmp_path / "log.csv.refused.jsonl").read_text()
    assert times(service) == [0, 1, 2, 3, 4]


class Following:
    """`ingest --follow`, killed and started again at will."""

    def __init__(self, *options: object) -> None:
        self._options = options
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            command(*self._options, "--follow"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT)
            self.process = None


def rotate(log: Path) -> None:
    """Rename a log as logrotate does, and begin it anew."""
    for n in (3, 2, 1):
        before = log.with_name(f"{log.name}.{n}")
        if before.exists():
            before.rename(log.with_name(f"{log.name}.{n + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))
    log.write_text(HEADER)


def stored(service: KilledService, n: int) -> list[int]:
    """Wait until a number of events is stored."""
    end = time.monotonic() + WAIT
    while len(rows := times(service)) < n and time.monotonic() < end:
        time.sleep(0.1)
    return rows


def test_a_growing_file_is_followed_across_rotation(service, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER)
    following = Following(service.url, log)
    following.start()
    try:
        with log.open("a") as file:
            file.write(csv_rows(0, 10) + "u1,i1,vi")
        assert stored(service, 10) == list(range(10))
        with log.open("a") as file:
            file.write("ew,1700000010\n")
        assert stored(service, 11) == list(range(11))
        with log.open("a") as file:
            file.write(csv_rows(11, 20))
            rotate(log)
            file.write(csv_rows(20, 30))  # by a writer that has not noticed yet
        with log.open("a") as file:
            file.write(csv_rows(30, 40))
        assert stored(service, 40) == list(range(40))
        log.write_text(HEADER + csv_rows(40, 42))  # cut, and written from its beginning
        assert stored(service, 42) == list(range(42))
    finally:
        following.kill()


@pytest.mark.slow
def test_kills_of_both_sides_lose_nothing(service, tmp_path):
    rng, n, log = random.Random(3), 0, tmp_path / "log.csv"
    log.write_text(HEADER)
    following, bad = Following(service.url, log), 0
    try:
        for round_ in range(8):
            following.kill()
            following.start()
            for _ in range(6):
                more = rng.randrange(1, 900)
                with log.open("a") as file:
                    file.write(csv_rows(n, n + more) + "bad row\n")
                n, bad = n + more, bad + 1
                time.sleep(rng.uniform(0.0, 1.0))
            if round_ % 3 == 1:
                rotate(log)
            if round_ in (2, 5):
                service.kill()
                service.start()
        following.kill()
        out, _ = ingest(service.url, log)
        assert times(service) == list(range(n))
        refused = (tmp_path / "log.csv.refused.jsonl").read_text().splitlines()
        assert len(refused) == bad
        assert out.startswith(f"read {n + bad:,} rows: {n:,} sent") and f"{bad} refused" in out
    finally:
        following.kill()


def test_files_between_two_rotations_are_sent_too(service, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + csv_rows(0, 5))
    ingest(service.url, log)
    for start in (5, 15, 25):
        with log.open("a") as file:
            file.write(csv_rows(start, start + 5))
        rotate(log)
        with log.open("a") as file:
            file.write(csv_rows(start + 5, start + 10))
    (tmp_path / "log.csv.old").write_text(HEADER + csv_rows(900, 905))
    out, err = ingest(service.url, log)
    assert times(service) == list(range(35))
    assert out.startswith("read 35 rows: 35 sent (35 stored")
    assert "the rest of the earlier file is sent first" in err


def test_ctrl_c_ends_a_follower_and_tells_the_counts(service, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(HEADER + csv_rows(0, 50))
    following = subprocess.Popen(
        command(service.folder, log, "--follow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + WAIT
    while len(times(service)) < 50 and time.monotonic() < end:
        time.sleep(0.1)
    offsets = tmp_path / "log.csv.offset.json"
    while not offsets.exists() and time.monotonic() < end:
        time.sleep(0.1)
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=WAIT)
    assert following.returncode == 130, (out, err)
    assert b"50 sent (50 stored" in err and b"goes on from there" in err
