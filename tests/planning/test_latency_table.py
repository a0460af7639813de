"""Latencies by the load, against closed forms and simulations with other random numbers."""

from math import inf

import numpy as np
import pytest

from pennyweight.errors import PlanError
from pennyweight.planning.arrivals import steady
from pennyweight.planning.latency_table import LatencyTable, latency_table
from pennyweight.planning.queueing import latency_quantiles
from pennyweight.planning.server_pool import BatchPolicy
from pennyweight.planning.simulation import ServiceTime, simulate

# Latencies by hand: 1, 2 and 4 at no load, twice as much at a load of 2.
TABLE = LatencyTable(4.0, np.array([0.0, 2.0]), np.array([[1.0, 2.0, 4.0], [2.0, 4.0, 8.0]]))


def test_latencies_between_the_loads_are_geometric_means():
    assert TABLE.quantiles(0.0) == pytest.approx((1.0, 2.0, 4.0))
    assert TABLE.quantiles(1.0) == pytest.approx(np.sqrt(2) * np.array([1.0, 2.0, 4.0]))
    assert TABLE.quantiles(2.1) == (inf, inf, inf)


def test_the_load_within_an_objective_has_its_latency():
    assert TABLE.load_within(1.9) == 0.0
    assert TABLE.load_within(2 * np.sqrt(2)) == pytest.approx(1.0)
    assert TABLE.load_within(4 * np.sqrt(2), 0.99) == pytest.approx(1.0)
    assert TABLE.load_within(100.0) == 2.0


def test_lists_made_alone_are_as_in_closed_form():
    table = latency_table(2, 1, 0.0)
    assert table.capacity == 2
    for load in (0.5, 1.2):
        expected = latency_quantiles(load, 1.0, 2, service_scv=0.1)
        assert table.quantiles(load) == pytest.approx(expected, rel=0.08)


def test_lists_made_together_are_as_in_another_simulation():
    table, load = latency_table(1, 32, 0.7), 0.7
    assert table.capacity == pytest.approx(32 / (0.7 + 0.3 * 32))
    other = simulate(
        steady(load, seconds=60_000 / load),
        ServiceTime(1.0, 0.1),
        1,
        batches=BatchPolicy.with_fixed_share(32, 0.7),
        seed=9,
    )
    assert table.quantiles(load) == pytest.approx(other.quantiles(), rel=0.05)
    alone = latency_quantiles(load, 1.0, 1, service_scv=0.1)
    assert table.quantiles(load)[1] < 0.6 * alone[1]
    assert latency_table(1, 32, 0.7) is table


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TABLE.quantiles(-1.0), "load is -1"),
        (lambda: TABLE.load_within(1.0, 0.9), r"quantile is 0\.9"),
        (lambda: latency_table(0, 32, 0.7), "0 servers"),
        (lambda: latency_table(1, 32, 1.5), "between 0 and 1"),
    ],
)
def test_impossible_values_are_refused(call, message):
    with pytest.raises(PlanError, match=message):
        call()
