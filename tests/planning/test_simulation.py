"""The simulation against closed forms, and against lines worked out by hand."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennyweight.errors import PlanError
from pennyweight.planning.arrivals import steady
from pennyweight.planning.queueing import erlang_c, mean_wait, rate_within
from pennyweight.planning.server_pool import BatchPolicy, ServerPool
from pennyweight.planning.simulation import ServiceTime, highest_rate, simulate

REQUESTS = 150_000


def latencies(arrivals, seconds, servers, **options):
    pool = ServerPool(np.array(arrivals, float), np.array(seconds, float), servers, **options)
    pool.advance()
    return pool.latencies().tolist()


def test_one_server_takes_one_request_after_the_other():
    assert latencies([0, 1, 2, 10], [3, 3, 1, 1], 1) == [3, 5, 5, 1]


def test_the_first_free_server_takes_the_next_request():
    assert latencies([0, 0, 1, 1], [5, 2, 2, 1], 2) == [5, 2, 3, 4]


def test_a_request_that_finds_the_line_full_is_refused():
    assert latencies([0, 1, 2, 3, 11], [10, 10, 10, 10, 1], 1, queue_limit=1)[:2] == [10, 19]
    refused = latencies([0, 1, 2, 3, 11], [10, 10, 10, 10, 1], 1, queue_limit=1)[2:4]
    assert np.isnan(refused).all()


def test_waiting_requests_are_served_together_when_a_server_is_free():
    batches = BatchPolicy(2, cost=lambda size: {1: 1.0, 2: 1.5}[size])
    assert latencies([0, 1, 2, 3], [4, 4, 4, 4], 1, batches=batches) == [4, 9, 8, 11]


def test_a_free_server_waits_for_a_batch_to_fill():
    batches = BatchPolicy(2, max_wait_s=5.0, cost=lambda size: 1.0)
    assert latencies([0, 3, 20], [1, 1, 1], 1, batches=batches) == pytest.approx([4, 1, 6])


def test_the_number_of_servers_changes_meanwhile():
    pool = ServerPool(np.array([0.0, 1.0, 2.0, 20.0]), np.array([10.0, 10.0, 1.0, 1.0]), 1)
    pool.advance(5.0)
    assert pool.in_flight(5.0) == 3
    pool.resize(3, 5.0)
    pool.advance(12.0)
    assert pool.in_flight(12.0) == 1
    pool.resize(0, 12.0)
    pool.advance(30.0)
    assert pool.in_flight(30.0) == 1
    pool.resize(1, 31.0)
    pool.advance()
    assert pool.latencies().tolist() == [10.0, 14.0, 4.0, 12.0]
    assert pool.in_flight(40.0) == 0


def test_no_server_at_all_serves_nobody():
    assert latencies([0, 1], [1, 1], 0) == [inf, inf]


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), (4, 0.7)])
def test_exponential_service_waits_as_erlang_says(servers, load):
    rate = servers * load / 0.05
    result = simulate(steady(rate, seconds=REQUESTS / rate), ServiceTime(0.05), servers, seed=2)
    wait = result.latencies.mean() - 0.05
    assert wait == pytest.approx(
        erlang_c(servers, servers * load) * 0.05 / (servers * (1 - load)), rel=0.06
    )
    assert result.utilization == pytest.approx(load, rel=0.02)


@pytest.mark.parametrize(
    "service", [ServiceTime(0.05, 0.0), ServiceTime(0.05, 0.5), ServiceTime(0.05, 2.0, "lognormal")]
)
def test_one_server_waits_as_pollaczek_and_khinchine_say(service):
    rate = 0.7 / 0.05
    result = simulate(steady(rate, seconds=REQUESTS / rate), service, 1, seed=2)
    expected = mean_wait(rate, 0.05, 1, service_scv=service.scv)
    assert result.latencies.mean() - 0.05 == pytest.approx(expected, rel=0.06)


def test_requests_without_a_line_are_refused_as_erlang_says():
    """M/M/4/4: the share refused is Erlang's first formula."""
    load = 3.0
    terms = [1.0]
    for k in range(1, 5):
        terms.append(terms[-1] * load / k)
    rate = load / 0.05
    result = simulate(
        steady(rate, seconds=REQUESTS / rate), ServiceTime(0.05), 4, queue_limit=0, seed=3
    )
    assert result.refused / result.requests == pytest.approx(terms[-1] / sum(terms), rel=0.03)
    assert result.violations(1e9) == pytest.approx(result.refused / result.requests)


