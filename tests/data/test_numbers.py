"""Columns of numbers as people write them."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.cleaning.numbers import numbers
from pennyweight.data.cleaning_log import Findings

PLAIN = ["19.99", "5", "7.5", "100"] * 5


def read(values, name="price"):
    findings = Findings()
    result = numbers(pl.Series(name, values, dtype=pl.String), findings)
    return (None if result is None else result.to_list()), str(findings)


@pytest.mark.parametrize(
    ("values", "right"),
    [
        (["$12.99", "$1,299.00", "$5"], [12.99, 1299, 5]),
        (["1.299,00 €", "12,50 €", "3 €"], [1299, 12.5, 3]),
        (["12,99", "5", None], [12.99, 5, None]),
        (["12.99 USD", "13.50 USD"], [12.99, 13.5]),
        (["1 299,00", "7,00"], [1299, 7]),
        (["1\u202f299,00\xa0€", "5,00\xa0€"], [1299, 5]),
        (["1'299.00", "12.00"], [1299, 12]),
        (["1.299", "12,50"], [1299, 12.5]),
        (["1.299", "2.5"], [1.299, 2.5]),
        (["1.299", "1299"], [1.299, 1299]),
        (["0.125", "1.250"], [0.125, 1.25]),
        (["1.234.567", "1"], [1234567, 1]),
        (["Rs. 1,00,000", "Rs. 12"], [100_000, 12]),
        (["-5", "+3"], [-5, 3]),
        (["12 %", "3%"], [12, 3]),
        (["１２", "３"], [12, 3]),
        (["12,-", "13,50"], [12, 13.5]),
    ],
)
def test_numbers_are_read_as_they_are_written(values, right):
    assert read(values)[0] == right


@pytest.mark.parametrize(
    "values",
    [
        ["007", "12"],
        ["from 3", "from 4"],
        ["2024-01-31"],
        ["٣٫٥", "٢"],
        ["red", "1"] * 9,
    ],
)
def test_text_stays_text(values):
    assert read(values, "code") == (None, "")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["12.99", "12,99"], "decimal points and decimal commas"),
        (["12.99 USD", "13.50 EUR"], "several units or currencies"),
        (["€ 1.299", "€ 12"], "may be either"),
        (["3,125", "1,250"], "may be either"),
        (["1.299", "2.500"], "may be either"),
        (["1.299", "899", "2.499", "45"], "may be either"),
        (["Rp 150.000", "Rp 20.000"], "may be either"),
        (["1.2k", "950", "3k", "2M"], "words such as k and M"),
        (["ab 5,99 €", "ab 7,50 €"], "'ab 5,99 €'"),
        (["5,99 € inkl. MwSt.", "7 € inkl. MwSt."], "too few values are numbers"),
        (["12.99*", "5.00*"], "'12.99*'"),
        (["TBA", "ask", "on request", "5.99"], "'on request'"),
    ],
)
def test_doubtful_numbers_stay_text_and_are_named(values, reason):
    result, findings = read(values)
    assert result is None
    assert reason in findings


@pytest.mark.parametrize("odd", ["from 12.99", "—", "free", "ask us"])
def test_the_odd_text_is_missing_and_counted(odd):
    result, findings = read([*PLAIN, odd])
    assert result == [*map(float, PLAIN), None]
    assert "1 changed" in findings
    assert repr(odd) in findings


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_a_european_column_is_read_as_the_american_one(cents):
    american = [f"{n / 100:,.2f}" for n in cents]
    european = [t.translate({ord(","): ".", ord("."): ","}) for t in american]
    assert read(european)[0] == read(american)[0] == [n / 100 for n in cents]


def test_points_in_each_value_of_no_price_are_decimal():
    assert read(["1.125", "2.375"], "depth")[0] == [1.125, 2.375]


def test_a_unit_that_is_no_scale_is_passed_over():
    assert read(["12 m", "3 m"], "length")[0] == [12, 3]
