"""The shapes in which exports come: each is read to the same events and items."""

import json

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N = 40
DAY = 86_400
EVENTS = [
    {"user_id": f"u{i % 7}", "item_id": f"i{i * 3 % 11}", "timestamp": 1_600_000_000 + i * DAY}
    for i in range(N)
]
ITEMS = [{"item_id": f"i{i}", "title": f"Wooden thing number {i}", "price": i} for i in range(11)]
NAMES = list(EVENTS[0])


def lines(rows, separator=",", end="\n", header=True):
    body = [NAMES, *[list(map(str, row.values())) for row in rows]][not header :]
    return end.join(separator.join(row) for row in body) + end


def log_of(path, items=None):
    data = read(pl.DataFrame(ITEMS) if items is None else items, path)
    for table in ("items", "events"):
        assert data.log.unaccounted(table) == 0
    return data


def columns():
    return {name: {str(i): row[name] for i, row in enumerate(EVENTS)} for name in NAMES}


@pytest.mark.parametrize(("name", "text"), [
    ("sep.csv", "sep=;\r\n" + lines(EVENTS, ";", "\r\n")),
    ("bom.csv", "\ufeffsep=;\n" + lines(EVENTS, ";")),
    ("comment.csv", "# exported today\n#, by hand\n\n" + lines(EVENTS)),
    ("hash.tsv", "#" + lines(EVENTS, "\t")),
    ("trailing.csv", lines(EVENTS).replace("\n", ",\n").replace("timestamp,", "timestamp")),
    ("trailing_header.csv", lines(EVENTS).replace("\n", ",\n")),
    ("spaces.csv", lines(EVENTS, ", ")),
    ("spaces.txt", lines(EVENTS, " | ")),
    ("colons.dat", lines(EVENTS, "::")),
    ("twice.csv", lines(EVENTS[:20]) + lines(EVENTS[20:])),
    ("blank.csv", "\n" + lines(EVENTS).replace("\n", "\n\n")),
])  # fmt: skip
def test_dialects_of_delimited_files(tmp_path, name, text):
    (tmp_path / name).write_text(text, newline="")
    data = log_of(tmp_path / name)
    assert data.log.rows_kept["events"] == N
    assert data.log.rows_read["events"] == N + (name == "twice.csv")
    assert sorted(data.interactions.time.tolist()) == [row["timestamp"] for row in EVENTS]


