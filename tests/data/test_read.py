import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

NOW = datetime(2024, 1, 1, tzinfo=UTC)
DAY = 86_400
T0 = 1_700_000_000
DRAWN = "share user and time with another event: their order is drawn at random (seed)"
ITEMS = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["Apple", "Bread", "Cheese"]})


def events(*rows, columns=("user_id", "item_id", "timestamp")):
    return pl.DataFrame(rows, schema=list(columns), orient="row", strict=False)


def triples(interactions, items):
    users = [interactions.users[u] for u in interactions.user]
    return list(zip(users, [items[i] for i in interactions.item], interactions.time, strict=True))


def test_files_to_dataset(tmp_path):
    (tmp_path / "items.csv").write_text(
        "item_id,price,title,categories,image_url,sku,in_stock\n"
        "007,1.5,Fish &amp; Chips,Food > Fast,https://x/1.jpg,A-1,true\n"
        "8,2,<b>Pizza</b>,Food > Italian,https://x/2.jpg,A-2,false\n"
    )
    (tmp_path / "events.csv").write_text(
        "user,item,time,rating\nu2,8,2022-02-25,5\nu1,007,2022-02-24,3\nu2,007,2022-02-24,4\n"
    )
    data = read(tmp_path / "items.csv", tmp_path / "events.csv", now=NOW)
    assert data.catalog.texts == ("Fish & Chips. Food, Fast", "Pizza. Food, Italian")
    assert data.catalog.attributes.schema == {
        "price": pl.Float64,
        "title": pl.String,
        "categories": pl.String,
        "image_url": pl.String,
        "sku": pl.String,
        "in_stock": pl.Boolean,
    }
    assert data.catalog.title(0) == "Fish & Chips"
    got = data.interactions
    assert tuple(got.users) == ("u2", "u1")  # in order of first appearance
    assert got.user.tolist() == [0, 0, 1] and got.item.tolist() == [0, 1, 0]
    assert got.weight.tolist() == [4, 5, 3] and got.real_time
    for array, dtype in (
        (got.user, "i4"),
        (got.item, "i4"),
        (got.time, "f8"),
        (got.weight, "f4"),
        (got.kind, "u1"),
        (got.split, "u1"),
    ):
        assert array.dtype == dtype
    assert data.columns.events == {
        "user": "user",
        "item": "item",
        "time": "time",
        "weight": "rating",
    }
    assert (data.columns.id, data.columns.text) == ("item_id", ("title", "categories"))
    assert "user = user" in str(data.columns)
    assert "events: 3 rows read, 3 kept" in str(data.log)
    json.dumps(data.log.to_dict())


def test_every_bad_event_is_dropped_and_counted():
    future_times = (NOW.timestamp() + 2 * 366 * DAY, NOW.timestamp() + DAY)
    table = events(
        ("u", "a", T0, 1, "view"),
        ("u", "a", T0, 2, "view"),
        ("u", "a", T0, 2, "buy"),
        (None, "a", T0, 1, "view"),
        ("u", "", T0, 1, "view"),
        ("u", "zzz", T0, 1, "view"),
        ("u", "b", None, 1, "view"),
        ("u", "b", future_times[0], 1, "view"),
        ("u", "b", future_times[1], 1, None),
        ("u", "b", -DAY, 3, "view"),
        ("u", "c", T0, float("inf"), "view"),
        ("u", "c", T0, None, "view"),
        columns=("user_id", "item_id", "timestamp", "weight", "event_type"),
    )
    data = read(ITEMS, table, now=NOW)
    counts = {(e.reason, e.action): e.count for e in data.log.entries}
    assert counts == {
        ("event types: view 1, buy 1, event 1 (change with --event-types)", "noted"): 6,
        ("missing user", "dropped"): 1,
        ("missing item", "dropped"): 1,
        ("item is not in the catalog", "dropped"): 1,
        ("time is missing or cannot be read", "dropped"): 2,
        ("time is more than a year in the future", "dropped"): 1,
        ("time is in the future", "noted"): 1,
        ("weight is not a finite number (below 3e38)", "dropped"): 1,
        ("weight is missing (1 is used)", "changed"): 1,
        (DRAWN, "noted"): 4,
        ("duplicate (same user, item, time and type)", "dropped"): 1,
    }
    got = data.interactions
    read_events = zip(
        triples(got, data.catalog.ids), got.weight, [got.kinds[k] for k in got.kind], strict=True
    )
    assert sorted(read_events) == [
        (("u", "a", T0), 1, "view"),
        (("u", "a", T0), 2, "buy"),
        (("u", "b", future_times[1]), 1, "event"),
        (("u", "c", T0), 1, "view"),
    ]
    assert data.log.rows_kept["events"] == 4 and data.log.count("time is") == 4
    with pytest.raises(DataError, match=r"strict reading found rows to drop: .* missing user"):
        read(ITEMS, table, now=NOW, strict=True)


