import pytest
from hypothesis import given
from hypothesis import strategies as st
from walls import Clock

from pennyweight.serving.http.request_middleware import UNROUTED, HandledRequest
from pennyweight.serving.http.rolling_metrics import RequestStatistics, RollingMetrics, of_api

START = 600_000 * 60.0
NONE = RequestStatistics(0, 0, 0, None, None, None)


def done(route: str = "/v1/recommend", status: int = 200, seconds: float = 0.01) -> HandledRequest:
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
        window.answered(done(status=status))
    clock.now += 60
    window.answered(done("/v1/items", seconds=0.1))
    for _ in range(8):
        window.answered(done())
    before, now = (told for _, told in window.minutes()[-2:])
    assert (before.requests, before.errors, before.refused) == (5, 2, 2)
    assert (now.requests, now.errors, now.refused) == (9, 0, 0)
    assert window.hour().requests == 14
    assert [(name, told.requests) for name, told in window.routes()] == [
        ("GET /v1/recommend", 13),
        ("GET /v1/items", 1),
    ]


def test_pages_and_scrapes_are_not_of_the_api(window):
    observer = of_api(window.answered)
    for route in ("/", "/dashboard/users", "/static/{name}", "/metrics", "/health/ready", "/docs"):
        observer(done(route))
    assert window.hour().requests == 0
    for route in ("/v1/recommend/{user_id}", "/api/recommend/{user}", UNROUTED):
        observer(done(route))
    assert window.hour().requests == 3


def test_what_is_older_than_an_hour_is_forgotten(window, clock):
    window.answered(done())
    clock.now += 59 * 60
    assert window.hour().requests == 1 and window.minutes()[0][1].requests == 1
    clock.now += 60
    assert window.hour() == NONE
    window.answered(done())  # takes the place of the first
    assert window.hour().requests == 1
    clock.now += 1e7
    assert window.hour() == NONE


def test_a_clock_that_is_put_back_does_no_harm(window, clock):
    window.answered(done())
    clock.now -= 7200
    window.answered(done())
    assert window.hour().requests == 1


@given(st.lists(st.floats(0.001, 60), min_size=1, max_size=200))
def test_quantiles_are_at_most_a_fifth_too_high(times):
    window = RollingMetrics(clock=Clock(START))
    for seconds in times:
        window.answered(done(seconds=seconds))
    ordered, told = sorted(times), window.hour()
    for q, found in ((0.5, told.p50), (0.95, told.p95), (0.99, told.p99)):
        rank = next(i for i in range(len(times)) if i + 1 >= q * len(times))
        assert ordered[rank] * 0.999 <= found <= ordered[rank] * 1.2


def test_times_beyond_all_buckets_are_counted(window):
    window.answered(done(seconds=0.0))
    window.answered(done(seconds=1e6))
    told = window.hour()
    assert told.requests == 2 and told.p50 == pytest.approx(1e-4) and told.p99 > 60