def test_replicas_in_turn_see_arrivals_more_regular_than_poisson():
    """A replica of k in turn gets each k-th request: its arrivals have 1 / k of the variability."""
    rate = 2 * 0.8 / 0.05
    result = simulate(
        steady(rate, seconds=REQUESTS / rate), ServiceTime(0.05), 1, replicas=2, seed=4
    )
    expected = mean_wait(rate / 2, 0.05, 1, arrival_scv=0.5)
    assert result.latencies.mean() - 0.05 == pytest.approx(expected, rel=0.05)


def test_service_times_have_their_mean_and_variability():
    rng = np.random.default_rng(5)
    for service in (
        ServiceTime(0.2, 0.5),
        ServiceTime(0.2, 0.5, "lognormal"),
        ServiceTime.of_measured([0.1, 0.1, 0.4]),
    ):
        drawn = service.draw(100_000, rng)
        assert drawn.mean() == pytest.approx(service.mean, rel=0.02)
        assert drawn.var() / drawn.mean() ** 2 == pytest.approx(service.scv, rel=0.05)
    assert ServiceTime.of_measured([0.1, 0.1, 0.4]).scv == pytest.approx(0.5)


def test_the_highest_rate_is_that_of_the_closed_form():
    service = ServiceTime(0.02, 0.5)
    found = highest_rate(service, 4, objective=0.08, requests=30_000)
    assert found == pytest.approx(rate_within(0.08, 0.02, 4, service_scv=0.5), rel=0.03)
    assert highest_rate(service, 4, objective=0.01, requests=1_000) == 0.0


def test_batches_that_save_time_carry_more_load():
    service = ServiceTime(0.02, 0.1)
    alone = highest_rate(service, 1, objective=0.2, requests=10_000)
    together = highest_rate(
        service,
        1,
        objective=0.2,
        batches=BatchPolicy.with_fixed_share(32, 0.5),
        requests=10_000,
    )
    assert together > 1.5 * alone


@settings(max_examples=30)
@given(
    gaps=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
    seconds=st.floats(0.1, 5.0),
    servers=st.integers(1, 4),
    limit=st.none() | st.integers(0, 5),
    size=st.integers(1, 4),
)
def test_every_request_is_served_once_or_refused(gaps, seconds, servers, limit, size):
    arrivals = np.cumsum(gaps)
    options = {"queue_limit": limit, "batches": BatchPolicy(size)}
    whole = ServerPool(arrivals, np.full(len(gaps), seconds), servers, **options)
    whole.advance()
    found = whole.latencies()
    served = found[~np.isnan(found)]
    assert (served >= seconds - 1e-9).all() and np.isfinite(served).all()
    assert whole.busy_s == pytest.approx(seconds * len(served))
    steps = ServerPool(arrivals, np.full(len(gaps), seconds), servers, **options)
    for until in np.linspace(0, arrivals[-1] + 1, 7):
        steps.advance(until)
    steps.advance()
    assert np.array_equal(steps.latencies(), found, equal_nan=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ServiceTime(0.0), "service time is 0.0 s"),
        (lambda: ServiceTime(1.0, -1.0), "service_scv"),
        (lambda: ServiceTime.of_measured([]), "at least one"),
        (lambda: ServiceTime.of_measured([0.1, -0.1]), "above 0"),
        (lambda: BatchPolicy(0), "at least one request"),
        (lambda: BatchPolicy.with_fixed_share(4, 1.5), "between 0 and 1"),
        (lambda: simulate(steady(1.0, seconds=9.0), ServiceTime(0.1), 0), "0 servers"),
        (
            lambda: simulate(steady(1.0, seconds=9.0), ServiceTime(0.1), 1, queue_limit=-1),
            "queue_limit is -1",
        ),
    ],
)
def test_impossible_queues_are_refused(make, message):
    with pytest.raises(PlanError, match=message):
        make()