def test_item_rows_without_an_id_or_seen_before_are_dropped():
    items = pl.DataFrame({"id": ["a", None, "a", "b"], "title": ["A1", "no id", "A2", "B1"]})
    data = read(items, events(("u", "a", 1), ("u", "b", 2)))
    assert (tuple(data.catalog.ids), data.catalog.texts) == (("a", "b"), ("A1", "B1"))
    assert [(e.count, e.action) for e in data.log.entries] == [(1, "dropped"), (1, "dropped")]


def test_no_time_column_means_file_order():
    rows = [("v", "c"), ("u", "b"), ("u", "a"), ("u", "c"), ("v", "a")]
    data = read(ITEMS, events(*rows, columns=("user_id", "item_id")))
    assert [data.catalog.ids[i] for i in data.interactions.item] == ["c", "a", "b", "a", "c"]
    assert not data.interactions.real_time


ROW = st.tuples(st.sampled_from("uvwxy"), st.sampled_from("abcz"), st.integers(0, 4))


@given(st.lists(ROW, min_size=1, max_size=40), st.integers(0, 3))
def test_against_plain_python(rows, k_core):
    remaining = [row for row in dict.fromkeys(rows) if row[1] != "z"]
    while k_core:
        core = [
            r
            for r in remaining
            if all(sum(r[c] == s[c] for s in remaining) >= k_core for c in (0, 1))
        ]
        if core == remaining:
            break
        remaining = core
    if not remaining:
        with pytest.raises(DataError):
            read(ITEMS, events(*rows), k_core=k_core, max_dropped=1)
        return
    data = read(ITEMS, events(*rows), k_core=k_core, max_dropped=1)
    users = list(dict.fromkeys(r[0] for r in rows if r[0] in {r[0] for r in remaining}))
    assert tuple(data.interactions.users) == tuple(users)
    expected = sorted(remaining, key=lambda r: (users.index(r[0]), r[2], r[1]))
    got = triples(data.interactions, data.catalog.ids)
    assert [(u, t) for u, _, t in got] == [(u, t) for u, _, t in expected]
    # Events of one moment come in an order that is drawn.
    assert sorted(got, key=lambda r: (users.index(r[0]), r[2], r[1])) == expected
    assert len(data.catalog) == 3


SCRAPS = st.sampled_from(
    [b"u", b"a", b"b", b",", b",", b"\n", b"\n", b'"', b"1", b"2022-02-24", b"\xff", b"\r\n", b"\0"]
)


@settings(max_examples=3 * settings.default.max_examples)
@given(st.lists(SCRAPS, max_size=30), st.lists(SCRAPS, max_size=30))
def test_any_files_give_a_dataset_or_a_data_error(items, log):
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "items.csv"), Path(folder, "events.csv")
        paths[0].write_bytes(b"item_id,title\na,x\n" + b"".join(items))
        paths[1].write_bytes(b"user_id,item_id,timestamp\nu,a,2022-02-24\n" + b"".join(log))
        try:
            data = read(*paths)
        except DataError:
            return
        assert len(data.interactions) >= 1 and "a" in data.catalog.ids


def test_one_user_one_item_one_event():
    items = pl.LazyFrame({"item_id": [7], "title": ["x"]})
    data = read(items, events(("u", 7.0, 1)).lazy())
    assert (len(data.catalog), len(data.interactions), data.interactions.n_items) == (1, 1, 1)
    assert data.log.count("fewer than two letters") == 1


