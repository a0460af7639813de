"""Requests over time: patterns, burstiness and traces."""

import numpy as np
import pytest

from pennyweight.errors import DataError, PlanError
from pennyweight.planning.arrivals import (
    Arrivals,
    daily_pattern,
    flash_crowd,
    read_trace,
    steady,
)


@pytest.mark.parametrize("scv", [0.0, 0.25, 1.0, 4.0])
def test_times_have_the_rate_and_the_burstiness(scv):
    times = steady(50.0, seconds=2_000.0, scv=scv).times(seed=3)
    gaps = np.diff(times)
    assert (gaps >= 0).all() and 0 <= times[0] and times[-1] < 2_000
    assert len(times) == pytest.approx(100_000, rel=0.03)
    assert gaps.var() / gaps.mean() ** 2 == pytest.approx(scv, rel=0.05, abs=1e-9)


def test_the_same_seed_gives_the_same_times():
    pattern = daily_pattern(0.05)
    assert np.array_equal(pattern.times(1), pattern.times(1))
    assert not np.array_equal(pattern.times(1)[:50], pattern.times(2)[:50])


def test_times_follow_the_rate_and_leave_empty_intervals_out():
    edges = np.array([0.0, 100.0, 300.0, 400.0])
    times = Arrivals(edges, np.array([10.0, 0.0, 30.0])).times()
    counts = np.histogram(times, edges)[0]
    assert counts[0] == pytest.approx(1_000, rel=0.1)
    assert counts[1] == 0
    assert counts[2] == pytest.approx(3_000, rel=0.1)


def test_a_day_has_its_mean_its_peak_and_its_hour():
    day = daily_pattern(12.0, peak_to_mean=2.5, peak_hour=20.0)
    assert day.duration == 86_400
    assert day.mean_rate == pytest.approx(12.0)
    assert day.peak_rate == pytest.approx(30.0, rel=1e-3)
    assert day.edges[day.rates.argmax()] / 3_600 == pytest.approx(20.0, abs=0.1)
    assert daily_pattern(12.0, peak_to_mean=1.0).peak_rate == pytest.approx(12.0)


def test_a_part_of_a_day_counts_from_its_beginning(tmp_path):
    edges = np.array([0.0, 10.0, 30.0, 40.0])
    part = Arrivals(edges, np.array([1.0, 2.0, 3.0]), 2.0).between(5.0, 35.0)
    assert part.edges.tolist() == [0.0, 5.0, 25.0, 30.0]
    assert part.rates.tolist() == [1.0, 2.0, 3.0] and part.scv == 2.0
    played = trace(tmp_path, "time\n0.5\n1.5\n2.5\n6\n").between(0.9, 2.1)
    assert played.times() == pytest.approx([0.1, 1.1])
    with pytest.raises(PlanError, match="is not a part of 40 s"):
        Arrivals(edges, np.ones(3)).between(5.0, 50.0)


def test_a_flash_crowd_comes_suddenly_and_leaves_slowly():
    crowd = flash_crowd(10.0, factor=5.0, begin_s=600, rise_s=60, hold_s=300, fall_s=900)
    rates = dict(zip(crowd.edges[:-1].astype(int).tolist(), crowd.rates.tolist(), strict=True))
    assert rates[300] == 10.0
    assert rates[700] == 50.0
    assert rates[600 + 60 + 300 + 900] == pytest.approx(10 + 40 / 3, rel=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: daily_pattern(1.0, peak_to_mean=0.5), "peak to mean"),
        (lambda: daily_pattern(1.0, peak_hour=25.0), "hour of the peak"),
        (lambda: daily_pattern(0.0), "one of them above 0"),
        (lambda: steady(1.0, seconds=0.0), "ascend from 0"),
        (lambda: steady(1.0, seconds=5.0, scv=-1.0), "burstiness"),
        (lambda: flash_crowd(1.0, factor=0.5), "factor"),
        (lambda: flash_crowd(1.0, seconds=600.0), "within the simulated time"),
        (lambda: steady(1e6, seconds=86_400.0).times(), "too many to simulate"),
        (lambda: Arrivals(np.array([0.0, 1.0]), np.array([1.0, 2.0])), "2 rates with 2 edges"),
    ],
)
def test_impossible_arrivals_are_refused(make, message):
    with pytest.raises(PlanError, match=message):
        make()


def trace(folder, text):
    path = folder / "trace.csv"
    path.write_text(text)
    return read_trace(path)


def test_a_trace_of_times_is_played_as_it_was(tmp_path):
    rows = "\n".join(f"2026-11-28T20:00:0{i}.5Z" for i in (3, 1, 2, 9))
    arrivals = trace(tmp_path, f"time\n{rows}\n")
    assert arrivals.times().tolist() == [0.0, 1.0, 2.0, 8.0]
    assert arrivals.expected_requests == pytest.approx(4)
    assert arrivals.duration == pytest.approx(8.0)


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
def test_epochs_are_read_in_any_unit(tmp_path, scale):
    rows = "\n".join(f"{(1_764_360_000 + second) * scale}" for second in (0, 2, 10))
    assert trace(tmp_path, f"time\n{rows}\n").times().tolist() == [0.0, 2.0, 10.0]


def test_whole_seconds_with_several_requests_are_counts(tmp_path):
    arrivals = trace(tmp_path, "time\n5\n5\n5\n6\n8\n8\n")
    assert arrivals.rates.tolist() == [3.0, 1.0, 0.0, 2.0]
    assert arrivals.recorded is None


def test_a_trace_of_counts_has_a_rate_in_each_interval(tmp_path):
    arrivals = trace(
        tmp_path,
        "time,requests\n2026-11-28 00:00:00,120\n2026-11-28 00:01:00,0\n2026-11-28 00:03:00,60\n",
    )
    assert arrivals.edges.tolist() == [0.0, 60.0, 180.0, 300.0]
    assert arrivals.rates.tolist() == [2.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time\n1\nsoon\n", r"row 3: time is 'soon'"),
        ("time\nmonday\n2\n", r"row 2: time is 'monday'"),
        ("time\n1764360000000\n1764360001\n", r"row 3: time is '1764360001'"),
        ("time,requests\n1,5\n2,many\n", r"row 3: requests is 'many'"),
        ("time,requests\n1,5\n2,-3\n", r"row 3: requests is '-3'"),
        ("time,requests\n1,5\n1,4\n", r"row 3: its time is not after"),
        ("time,requests\n1,5\n", "two rows of counts"),
        ("time,requests\n1,0\n2,0\n", "has no requests"),
        ("time\n7\n7\n", "two different times"),
        ("time,path\n1,/\n2,/\n", "the columns time, path"),
        ("second\n1\n2\n", "the columns second"),
    ],
)
def test_a_bad_trace_is_refused_with_its_row(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        trace(tmp_path, text)
    assert "trace.csv" in str(caught.value)


def test_a_missing_trace_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv"):
        read_trace(tmp_path / "absent.csv")
