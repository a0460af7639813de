"""Admission of requests by their expected wait."""

import asyncio

import pytest
from protected_app import Clock

from pennyweight.serving.http.admission import BACKLOG, LASTING, MIN_BOUND, TICK, WAIT, Admission

LISTS = b"/v1/recommend/u1?k=3"


def busy(n: int, **options) -> Admission:
    """Return an admission with n requests under way."""
    admission = Admission(**options)
    for _ in range(n):
        admission.begin()
    return admission


def run(admission: Admission, clock: Clock, seconds: float, *, ticks: int, under_way: int) -> None:
    """Answer requests that take some seconds each, one after the other, under a steady load."""
    for _ in range(under_way - admission.under_way):
        admission.begin()
    for _ in range(ticks):
        for _ in range(round(TICK / seconds)):
            admission.end(answered=True)
            admission.begin()
        clock.now += TICK
        admission._due = clock.now
        admission.measure()


@pytest.mark.parametrize(
    ("path", "n", "refused"),
    [
        (LISTS, 1, False),
        (LISTS, 2, True),
        (b"/v1/events", 2, True),
        (b"/api/feedback", 2, True),
        (b"/nowhere", 2, True),
        (b"//", 2, True),
        (b"/", 2, False),
        (b"/?a=b", 3, False),
        (b"/dashboard/users?id=u1", 3, False),
        (b"/v1/bundles/rollback", 3, False),
        (b"/", 4, True),
        (b"/metrics", 4, True),
        (b"/health/live", 9, False),
        (b"/health/ready?a", 9, False),
        (b"/api/health/ready", 9, False),
        (b"/health/live/x", 9, True),
    ],
)
def test_clients_are_refused_before_operators_and_health_never(path, n, refused):
    assert busy(n, limit=2).refuses(path) is refused


def test_a_bound_that_falls_shuts_nobody_out_who_looks_after_the_service():
    admission = busy(200, limit=1_024)
    admission.bound = 64
    assert admission.refuses(LISTS)
    assert not admission.refuses(b"/")


def test_requests_that_wait_on_purpose_are_not_counted():
    assert Admission.counts("POST", b"/v1/recommend") and Admission.counts("POST", b"/v1/events")
    assert Admission.counts("GET", b"/nowhere") and Admission.counts("GET", b"/v1/items/i1")
    assert not Admission.counts("PUT", b"/v1/items/i1")  # waits until the item is recommendable
    assert not Admission.counts("POST", b"/v1/bundles")


def test_the_bound_follows_the_throughput():
    clock = Clock()
    admission = Admission(10_000, clock=clock)
    for seconds in (0.0005, 0.002, 0.0005):
        run(admission, clock, seconds, ticks=40, under_way=100)
        assert admission.bound == pytest.approx(WAIT / seconds, rel=0.02)


def test_a_quiet_hour_says_nothing_of_the_capacity():
    clock = Clock()
    admission = Admission(clock=clock)
    before = admission.bound
    run(admission, clock, TICK, ticks=100, under_way=BACKLOG - 1)
    assert admission.bound == before


def test_some_are_let_in_however_slow_it_is_or_nothing_would_be_measured_again():
    clock = Clock()
    admission = Admission(clock=clock)
    run(admission, clock, 0.05, ticks=100, under_way=100)
    assert admission.bound == MIN_BOUND
    run(admission, clock, 0.0005, ticks=100, under_way=MIN_BOUND)
    assert admission.bound > 400


def test_memory_bounds_fast_requests():
    clock = Clock()
    admission = Admission(100, clock=clock)
    run(admission, clock, 0.0001, ticks=100, under_way=100)
    assert admission.bound == 100


def test_lag_that_lasts_is_taken_off_and_a_hiccup_is_not():
    clock = Clock()
    admission = Admission(clock=clock)
    before = admission.bound

    def measure_lag(seconds: float) -> None:
        admission._due = clock.now
        clock.now += seconds
        admission.measure()

    measure_lag(WAIT)
    assert admission.lag == 0 and admission.bound == before
    for _ in range(LASTING):
        measure_lag(WAIT / 2)
    assert admission.lag == pytest.approx(WAIT / 2)
    assert admission.bound == pytest.approx(before / 2, rel=0.05)
    measure_lag(0.0)
    assert admission.lag == 0 and admission.bound == before


def test_it_is_full_for_a_moment_after_a_refusal():
    clock, refusals = Clock(), []
    admission = Admission(2, clock=clock)
    admission.on_refused = refusals.append
    assert not admission.is_full
    admission.refused += 5
    assert admission.is_full
    admission.measure()
    admission.measure()
    assert refusals == [5]
    clock.now += 0.5
    assert admission.is_full
    clock.now += 1
    assert not admission.is_full
    admission.begin()
    admission.begin()
    assert admission.is_full


def test_idle_connections_are_closed_at_most_once_a_second():
    clock = Clock()
    admission = Admission(clock=clock)
    assert admission.may_close_idle() and not admission.may_close_idle()
    clock.now += 2
    assert admission.may_close_idle()


def test_it_measures_while_its_loop_runs():
    async def run_ticks() -> None:
        admission = Admission()
        measured = []
        admission.measure = lambda: measured.append(1)  # type: ignore[method-assign]
        for _ in range(3):
            admission.watch(asyncio.get_running_loop())
        for _ in range(200):
            await asyncio.sleep(0.01)
            if len(measured) > 2:
                return
        raise AssertionError("nothing was measured")

    asyncio.run(run_ticks())
