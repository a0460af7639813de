"""Counters and histograms of the service for Prometheus."""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, Literal, TypeVar

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
)

from pennyweight.machine.machine import resident_memory
from pennyweight.serving.http.drift_gauges import DriftGauges
from pennyweight.serving.http.request_middleware import HandledRequest
from pennyweight.serving.live.drift import DriftState

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

T = TypeVar("T", Counter, Histogram)

# Seconds.
REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ENCODE = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
DELAY = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
REFUSALS = frozenset((401, 403, 408, 413, 429))


class _Children(dict[tuple[str, ...], T], Generic[T]):
    """The children of a metric by their labels: `labels` checks and locks on each call."""

    def __init__(self, metric: T) -> None:
        self._metric: T = metric

    def counts(self) -> Mapping[tuple[str, ...], int]:
        """Return the values of a counter by its labels."""
        return {
            tuple(sample.labels.values()): int(sample.value)
            for family in self._metric.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def __missing__(self, labels: tuple[str, ...]) -> T:
        child = self[labels] = self._metric.labels(*labels)
        return child


class _Plain:
    """A registry without the creation times of counters, which double the size of a scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family


class Metrics:
    """Counters, histograms and gauges of one service, in its own registry.

    Labels are few by design: templates of routes, never paths; versions of bundles, never
    ids. Counting may be done from any thread.

    Parameters
    ----------
    memory
        Returns the resident memory of this process in bytes.
    """

    def __init__(self, *, memory: Callable[[], float] = resident_memory) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"pennyweight_{name}", help_text, labels, registry=registry)

        def histogram(
            name: str, help_text: str, buckets: tuple[float, ...], *labels: str
        ) -> Histogram:
            name = f"pennyweight_{name}"
            return Histogram(name, help_text, labels, buckets=buckets, registry=registry)

        self._requests = _Children(
            histogram("request_seconds", "Time to answer", REQUEST, "route", "method", "status")
        )
        self._refused = _Children(
            counter("refused_requests", "Requests refused for their key, rate or size", "status")
        )
        self._overloaded = counter("overload_refusals", "Requests refused before they were read")
        self._lists = _Children(
            counter("recommendations", "Lists, by source", "source", "bundle_version")
        )
        self._cold = counter("cold_answers", "Lists without a history")
        self._fallbacks = _Children(counter("fallbacks", "Lists of second choice", "reason"))
        self._remote = _Children(
            counter("remote_queries", "Searches encoded by a server", "result")
        )
        self._events = _Children(counter("events", "Events received", "result"))
        self._encode = histogram("encode_seconds", "Time to encode a batch of texts", ENCODE)
        self._delay = histogram(
            "item_recommendable_seconds", "From an item's arrival to its first chance", DELAY
        )
        self._storage_errors = counter("storage_errors", "Reads or writes of the store that failed")
        self._lines_dropped = counter(
            "log_lines_dropped", "Log lines without a reader or refused by the disk"
        )
        self._key_failures = counter("key_reload_failures", "Changed keys files that are damaged")
        self._gauges = self._make_gauges(memory)
        self._drift = DriftGauges(registry)

    def _make_gauges(self, memory: Callable[[], float]) -> Mapping[str, Gauge]:
        documentation = {
            "ready": "1 while requests should be sent here, see /health/ready",
            "requests_in_flight": "Requests that are being answered",
            "event_loop_lag_seconds": "By which the service is late to read requests",
            "bundle_age_seconds": "Since the bundle that answers was made",
            "data_age_seconds": "Since the newest event that the bundle learned from",
            "resident_memory_bytes": "Memory of this process",
            "items_without_vector": "Items to which the server of an encoder gave no vector",
        }
        gauges = {
            name: Gauge(f"pennyweight_{name}", text, registry=self._registry)
            for name, text in documentation.items()
        }
        gauges["resident_memory_bytes"].set_function(memory)
        self._queues = Gauge(
            "pennyweight_queue_depth", "Waiting jobs", ("queue",), registry=self._registry
        )
        return gauges

    def watch_drift(self, state: Callable[[], DriftState], clock: Callable[[], float]) -> None:
        """Read the last measurement of drift whenever metrics are requested."""
        self._drift.watch(state, clock)

    def answered(self, request: HandledRequest) -> None:
        """Count a request; an observer of `RequestMiddleware`."""
        method = request.method if request.method in METHODS else "OTHER"
        self._requests[request.route, method, f"{request.status // 100}xx"].observe(request.seconds)
        if request.status in REFUSALS:
            self._refused[(str(request.status),)].inc()

    def overloaded(self, n: int) -> None:
        """Count requests that were refused since there were too many."""
        self._overloaded.inc(n)

    def recommended(self, source: str, bundle_version: str, *, lists: int = 1) -> None:
        """Count lists by source (history, text, popularity …) and by the bundle's version."""
        self._lists[source, bundle_version].inc(lists)

    def cold(self, *, lists: int = 1) -> None:
        """Count lists that knew no history."""
        self._cold.inc(lists)

    def fell_back(self, reason: str, *, lists: int = 1) -> None:
        """Count lists of second choice; `reason` is one of a few words."""
        self._fallbacks[(reason,)].inc(lists)

    def received(
        self, *, accepted: int = 0, duplicate: int = 0, refused: int = 0, erased: int = 0
    ) -> None:
        """Count events by outcome; `erased` are events of erased users, dropped."""
        results = {"accepted": accepted, "duplicate": duplicate, "refused": refused}
        for result, n in {**results, "erased": erased}.items():
            if n:
                self._events[(result,)].inc(n)

    def prepared(self, success: bool) -> None:
        """Count a search whose vector a server was to give."""
        self._remote[("encoded" if success else "failed",)].inc()

    def encoded(self, seconds: float) -> None:
        """Count a batch of texts that was encoded."""
        self._encode.observe(seconds)

    def recommendable(self, seconds: float) -> None:
        """Count an item that can now be recommended, so long after it came."""
        self._delay.observe(seconds)

    def storage_failed(self, error: Exception | None = None) -> None:
        """Count a read or a write of the store that failed."""
        self._storage_errors.inc()

    def keys_failed(self, error: Exception | None = None) -> None:
        """Count a keys file that could not be read again; for `KeyRing`."""
        self._key_failures.inc()

    def log_lines_dropped(self, n: int) -> None:
        """Count lines of the log that were not written; for `LogQueue`."""
        self._lines_dropped.inc(n)

    def watch_queue(self, name: str, depth: Callable[[], float]) -> None:
        """Read the depth of a queue whenever metrics are requested; `depth` must not raise."""
        self._queues.labels(name).set_function(depth)

    def watch(
        self,
        gauge: Literal[
            "ready",
            "requests_in_flight",
            "event_loop_lag_seconds",
            "bundle_age_seconds",
            "data_age_seconds",
            "items_without_vector",
        ],
        value: Callable[[], float],
    ) -> None:
        """Read a value whenever metrics are requested; `value` must not raise."""
        self._gauges[gauge].set_function(value)

    def lists(self) -> Mapping[tuple[str, ...], int]:
        """Return the numbers of lists by source and by the bundle's version."""
        return self._lists.counts()

    def events(self) -> Mapping[str, int]:
        """Return the numbers of events by outcome."""
        return {result: n for (result,), n in self._events.counts().items()}

    def exposition(self) -> bytes:
        """Return all metrics in the text format of Prometheus; see `CONTENT_TYPE`."""
        return generate_latest(_Plain(self._registry))
