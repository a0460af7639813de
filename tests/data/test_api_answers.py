"""Answers of APIs: wrapped lists, pages, documents in envelopes, lines of orders."""

import csv
import io
import json
import shutil
import subprocess

import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = [{"id": f"p{n}", "title": f"thing {n}"} for n in range(4)]
EVENTS = [
    {"user_id": f"u{n % 3}", "item_id": f"p{n % 4}", "timestamp": 1_700_000_000 + n}
    for n in range(12)
]
TRIPLES = [(e["user_id"], e["item_id"], e["timestamp"]) for e in EVENTS]


def written(tmp_path, value, name="events.json"):
    path = tmp_path / name
    text = value if isinstance(value, str) else json.dumps(value)
    path.write_text(text, encoding="utf-8")
    return path


def triples(data) -> list[tuple[str, str, float]]:
    log, ids = data.interactions, data.catalog.ids
    events = zip(log.user, log.item, log.time, strict=True)
    rows = [(log.users[u], ids[i], float(t)) for u, i, t in events]
    return sorted(rows, key=lambda row: row[2])


def noted(data, words: str) -> bool:
    return any(words in entry.reason for entry in data.log.entries)


HITS = [
    {"_index": "e", "_id": str(n), "_score": 1.0 + n, "_source": e} for n, e in enumerate(EVENTS)
]
SEARCHED = {"took": 3, "_shards": {"total": 1}, "hits": {"total": {"value": 12}, "hits": HITS}}
RESOURCES = [{"type": "events", "id": str(n), "attributes": e} for n, e in enumerate(EVENTS)]
RELATED = [
    {
        "type": "events",
        "id": str(n),
        "attributes": {"timestamp": e["timestamp"]},
        "relationships": {
            "user": {"data": {"type": "users", "id": e["user_id"]}},
            "item": {"data": {"type": "items", "id": e["item_id"]}},
        },
    }
    for n, e in enumerate(EVENTS)
]
NODES = {
    "data": {
        "events": {
            "edges": [{"cursor": "c", "node": e} for e in EVENTS],
            "pageInfo": {"hasNextPage": False},
        }
    }
}
PAGE = {"data": EVENTS[:5], "next": "/?page=2"}
TWO = {"data": EVENTS[5:], "next": None}


@pytest.mark.parametrize(
    "value",
    [
        {"data": EVENTS, "meta": {"page": 1, "total": 12}},
        {"count": 12, "next": None, "previous": None, "results": EVENTS},
        {"status": "ok", "tags": ["a"], "warnings": [], "events": EVENTS},
        {"users": [{"user_id": "u0", "name": "x"}], "events": EVENTS},
        SEARCHED,
        "\n".join(map(json.dumps, HITS)),
        {"data": RESOURCES, "links": {"next": None}},
        {"data": RELATED},
        {"data": [{"id": n, "attributes": e} for n, e in enumerate(EVENTS)]},
        NODES,
        {
            user: {
                "since": "2024",
                "events": [
                    {k: v for k, v in e.items() if k != "user_id"}
                    for e in EVENTS
                    if e["user_id"] == user
                ],
            }
            for user in ("u0", "u1", "u2")
        },
        json.dumps(PAGE) + "\n" + json.dumps(TWO) + "\n",
        json.dumps(PAGE) + json.dumps(TWO),
        json.dumps(PAGE, indent=1) + "\n" + json.dumps(TWO, indent=1),
        [PAGE, TWO],
        json.dumps(EVENTS[:5]) + "\n" + json.dumps(EVENTS[5:]),
        json.dumps({"hits": {"hits": HITS[:5]}}) + "\n" + json.dumps({"hits": {"hits": HITS[5:]}}),
    ],
    ids=range(17),
)
def test_every_event_of_an_answer_is_read(tmp_path, value):
    data = read(written(tmp_path, ITEMS, "items.json"), written(tmp_path, value))
    assert triples(data) == TRIPLES
    assert not {"weight", "type"} & data.columns.events.keys()
    assert not noted(data, "of several")


