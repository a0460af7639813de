"""From a bundle and a folder to a running service."""

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import ASGIApp
from threadpoolctl import threadpool_limits

from pennyweight.serving.http.admission import Admission
from pennyweight.serving.http.admission_protocol import admission_protocol
from pennyweight.serving.http.app import AccessPolicy, make_app
from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.http.listening import listening
from pennyweight.serving.http.proxies import Proxies
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine, Limits
from pennyweight.serving.live.remote_queries import RemoteQueries
from pennyweight.serving.live_folder import BUNDLES, STORE, locked_folder, serving_at
from pennyweight.serving.log_queue import LogQueue
from pennyweight.serving.logs import event
from pennyweight.serving.operations.schedule import RefitSchedule, RefitTimes
from pennyweight.serving.security.hosts import check_binding
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.rate import Rate
from pennyweight.serving.sighup import hangups
from pennyweight.serving.stores.opening import open_store
from pennyweight.storage.private import owner_only

__all__ = ["ServiceSettings", "serve"]

SWITCH = 5e-4  # seconds
GARBAGE = (50_000, 20, 20)  # new objects from which on garbage is looked for, by generation
FILES = 8_192  # that may be open, where the system lets it
STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class ServiceSettings:
    """Where and how to serve.

    Attributes
    ----------
    data
        The folder of the store and the bundles.
    bundle
        The bundle to serve; None: the bundles served last.
    host, port
        The address; another than loopback needs keys. Port 0 takes a free one.
    keys
        The keys file, if any.
    rate
        Requests a second of each key, 0: unbounded.
    log
        Where a line of JSON is written for each request, if anywhere.
    limits
        Limits of the engine.
    query_host, query_timeout
        The server that may be asked for the vectors of searches, if any, and the seconds for it.
    proxies
        The proxies in front of the service.
    refits
        When it refits, if ever.
    storefront
        Whether it has the shop of the playground.
    """

    data: Path
    bundle: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    keys: Path | None = None
    rate: float = 0.0
    log: LogQueue | None = None
    limits: Limits = field(default_factory=Limits)
    query_host: str | None = None
    query_timeout: float = 0.3
    proxies: Proxies = field(default_factory=Proxies)
    refits: RefitTimes | None = None
    storefront: bool = False


def serve(settings: ServiceSettings, *, on_ready: Callable[[str, Engine], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished.

    SIGHUP reads the keys again and stops nothing.

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
    with (
        hangups(keys) as hangup,
        owner_only(),
        locked_folder(settings.data),
        listening(settings.host, settings.port) as sockets,
    ):
        engine = Engine(
            open_store(settings.data / STORE),
            BundleStore(settings.data / BUNDLES),
            settings.limits,
            queries=RemoteQueries(settings.query_host, timeout=settings.query_timeout),
        )
        try:
            engine.start(settings.bundle)
            engine.drift.begin()
            admission = Admission(settings.limits.requests, connections=_connections())
            proxies = settings.proxies
            app = make_app(
                engine,
                AccessPolicy(keys, rate),
                admission=admission,
                proxies=proxies,
                log=settings.log,
                prepared=True,
                storefront=settings.storefront,
            )
            address = _address(sockets[0])

            def ready() -> None:
                hangup.attach()
                on_ready(f"{address}{proxies.root_path}", engine)

            server = _Server(app, admission_protocol(admission, proxies.root_path), ready)
            event("start", {"address": address})
            # One thread for each product: those that score are the threads of this process.
            with (
                _refitting(engine, settings),
                serving_at(settings.data, f"{_local(sockets[0])}{proxies.root_path}"),
                threadpool_limits(1),
                _seldom_collecting(),
                _switching(),
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                runner.run(server.serve(sockets=sockets))
            event("stop")
        finally:
            engine.close()


@contextmanager
def _refitting(engine: Engine, settings: ServiceSettings) -> Iterator[None]:
    """Refit at the times of the settings while the block lasts."""
    if settings.refits is None:
        yield
        return
    schedule = RefitSchedule(engine, settings.data, settings.refits)
    schedule.begin()
    try:
        yield
    finally:
        schedule.close()


class _Server(uvicorn.Server):
    """Stops at a signal without passing it on, and calls `on_ready` when it listens."""

    def __init__(
        self, app: ASGIApp, wire: type[BoundedProtocol], on_ready: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="none",
                http=wire,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,  # it would trust every client on this machine
                timeout_keep_alive=30,
                timeout_graceful_shutdown=10,
            )
        )
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals that stop a service; another server's end would be its death."""
        before = {number: signal.getsignal(number) for number in STOPPING}
        for number in STOPPING:
            signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then call `on_ready`."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _connections() -> int:
    """Return how many connections may be open: half of the files, which are raised for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if 0 <= soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        soft = limit
    return FILES // 2 if soft < 0 else min(FILES, soft) // 2


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _local(sock: socket.socket) -> str:
    """Return the address for this machine, also where the service listens on all of its own."""
    host, port = sock.getsockname()[:2]
    every = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    host = every.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


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
def _seldom_collecting() -> Iterator[None]:
    """Collect garbage seldom, and never among the loaded objects.

    The latter would stop all requests for 100 ms. With 2,000 connections and their requests
    with this number of live objects the usual thresholds take a tenth of the time of a list.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
