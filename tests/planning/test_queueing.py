"""Waiting times against formulas that are known exactly, and against simulation."""

from math import exp, factorial, inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennyweight.errors import BudgetError, PlanError
from pennyweight.planning.arrivals import steady
from pennyweight.planning.queueing import (
    erlang_c,
    latency_quantiles,
    mean_wait,
    rate_within,
    servers_needed,
)
from pennyweight.planning.simulation import ServiceTime, simulate


def erlang_by_its_sum(servers: int, load: float) -> float:
    last = load**servers / factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.3), (2, 1.9), (5, 4.0), (40, 36.0)])
def test_erlang_c_is_its_sum(servers, load):
    assert erlang_c(servers, load) == pytest.approx(erlang_by_its_sum(servers, load))


def test_erlang_c_at_its_ends():
    assert erlang_c(3, 0.0) == 0.0
    assert erlang_c(3, 3.0) == erlang_c(3, 9.0) == 1.0
    assert 0 < erlang_c(10_000, 9_900.0) < 1


def test_one_server_waits_as_pollaczek_and_khinchine_say():
    for scv in (0.0, 0.3, 1.0, 4.0):
        wait = mean_wait(8.0, 0.1, 1, service_scv=scv)
        assert wait == pytest.approx(0.8 / 0.2 * 0.1 * (1 + scv) / 2, rel=1e-3)


def test_exponential_service_waits_as_erlang_says():
    assert mean_wait(35.0, 0.1, 4) == pytest.approx(erlang_c(4, 3.5) * 0.1 / 0.5, rel=1e-4)


def test_arrivals_other_than_poisson_wait_by_the_root_of_their_transform():
    """Erlang-2 arrivals at one exponential server of speed 1: GI/M/1."""
    rate = 0.7
    roots = np.roots([1.0, -(2 + 4 * rate), (1 + 2 * rate) ** 2, -((2 * rate) ** 2)])
    root = next(r.real for r in roots if abs(r.imag) < 1e-9 and 0 < r.real < 1 - 1e-6)
    assert mean_wait(rate, 1.0, 1, arrival_scv=0.5) == pytest.approx(root / (1 - root), rel=1e-4)


def test_near_full_load_the_wait_is_kingmans():
    rho, ca, cs = 0.999, 2.5, 0.4
    kingman = rho / (1 - rho) * (ca + cs) / 2
    assert mean_wait(rho, 1.0, 1, arrival_scv=ca, service_scv=cs) == pytest.approx(
        kingman, rel=0.01
    )


def test_constant_arrivals_and_service_never_wait():
    assert mean_wait(9.0, 0.1, 1, arrival_scv=0.0, service_scv=0.0) < 1e-3
    slow = latency_quantiles(9.0, 0.1, 1, arrival_scv=0.0, service_scv=0.0)
    assert slow == pytest.approx((0.1, 0.1, 0.1), rel=0.02)


def test_latency_of_one_exponential_server_is_exponential():
    quantiles = latency_quantiles(6.0, 0.1, 1, quantiles=(0.5, 0.95, 0.99))
    assert quantiles == pytest.approx([-log(1 - q) / 4.0 for q in (0.5, 0.95, 0.99)], rel=1e-3)


def test_latency_of_several_exponential_servers_is_known():
    """P(latency > t) of M/M/c, from the distributions of wait and service."""
    servers, rate = 6, 4.8
    waits = erlang_c(servers, rate)
    speed = servers - rate
    for share, latency in zip(
        (0.5, 0.95, 0.99), latency_quantiles(rate, 1.0, servers), strict=True
    ):
        longer = exp(-latency) + waits * (exp(-latency) - exp(-speed * latency)) / (speed - 1)
        assert 1 - longer == pytest.approx(share, abs=1e-3)


def test_a_queue_without_end_has_no_quantiles():
    assert latency_quantiles(10.0, 0.1, 1) == (inf, inf, inf)
    assert mean_wait(10.0, 0.1, 1) == inf


@pytest.mark.parametrize(
    ("servers", "load", "arrivals", "service"),
    [(1, 0.7, 1.0, 0.3), (4, 0.8, 1.0, 0.3), (2, 0.6, 3.0, 0.3), (8, 0.8, 2.0, 1.0)],
)
def test_quantiles_are_those_of_the_simulation(servers, load, arrivals, service):
    rate = servers * load / 0.02
    many = simulate(
        steady(rate, seconds=150_000 / rate, scv=arrivals), ServiceTime(0.02, service), servers
    )
    expected = latency_quantiles(rate, 0.02, servers, arrival_scv=arrivals, service_scv=service)
    assert expected == pytest.approx(many.quantiles(), rel=0.05)


def test_servers_needed_is_the_first_number_that_keeps_the_objective():
    servers = servers_needed(700.0, 0.02, objective=0.07)
    assert latency_quantiles(700.0, 0.02, servers)[1] <= 0.07
    assert latency_quantiles(700.0, 0.02, servers - 1)[1] > 0.07
    assert servers_needed(1.0, 0.02, objective=0.07) == 1
    assert servers_needed(0.0, 0.02, objective=0.07) == 1


def test_an_objective_below_the_service_time_is_refused_with_the_nearest_miss():
    with pytest.raises(BudgetError, match=r"p95 within 50 ms: service alone takes 59\.9 ms"):
        servers_needed(10.0, 0.02, objective=0.05)
    assert rate_within(0.05, 0.02, 4) == 0.0


def test_the_highest_rate_meets_the_objective_exactly():
    rate = rate_within(0.1, 0.02, 3, service_scv=0.5)
    assert latency_quantiles(rate, 0.02, 3, service_scv=0.5)[1] == pytest.approx(0.1, rel=0.01)
    assert rate_within(1e6, 0.02, 3) == pytest.approx(150.0, rel=1e-3)


@settings(max_examples=15)
@given(
    servers=st.integers(1, 60),
    load=st.floats(0.0, 0.95),
    arrivals=st.floats(0.0, 8.0),
    service=st.floats(0.0, 8.0),
)
def test_latency_rises_with_load_and_falls_with_servers(servers, load, arrivals, service):
    def p95(rate: float, servers: int) -> float:
        return latency_quantiles(
            rate, 1.0, servers, arrival_scv=arrivals, service_scv=service, quantiles=(0.95,)
        )[0]

    rate = load * servers
    here = p95(rate, servers)
    assert 0 < here < inf
    assert p95(rate, servers + 1) <= here * 1.03
    assert p95(rate * 0.8, servers) <= here * 1.03


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"servers": 0}, "servers is 0"),
        ({"rate": -1.0}, r"rate is -1\.0"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"service": 0.0}, r"service is 0\.0 s"),
        ({"service_scv": -0.1}, r"service_scv is -0\.1"),
        ({"quantiles": (0.5, 1.0)}, "between 0 and 1"),
    ],
)
def test_impossible_values_are_refused(values, message):
    with pytest.raises(PlanError, match=message):
        latency_quantiles(**{"rate": 1.0, "service": 0.1, "servers": 2, **values})
