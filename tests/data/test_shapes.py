"""The shapes of exports: each gives the same events and items."""

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


@pytest.mark.parametrize(
    ("name", "text"),
    [
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
        ("title.csv", "Orders of the shop, all\nMade 2024-01-01\n\n" + lines(EVENTS)),
        ("space.txt", lines(EVENTS, " ")),
    ],
)
def test_dialects_of_delimited_files(tmp_path, name, text):
    (tmp_path / name).write_text(text, newline="")
    data = log_of(tmp_path / name)
    assert data.log.rows_kept["events"] == N
    assert data.log.rows_read["events"] == N + (name == "twice.csv")
    assert sorted(data.interactions.time.tolist()) == [row["timestamp"] for row in EVENTS]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pretty.json", "\n".join(json.dumps(row, indent=1) for row in EVENTS)),
        ("commas.json", ",\n".join(json.dumps(row, indent=1) for row in EVENTS)),
        ("wrapped.json", json.dumps({"data": EVENTS}, indent=0)),
        ("deep.json", json.dumps({"took": 3, "hits": {"total": 9, "hits": EVENTS}})),
        ("array.json", json.dumps(EVENTS, indent=2)),
        ("columns.json", json.dumps(columns())),
        ("index.json", json.dumps({str(i): row for i, row in enumerate(EVENTS)})),
        (
            "split.json",
            json.dumps(
                {
                    "columns": NAMES,
                    "index": list(range(N)),
                    "data": [list(row.values()) for row in EVENTS],
                }
            ),
        ),
        (
            "table.json",
            json.dumps({"schema": {"fields": [{"name": n} for n in NAMES]}, "data": EVENTS}),
        ),
        ("lists.json", json.dumps({name: [row[name] for row in EVENTS] for name in NAMES})),
        ("python.json", "\n".join(map(repr, EVENTS))),
        ("python_list.json", repr(EVENTS)),
        (
            "mongo.json",
            "\n".join(
                json.dumps(
                    {
                        "_id": {"$oid": f"{i:024}"},
                        "user_id": row["user_id"],
                        "item_id": row["item_id"],
                        "timestamp": {"$date": {"$numberLong": str(row["timestamp"] * 1000)}},
                    }
                )
                for i, row in enumerate(EVENTS)
            ),
        ),
        (
            "shell.json",
            "\n".join(
                f'{{"_id": ObjectId("{i:024}"), "user_id": "{row["user_id"]}", "item_id": '
                f'"{row["item_id"]}", "timestamp": NumberLong("{row["timestamp"]}")}}'
                for i, row in enumerate(EVENTS)
            ),
        ),
        (
            "calls.json",
            "\n".join(
                repr(row)[:-1]
                + ", 'x': nan, 'd': datetime.datetime(2020, 1, 2), 'p': Decimal('3.5')}"
                for row in EVENTS
            ),
        ),
        ("one_line.json", "".join(map(json.dumps, EVENTS))),
        ("pages.json", "\n".join(json.dumps(EVENTS[i : i + 10]) for i in range(0, N, 10))),
        (
            "by_user.json",
            json.dumps(
                {
                    f"u{u}": [
                        {"item_id": row["item_id"], "timestamp": row["timestamp"]}
                        for row in EVENTS
                        if row["user_id"] == f"u{u}"
                    ]
                    for u in range(7)
                }
            ),
        ),
        (
            "mongo_array.json",
            json.dumps(
                [row | {"timestamp": {"$numberLong": str(row["timestamp"])}} for row in EVENTS]
            ),
        ),
    ],
)
def test_shapes_of_json(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    data = log_of(tmp_path / name)
    assert data.log.rows_kept["events"] == data.log.rows_read["events"] == N
    assert sorted(data.interactions.time.tolist()) == [row["timestamp"] for row in EVENTS]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            {"orders": EVENTS, "returns": EVENTS},
            r"\.orders \(40 of .*\.returns.*jq -c '\.orders\[\]'",
        ),
        ([list(row.values()) for row in EVENTS], r"array of arrays.*jq -c"),
        ([1, 2], "must hold objects"),
    ],
)
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
    titles = [
        f'"Wooden {i}' if i == 2 else f'{i} wooden"' if i == 8 else f"Wood {i}" for i in range(11)
    ]
    text = "item_id\ttitle\n" + "".join(f"i{i}\t{title}\n" for i, title in enumerate(titles))
    (tmp_path / "items.tsv").write_text(text)
    data = log_of(pl.DataFrame(EVENTS), tmp_path / "items.tsv")
    assert data.log.rows_kept["items"] == 11
    assert data.catalog.texts[2] == '"Wooden 2'


def test_quotes_escaped_by_backslashes(tmp_path):
    rows = [f'"{r["user_id"]}","{r["item_id"]}","a \\"{i}\\", b"' for i, r in enumerate(EVENTS)]
    (tmp_path / "e.csv").write_text("\n".join(['"user_id","item_id","title"', *rows]))
    assert log_of(tmp_path / "e.csv").log.rows_kept["events"] == N


