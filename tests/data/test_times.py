from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

MOMENT = datetime(2022, 2, 24, 10, 30, tzinfo=UTC).timestamp()
AWARE = st.datetimes(
    datetime(1980, 1, 1),
    datetime(2200, 1, 1),
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(st.lists(AWARE, min_size=1))
def test_iso_with_zone_round_trip(moments):
    parsed = parse_times(pl.Series([moment.isoformat() for moment in moments]))
    assert parsed.real_time
    np.testing.assert_allclose(parsed.values, [m.timestamp() for m in moments], atol=1e-5)


@given(st.lists(st.integers(10**9, 4 * 10**9), min_size=1), st.sampled_from([0, 3, 6, 9]))
def test_epochs_of_every_unit_round_trip(seconds, power):
    for column in (
        pl.Series([s * 10**power for s in seconds], dtype=pl.Int64),
        pl.Series([str(s * 10**power) for s in seconds]),
        pl.Series([s * 10.0**power for s in seconds]),
    ):
        parsed = parse_times(column)
        assert parsed.real_time
        np.testing.assert_allclose(parsed.values, seconds, rtol=1e-12)


@given(st.lists(st.none() | st.text(max_size=12), min_size=1))
def test_any_strings_parse_or_raise_data_error(texts):
    try:
        parsed = parse_times(pl.Series(texts, dtype=pl.String))
    except DataError:
        return
    assert len(parsed.values) == len(texts)
    assert not np.isinf(parsed.values).any()


@pytest.mark.parametrize(
    "text",
    [
        "2022-02-24T10:30:00Z",
        "2022-02-24T10:30:00",
        "2022-02-24 10:30:00",
        "2022-02-24T10:30",
        "2022-02-24 10:30",
        "2022-02-24T11:30:00+01:00",
        "2022-02-24T11:30:00+0100",
        "2022-02-24 11:30:00.000 +01",
        "2022/02/24 10:30:00",
        "2022-02-24 10:30:00 UTC",
        " 2022-02-24T10:30:00,0Z ",
        "2022.2.24 10:30:00",
        "1645698600",
        "1645698600000",
    ],
)
def test_usual_forms(text):
    assert parse_times(pl.Series([text])).values[0] == MOMENT


def test_mixed_forms_in_one_column():
    parsed = parse_times(
        pl.Series(["2022-02-24T10:30:00Z", "2022-02-24", None, "soon", "2022-02-30"])
    )
    midnight = datetime(2022, 2, 24, tzinfo=UTC).timestamp()
    np.testing.assert_array_equal(parsed.values, [MOMENT, midnight, np.nan, np.nan, np.nan])


def test_temporal_types():
    moment = datetime(2022, 2, 24, 10, 30)
    for unit in ("ms", "us", "ns"):
        column = pl.Series([moment, None]).cast(pl.Datetime(unit))
        np.testing.assert_array_equal(parse_times(column).values, [MOMENT, np.nan])
        zoned = column.dt.replace_time_zone("Asia/Tokyo")
        assert parse_times(zoned).values[0] == MOMENT - 9 * 3600
    assert parse_times(pl.Series([date(1970, 1, 2)])).values[0] == 86_400


def test_small_numbers_are_positions():
    for column in (pl.Series([1, 2, 3]), pl.Series(["1", "2", "x"]), pl.Series([0.5, 1.5])):
        assert not parse_times(column).real_time


def test_compact_dates_and_numbers_that_only_look_like_them():
    parsed = parse_times(pl.Series([20220224, 19700102]))
    assert (parsed.real_time, parsed.form, parsed.values[1]) == (True, "YYYYMMDD", 86_400)
    counters = pl.Series(range(20_220_224, 20_220_424))
    assert not parse_times(counters).real_time
    with_an_error = parse_times(pl.Series([20220224, 20220225, 20220231]))
    assert with_an_error.real_time and np.isnan(with_an_error.values).tolist() == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("values", [["soon", "later"], [None, None], [float("nan")]])
def test_no_time_at_all_is_an_error(values):
    with pytest.raises(DataError, match="--time-column"):
        parse_times(pl.Series("t", values, strict=False))


def test_types_that_hold_no_times():
    with pytest.raises(DataError, match="holds Boolean, not times"):
        parse_times(pl.Series("t", [True]))


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([19676.0, 19677.5, 19680.0], "days since 1970"),
        ([2460263.59262, 2460264.09130, 2460267.5], "Julian days"),
        ([2023319, 2023320, 2024001], "YYYYDDD"),
    ],
)
def test_days_in_numbers(values, form):
    """15 November 2023 was day 19,676 since 1970, Julian day 2,460,263.5, and day 319 of 2023."""
    parsed = parse_times(pl.Series(values))
    assert parsed.real_time and parsed.forms == {form: 3}
    start = datetime(2023, 11, 15, tzinfo=UTC).timestamp()
    assert start <= parsed.values[0] < start + 86_400
    assert (np.diff(parsed.values) > 0).all()


def test_julian_days_have_a_time_of_day():
    parsed = parse_times(pl.Series([2460263.59262, 2460264.0, 2460265.25]))
    noon = datetime(2023, 11, 15, 12, tzinfo=UTC).timestamp()
    assert parsed.values[1] == noon


@pytest.mark.parametrize("values", [[14, 15, 16], [14_000, 19_676, 30_000], [2023367, 2023001, 7]])
def test_numbers_outside_of_these_days_are_positions(values):
    assert not parse_times(pl.Series(values)).real_time


@pytest.mark.parametrize(
    "text",
    [
        "20220224103000Z",
        "20220224103000.0Z",
        "2022-02-24 10:30:00 +0000 UTC",
        "2022-02-24 12:30:00 +0200 CEST",
        "2022-02-24 10:30:00.5 +0000 UTC m=+0.01",
    ],
)
def test_stamps_of_directories_and_of_go(text):
    parsed = parse_times(pl.Series([text, text.replace("24", "25", 1)]))
    assert parsed.real_time and int(parsed.values[0]) == MOMENT
