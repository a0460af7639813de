import pytest
from hypothesis import given
from hypothesis import strategies as st
from protected_app import Clock

from pennyweight.errors import PlanError
from pennyweight.serving.security.rate import Rate

# Steps of 1/64 s and powers of two are exact in floats, so a decision is right or wrong.
RATES = st.sampled_from([0.25, 0.5, 1.0, 4.0, 16.0])
BURSTS = st.integers(1, 6)
WAITS = st.lists(st.integers(0, 400).map(lambda n: n / 64), max_size=60)


@given(RATES, BURSTS, WAITS)
def test_it_is_a_bucket_of_tokens(rate, burst, waits):
    clock = Clock()
    limit, tokens = Rate(rate, burst, clock=clock), float(burst)
    for wait in waits:
        clock.now += wait
        tokens = min(burst, tokens + wait * rate)
        allowed = limit.take("a") == 0
        assert allowed == (tokens >= 1)
        tokens -= allowed


@given(st.floats(0.01, 1e4), BURSTS, st.lists(st.floats(0, 10), max_size=40))
def test_who_waits_as_told_is_let_in(rate, burst, waits):
    clock = Clock()
    limit = Rate(rate, burst, clock=clock)
    for wait in waits:
        clock.now += wait
        if seconds := limit.take("a"):
            assert seconds >= 1
            clock.now += seconds
            assert limit.take("a") == 0


@given(st.floats(0.01, 1e4), BURSTS)
def test_a_burst_is_let_in_and_no_more(rate, burst):
    limit = Rate(rate, burst, clock=Clock())
    assert [limit.take("a") > 0 for _ in range(burst + 1)] == [False] * burst + [True]
    assert limit.take("b") == 0


def test_refused_requests_do_not_make_one_wait_longer():
    clock = Clock()
    limit = Rate(1.0, 1, clock=clock)
    assert limit.take("a") == 0
    assert [limit.take("a") for _ in range(100)] == [1] * 100
    clock.now += 1
    assert limit.take("a") == 0


def test_many_callers_take_bounded_memory_and_do_not_free_the_newest():
    clock = Clock()
    limit = Rate(0.001, 1, clock=clock, callers=100)
    for i in range(1_000):
        assert limit.take(f"caller {i}") == 0
        assert limit.take(f"caller {i}") > 0
        assert len(limit._full) <= 100
    clock.now += 1e6
    limit.take("a")
    for i in range(200):
        limit.take(f"later {i}")
    assert len(limit._full) <= 100


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_a_rate_that_lets_nobody_in_is_refused(rate, burst):
    with pytest.raises(PlanError, match="rate"):
        Rate(rate, burst)
