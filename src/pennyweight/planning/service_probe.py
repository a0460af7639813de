"""The processor time and memory of the service on this machine, measured on one that runs."""

import http.client
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from pennyweight.errors import PennyweightError
from pennyweight.planning.list_probe import HISTORY, K
from pennyweight.recommender.recommender import Recommender

__all__ = ["ServiceCost", "service_cost"]

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
REQUESTS, WARM = 300, 30
START_SECONDS = 60.0
EVENTS = 20  # in a request

Request = Callable[[int], tuple[str, str, object]]
"""The method, path and body of the request of some number."""


@dataclass(frozen=True)
class ServiceCost:
    """Processor seconds of the service by request, and its memory.

    Attributes
    ----------
    route_seconds
        Of a request that does nothing.
    list_seconds
        Of a list.
    event_seconds
        Of an event, in requests of twenty.
    resident_bytes
        Memory of the process after these.
    """

    route_seconds: float
    list_seconds: float
    event_seconds: float
    resident_bytes: int


def service_cost(recommender: Recommender, *, seed: int = 0) -> ServiceCost:
    """Serve a recommender on a free port of the loopback address, and send it requests.

    Raises
    ------
    PennyweightError
        The service does not start, or refuses a request.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as temporary:
        recommender.save(Path(temporary) / "bundle")
        with _running(Path(temporary)) as (process, port):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
            route = _cpu_seconds(process, client, lambda _: ("GET", "/health/live", None))
            lists = _cpu_seconds(
                process, client, lambda _: ("POST", "/v1/recommend", _list_body(recommender, rng))
            )
            events = _cpu_seconds(
                process, client, lambda n: ("POST", "/v1/events", _event_body(recommender, rng, n))
            )
            client.close()
            resident = int(process.memory_info().rss)
    return ServiceCost(route, lists, events / EVENTS, resident)


def _list_body(recommender: Recommender, rng: np.random.Generator) -> object:
    codes = rng.integers(0, len(recommender.catalog), HISTORY)
    return {"items": [recommender.catalog.ids[int(code)] for code in codes], "k": K}


def _event_body(recommender: Recommender, rng: np.random.Generator, number: int) -> object:
    codes = rng.integers(0, len(recommender.catalog), EVENTS)
    return {
        "events": [
            {
                "event_id": f"{number}-{place}",
                "user_id": f"user-{int(rng.integers(1_000))}",
                "item_id": recommender.catalog.ids[int(code)],
            }
            for place, code in enumerate(codes)
        ]
    }


def _cpu_seconds(
    process: psutil.Process, client: http.client.HTTPConnection, request: Request
) -> float:
    """Return the processor seconds of one request, of many one after the other."""
    used = 0.0
    for number in range(WARM + REQUESTS):
        if number == WARM:
            used = _used(process)
        method, path, body = request(number)
        client.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json"},
        )
        answer = client.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise PennyweightError(f"the service answered {answer.status}: {text[:200]!r}")
    return (_used(process) - used) / REQUESTS


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _running(folder: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Start a service; end it afterwards."""
    command = [sys.executable, "-m", "pennyweight", "serve", str(folder / "bundle")]
    command += ["--port", "0", "--data", str(folder / "live")]
    errors = folder / "errors"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as service,
    ):
        try:
            line = "" if service.stdout is None else service.stdout.readline()
            address = ADDRESS.search(line)
            if address is None:
                service.wait(START_SECONDS)
                said = errors.read_text(errors="replace")[-500:]
                raise PennyweightError(f"the service did not start: {line} {said}")
            yield psutil.Process(service.pid), int(address[1])
        finally:
            service.terminate()
