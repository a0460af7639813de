"""Types of Python, pandas and polars that files do not have, and ids in numbers too coarse."""

import datetime as dt
import enum
import uuid

import pandas as pd
import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame(
    {"id": [f"p{i}" for i in range(4)], "title": ["red hat", "blue cap", "shoe", "scarf"]}
)
N = 24
START = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)


class Kind(enum.Enum):
    """Types of events."""

    VIEW = "view"
    DISLIKE = "dislike"


def events(**columns):
    plain = {
        "user_id": [f"u{k % 6}" for k in range(N)],
        "item_id": [f"p{k % 4}" for k in range(N)],
        "timestamp": [1_740_787_200 + 3_600 * k for k in range(N)],
    }
    return plain | columns


def shapes(columns):
    yield [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    yield columns
    yield pd.DataFrame(columns)


@pytest.mark.parametrize("name", ["w", "dwell_time", "duration", "quantity_left"])
def test_durations_beside_events_are_read(name):
    frame = pl.DataFrame(events()).with_columns(
        pl.duration(seconds=pl.int_range(1, N + 1)).alias(name)
    )
    assert len(read(ITEMS, frame).interactions) == N
    pandas = pd.DataFrame(events()).assign(**{name: pd.to_timedelta(range(1, N + 1), unit="s")})
    assert len(read(ITEMS, pandas).interactions) == N


def test_durations_as_times_stay_positions():
    frame = pl.DataFrame(events()).with_columns(timestamp=pl.duration(seconds=pl.int_range(N)))
    data = read(ITEMS, frame)
    assert not data.interactions.real_time
    assert data.interactions.time.max() == N - 1


def test_intervals_of_pandas_are_text():
    frame = pd.DataFrame(events()).assign(w=pd.cut(range(N), 5))
    assert len(read(ITEMS, frame).interactions) == N
    items = ITEMS.to_pandas().assign(price=pd.cut(range(4), 2))
    assert read(items, frame).catalog.attributes["price"].n_unique() == 2


def test_uuids_and_enums_in_every_shape():
    names = [uuid.uuid5(uuid.NAMESPACE_DNS, str(k % 6)) for k in range(N)]
    kinds = [Kind.DISLIKE if k < 2 else Kind.VIEW for k in range(N)]
    for table in [
        *shapes(events(user_id=names, event_type=kinds)),
        pl.DataFrame(events(user_id=pl.Series(names, dtype=pl.Object))),
    ]:
        data = read(ITEMS, table)
        assert set(data.interactions.users) == set(map(str, names))
        assert len(data.interactions) == (N if isinstance(table, pl.DataFrame) else N - 2)


def test_ids_of_several_types_are_text():
    names = [k % 6 if k % 2 else str(k % 6) for k in range(N)]
    for table in shapes(events(user_id=names)):
        assert sorted(read(ITEMS, table).interactions.users) == list("012345")


def test_moments_of_two_zones_are_one_time():
    zones = [dt.UTC, dt.timezone(dt.timedelta(hours=9))]
    times = [(START + dt.timedelta(hours=k)).astimezone(zones[k % 2]) for k in range(N)]
    for table in shapes(events(timestamp=times)):
        time = read(ITEMS, table).interactions.time
        assert sorted(time) == [START.timestamp() + 3_600 * k for k in range(N)]


def test_moments_with_and_without_zone_are_refused():
    times = [START if k % 2 else START.replace(tzinfo=None) for k in range(N)]
    for table in shapes(events(timestamp=times)):
        with pytest.raises(DataError, match="12 datetimes with a time zone and 12 without"):
            read(ITEMS, table)


@pytest.mark.parametrize("odd", [object(), 1j])
def test_objects_that_are_no_values_are_named(odd):
    table = next(shapes(events(x=[odd] * N)))
    with pytest.raises(DataError, match="column 'x' holds objects of Python such as"):
        read(ITEMS, table)


@pytest.mark.parametrize("dtype, start", [("float64", 90_071_992_547_410_000), ("float32", 2e7)])
def test_ids_in_floats_that_merge_are_refused(dtype, start):
    frame = pd.DataFrame(events(user_id=[start + k % 6 for k in range(N)]))
    with pytest.raises(DataError, match=r"last digits are lost.*dtype=str"):
        read(ITEMS, frame.astype({"user_id": dtype}))
    small = pd.DataFrame(events(user_id=[16_000_000 + k % 6 for k in range(N)]))
    assert len(read(ITEMS, small.astype({"user_id": dtype})).interactions.users) == 6


def test_ids_in_scientific_notation_are_refused_for_users_too(tmp_path):
    path = tmp_path / "events.csv"
    pl.DataFrame(events(user_id=[f"{9e16 + k % 6:.5E}" for k in range(N)])).write_csv(path)
    with pytest.raises(DataError, match=r"such as '9\.00000E\+16'.*Export the ids as text"):
        read(ITEMS, path)
    pl.DataFrame(events(user_id=[f"{k % 6}e1" for k in range(N)])).write_csv(path)
    assert len(read(ITEMS, path).interactions.users) == 6
