"""The page of a simulated load."""

import re

import pytest

from html_page import Page
from pennyweight.config.simulation import FleetResult, LoadInterval, ScalingResult
from pennyweight.html.charts import Line, lines
from pennyweight.reports import scaling_page


def fleet(name: str, hours: float, violations: float) -> FleetResult:
    return FleetResult(
        name=name,
        requests=10_000,
        refused=12,
        violations=violations,
        replica_hours=hours,
        min_replicas=1,
        max_replicas=4,
        p50_s=0.02,
        p95_s=0.08,
        p99_s=1.5,
        cost=hours / 10,
    )


def result(**changes: object) -> ScalingResult:
    values = {
        "load": "trace <b>.csv",
        "duration_s": 14_400.0,
        "requests_per_second": 0.7,
        "peak_requests_per_second": 2.5,
        "arrival_scv": 1.0,
        "service_s": 0.02,
        "service_scv": 0.25,
        "servers": 2,
        "objective_s": 0.1,
        "quantile": 0.95,
        "policy": {"target_in_flight": 1.5, "min_replicas": 1, "warm_spares": 0},
        "replica_rate": 40.0,
        "fleets": (fleet("elastic", 9.0, 0.02), fleet("fixed", 16.0, 0.0), fleet("oracle", 6.0, 0)),
        "intervals": tuple(
            LoadInterval(
                start_s=600.0 * i,
                end_s=600.0 * (i + 1),
                requests_per_second=1.0 + i % 2,
                elastic_replicas=float(i),
                oracle_replicas=1.0,
                violations=0.1 * (i % 2),
            )
            for i in range(24)
        ),
        "price_per_month": 73.0,
        "currency": "EUR",
    }
    return ScalingResult(**{**values, **changes})


def test_the_page_begins_with_the_answer_and_escapes_names():
    text = scaling_page(result(), commands=["pennyweight simulate --rps 5/s"])
    Page(text)
    assert text.index("The elastic fleet keeps the objective") < text.index("<h2>")
    assert "44 % fewer than a fixed fleet of 4 replicas, 50 % more than a perfect oracle" in text
    assert "Trace &lt;b&gt;.csv" in text and "<b>" not in text
    assert "73.00 EUR per replica and month" in text
    assert "pennyweight simulate --rps 5/s" in text


def test_each_chart_has_a_table_beside_it():
    text = scaling_page(result())
    charts = re.findall(r'<svg role="img"', text)
    assert len(charts) == 4 == text.count("<figure>")
    assert text.count("<table>") == 5  # and that of the settings


def test_the_table_over_time_has_means_of_longer_intervals():
    text = scaling_page(result())
    rows = re.findall(r'<th scope="row">(\d\d:\d\d)</th>\s*((?:<td[^>]*>[^<]*</td>\s*)+)', text)
    times = [time for time, _ in rows]
    assert times[:3] == ["00:00", "00:20", "00:40"] and len(rows) == 2 * 12
    cells = re.findall(r">([^<\n]+)<", rows[1][1])
    # Of two intervals, 2 and 3, with 600 and 1,200 requests, a tenth of the latter too late.
    assert cells == ["2.5", "1.0", "6.67 %"]


def test_a_result_without_a_price_has_no_cost():
    fleets = tuple(f.model_copy(update={"cost": None}) for f in result().fleets)
    text = scaling_page(result(price_per_month=None, currency=None, fleets=fleets))
    assert "Cost" not in text and "None" not in text


def test_a_fleet_that_served_nobody_has_no_latency():
    nobody = fleet("elastic", 1.0, 1.0).model_copy(
        update={"p50_s": None, "p95_s": None, "p99_s": None}
    )
    text = scaling_page(result(fleets=(nobody, *result().fleets[1:])))
    assert "misses the objective: it answers 0.00 %" in text
    assert text.count(">-<") == 3


@pytest.mark.parametrize("best", [False, True])
def test_lines_are_drawn_in_the_box_of_the_axis(best):
    chart = lines(
        [Line("one <x>", [(0, 0), (0.5, 1.0), (1, 0.25)], best)],
        x_ticks=[(0, "0 s")],
        y_ticks=[(1.0, "5")],
        title="t",
        description="d",
        key="k",
    )
    assert 'points="0,1000 500,0 1000,750"' in chart
    assert ("line best" in chart) == best
    assert "one &lt;x&gt;" in chart
