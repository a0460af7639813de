import re
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families
from protected_app import Shop, application, ask, bearer

from pennyweight.serving.http.metrics import CONTENT_TYPE, Metrics
from pennyweight.serving.http.request_middleware import HandledRequest
from pennyweight.serving.security.guard import protected


def samples(metrics: Metrics) -> dict[str, float]:
    """Return the values by name and labels, as Prometheus would read them."""
    values = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            values[f"{sample.name.removeprefix('pennyweight_')}{{{labels}}}"] = sample.value
    return values


@pytest.fixture
def metrics():
    return Metrics(memory=lambda: 1234)


def test_nothing_is_shared_between_two_services(metrics):
    metrics.cold()
    assert samples(metrics)["cold_answers_total{}"] == 1
    assert samples(Metrics())["cold_answers_total{}"] == 0


def test_requests_are_counted_by_route_method_and_status(metrics, tmp_path):
    shop = Shop(tmp_path)
    app = protected(application(), keys=shop.ring, observers=[metrics.answered])
    key = bearer(shop.secrets["admin"])
    for path in ("/v1/users/jane", "/v1/users/john", "/broken"):
        ask(app, "GET", path, **key)
    ask(app, "GET", "/v1/users/jane")
    values = samples(metrics)
    assert values["request_seconds_count{method=GET,route=/v1/users/{user_id},status=2xx}"] == 2
    assert values["request_seconds_count{method=GET,route=/broken,status=5xx}"] == 1
    assert values["request_seconds_count{method=GET,route=unrouted,status=4xx}"] == 1
    assert values["refused_requests_total{status=401}"] == 1
    assert "jane" not in str(values)


def test_methods_made_up_by_clients_are_one(metrics):
    for method in ("BREW", "WHEN"):
        metrics.answered(HandledRequest("id", method, "unrouted", 405, 0.002, None))
    labels = "method=OTHER,route=unrouted,status=4xx"
    values = samples(metrics)
    assert values[f"request_seconds_count{{{labels}}}"] == 2
    assert values[f"request_seconds_bucket{{le=0.0025,{labels}}}"] == 2
    assert values[f"request_seconds_bucket{{le=0.001,{labels}}}"] == 0


def test_other_counters(metrics):
    metrics.recommended("history", "m1")
    metrics.recommended("history", "m1", lists=99)
    metrics.recommended("popularity", "m2")
    metrics.fell_back("busy")
    metrics.received(accepted=5, duplicate=2)
    metrics.encoded(0.02)
    metrics.recommendable(3.0)
    metrics.storage_failed(OSError("full"))
    metrics.keys_failed(ValueError("damaged"))
    values = samples(metrics)
    assert values["recommendations_total{bundle_version=m1,source=history}"] == 100
    assert values["recommendations_total{bundle_version=m2,source=popularity}"] == 1
    assert values["fallbacks_total{reason=busy}"] == 1
    assert values["events_total{result=accepted}"] == 5
    assert values["events_total{result=duplicate}"] == 2
    assert "events_total{result=refused}" not in values
    assert values["encode_seconds_count{}"] == values["item_recommendable_seconds_count{}"] == 1
    assert values["item_recommendable_seconds_sum{}"] == 3
    assert values["storage_errors_total{}"] == values["key_reload_failures_total{}"] == 1
    assert values["resident_memory_bytes{}"] == 1234


def test_pages_get_the_counts(metrics):
    assert metrics.lists() == {} and metrics.events() == {}
    metrics.recommended("history", "m1", lists=3)
    metrics.recommended("history and text", "m2")
    metrics.received(accepted=5, duplicate=2)
    assert metrics.lists() == {("history", "m1"): 3, ("history and text", "m2"): 1}
    assert metrics.events() == {"accepted": 5, "duplicate": 2}


def test_gauges_are_looked_at_when_asked(metrics):
    depth = [3]
    metrics.watch_queue("items", lambda: depth[0])
    metrics.watch("bundle_age_seconds", lambda: 60.5)
    metrics.watch("requests_in_flight", lambda: 2)
    assert samples(metrics)["queue_depth{queue=items}"] == 3
    depth[0] = 4
    values = samples(metrics)
    assert values["queue_depth{queue=items}"] == 4
    assert values["bundle_age_seconds{}"] == 60.5 and values["requests_in_flight{}"] == 2


def test_threads_lose_no_count(metrics):
    def count() -> None:
        for _ in range(1_000):
            metrics.recommended("history", "m1")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert samples(metrics)["recommendations_total{bundle_version=m1,source=history}"] == 4_000


def test_names_follow_the_custom(metrics):
    text = metrics.exposition().decode()
    assert "text/plain" in CONTENT_TYPE and "_created" not in text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert len(kinds) == 31
    for name, kind in kinds.items():
        assert name.startswith("pennyweight_")
        assert name.endswith("_total") == (kind == "counter")
        assert name.endswith("_seconds") or kind != "histogram"


def test_the_memory_of_this_process_is_looked_up():
    assert samples(Metrics())["resident_memory_bytes{}"] > 1_000_000
