import pytest
from hypothesis import given
from hypothesis import strategies as st
from protected_app import Clock

from pennyweight.serving.http.request_middleware import UNROUTED, HandledRequest
from pennyweight.serving.http.rolling_metrics import RequestStatistics, RollingMetrics

START = 600_000 * 60.0
NONE = RequestStatistics(0, 0, 0, None, None, None)


def handled(
    route: str = "/v1/recommend", status: int = 200, seconds: float = 0.01
) -> HandledRequest:
    return HandledRequest("id", "GET", route, status, seconds, None)


@pytest.fixture
def clock():
    return Clock(START)


@pytest.fixture
def window(clock):
    return RollingMetrics(clock=clock)


def test_an_hour_has_sixty_minutes_also_without_requests(window):
    assert window.minutes() == [(int(START) - 59 * 60 + 60 * i, NONE) for i in range(60)]
    assert window.hour() == NONE and window.routes() == []


def test_requests_are_told_by_minute_and_route(window, clock):
    for status in (200, 404, 429, 500, 503):
        window.answered(handled(status=status))
    clock.now += 60
    window.answered(handled("/v1/items", seconds=0.1))
    for _ in range(8):
        window.answered(handled())
    before, now = (statistics for _, statistics in window.minutes()[-2:])
    assert (before.requests, before.errors, before.refused) == (5, 2, 2)
    assert (now.requests, now.errors, now.refused) == (9, 0, 0)
    assert window.hour().requests == 14
    assert [(name, statistics.requests) for name, statistics in window.routes()] == [
        ("GET /v1/recommend", 13),
        ("GET /v1/items", 1),
    ]


def test_pages_and_scrapes_are_not_of_the_api(window):
    for route in ("/", "/dashboard/users", "/static/{name}", "/metrics", "/health/ready", "/docs"):
        window.answered(handled(route))
    assert window.hour().requests == 0
    for route in ("/v1/recommend/{user_id}", "/api/recommend/{user}", UNROUTED):
        window.answered(handled(route))
    assert window.hour().requests == 3


def test_requests_older_than_an_hour_are_dropped(window, clock):
    window.answered(handled())
    clock.now += 59 * 60
    assert window.hour().requests == 1 and window.minutes()[0][1].requests == 1
    clock.now += 60
    assert window.hour() == NONE
    window.answered(handled())  # takes the place of the first
    assert window.hour().requests == 1
    clock.now += 1e7
    assert window.hour() == NONE


def test_a_clock_that_is_put_back_does_no_harm(window, clock):
    window.answered(handled())
    clock.now -= 7200
    window.answered(handled())
    assert window.hour().requests == 1


@given(st.lists(st.floats(0.001, 60), min_size=1, max_size=200))
def test_quantiles_are_at_most_a_fifth_too_high(times):
    window = RollingMetrics(clock=Clock(START))
    for seconds in times:
        window.answered(handled(seconds=seconds))
    ordered, hour = sorted(times), window.hour()
    for q, quantile in ((0.5, hour.p50), (0.95, hour.p95), (0.99, hour.p99)):
        rank = next(i for i in range(len(times)) if i + 1 >= q * len(times))
        assert ordered[rank] * 0.999 <= quantile <= ordered[rank] * 1.2


def test_times_beyond_all_buckets_are_counted(window):
    window.answered(handled(seconds=0.0))
    window.answered(handled(seconds=1e6))
    hour = window.hour()
    assert hour.requests == 2 and hour.p50 == pytest.approx(1e-4) and hour.p99 > 60
