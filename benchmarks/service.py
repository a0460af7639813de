"""A service in a separate process, for the benchmarks that send it requests."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

__all__ = ["Running", "running", "small_shop"]

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass
class Running:
    """A started service."""

    process: "subprocess.Popen[str]"
    port: int

    @property
    def resident(self) -> int:
        """Bytes of memory that are resident."""
        return self._status("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes that were resident."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in text.splitlines() if name in line) * 1024

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to stop."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def start(bundle: Path | None, data: Path, *options: str) -> Running:
    """Start a service on a free port and wait until it gives lists."""
    command = [
        sys.executable,
        "-m",
        "pennyweight",
        "serve",
        *([str(bundle)] if bundle else []),
        "--port",
        "0",
        "--data",
        str(data),
        *options,
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    address = ADDRESS.search(line)
    if address is None:
        process.kill()
        raise SystemExit(f"the service did not start: {line}")
    threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
    return Running(process, int(address[1]))


def _drain(pipe: IO[str]) -> None:
    """Read a pipe to its end, so that it never fills, and close it."""
    with pipe:
        pipe.read()


@contextmanager
def running(bundle: Path | None, data: Path, *options: str) -> Iterator[Running]:
    """Start a service; it is stopped at the end."""
    service = start(bundle, data, *options)
    try:
        yield service
    finally:
        service.stop()


def small_shop(n_items: int = 300, n_users: int = 200) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return items and events of a shop that is fitted in a moment."""
    rng = np.random.default_rng(0)
    kinds = ("tea", "coffee", "cocoa", "mate", "juice")
    items = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(n_items)],
            "title": [f"{kinds[i % 5]} no{i} blend{i % 17}" for i in range(n_items)],
        }
    )
    rows = [
        (f"u{user}", f"i{int(rng.integers(n_items))}", 1_700_000_000 + 60 * at + user)
        for user in range(n_users)
        for at in range(8)
    ]
    return items, pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
