"""From a bundle and a folder to a running service."""

import asyncio
import fcntl
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import uvicorn
import uvloop

from pennyweight.errors import StoreError
from pennyweight.serve.app import Doors, make_app
from pennyweight.serve.engine.engine import Engine, Limits
from pennyweight.serve.engine.models import Models
from pennyweight.serve.hosts import check_binding
from pennyweight.serve.keyring import KeyRing
from pennyweight.serve.logs import RequestLog, event
from pennyweight.serve.rate import Rate
from pennyweight.serve.store.sqlite import SQLiteStore
from pennyweight.serve.wire import Wire

__all__ = ["Settings", "serve"]

SWITCH = 5e-4  # seconds
STORE, MODELS, LOCK = "store.sqlite", "models", "lock"


@dataclass(frozen=True)
class Settings:
    """Where and how to serve.

    Attributes
    ----------
    data
        The folder of what must not be lost.
    bundle
        What to serve; None: what was served last.
    host, port
        The address; another than loopback needs keys. Port 0 takes a free one.
    keys
        The keys file, if any.
    rate
        Requests a second of each key, 0: unbounded.
    log
        Where a line of JSON is written for each request, if anywhere.
    limits
        How much the engine takes on.
    """

    data: Path
    bundle: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    keys: Path | None = None
    rate: float = 0.0
    log: TextIO | None = None
    limits: Limits = field(default_factory=Limits)


def serve(settings: Settings, *, on_ready: Callable[[str, Engine], None]) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); what was begun is finished then.

    Parameters
    ----------
    on_ready
        Called with the address once lists can be given.

    Raises
    ------
    PlanError
        An address that needs keys.
    BundleError, DataError, StoreError
        The bundle, the keys file or the folder cannot be used.
    """
    check_binding(settings.host, has_keys=settings.keys is not None)
    keys = None if settings.keys is None else KeyRing(settings.keys)
    rate = Rate(settings.rate, max(1, round(2 * settings.rate))) if settings.rate else None
    with _held(settings.data):
        engine = Engine(
            SQLiteStore(settings.data / STORE),
            Models(settings.data / MODELS),
            settings.limits,
        )
        try:
            engine.start(settings.bundle)
            log = () if settings.log is None else (RequestLog(settings.log).answered,)
            app = make_app(engine, Doors(keys, rate), observers=log)
            server = _Server(app, settings, engine, on_ready)
            # What is loaded stays; to look for garbage among it would stop all for 100 ms.
            gc.collect()
            gc.freeze()
            with _switching(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(server.serve())
                event("stop")
        finally:
            engine.close()


class _Server(uvicorn.Server):
    """Tells when it listens, and on which port."""

    def __init__(
        self,
        app: object,
        settings: Settings,
        engine: Engine,
        on_ready: Callable[[str, Engine], None],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                host=settings.host,
                port=settings.port,
                loop="none",
                http=Wire,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=10,
            )
        )
        self._engine, self._on_ready = engine, on_ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            event("start", {"address": address})
            self._on_ready(address, self._engine)


@contextmanager
def _switching() -> Iterator[None]:
    """Let threads take turns more often: a request shall not wait 5 ms for one that scores."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a folder to this process: two would undo each other's work."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"{folder}: another service works there; give it another folder "
                             "with --data") from None  # fmt: skip
        yield
    finally:
        os.close(handle)