def test_ids_are_arbitrary_strings():
    ids = ["a b", "x/y", "🎈", " padded ", "'quoted\"", "落日", "a\nb"]
    items = pl.DataFrame({"item_id": ids, "title": ids})
    data = read(items, events(*((f"user {i}/🚀", i, 1) for i in ids)))
    assert tuple(data.catalog.ids) == tuple(ids)
    assert data.interactions.item.tolist() == list(range(len(ids)))


def test_events_on_unknown_items_only_show_both_id_spaces():
    with pytest.raises(DataError) as error:
        read(ITEMS, events(("u", "B001", 1), ("u", "B002", 2)))
    for words in ("'B001', 'B002'", "'a', 'b', 'c'", "--item-column"):
        assert words in str(error.value)


def test_all_texts_equal_and_near_empty_texts_are_findings():
    items = ITEMS.with_columns(title=pl.lit("!"))
    log = read(items, events(("u", "a", 1))).log
    assert log.count("all items have the same text") == 3
    assert log.count("fewer than two letters") == 3


def test_a_ten_megabyte_text_is_cut_and_counted():
    items = ITEMS.with_columns(title=pl.lit("word " * 2_000_000))
    data = read(items, events(("u", "a", 1)))
    assert [len(text) for text in data.catalog.texts] == [3_999] * 3
    assert data.log.count("text cut to 4,000 characters") == 3
    listed = items.with_columns(title=pl.concat_list("title"))
    assert read(listed, events(("u", "a", 1))).log.count("text cut") == 3


def test_text_columns_are_recognised_ordered_and_can_be_chosen():
    items = pl.DataFrame(
        {
            "parent_asin": ["B1", "B2", "B3"],
            "description": [["One.", "Two."], [], None],
            "price": ["1", "2", ""],
            "store": ["Acme", "Bolt", "Acme"],
            "title:token_seq": ["T1", "T2", "T3"],
            "categories": [[["X", "Y"], ["X"]], None, []],
            "details": [{"w": "red", "n": "1"}, {"w": None, "n": None}, {"w": "blue", "n": "2"}],
            "date_added": ["2022-02-24T01:02:03Z"] * 3,
            "mainImage": ["a.jpg", "b.jpg", "c.jpg"],
            "zip": ["007", "1", "2"],
            "ean": ["1" * 20, "2", "3"],
            "embedding": [[0.1], [0.2], [0.3]],
        }
    )
    log = events(("u", "B1", 1), columns=("user_id", "parent_asin", "timestamp"))
    data = read(items, log)
    assert data.columns.text == ("title", "categories", "store", "description", "details")
    assert data.catalog.texts[0] == "T1. X, Y. Acme. One. Two. red 1"
    assert data.catalog.texts[1] == "T2. Bolt"
    attributes = data.catalog.attributes
    assert attributes["categories"].to_list() == [["X", "Y"], None, []]
    assert attributes["price"].to_list() == [1, 2, None]
    assert attributes["zip"].to_list()[0] == "007" and attributes["ean"].to_list()[0] == "1" * 20
    assert attributes["embedding"].dtype == pl.List(pl.Float64)
    data = read(items, log, text_columns=["price", "store"])
    assert data.catalog.texts == ("1. Acme", "2. Bolt", "Acme")
    with pytest.raises(DataError, match="no text column 'titel'"):
        read(items, log, text_columns=["titel"])


def test_the_id_column_is_the_one_the_events_use():
    items = ITEMS.with_columns(sku=pl.col("item_id"), item_id=pl.lit("same"))
    data = read(items, events(("u", "a", 1), columns=("user", "sku", "time")))
    assert data.columns.id == "sku"
    data = read(ITEMS.rename({"item_id": "key"}), events(("u", "a", 1)), columns={"id": "key"})
    assert data.columns.id == "key"


def test_unknown_roles_are_refused():
    with pytest.raises(DataError, match="'usr' is no role"):
        read(ITEMS, events(("u", "a", 1)), columns={"usr": "user_id"})


def test_split_values():
    columns = ("user_id", "item_id", "timestamp", "split")
    rows = [("u", "a", i, s) for i, s in enumerate(["Train", "val", "dev", "test", "later", None])]
    data = read(ITEMS, events(*rows, columns=columns))
    assert data.interactions.split.tolist() == [0, 1, 1, 2]
    assert data.log.count("split is none of") == 2
    with pytest.raises(DataError, match=r"columns=\{'split': None\}"):
        read(ITEMS, events(("u", "a", 1, "x"), columns=columns))


