"""Events in nested fields and in lists: one row an event, and every row counted."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": list("abcd"), "title": ["Apple", "Bread", "Cheese", "Date"]})


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def events_of(source, **options):
    """Return the events as (user, item, time), in order, and the log."""
    data = read(ITEMS, source, **options)
    assert data.log.unaccounted("events") == 0
    log = data.interactions
    users, items = list(log.users), list(data.catalog.ids)
    rows = zip(log.user.tolist(), log.item.tolist(), log.time.tolist(), strict=True)
    return [(users[u], items[i], t) for u, i, t in rows], data.log


@pytest.mark.parametrize(
    "rows",
    [
        [
            {"type": "track", "userId": "u", "properties": {"product_id": i, "price": 3}, "time": t}
            for t, i in enumerate("abc")
        ],
        [
            {"context": {"user": {"id": "u"}}, "object": {"item": {"id": i}}, "time": t}
            for t, i in enumerate("abc")
        ],
        [
            {
                "user": {"id": "u", "name": "Ann"},
                "product": {"id": i, "tags": ["x"]},
                "event": {"ts": t, "type": "view"},
            }
            for t, i in enumerate("abc")
        ],
        [{"user": {"id": "u"}, "item.id": i, "time": t} for t, i in enumerate("abc")],
    ],
)
def test_fields_are_recognised_by_their_path(tmp_path, rows):
    events, log = events_of(write(tmp_path / "e.jsonl", rows))
    assert events == [("u", "a", 0), ("u", "b", 1), ("u", "c", 2)]
    assert log.count("columns of nested fields") == 3


def test_a_field_is_named_by_its_path(tmp_path):
    rows = [{"properties": {"distinct_id": "u", "what": {"key": i}}} for i in "ab"]
    columns = {"user": "properties.distinct_id", "item": "properties.what.key", "time": None}
    events, _ = events_of(write(tmp_path / "e.jsonl", rows), columns=columns)
    assert events == [("u", "a", 0), ("u", "b", 1)]


def test_two_fields_that_could_be_the_item_are_asked_for(tmp_path):
    rows = [{"user_id": "u", "x": {"sku": "1", "product_id": "a"}}] * 2
    with pytest.raises(DataError, match=r"'x.sku' and 'x.product_id'.*--item-column x.sku"):
        read(ITEMS, write(tmp_path / "e.jsonl", rows))


def test_json_in_a_column_of_a_csv_file(tmp_path):
    frame = pl.DataFrame(
        {
            "user_id": ["u", "v"],
            "timestamp": [1, 2],
            "properties": ['{"product_id": "a", "x": 1}', '{"product_id": "b"}'],
        }
    )
    frame.write_csv(tmp_path / "e.csv")
    assert events_of(tmp_path / "e.csv")[0] == [("u", "a", 1), ("v", "b", 2)]


def test_items_in_nested_fields(tmp_path):
    rows = [{"product": {"id": i, "title": f"Thing {i}"}, "score": 1} for i in "abcd"]
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"]})
    data = read(write(tmp_path / "i.jsonl", rows), events)
    assert list(data.catalog.ids) == list("abcd")
    assert data.catalog.texts[1] == "Thing b"


USER_LISTS = [
    ("u", ["a", "b", "c"], [1, 2, 3]),
    ("v", ["b"], [5]),
    ("w", [None], [None]),
    ("x", None, None),
]


@pytest.mark.parametrize(
    ("items", "times"),
    [
        ("items", "timestamps"),
        ("item_ids", "times"),
        ("history", "timestamp"),
        ("item_id", "time"),
        ("viewedProducts", "times"),
        ("product_id_list", "times"),
        ("movies", "timestamps"),
    ],
)
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "python"])
def test_a_row_a_user_with_lists(tmp_path, items, times, form):
    frame = pl.DataFrame(USER_LISTS, ["user_id", items, times], orient="row")
    path = tmp_path / f"e.{'csv' if form == 'python' else form}"
    if form == "jsonl":
        frame.write_ndjson(path)
    elif form == "parquet":
        frame.write_parquet(path)
    else:
        spell = json.dumps if form == "csv" else repr
        lists = {n: [v and spell(v) for v in frame[n].to_list()] for n in (items, times)}
        frame.with_columns(pl.Series(n, v, pl.String) for n, v in lists.items()).write_csv(path)
    events, log = events_of(path)
    assert events == [("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("v", "b", 5)]
    assert (log.rows_read["events"], log.count("a list in a row")) == (4, 2)
    assert log.count("missing item") == 2


def test_an_order_with_its_lines(tmp_path):
    orders = [
        {
            "id": n,
            "customer": {"id": user},
            "created_at": f"2024-01-0{n}T10:00:00Z",
            "line_items": [{"product_id": i, "quantity": 1} for i in lines],
        }
        for n, (user, lines) in enumerate([("u", "ab"), ("v", "c"), ("u", "d")], 1)
    ]
    (tmp_path / "orders.json").write_text(json.dumps({"orders": orders}, indent=2))
    events, log = events_of(tmp_path / "orders.json")
    lines = [event[:2] for event in events]  # those of one order in an order that is drawn
    assert sorted(lines) == [("u", "a"), ("u", "b"), ("u", "d"), ("v", "c")]
    assert lines[2] == ("u", "d")
    assert (log.rows_read["events"], log.rows_kept["events"]) == (3, 4)


@pytest.mark.parametrize(
    "line",
    [
        lambda i: {"id": i, "name": "x"},
        lambda i: {"id": "9", "product_id": i},
        lambda i: {"id": "9", "product": {"id": i, "sku": "x"}},
    ],
)
def test_the_id_of_a_line_is_its_item_where_nothing_else_is(tmp_path, line):
    rows = [
        {"user_id": "u", "time": t, "lineItems": [line(i) for i in ids]}
        for t, ids in enumerate(("ab", "c"))
    ]
    columns = {"item": "lineItems.product.id"} if "sku" in str(rows) else {}
    events, _ = events_of(write(tmp_path / "e.jsonl", rows), columns=columns)
    assert events == [("u", "a", 0), ("u", "b", 0), ("u", "c", 1)]


def test_sessions_of_events(tmp_path):
    rows = [
        {
            "session": 7,
            "events": [{"aid": i, "ts": t, "type": "clicks"} for t, i in enumerate("abc")],
        }
    ]
    rows.append({"session": 8, "events": [{"aid": "a", "ts": 9, "type": "carts"}]})
    columns = {"user": "session", "item": "events.aid"}
    events, log = events_of(write(tmp_path / "e.jsonl", rows), columns=columns)
    assert events == [("7", "a", 0), ("7", "b", 1), ("7", "c", 2), ("8", "a", 9)]
    assert log.count("event types: ") == 4


@pytest.mark.parametrize(
    "lines",
    [
        lambda ids: {"items": [{"item_id": i} for i in ids]},
        lambda ids: {"products": list(ids)},
    ],
)
def test_lists_in_lists(tmp_path, lines):
    rows = [
        {"user_id": u, "orders": [{"created_at": t, **lines(ids)} for t, ids in orders]}
        for u, orders in (("u", [(5, "ab"), (6, "c")]), ("v", [(7, "d")]))
    ]
    events, log = events_of(write(tmp_path / "e.jsonl", rows))
    assert events == [("u", "a", 5), ("u", "b", 5), ("u", "c", 6), ("v", "d", 7)]
    assert (log.rows_read["events"], log.rows_kept["events"]) == (2, 4)


def test_lists_that_do_not_fit_are_refused(tmp_path):
    rows = [{"user_id": "u", "items": ["a", "b"], "times": [1]}]
    with pytest.raises(DataError, match="row 1 has 2 elements in 'items' and 1 in 'times'"):
        read(ITEMS, write(tmp_path / "e.jsonl", rows * 2))


def test_recbole_sequences(tmp_path):
    text = "user_id:token\titem_id_list:token_seq\nu\ta b\nv\tc\n"
    (tmp_path / "e.inter").write_text(text)
    assert [e[:2] for e in events_of(tmp_path / "e.inter")[0]] == [
        ("u", "a"),
        ("u", "b"),
        ("v", "c"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "user_id,items\nu,a|b\nv,c\n",
        'user_id,item_ids\nu,"a,b"\nv,c\n',
        "user_id,history\nu,a b\nv,c\n",
        "user_id,products\nu,['a' 'b']\nv,['c' 'd']\n",
    ],
)
def test_lists_written_as_text(tmp_path, text):
    (tmp_path / "e.csv").write_text(text)
    events = [event[:2] for event in events_of(tmp_path / "e.csv")[0]]
    assert events[:3] == [("u", "a"), ("u", "b"), ("v", "c")]


def test_times_beside_lists_written_as_text(tmp_path):
    (tmp_path / "e.csv").write_text(
        "user_id,item_ids,times\nu,a|b,1600000009|1600000001\nv,c,1600000005\n"
    )
    assert events_of(tmp_path / "e.csv")[0] == [
        ("u", "b", 1600000001),
        ("u", "a", 1600000009),
        ("v", "c", 1600000005),
    ]


def test_items_of_users_by_name(tmp_path):
    (tmp_path / "e.json").write_text(json.dumps({"u1": ["a", "b"], "u2": ["c"], "u3": []}))
    events = [event[:2] for event in events_of(tmp_path / "e.json")[0]]
    assert events == [("u1", "a"), ("u1", "b"), ("u2", "c")]


LINE = st.fixed_dictionaries(
    {
        "user": st.none() | st.fixed_dictionaries({"id": st.sampled_from(["u", "v", None])}),
        "items": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {
                    "item_id": st.sampled_from(["a", "b", "z", None]),
                }
            )
        ),
    }
)


@given(st.lists(LINE))
def test_rows_of_lists_are_counted(lines):
    rows = [{"user": {"id": "u"}, "items": [{"item_id": "a"}, {"item_id": "b"}]}, *lines]
    frame = pl.DataFrame(
        rows,
        schema={
            "user": pl.Struct({"id": pl.String}),
            "items": pl.List(pl.Struct({"item_id": pl.String})),
        },
    )
    log = read(ITEMS, frame, max_dropped=1).log
    assert log.unaccounted("events") == 0
    assert log.rows_read["events"] == len(rows)
    elements = sum(max(1, len(row["items"] or [])) for row in rows)
    assert log.count("a list in a row") == elements - len(rows)
