"""Quantities with units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.errors import PlanError
from pennyweight.planning.units import (
    parse_count,
    parse_rate,
    parse_seconds,
    parse_share_per_day,
)


def test_numbers_with_k_m_and_b():
    texts = ("300", "20k", "1.5M", "2B", "1,000", "10_000", " 7 k ")
    assert [parse_count(text) for text in texts] == [
        300,
        20_000,
        1_500_000,
        2_000_000_000,
        1_000,
        10_000,
        7_000,
    ]


def test_durations_need_a_unit():
    assert parse_seconds("50ms") == pytest.approx(0.05)
    assert parse_seconds("2 min") == 120
    assert parse_seconds(".5s") == 0.5
    with pytest.raises(PlanError, match=r"'50' has no unit; valid: us, ms, .* write 50ms"):
        parse_seconds("50")


def test_rates_are_per_second():
    assert parse_rate("40/s") == parse_rate("40") == 40
    assert parse_rate("3M/day") == pytest.approx(3e6 / 86_400)
    assert parse_rate("3M", per="day") == pytest.approx(3e6 / 86_400)
    assert parse_rate("120/min") == 2


def test_shares_are_per_day():
    assert parse_share_per_day("5%/day") == parse_share_per_day("0.05") == pytest.approx(0.05)
    assert parse_share_per_day("7%/week") == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("parse", "text", "problem"),
    [
        (parse_count, "many", "'many' is not a number"),
        (parse_count, "-3", "'-3' is not a number"),
        (parse_count, "1.5", "not a whole number"),
        (parse_count, "3 GiB", "has the unit 'GiB'"),
        (parse_count, "nan", "is not a number"),
        (parse_rate, "3M/fortnight", "has the unit 'fortnight'"),
        (parse_rate, "fast/s", "is not a rate"),
        (parse_share_per_day, "5 per cent", "is not a share"),
        (parse_share_per_day, "5%/parsec", "has the unit 'parsec'"),
        (parse_seconds, "1e3 s", "has the unit 'e3 s'"),
    ],
)
def test_other_text_is_refused_with_an_example(parse, text, problem):
    with pytest.raises(PlanError, match=problem):
        parse(text)


@given(st.integers(0, 10**9))
def test_a_number_is_read_as_it_is_written(number):
    assert parse_count(str(number)) == parse_count(f"{number:,}") == number
