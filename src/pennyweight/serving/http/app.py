"""The application: routes, middleware and metrics around an engine."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from pennyweight.responses import Problem
from pennyweight.serving.dashboard.routes import dashboard_routes
from pennyweight.serving.http.admission import Admission
from pennyweight.serving.http.deadline import TIMEOUT
from pennyweight.serving.http.head import HeadAsGet
from pennyweight.serving.http.metrics import Metrics
from pennyweight.serving.http.problems import MEDIA_TYPE, answer_errors
from pennyweight.serving.http.proxies import DIRECT, Proxies, behind_proxies, without_slash
from pennyweight.serving.http.request_middleware import HandledRequest
from pennyweight.serving.http.rolling_metrics import RollingMetrics
from pennyweight.serving.http.routes.admin import admin_routes
from pennyweight.serving.http.routes.experiments import experiment_routes
from pennyweight.serving.http.routes.gorse import gorse_routes
from pennyweight.serving.http.routes.gorse_pages import gorse_page_routes
from pennyweight.serving.http.routes.health import health_routes
from pennyweight.serving.http.routes.ingestion import feed_routes
from pennyweight.serving.http.routes.lists import list_routes
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.log_queue import LogQueue
from pennyweight.serving.logs import RequestLog
from pennyweight.serving.playground.storefront import SHOP, storefront_routes
from pennyweight.serving.readiness import Readiness, readiness
from pennyweight.serving.security.guard import protected
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.security.rate import Rate
from pennyweight.serving.security.sessions import Sessions
from pennyweight.serving.worker import Worker

__all__ = ["AccessPolicy", "make_api", "make_app"]

READING = 256  # requests whose large bodies or items may wait to be read
PROBLEM = {"model": Problem, "content": {MEDIA_TYPE: {}}}
PROBLEMS = {
    400: "malformed request",
    401: "missing or unknown key",
    403: "key without the required scope",
    404: "unknown id, or no experiment runs",
    408: "body not received in time",
    409: "bundle cannot be used, or an experiment runs",
    413: "request too large",
    415: "content type is not JSON",
    422: "invalid field; the response names it",
    429: "too many requests; try again",
    503: "overloaded, or the store cannot be written; try again",
}


@dataclass(frozen=True)
class AccessPolicy:
    """Who may come in, how often, and for how long.

    Attributes
    ----------
    keys
        None: every client that reaches the loopback may do everything.
    rate
        Requests a second of each key, if bounded.
    timeout
        Seconds from the arrival of a request, after which it is refused.
    """

    keys: KeyRing | None = None
    rate: Rate | None = None
    timeout: float = TIMEOUT


def make_api(engine: Engine, metrics: Metrics, *, admission: Admission | None = None) -> FastAPI:
    """Return the routes that answer in JSON, without protection."""

    def ready_now() -> Readiness:
        return readiness(engine, admission)

    def store_failed(error: Exception) -> None:
        metrics.storage_failed(error)
        engine.store.integrity.suspect()

    api = FastAPI(
        title="Pennyweight",
        version=version("pennyweight"),
        description="Recommendations with language models, on the hardware you have.",
        docs_url=None,
        redoc_url=None,
        # It would look for a tracer at every request; metrics are kept by `Metrics`.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses={status: PROBLEM | {"description": text} for status, text in PROBLEMS.items()},
    )
    api.state.more_pages = ()
    worker = api.state.worker = Worker(
        "worker", depth=READING, busy=f"{READING} requests wait to be read; retry later"
    )
    for routes in (
        list_routes(engine, metrics),
        feed_routes(engine, metrics, worker),
        admin_routes(engine),
        gorse_page_routes(engine),
        experiment_routes(engine),
        gorse_routes(engine, metrics, worker, ready_now),
        health_routes(engine, metrics, ready_now),
    ):
        api.include_router(routes)
    api.router.default = without_slash(api.router)
    answer_errors(api, failed=store_failed, methods=_methods(api))
    return api


def make_app(
    engine: Engine,
    access: AccessPolicy = AccessPolicy(),
    *,
    observers: Sequence[Callable[[HandledRequest], None]] = (),
    window: RollingMetrics | None = None,
    admission: Admission | None = None,
    prepared: bool = False,
    proxies: Proxies = DIRECT,
    log: LogQueue | None = None,
    storefront: bool = False,
) -> ASGIApp:
    """Return the application over a started engine, which it does not close.

    Parameters
    ----------
    observers
        Called with every handled request, as the request log is.
    window
        The last hour as the dashboard shows it; by default a new one.
    admission
        The server's admission control; refusals are counted, and readiness shows ``full``.
    prepared
        Do the work of the first requests now, half a second in which others would wait.
    proxies
        The trusted proxies in front of the service.
    log
        Where a line is written for each request, if anywhere.
    storefront
        Have the shop of the playground, too.
    """
    metrics, window = Metrics(), window or RollingMetrics()
    if access.keys is not None:
        access.keys.failed = metrics.keys_failed
    sessions = None if access.keys is None else Sessions(access.keys)
    api = make_api(engine, metrics, admission=admission)
    for routes in dashboard_routes(api, engine, metrics, window, access.keys, sessions):
        api.include_router(routes)
    if storefront:
        api.include_router(storefront_routes(engine))
        api.state.more_pages = ((SHOP, "Shop"),)
    _watch(engine, metrics)
    if log is not None:
        observers = (*observers, RequestLog(log).answered)
        log.on_drop = metrics.log_lines_dropped
    app = protected(
        HeadAsGet(api),
        keys=access.keys,
        sessions=sessions,
        rate=access.rate,
        timeout=access.timeout,
        observers=(metrics.answered, window.answered, *observers),
    )
    metrics.watch("ready", lambda: float(readiness(engine, admission).is_ready))
    metrics.watch("requests_in_flight", lambda: float(app.in_flight))
    if admission is not None:
        _watch_admission(admission, metrics, window)
    if prepared:
        api.openapi()
    return behind_proxies(app, proxies)


def _operation_id(route: APIRoute) -> str:
    """Name an operation like its function, with a prefix for the routes of Gorse."""
    return f"gorse_{route.name}" if route.path_format.startswith("/api/") else route.name


def _methods(api: FastAPI) -> Callable[[str], str]:
    """Return a lookup of the methods of a path: a router knows those of one route only."""

    @cache
    def patterns() -> list[tuple[re.Pattern[str], set[str], int]]:
        return [
            (
                re.compile(re.sub(r"\\{.*?\\}", ".+", re.escape(path)), re.DOTALL),
                _upper(methods),
                path.count("/"),
            )
            for path, methods in api.openapi()["paths"].items()
        ]

    def allowed(path: str) -> str:
        # A path that is written out comes before one with a parameter in its place.
        exact = api.openapi()["paths"].get(path)
        if exact is not None:
            return ", ".join(sorted(_upper(exact)))
        matches = [(methods, n) for pattern, methods, n in patterns() if pattern.fullmatch(path)]
        # The id of a shorter path would hold the rest of a longer one.
        depth = max((n for _, n in matches), default=0)
        return ", ".join(sorted(set().union(*(methods for methods, n in matches if n == depth))))

    return allowed


def _upper(methods: Collection[str]) -> set[str]:
    """Return methods in upper case, with HEAD wherever there is GET."""
    return {method.upper() for method in methods} | ({"HEAD"} if "get" in methods else set())


def _watch_admission(admission: Admission, metrics: Metrics, window: RollingMetrics) -> None:
    def refused(n: int) -> None:
        metrics.overloaded(n)
        window.overloaded(n)

    admission.on_refused = refused
    metrics.watch("event_loop_lag_seconds", lambda: admission.lag)


def _watch(engine: Engine, metrics: Metrics) -> None:
    depths: dict[str, Callable[[], float]] = {
        "answers": lambda: engine.lists.batching.waiting,
        "writes": lambda: engine.store.writer.waiting,
        "items": lambda: engine.items.ingestion.waiting,
    }
    for name, depth in depths.items():
        metrics.watch_queue(name, depth)
    engine.queries.on_prepared = metrics.prepared
    engine.items.on_indexed, engine.items.on_encoded = metrics.recommendable, metrics.encoded
    metrics.watch(
        "bundle_age_seconds", lambda: engine.clock() - engine.traffic.split.primary.created
    )
    metrics.watch(
        "data_age_seconds", lambda: engine.clock() - engine.traffic.split.primary.newest_event
    )
    metrics.watch_drift(lambda: engine.drift.state, engine.clock)
    metrics.watch(
        "items_without_vector", lambda: float(len(engine.traffic.split.primary.without_vector))
    )