def test_equal_weights_become_one_and_ratings_stay():
    columns = ("user_id", "item_id", "rating")
    for ratings, weights in (([4, 4], [1, 1]), (["4", "3.5"], [4, 3.5])):
        rows = zip("uu", "ab", ratings, strict=True)
        np.testing.assert_array_equal(
            read(ITEMS, events(*rows, columns=columns)).interactions.weight, weights
        )


def test_too_many_event_types():
    rows = [("u", "a", i, f"e{i}") for i in range(300)]
    with pytest.raises(DataError, match=r"columns=\{'type': None\}"):
        read(ITEMS, events(*rows, columns=("user_id", "item_id", "timestamp", "event_type")))


def test_nothing_left_after_cleaning():
    table = events(("u", "a", float("inf")), columns=("user_id", "item_id", "weight"))
    with pytest.raises(DataError, match=r"no event is left .*weight is not a finite number"):
        read(ITEMS, table)


@pytest.mark.parametrize("role", ["weight", "event_type", "split"])
def test_a_column_of_lists_is_refused_by_name(role):
    table = events(("u", "a", ["x"]), columns=("user_id", "item_id", role))
    with pytest.raises(DataError, match=rf"column '{role}' holds List\(String\), not "):
        read(ITEMS, table)


def test_swapped_tables_are_recognised():
    table = events(("u", "a", 1))
    with pytest.raises(DataError, match=r"no column of users, but items has one.*swapped"):
        read(table, ITEMS)
    renamed = table.rename({"user_id": "who"})
    with pytest.raises(DataError, match="swapped"):
        read(renamed, ITEMS, columns={"user": "who"})


@pytest.mark.parametrize("name", [" a ", "A", "00a"])
def test_ids_that_nearly_agree_are_pointed_out(name):
    with pytest.raises(DataError, match=r"1 would agree without .* use --normalize-ids"):
        read(ITEMS, events(("u", name, 1)))


def test_unknown_ids_are_named_once_each():
    with pytest.raises(DataError, match="items such as 'x', 'y'; the catalog has 'a'"):
        read(ITEMS, events(("u", "x", 1), ("u", "x", 2), ("u", "y", 3)))


def test_times_in_two_units_are_read_each_at_its_moment():
    rows = [("u", "a", (T0 + k) * 1000) for k in range(3)] + [("u", "b", T0 - 1)]
    data = read(ITEMS, events(*rows))
    assert data.interactions.time.tolist() == [T0 - 1, T0, T0 + 1, T0 + 2]
    assert data.log.count("several forms") == 4
    assert "3 as epoch ms, 1 as epoch s; from 2023-11-14 22:13:19 to" in str(data.log)


def test_text_columns_is_a_list():
    with pytest.raises(DataError, match=r"write \['title'\]"):
        read(ITEMS, events(("u", "a", 1)), text_columns="title")
    with pytest.raises(DataError, match=r"no text column 'titel'; .*did you mean 'title'"):
        read(ITEMS, events(("u", "a", 1)), text_columns=["titel"])


def test_links_are_not_taken_for_html_and_vectors_not_for_text():
    items = ITEMS.with_columns(url=pl.lit("https://x/?a=1&copy=2"), tags=pl.Series([[1], [2], [3]]))
    data = read(items, events(("u", "a", 1)))
    assert data.catalog.attributes["url"][0] == "https://x/?a=1&copy=2"
    assert data.columns.text == ("title",)
    with pytest.raises(DataError, match=r"'tags' holds List\(Int64\), not text"):
        read(items, events(("u", "a", 1)), text_columns=["tags"])


def test_a_core_that_leaves_nothing():
    with pytest.raises(DataError, match=r"no event is left after cleaning: .*5-core"):
        read(ITEMS, events(("u", "a", 1), ("u", "b", 2)), k_core=5)


def test_broken_rows_reach_the_log(tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id\nu,a\nu\n")
    log = read(ITEMS, tmp_path / "e.csv").log
    assert (log.count("broken row"), log.rows_read["events"]) == (1, 2)