@pytest.mark.parametrize(("name", "text"), [
    ("pretty.json", "\n".join(json.dumps(row, indent=1) for row in EVENTS)),
    ("commas.json", ",\n".join(json.dumps(row, indent=1) for row in EVENTS)),
    ("wrapped.json", json.dumps({"data": EVENTS}, indent=0)),
    ("deep.json", json.dumps({"took": 3, "hits": {"total": 9, "hits": EVENTS}})),
    ("array.json", json.dumps(EVENTS, indent=2)),
    ("columns.json", json.dumps(columns())),
    ("index.json", json.dumps({str(i): row for i, row in enumerate(EVENTS)})),
    ("split.json", json.dumps({"columns": NAMES, "index": list(range(N)),
                               "data": [list(row.values()) for row in EVENTS]})),
    ("table.json", json.dumps({"schema": {"fields": [{"name": n} for n in NAMES]},
                               "data": EVENTS})),
    ("lists.json", json.dumps({name: [row[name] for row in EVENTS] for name in NAMES})),
    ("python.json", "\n".join(map(repr, EVENTS))),
    ("python_list.json", repr(EVENTS)),
    ("mongo.json", "\n".join(json.dumps({
        "_id": {"$oid": f"{i:024}"}, "user_id": row["user_id"], "item_id": row["item_id"],
        "timestamp": {"$date": {"$numberLong": str(row["timestamp"] * 1000)}}
    }) for i, row in enumerate(EVENTS))),
    ("mongo_array.json", json.dumps([
        row | {"timestamp": {"$numberLong": str(row["timestamp"])}} for row in EVENTS])),
])  # fmt: skip
def test_shapes_of_json(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    data = log_of(tmp_path / name)
    assert data.log.rows_kept["events"] == data.log.rows_read["events"] == N
    assert sorted(data.interactions.time.tolist()) == [row["timestamp"] for row in EVENTS]


@pytest.mark.parametrize(("value", "words"), [
    ({"orders": EVENTS, "returns": EVENTS}, r"\.orders, \.returns.*jq -c '\.orders\[\]'"),
    ([list(row.values()) for row in EVENTS], r"array of arrays.*jq -c"),
    ([1, 2], "must hold objects"),
])  # fmt: skip
def test_other_json_is_named_with_the_conversion(tmp_path, value, words):
    (tmp_path / "e.json").write_text(json.dumps(value))
    with pytest.raises(DataError, match=words) as caught:
        log_of(tmp_path / "e.json")
    assert len(str(caught.value)) < 500


def test_unpaired_quotes_of_a_log_are_text(tmp_path):
    names = ['"Weird Al" Parrot', 'The 12" Mix', '"', 'Say "Hello', 'Goodbye"', "Plain"]
    rows = [
        "\t".join([*map(str, row.values()), names[i % len(names)]]) for i, row in enumerate(EVENTS)
    ]
    for name, mark in (("plays.tsv", "\t"), ("plays.txt", "|"), ("plays.csv", ";")):
        text = "\n".join(["\t".join([*NAMES, "artist_name"]), *rows]).replace("\t", mark)
        (tmp_path / name).write_text(text)
        data = log_of(tmp_path / name)
        assert data.log.rows_kept["events"] == N
        assert data.log.count("quotes do not enclose fields") == 34


def test_unpaired_quotes_of_a_catalog_are_text(tmp_path):
    titles = [f'"Wooden {i}' if i == 2 else f'{i} wooden"' if i == 8 else f"Wood {i}"
              for i in range(11)]  # fmt: skip
    text = "item_id\ttitle\n" + "".join(f"i{i}\t{title}\n" for i, title in enumerate(titles))
    (tmp_path / "items.tsv").write_text(text)
    data = log_of(pl.DataFrame(EVENTS), tmp_path / "items.tsv")
    assert data.log.rows_kept["items"] == 11
    assert data.catalog.texts[2] == '"Wooden 2'


def test_python_literals_as_items(tmp_path):
    rows = [
        {"asin": f"i{i}", "title": f"O'Neill's {i}", "categories": [["Home", 'the "garden"']],
         "sale": None, "new": True}
        for i in range(11)
    ]  # fmt: skip
    (tmp_path / "meta.json").write_text("\n".join(map(repr, rows)) + "\n{'asin': open('x')}\n")
    data = log_of(pl.DataFrame(EVENTS), tmp_path / "meta.json")
    assert (data.log.rows_read["items"], data.log.rows_kept["items"]) == (12, 11)
    assert data.log.count("Python literal") == 11
    assert data.log.count("broken row") == 1


def test_properties_in_rows_become_one_row_an_item(tmp_path):
    rows = [(1_400_000_000_000 + i, f"i{i}", "title", f"Old {i}") for i in range(11)]
    rows += [(1_500_000_000_000, f"i{i}", "title", f"Wooden spoon {i}") for i in range(11)]
    rows = rows[11:] + rows[:11]  # the latest does not come last
    rows += [(1_400_000_000_000, f"i{i}", "available", str(i % 2)) for i in range(11)]
    rows += [(1_400_000_000_000, f"i{i}", "790", f"n{i}.000") for i in range(0, 11, 2)]
    frame = pl.DataFrame(rows, ["timestamp", "itemid", "property", "value"], orient="row")
    frame.write_csv(tmp_path / "properties.csv")
    events = pl.DataFrame(EVENTS).rename({"item_id": "itemid"})
    data = log_of(events, tmp_path / "properties.csv")
    assert data.log.rows_read["items"] == len(rows)
    assert data.log.rows_kept["items"] == 11
    assert data.log.count("joined into one row an item") == len(rows) - 11
    assert list(data.catalog.texts[:2]) == ["Wooden spoon 0", "Wooden spoon 1"]
    assert "available" in data.catalog.attributes.columns
