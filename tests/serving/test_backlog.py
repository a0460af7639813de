"""How long a new job would wait, and whether it is taken."""

import pytest
from protected_app import Clock

from pennyweight.errors import BusyError
from pennyweight.serving.backlog import FIRST_GUESS, PATIENCE, Backlog


@pytest.fixture
def clock() -> Clock:
    return Clock()


def worked(backlog: Backlog, clock: Clock, seconds: float, times: int = 200) -> None:
    for _ in range(times):
        backlog.begin(0)
        clock.now += seconds
        backlog.end(0, 1)


def test_the_wait_is_the_queue_times_the_time_of_a_job(clock):
    backlog = Backlog("jobs", depth=100, workers=1, clock=clock)
    worked(backlog, clock, 0.02)
    for number in range(10):
        backlog.put(number)
    assert backlog.expected_wait == pytest.approx(0.2, rel=0.01)


def test_several_workers_share_it(clock):
    backlog = Backlog("jobs", depth=100, workers=2, clock=clock)
    for number in range(10):
        backlog.put(number)
    assert backlog.expected_wait == pytest.approx(5 * FIRST_GUESS)


def test_somebody_who_would_wait_too_long_is_refused_and_a_job_of_the_service_is_not(clock):
    backlog = Backlog("jobs", depth=100, clock=clock)
    worked(backlog, clock, 0.1)
    taken = 0
    with pytest.raises(BusyError, match=r"jobs would wait for .* try again"):
        for number in range(100):
            backlog.put(number, urgent=True)
            taken += 1
    assert taken == pytest.approx(PATIENCE / 0.1 + 1, abs=1)
    backlog.put(-1)
    assert len(backlog) == taken + 1


def test_memory_is_bounded_for_all(clock):
    backlog = Backlog("jobs", depth=2, clock=clock)
    backlog.put(1)
    backlog.put(2)
    for urgent in (False, True):
        with pytest.raises(BusyError, match="2 jobs wait"):
            backlog.put(3, urgent=urgent)


def test_a_worker_that_is_stuck_makes_nobody_wait(clock):
    backlog = Backlog("jobs", depth=100, workers=2, clock=clock)
    backlog.begin(0)
    clock.now += 60
    assert backlog.stuck_for == 60
    backlog.put(1, urgent=True)  # for the other worker
    backlog.begin(1)
    clock.now += 60
    with pytest.raises(BusyError):
        backlog.put(2, urgent=True)
    backlog.end(0, 0)
    backlog.put(2, urgent=True)
    backlog.end(1, 0)
    assert backlog.stuck_for == 0


def test_batches_are_as_large_as_time_allows(clock):
    backlog = Backlog("jobs", depth=100, clock=clock)
    for number in range(36):
        backlog.put(number)
    assert backlog.get_batch(32, 0.25) == list(range(32))
    worked(backlog, clock, 0.1)
    assert backlog.get_batch(32, 0.25) == [32, 33]
    worked(backlog, clock, 1.0)
    assert backlog.get_batch(32, 0.25) == [34]
    assert backlog.get_batch(32, 0.25) == [35]


def test_jobs_come_in_order_and_each_worker_is_told_to_stop(clock):
    backlog = Backlog("jobs", depth=100, workers=2, clock=clock)
    for number in range(3):
        backlog.put(number)
    backlog.stop()
    backlog.stop()
    assert backlog.waiting() == [0, 1, 2]
    assert backlog.get_batch(32, 0.25) == [0, 1, 2]
    assert backlog.get_batch(32, 0.25) is None and backlog.get() is None
