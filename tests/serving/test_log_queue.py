"""A log that nobody reads, or whose reader is gone."""

import io
import json
import logging
import os
import select
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from live import Service
from protected_app import PATIENCE, serving

from pennyweight.serving import logs
from pennyweight.serving.http.app import make_app
from pennyweight.serving.log_queue import LogQueue

LINE = "x" * 99 + "\n"
FILLER = "."


class Pipe:
    """A pipe, and the stream that is written to."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream = os.fdopen(writer, "w")

    def read(self, nbytes: int = 1 << 20) -> str:
        ready, _, _ = select.select([self.reader], [], [], PATIENCE)
        assert ready, "nothing came through the pipe"
        return os.read(self.reader, nbytes).decode()

    def fill(self) -> None:
        """Write until no more fits: a burst of lines alone leaves room, as most are dropped."""
        descriptor = self.stream.fileno()
        os.set_blocking(descriptor, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(descriptor, FILLER.encode() * 4_096)
        os.set_blocking(descriptor, True)

    def hang_up(self) -> None:
        os.close(self.reader)

    def close(self) -> None:
        self.stream.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def until(met) -> None:
    end = time.monotonic() + PATIENCE
    while not met() and time.monotonic() < end:
        time.sleep(0.005)
    assert met()


def test_lines_come_in_their_order(pipe):
    with LogQueue(pipe.stream) as log:
        for n in range(500):
            log.write(f"{n}\n")
            log.flush()
    assert pipe.read().split() == [str(n) for n in range(500)]
    assert log.dropped == 0


def test_lines_of_any_length_are_whole(pipe):
    lines = ["a" * 5_000 + "\n", "é\n", "b" * 4_095 + "\n", "c\n"]
    with LogQueue(pipe.stream) as log:
        for line in lines:
            log.write(line)
    assert pipe.read() == "".join(lines)


def test_many_threads_may_write(pipe):
    with LogQueue(pipe.stream) as log:
        threads = [
            threading.Thread(target=lambda n=n: [log.write(f"{n}\n") for _ in range(200)])
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = pipe.read().split()
    assert sorted(lines) == sorted(str(n) for n in range(5) for _ in range(200))


def test_a_pipe_that_nobody_reads_drops_lines_and_says_so(pipe):
    counted = []
    pipe.fill()
    log = LogQueue(pipe.stream, nbytes=10_000, notice=logs.dropped_line)
    log.on_drop = counted.append
    for _ in range(10_000):
        log.write(LINE)
    until(lambda: log._waiting > 9_000)  # it waits for the reader, and keeps little
    assert log._waiting <= 10_000
    assert sum(counted) == log.dropped >= 10_000 - (1 << 16) // 100 - 101
    before = log.dropped
    assert before == 9_900  # all but the 10,000 bytes that may wait
    text = pipe.read().lstrip(FILLER)
    until(lambda: not log._waiting)
    log.write("after\n")
    while "after" not in text:
        text += pipe.read()
    log.close()
    notices = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert sum(line["lines"] for line in notices) == before == log.dropped
    assert all(line["event"] == "lines dropped" and line["level"] == "warning" for line in notices)
    lines = [line for line in text.splitlines() if line.startswith("x")]
    assert len(lines) + log.dropped == 10_000 and {len(line) for line in lines} == {99}


def test_closing_does_not_wait_for_a_reader_that_never_comes(pipe):
    log = LogQueue(pipe.stream)
    for _ in range(9_000):
        log.write(LINE)
    log.close(patience=0.0)
    assert not log._thread.is_alive()
    assert log.dropped >= 9_000 - (1 << 16) // 100 - 1
    before = log.dropped
    log.write(LINE)
    assert log.dropped == before + 1


def test_a_reader_that_is_gone_stops_nothing(pipe):
    pipe.hang_up()
    with LogQueue(pipe.stream) as log:
        for n in range(1_000):
            log.write(LINE)
            if n % 100 == 0:
                until(lambda: not log._lines)
    assert log.dropped == 1_000


def test_a_full_disk_stops_nothing():
    with open("/dev/full", "w") as full, LogQueue(full) as log:
        log.write(LINE)
    assert log.dropped == 1


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_stream_without_a_descriptor(stream):
    with LogQueue(stream) as log:
        log.write("a\n")
        logging.StreamHandler(log).emit(logging.LogRecord("x", 20, "", 0, "b", (), None))
    assert log.dropped == 0
    assert stream is None or stream.getvalue() == "a\nb\n"


def test_a_closed_stream_drops():
    stream = io.StringIO()
    stream.close()
    with LogQueue(stream) as log:
        log.write("a\n")
    assert log.dropped == 1


@pytest.mark.parametrize("is_closed", [False, True], ids=["nobody reads", "the reader is gone"])
def test_requests_are_answered_whoever_reads_the_log(live: Service, pipe, is_closed):
    if is_closed:
        pipe.hang_up()
    else:
        pipe.fill()
    log = LogQueue(pipe.stream, nbytes=2_000)
    for _ in range(1_000):
        log.write(LINE)
    before = log.dropped
    with logs.json_lines(log), serving(make_app(live.engine, log=log)) as port:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
            for _ in range(100):
                assert http.get("/v1/recommend/u1").status_code == 200
            logging.getLogger("pennyweight.serving").error("a fault is a line as well")
            logging.getLogger("asyncio").error("and so is one of the loop")
            until(lambda: log.dropped > before)
            text = http.get("/metrics").text
    log.close(patience=0.0)
    (line,) = [x for x in text.splitlines() if x.startswith("pennyweight_log_lines_dropped_total ")]
    assert 0 < float(line.split()[1]) <= log.dropped
