"""Tables that lose most rows for one cause are refused; clear rows are read."""

import random

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame(
    {
        "item_id": [f"p{100 + i}" for i in range(30)],
        "title": [f"Wooden thing {i}" for i in range(30)],
    }
)
_RANDOM = random.Random(3)
ROWS = [
    (f"u{user:02}", f"p{100 + _RANDOM.randrange(30)}", 1_641_000_000 + 1_000 * (20 * n + user))
    for n in range(6)
    for user in range(20)
]
HEADER = "user_id,item_id,timestamp"


@pytest.fixture
def events(tmp_path):
    def write(header, lines, end="\n"):
        path = tmp_path / "e.csv"
        path.write_bytes((end.join([header, *lines]) + end).encode())
        return path

    return write


@pytest.mark.parametrize("mark", ['"', ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_without_their_last_optional_cells_are_read(events, mark, end):
    cells = [
        [*map(str, row), *(["X, y" if mark else "X"] if n % 3 == 0 else [])]
        for n, row in enumerate(ROWS)
    ]
    lines = [",".join(f"{mark}{cell}{mark}" for cell in row) for row in cells]
    data = read(ITEMS, events(f"{HEADER},coupon", lines, end))
    assert data.log.rows_kept["events"] == len(ROWS)
    assert data.log.count("without its last cells") == 80
    assert data.log.count("broken") == 0
    assert data.interactions.time.min() == ROWS[0][2]


@pytest.mark.parametrize(
    "line",
    [
        "u01,p101",
        "u01",
        "u01 p101,1641000000,X",
        '"u01,p101",1641000000,X',
        "u01,p101,X",
        "u01;p101;1641000000",
        "p101,1641000000,X",
    ],
)
def test_other_short_rows_stay_broken(events, line):
    rows = [",".join([*map(str, row), "4.5", "X"]) for row in ROWS]
    data = read(ITEMS, events(f"{HEADER},rating,coupon", [*rows, line, rows[0]]))
    assert data.log.count("broken row") == 1
    assert data.log.count("without its last cells") == 0


def test_a_line_end_within_a_text_makes_no_items(tmp_path):
    rows = [f"p{100 + i},Wooden thing {i},4.50,red" for i in range(30)]
    rows[3:4] = ["p103,Wooden", "and more,4.50,red"]
    (tmp_path / "i.csv").write_text("\n".join(["item_id,title,price,color", *rows]))
    data = read(
        tmp_path / "i.csv", pl.DataFrame(ROWS, ["user_id", "item_id", "time"], orient="row")
    )
    assert "and more" not in data.catalog.ids


def test_the_last_line_of_a_cut_file_stays_broken(tmp_path):
    lines = [",".join([*map(str, row), "X"]) for row in ROWS]
    (tmp_path / "e.csv").write_text("\n".join([f"{HEADER},coupon", *lines, "u01,p101,1641"]))
    assert read(ITEMS, tmp_path / "e.csv").log.count("broken row") == 1


def test_most_rows_broken(events):
    lines = [f"{u},{i},{t}" if n % 3 else f"{u},{i},4,{t}" for n, (u, i, t) in enumerate(ROWS)]
    path = events("user_id,item_id,rating,timestamp", lines)
    with pytest.raises(DataError, match=r"80 of 120 rows .* broken row .*--max-dropped 0\.67"):
        read(ITEMS, path)
    assert read(ITEMS, path, max_dropped=0.67).log.rows_kept["events"] == 40


def test_merged_cells(events):
    rows = sorted(ROWS)
    lines = [f"{'' if n % 6 else u},{i},{t}" for n, (u, i, t) in enumerate(rows)]
    with pytest.raises(DataError, match=r"100 of 120 rows have no 'user_id': were cells merged"):
        read(ITEMS, events(HEADER, lines))
    assert read(ITEMS, events(HEADER, lines), max_dropped=0.9).log.rows_kept["events"] == 20


def test_most_rows_without_a_user(events):
    lines = [f"{u if n % 3 == 0 else 'guest'},{i},{t}" for n, (u, i, t) in enumerate(ROWS)]
    blank = [line.replace("guest", "") for line in lines]
    with pytest.raises(DataError, match="80 of 120 rows would be dropped: missing user"):
        read(ITEMS, events(HEADER, blank))
    # A chosen id for missing users is intended.
    data = read(ITEMS, events(HEADER, lines), missing_ids=["guest"])
    assert data.log.rows_kept["events"] == 40


def test_types_that_are_about_no_item(events):
    lines = [
        f"{u},{i if n % 3 == 0 else ''},{t},{('view', 'page_view', 'scroll')[n % 3]}"
        for n, (u, i, t) in enumerate(ROWS)
    ]
    data = read(ITEMS, events(f"{HEADER},event", lines))
    assert data.log.rows_kept["events"] == 40
    assert data.log.count("event types that are about no item: 'page_view', 'scroll'") == 80
    with pytest.raises(DataError, match="missing item"):
        read(ITEMS, events(HEADER, [line.rpartition(",")[0] for line in lines]))


def test_a_catalog_of_one_category_is_read():
    frame = pl.DataFrame(ROWS, ["user_id", "item_id", "time"], orient="row")
    data = read(ITEMS.head(5), frame)
    assert data.log.count("not in the catalog") > 80
    assert len(data.interactions) < 40


def test_most_ids_in_another_form():
    frame = pl.DataFrame(ROWS, ["user_id", "item_id", "time"], orient="row")
    other = frame.with_columns(
        pl.when(pl.col("item_id") > "p108")
        .then("x" + pl.col("item_id"))
        .otherwise("item_id")
        .alias("item_id")
    )
    with pytest.raises(DataError, match=r"are not in the catalog, .*most items of the catalog"):
        read(ITEMS, other)
    assert len(read(ITEMS, other, max_dropped=0.9).interactions) > 0


def test_most_times_missing(events):
    lines = [f"{u},{i},{t if n % 3 == 0 else ''}" for n, (u, i, t) in enumerate(ROWS)]
    with pytest.raises(DataError, match="80 of 120 rows"):
        read(ITEMS, events(HEADER, lines), columns={"time": "timestamp"})


def test_a_header_again_in_other_letters_is_no_item(tmp_path, events):
    items = [f"p{k},thing {k}" for k in range(101, 160)]
    path = tmp_path / "items.csv"
    path.write_text("\n".join(["item_id,title", *items[:30], "Item_ID , TITLE", *items[30:], ""]))
    data = read(path, events(HEADER, [",".join(map(str, row)) for row in ROWS]), max_dropped=1)
    assert list(data.catalog.ids) == [f"p{k}" for k in range(101, 160)]
    assert data.log.count("header line in the middle of the file") == 1


def test_a_header_again_in_another_order(events):
    lines = [f"{u},{i},{t}" for u, i, t in ROWS[:50]]
    lines += ["timestamp,user_id,item_id", *(f"{t},{u},{i}" for u, i, t in ROWS[50:])]
    data = read(ITEMS, events(HEADER, lines))
    assert data.log.rows_kept["events"] == len(ROWS)
    assert data.log.count("in another order: read by their names") == 1
    lines[50] = "timestamp,user_id,product"
    with pytest.raises(DataError, match="row 51 is a header again, with other columns"):
        read(ITEMS, events(HEADER, lines))
