"""Pages of items, users and events: conditions in the address, and pages that go on."""

from html import unescape
from urllib.parse import quote

import pytest
from test_dashboard import page

from html_page import Page


def links(text: str, name: str) -> list[str]:
    """Return the addresses of the links with a text."""
    parts = text.split("</a>")
    return [
        unescape(part.rpartition('<a href="')[2].partition('"')[0])
        for part in parts
        if part.endswith(f">{name}")
    ]


def rows(text: str) -> list[str]:
    """Return the first cells of the table of a page."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [part.partition("</th>")[0] for part in body.split('<th scope="row">')[1:]]


def ids(text: str, path: str) -> list[str]:
    start = f"/dashboard/{path}?id="
    main = text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        a["href"].removeprefix(start) for a in Page(f"<p>{main}</p>").of("a") if start in a["href"]
    ]


def walk(live, path: str) -> list[str]:
    """Return the pages from one on, by their links."""
    texts = [page(live, path)]
    while following := links(texts[-1], "Next page"):
        texts.append(page(live, following[0]))
        assert links(texts[-1], "First page")
    return texts


def send(live, n: int, /, **more) -> None:
    events = [
        {"user_id": f"u{i}", "item_id": "i1", "event_type": "purchase", "timestamp": 1e9 + i} | more
        for i in range(n)
    ]
    live.post("/v1/events", {"events": events})


def test_events_come_in_pages_newest_first(live):
    send(live, 120)
    first, *_ = texts = walk(live, "/dashboard/events")
    users = [user for text in texts for user in ids(text, "users")]
    assert users == [f"u{i}" for i in reversed(range(120))]
    assert "120 events" in first and "First page" not in first
    send(live, 1, user_id="late", timestamp=1.1e9)
    assert ids(page(live, links(first, "Next page")[0]), "users") == ids(texts[1], "users")


@pytest.mark.parametrize(
    ("query", "n"),
    [
        ("user=u3", 3),
        ("user=u3&type=view", 1),
        ("user=u3&item=i1", 2),
        ("user=u3&item=i2&type=purchase", 0),
        ("item=i1", 21),
        ("type=impression", 1),
        ("since=2001-09-09T01:46:42", 20),
        ("since=2001-09-09T01:46:42&until=2001-09-09T01:46:44Z", 4),
        ("since=2001-09-10", 0),
        ("type=none", 0),
    ],
)
def test_events_with_conditions(live, query, n):
    send(live, 20)
    send(live, 1, user_id="u3", item_id="i2", event_type="view", timestamp=1e9 + 3)
    send(live, 1, user_id="u3", event_type="impression", timestamp=1e9 + 3)
    text = page(live, f"/dashboard/events?{query}")
    assert len(rows(text)) == n and f"{n} event" in text
    fields = Page(text).of("input")
    for part in query.split("&"):
        name, _, value = part.partition("=")
        kept = [f for f in fields if f["name"] == name and f["value"] == value]
        assert kept or (name == "type" and f'value="{value}" selected' in text)
    assert ("No live event" in text) == (n == 0)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("events?since=yesterday", "from is &#39;yesterday&#39;; enter a date"),
        ("events?until=9999-99-99", "before is"),
        ("events?after=x", "go to the first page"),
        ("events?after=" + "9" * 5_000, "go to the first page"),
        ("events?after=nan,1,2", "go to the first page"),
        ("users?order=newest&after=1", "go to the first page"),
        ("users?order=age", "order is"),
        ("users?log=x", "log is live"),
        ("items?available=perhaps", "available is"),
        ("items?filter=price%20%3C", "price &lt;"),
        ("items?filter=prize%3C3", "did you mean"),
    ],
)
def test_bad_conditions_are_named(shared_live, path, message):
    text = page(shared_live, f"/dashboard/{path}", 422)
    assert message.lower() in text.partition('role="alert"')[2].partition("</p>")[0].lower()


def test_items_with_conditions(live):
    catalog = live.engine.traffic.split.primary.catalog
    text = page(live, "/dashboard/items")
    assert f"{len(catalog)} items, {len(catalog) - 1} available" in text
    assert ids(text, "items") == list(catalog.ids)[:50]
    assert ids(page(live, "/dashboard/items?available=no"), "items") == ["i29"]
    expected = [i for i in catalog.ids if i.startswith("i2")]
    assert ids(page(live, "/dashboard/items?prefix=i2"), "items") == expected
    text = page(live, f"/dashboard/items?filter={quote('price < 3')}")
    assert ids(text, "items") == ["i0", "i1", "i2"] and "3 items with these" in text
    word = catalog.title(5).split()[0]
    titled = [
        i for code, i in enumerate(catalog.ids) if word.lower() in catalog.title(code).lower()
    ]
    text = page(live, f"/dashboard/items?words={quote(word.upper())}")
    assert ids(text, "items") == titled[:50] and f"{len(titled)} item" in text
    assert "0 items" in page(live, "/dashboard/items?words=zzz%20(%5B.*")


def test_items_come_in_pages_and_new_ones_at_the_end(live):
    for i in range(90):
        live.http.put(f"/v1/items/new{i:02}", json={"attributes": {"title": f"red lamp {i}"}})
    texts = walk(live, "/dashboard/items?words=lamp+RED")
    assert [i for text in texts for i in ids(text, "items")] == [f"new{i:02}" for i in range(90)]
    assert links(texts[0], "Next page") == ["/dashboard/items?words=lamp+RED&after=new49"]


def test_users_by_activity(live):
    send(live, 3)
    send(live, 2, user_id="busy", timestamp=9e8)
    assert ids(page(live, "/dashboard/users?order=newest"), "users") == ["u2", "u1", "u0", "busy"]
    text = page(live, "/dashboard/users?order=active")
    assert ids(text, "users") == ["busy", "u0", "u1", "u2"] and "newest 20,000" in text
    assert ids(page(live, "/dashboard/users?prefix=u"), "users") == ["u0", "u1", "u2"]
    assert "No users with these conditions" in page(live, "/dashboard/users?prefix=zz")


@pytest.mark.parametrize("order", ["id", "newest", "active"])
def test_users_of_a_bundle(shared_live, order):
    log = shared_live.engine.traffic.split.primary.recommender.interactions
    texts = walk(shared_live, f"/dashboard/users?log=bundle&order={order}")
    users = [user for text in texts for user in ids(text, "users")]
    assert sorted(users) == sorted(log.users) and len(texts) > 1
    counts = {user: int(log.offsets[c + 1] - log.offsets[c]) for c, user in enumerate(log.users)}
    newest = {user: float(log.time[log.user == c].max()) for c, user in enumerate(log.users)}
    keys = {"id": lambda u: u, "newest": lambda u: -newest[u], "active": lambda u: -counts[u]}
    assert [keys[order](u) for u in users] == sorted(map(keys[order], users))
    prefixed = walk(shared_live, f"/dashboard/users?log=bundle&order={order}&prefix=u1")
    assert {u for t in prefixed for u in ids(t, "users")} == {u for u in users if u[:2] == "u1"}


def test_an_erased_user_of_a_bundle_is_not_listed(live):
    log = live.engine.traffic.split.primary.recommender.interactions
    user = log.users[0]
    live.http.delete(f"/v1/users/{user}")
    for order in ("id", "newest", "active"):
        for text in walk(live, f"/dashboard/users?log=bundle&order={order}"):
            assert user not in ids(text, "users") and "�" not in text
