"""Times that read well and are wrong: digits lost, zones in some rows only, other epochs."""

import datetime as dt

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.data.times import parse_times
from pennyweight.errors import DataError

N = 40
START = 1_740_787_200
ITEMS = pl.DataFrame({"id": [f"p{i}" for i in range(8)], "title": [f"hat {i}" for i in range(8)]})
MOMENTS = [dt.datetime(2025, 3, 1) + dt.timedelta(hours=7 * k) for k in range(N)]


def log(**columns):
    plain = {
        "user_id": [f"u{k % 5}" for k in range(N)],
        "item_id": [f"p{(k * 3) % 8}" for k in range(N)],
    }
    return pl.DataFrame(plain | columns)


@pytest.mark.parametrize(
    "write",
    [
        lambda k: f"{(START + 60_000 * k) * 1000:.5E}",
        lambda k: f"{(START + 60_000 * k) * 1000:.5E}".replace(".", ","),
        lambda k: f"{START + 60_000 * k:.5E}",
        lambda k: f"{20250301101500 + 100_000_000 * (k % 20):.5E}",
    ],
)
def test_times_of_which_a_spreadsheet_lost_digits_are_refused(write):
    frame = log(timestamp=[write(k) for k in range(N)])
    with pytest.raises(DataError, match="a spreadsheet lost digits: export the column as text"):
        read(ITEMS, frame)


def test_whole_numbers_in_scientific_notation_are_read():
    column = pl.Series("t", [repr(float((START + 3_607 * k) * 10**9)) for k in range(N)])
    assert parse_times(column).values.tolist() == [START + 3_607 * k for k in range(N)]


@pytest.mark.parametrize("zone", ["Z", "+00:00", " UTC"])
def test_clocks_with_and_without_a_zone_are_asked_about(zone):
    texts = [f"{m:%Y-%m-%d %H:%M:%S}" + zone * (k % 2) for k, m in enumerate(MOMENTS)]
    with pytest.raises(DataError, match=r"20 times have a time zone, .*--time-format as-written"):
        read(ITEMS, log(timestamp=texts))
    data = read(ITEMS, log(timestamp=texts), time_format="as-written")
    assert sorted(data.interactions.time) == [START + 7 * 3_600 * k for k in range(N)]


def test_days_stand_beside_clocks_with_a_zone():
    texts = [f"{m:%Y-%m-%d}" + "T00:00:00Z" * (k % 2) for k, m in enumerate(MOMENTS)]
    assert len(read(ITEMS, log(timestamp=texts)).interactions) == N


def test_a_column_of_zones_that_is_not_applied_is_named():
    texts = [f"{m:%Y-%m-%d %H:%M:%S}" for m in MOMENTS]
    zones = ["+09:00" if k % 2 else "-05:00" for k in range(N)]
    named = "'utc_offset' is not applied"
    assert named in str(read(ITEMS, log(timestamp=texts, utc_offset=zones)).log)
    assert named in str(read(ITEMS, log(timestamp=MOMENTS, utc_offset=zones)).log)
    assert named not in str(read(ITEMS, log(timestamp=texts, utc_offset=["+01:00"] * N)).log)
    zoned = [text + "Z" for text in texts]
    assert named not in str(read(ITEMS, log(timestamp=zoned, utc_offset=zones)).log)


def test_times_of_utc_win_over_local_ones():
    local = [f"{m + dt.timedelta(hours=9 * (k % 2)):%F %T}" for k, m in enumerate(MOMENTS)]
    universal = [f"{m:%F %T}" for m in MOMENTS]
    data = read(ITEMS, log(local_time=local, utc_time=universal))
    assert data.columns.events["time"] == "utc_time"


def test_seconds_since_2001_are_named():
    frame = log(timestamp=[START - 978_307_200 + 60 * k for k in range(N)])
    assert "Apple counts seconds since 2001 (add 978307200)" in str(read(ITEMS, frame).log)


def test_days_since_1970_are_no_dates_of_2002():
    data = read(ITEMS, log(timestamp=[20_202 + k % 11 for k in range(N)]))
    assert data.interactions.time.min() == dt.datetime(2025, 4, 24, tzinfo=dt.UTC).timestamp()
    assert "as days since 1970" in str(data.log)


@pytest.mark.parametrize(
    "name",
    [
        "product_title",
        "Product Name",
        "primaryTitle",
        "track_name",
        "Bezeichnung",
        "libellé",
        "nazwa",
        "название",
    ],
)
def test_titles_of_other_names_come_first(name):
    items = pl.DataFrame(
        {
            "id": [f"p{i}" for i in range(8)],
            "category": ["garden tools"] * 8,
            name: [f"spade model {'abcdefgh'[i]}" for i in range(8)],
        }
    )
    catalog = read(items, log(timestamp=[START + k for k in range(N)])).catalog
    assert catalog.title(1) == "spade model b"
    assert catalog.texts[1] == "spade model b. garden tools"


@pytest.mark.parametrize("name", ["brand_name", "category_name", "author_name", "username"])
def test_names_of_other_things_are_no_titles(name):
    items = ITEMS.with_columns(pl.lit("Acorn and sons").alias(name)).select("id", name, "title")
    catalog = read(items, log(timestamp=[START + k for k in range(N)])).catalog
    assert catalog.texts[1] == "hat 1. Acorn and sons"


def test_text_read_in_a_wrong_encoding_is_named():
    wrong = [f"Größe für Füße {i}".encode().decode("cp1252") for i in range(8)]
    times = [START + k for k in range(N)]
    data = read(ITEMS.with_columns(title=pl.Series(wrong)), log(timestamp=times))
    assert "8 noted: text looks like UTF-8 that was read as Latin-1" in str(data.log)
    sound = ITEMS.with_columns(title=pl.Series([f"SÃO PAULO, Größe {i}" for i in range(8)]))
    assert "Latin-1" not in str(read(sound, log(timestamp=times)).log)
