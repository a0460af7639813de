"""The queue of lists of one machine."""

import pytest

from pennyweight.planning.list_queue import ListQueue


def test_lists_made_one_by_one_follow_the_closed_form():
    queue = ListQueue(servers=2, seconds=0.01)
    assert queue.capacity == pytest.approx(200)
    assert queue.highest_rate(10.0) == pytest.approx(140)  # 70 %
    # Without waiting: the median of a service time of 10 ms that varies little.
    assert queue.latencies(0.001)[0] == pytest.approx(0.01, rel=0.05)


def test_lists_made_together_take_less_time():
    alone, together = ListQueue(1, 0.002), ListQueue(1, 0.002, saving=0.6)
    assert together.capacity == pytest.approx(500 * 32 / (1 + 31 * 0.4))
    assert together.highest_rate(0.02) > alone.highest_rate(0.02)
    assert together.latencies(300)[1] < alone.latencies(300)[1]


def test_slow_lists_and_small_savings_count_as_made_one_by_one():
    for queue in (ListQueue(1, 0.2, saving=0.7), ListQueue(1, 0.002, saving=0.2)):
        assert queue.capacity == pytest.approx(1 / queue.seconds)


def test_the_saving_is_that_of_the_scores():
    queue = ListQueue.of(1, 0.004, scoring_seconds=0.002, arrival_scv=1.0)
    assert queue.saving == pytest.approx(0.375)


def test_an_objective_below_the_service_time_allows_nothing():
    assert ListQueue(1, 0.01).highest_rate(0.005) == 0
    assert ListQueue(1, 0.01, saving=0.6).highest_rate(0.005) == 0


def test_more_load_means_more_latency():
    queue = ListQueue(2, 0.003, saving=0.5)
    p95 = [queue.latencies(rate)[1] for rate in (10, 200, 400)]
    assert p95 == sorted(p95)