@pytest.mark.parametrize(
    "value",
    [
        [{"_index": "p", "_id": i["id"], "_source": {"title": i["title"]}} for i in ITEMS],
        {
            "data": [
                {"type": "p", "id": i["id"], "attributes": {"title": i["title"]}} for i in ITEMS
            ]
        },
        json.dumps({"data": ITEMS[:2], "next": 2}) + "\n" + json.dumps({"data": ITEMS[2:]}),
        {"products": ITEMS, "events": EVENTS},
    ],
    ids=range(4),
)
def test_every_item_of_an_answer_is_read(tmp_path, value):
    data = read(written(tmp_path, value, "items.json"), written(tmp_path, EVENTS))
    assert list(data.catalog.ids) == ["p0", "p1", "p2", "p3"]
    assert data.catalog.texts == tuple(f"thing {n}" for n in range(4))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"results": EVENTS, "next": "https://x/?page=2"}, "'next' is 'https://x/?page=2'"),
        ({"data": EVENTS, "has_more": True}, "'has_more' is True"),
        ({"data": EVENTS, "meta": {"total": 1_200}}, "'total' is 1,200"),
        ({"data": EVENTS, "meta": {"pagination": {"page": 1, "pageCount": 9}}}, "'pageCount' is 9"),
        ({"value": EVENTS, "@odata.nextLink": "https://x"}, "'@odata.nextLink' is 'https://x'"),
        ({"hits": {"total": {"value": 99}, "hits": HITS}}, "'total' is 99"),
        ([PAGE, {"data": EVENTS[5:], "next": "/?page=3"}], "'next' is '/?page=3'"),
        ({"totalSize": 99, "done": False, "records": EVENTS}, "'totalSize' is 99"),
        ({"done": False, "records": EVENTS}, "'done' is False"),
        ({"records": EVENTS, "offset": "itr5/rec7"}, "'offset' is 'itr5/rec7'"),
    ],
)
def test_a_page_of_several_is_noted(tmp_path, value, words):
    data = read(written(tmp_path, ITEMS, "items.json"), written(tmp_path, value))
    assert triples(data) == TRIPLES
    assert noted(data, f"of several ({words}): fetch the others")


def test_the_error_names_several_lists_with_a_command_that_works(tmp_path, monkeypatch):
    path = written(tmp_path, {"old": EVENTS[:3], "new-ones": EVENTS})
    with pytest.raises(DataError) as error:
        read(written(tmp_path, ITEMS, "items.json"), path)
    message = str(error.value)
    assert ".old (3 of user_id, item_id, timestamp)" in message and '["new-ones"] (12 of' in message
    if shutil.which("jq"):
        monkeypatch.chdir(tmp_path)
        command = message[message.index("jq") :].replace(".old[]", '.["new-ones"][]')
        subprocess.run(command, shell=True, check=True)
        assert triples(read("items.json", "rows.jsonl")) == TRIPLES


def test_rows_with_a_list_are_no_pages(tmp_path):
    rows = [
        {"user_id": f"u{u}", "items": [e["item_id"] for e in EVENTS[:3]], "total": 3, "page": 1}
        for u in range(2)
    ]
    data = read(written(tmp_path, ITEMS, "items.json"), written(tmp_path, rows))
    assert len(data.interactions) == 6 and not noted(data, "pages")


def orders() -> list[dict[str, object]]:
    """Orders as the API of WooCommerce gives them."""
    return [
        {
            "id": 70 + n,
            "status": "completed",
            "customer_id": f"u{n % 2}",
            "refunds": [],
            "date_created": f"2024-01-0{n + 1}T10:00:00",
            "line_items": [
                {
                    "id": 10 * n + k,
                    "name": f"Cup; large|{k}",
                    "product_id": f"p{k}",
                    "quantity": 1,
                    "meta_data": [],
                }
                for k in range(n + 1)
            ],
        }
        for n in range(3)
    ]


def as_table(cell) -> str:
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(["order_id", "status", "date", "customer_id", "line_items"])
    for order in orders():
        out.writerow(
            [
                order["id"],
                order["status"],
                order["date_created"],
                order["customer_id"],
                cell(order["line_items"]),
            ]
        )
    return text.getvalue()


def labeled(lines) -> str:
    return ";".join("|".join(f"{k}:{v}" for k, v in line.items()) for line in lines)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (orders(), "orders.json"),
        ({"orders": orders()}, "orders.json"),
        ("\n".join(map(json.dumps, orders())), "orders.jsonl"),
        (as_table(json.dumps), "orders.csv"),
        (as_table(str), "orders.csv"),
        (as_table(labeled), "orders.csv"),
    ],
    ids=range(6),
)
def test_each_line_of_an_order_is_an_event_of_its_customer_and_date(tmp_path, value, name):
    data = read(written(tmp_path, ITEMS, "items.json"), written(tmp_path, value, name))
    assert data.columns.events["item"] == "line_items.product_id"
    pairs = sorted((user, item) for user, item, _ in triples(data))
    assert pairs == sorted((f"u{n % 2}", f"p{k}") for n in range(3) for k in range(n + 1))
    assert data.interactions.real_time


def test_two_ids_of_a_line_are_asked_about_and_the_answer_is_taken(tmp_path):
    def with_sku(lines):
        return json.dumps([{**line, "sku": f"S{line['product_id']}"} for line in lines])

    items, log = written(tmp_path, ITEMS, "items.json"), as_table(with_sku)
    with pytest.raises(DataError, match=r"--item-column line_items\.product_id"):
        read(items, written(tmp_path, log, "orders.csv"))
    data = read(items, tmp_path / "orders.csv", columns={"item": "line_items.product_id"})
    assert len(data.interactions) == 6
