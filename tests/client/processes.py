"""`pennyweight serve` as a process that tests kill and start again."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx

WAIT = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class KilledService:
    """A service on one port and folder, started and killed as often as a test likes."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.url = f"http://127.0.0.1:{self.port}"
        self._bundle = bundle
        self.process: subprocess.Popen | None = None

    def start(self, *, wait: bool = True) -> None:
        options = ("--port", str(self.port), "--data", str(self.folder))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pennyweight", "serve", str(self._bundle), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        if wait:
            assert self.process.stdout.readline()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=WAIT)
            self.process = None

    def event_ids(self) -> list[str]:
        """Return the ids of all stored events."""
        return [event["event_id"] for event in self.events()]

    def events(self) -> list[dict]:
        """Return all stored events."""
        text = httpx.get(f"{self.url}/v1/events:export", timeout=WAIT).text
        return [json.loads(line) for line in text.splitlines()]