def test_a_separator_at_the_end_of_rows_with_quotes(tmp_path):
    rows = [f'{r["user_id"]},{r["item_id"]},"a, b",' for r in EVENTS]
    (tmp_path / "e.csv").write_text("\n".join(["user_id,item_id,title", *rows]))
    assert log_of(tmp_path / "e.csv").log.rows_kept["events"] == N


def test_a_value_named_like_a_role_is_no_header(tmp_path):
    rows = [f"{r['user_id']},{r['item_id']},product" for r in EVENTS]
    (tmp_path / "e.csv").write_text("\n".join(["who,item,kind", *rows]))
    data = read(pl.DataFrame(ITEMS), tmp_path / "e.csv", columns={"user": "who"})
    assert data.log.rows_read["events"] == N


@pytest.mark.parametrize("text", ["<?xml version='1.0'?>\n<a/>\n", "<!DOCTYPE html>\n<p>\n"])
def test_xml_is_named(tmp_path, text):
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(DataError, match="XML or HTML"):
        log_of(tmp_path / "e.csv")


def test_objects_as_javascript_writes_them_are_named(tmp_path):
    (tmp_path / "e.json").write_text("{user_id: 1, item_id: 2}\n" * 3)
    with pytest.raises(DataError, match=r"names and texts in double quotes.*JSON\.stringify"):
        log_of(tmp_path / "e.json")


def test_python_literals_as_items(tmp_path):
    rows = [
        {
            "asin": f"i{i}",
            "title": f"O'Neill's {i}",
            "categories": [["Home", 'the "garden"']],
            "sale": None,
            "new": True,
        }
        for i in range(11)
    ]
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


def test_properties_beside_other_columns_and_with_several_values(tmp_path):
    rows = [
        (n, f"i{i}", key, value, "en")
        for n, (i, key, value) in enumerate(
            (i, key, value)
            for i in range(11)
            for key, value in (
                ("name", f"Wooden {i}"),
                ("tag", "red"),
                ("tag", "round"),
                ("tag", "red"),
                ("price", "3"),
                ("price", "4.5"),
            )
        )
    ]
    frame = pl.DataFrame(rows, ["id", "item_id", "attribute", "value", "lang"], orient="row")
    frame.write_csv(tmp_path / "attributes.csv")
    data = log_of(pl.DataFrame(EVENTS), tmp_path / "attributes.csv")
    assert len(data.catalog) == 11
    assert data.catalog.texts[3] == "Wooden 3. red, round"
    assert data.catalog.attributes["price"].to_list() == [4.5] * 11


def test_properties_are_recognised_by_their_rows():
    rows = [(f"i{i}", key, f"{key} {i}") for i in range(11) for key in ("title", "material")]
    items = pl.DataFrame(rows, ["item_id", "what", "text"], orient="row")
    data = log_of(pl.DataFrame(EVENTS), items)
    assert len(data.catalog) == 11
    assert data.catalog.texts[3] == "title 3. material 3"


def test_categories_in_rows_are_no_properties():
    rows = [(f"i{i}", key, f"Wooden {i}") for i in range(11) for key in ("toys", "games")]
    items = pl.DataFrame(rows, ["item_id", "category", "title"], orient="row")
    data = log_of(pl.DataFrame(EVENTS), items)
    assert data.catalog.attributes["category"].to_list() == [["toys", "games"]] * 11
    assert data.catalog.texts[3] == "Wooden 3. toys, games"
    assert data.log.unaccounted("items") == 0


BY_ID = {str(row["item_id"]): {"title": row["title"]} for row in ITEMS}


@pytest.mark.parametrize(
    "value", [BY_ID, {"products": BY_ID}, {"version": 1, "data": {"products": BY_ID}}]
)
def test_items_by_their_ids(tmp_path, value):
    (tmp_path / "i.json").write_text(json.dumps(value))
    data = log_of(pl.DataFrame(EVENTS), tmp_path / "i.json")
    assert list(data.catalog.ids) == [row["item_id"] for row in ITEMS]
    assert data.catalog.texts[3] == "Wooden thing number 3"


def test_references_of_mongodb_are_ids(tmp_path):
    rows = [
        {"user": {"$ref": "users", "$id": {"$oid": row["user_id"]}}, "item_id": row["item_id"]}
        for row in EVENTS
    ]
    (tmp_path / "e.json").write_text("\n".join(map(json.dumps, rows)))
    data = log_of(tmp_path / "e.json")
    assert sorted(data.interactions.users) == [f"u{i}" for i in range(7)]


def test_an_items_table_with_a_value_column_stays_as_it_is():
    items = pl.DataFrame([row | {"key": "k", "value": 3} for row in ITEMS])
    assert len(log_of(pl.DataFrame(EVENTS), items).catalog) == 11


@pytest.mark.parametrize("text", ["{}\n{}\n", "[{}, {}]", '{"user": [{"$oid": {}}]}\n' * 2])
def test_json_without_a_value_is_refused(tmp_path, text):
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(DataError):
        log_of(tmp_path / "e.json")
    with pytest.raises(DataError):
        log_of(pl.DataFrame(EVENTS), tmp_path / "e.json")
