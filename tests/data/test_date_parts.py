"""Dates in columns for the year, the month and the day; cells padded with spaces."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from month_names import GERMAN

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N = 40
DAYS = [date(2023, 11, 20) + timedelta(days=2 * k) for k in range(N)]
SECONDS = [datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp() for d in DAYS]
ITEMS = pl.DataFrame({"item_id": [f"i{k}" for k in range(8)], "title": [f"t{k}" for k in range(8)]})


def log(**more) -> pl.DataFrame:
    base = {"user_id": [f"u{k % 5}" for k in range(N)], "item_id": [f"i{k % 8}" for k in range(N)]}
    return pl.DataFrame({**base, **more})


def parts(year, month, day, names=None, text=False) -> dict[str, list[object]]:
    columns = {
        year: [d.year for d in DAYS],
        month: [names[d.month - 1] if names else d.month for d in DAYS],
        day: [d.day for d in DAYS],
    }
    return {n: [str(v) if text else v for v in values] for n, values in columns.items()}


@pytest.mark.parametrize(
    "columns",
    [
        parts("year", "month", "day"),
        parts("Year", "Month", "Day of month", text=True),
        parts("Jahr", "Monat", "Tag", text=True),
        parts("Jahr", "Monat", "Tag", GERMAN),
        parts("año", "mes", "día"),
        parts("année", "mois", "jour"),
        parts("год", "месяц", "день"),
        parts("年", "月", "日"),
    ],
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_parts_are_the_date_whatever_the_order_of_the_rows(columns, newest_first):
    frame = log(**columns)
    data = read(ITEMS, frame.reverse() if newest_first else frame)
    assert sorted(data.interactions.time.tolist()) == SECONDS
    assert data.log.count("are one: the time") == N
    for user, start, end in zip(
        data.interactions.users,
        data.interactions.offsets,
        data.interactions.offsets[1:],
        strict=False,
    ):
        first = int(user[1:])
        assert data.interactions.time[start:end].tolist() == SECONDS[first::5]


@pytest.mark.parametrize("month", ["month", "Monat", "mes", "месяц"])
def test_a_year_and_a_month_alone_are_asked_about(month):
    columns = {k: v for k, v in parts("year", month, "x").items() if k != "x"}
    with pytest.raises(DataError, match=rf"{month!r} is named like a time .*--row-order newest"):
        read(ITEMS, log(**columns))


def test_another_time_and_a_choice_win():
    columns = parts("year", "month", "day")
    stamps = [int(s) + 7 for s in SECONDS]
    assert read(ITEMS, log(timestamp=stamps, **columns)).interactions.time.min() == stamps[0]
    rows = read(ITEMS, log(**columns), columns={"time": None})
    assert not rows.interactions.real_time and rows.log.count("are one") == 0
    strange = {**columns, "month": [13 + k % 7 for k in range(N)]}
    with pytest.raises(DataError, match=r"'month' is named like a time|newest events may come"):
        read(ITEMS, log(**strange))


def test_padded_cells_are_parted(tmp_path):
    rows = [("user_id", "item_id", "timestamp")]
    rows += [(f"u{k % 5}", f"i{k % 8}", str(int(SECONDS[k]))) for k in range(N)]
    path = tmp_path / "log.txt"
    path.write_text("".join(f"{a:<12}{b:>9}   {c}  \n" for a, b, c in rows))
    data = read(ITEMS, path)
    assert sorted(data.interactions.time.tolist()) == SECONDS


def test_thousands_in_milliseconds():
    stamps = [f"{int(s) * 1000:,}" for s in SECONDS]
    assert sorted(read(ITEMS, log(time=stamps)).interactions.time.tolist()) == SECONDS
