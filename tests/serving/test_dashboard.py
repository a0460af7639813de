"""The pages, asked over a socket."""

import json
from hashlib import sha256
from importlib import resources
from urllib.parse import quote

import httpx
import pytest
from live import TIMEOUT, Service, service, shop
from markupsafe import escape
from protected_app import make_key
from test_bundles import traffic

from html_page import Page
from pennyweight.serving.dashboard.docs import PROBLEMS
from pennyweight.serving.dashboard.page import clip, mask_count
from pennyweight.serving.dashboard.static import PLACES, static_url
from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.http.problems import KINDS
from pennyweight.serving.security.keyring import KeyRing

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "../../etc",
    "a/b?c=d&e=f#g",
    "100%",
    "</textarea></title>",
    "\u202ereversed",
    "; DROP TABLE",
    " padded ",
    "javascript:alert(1)",
    "{{7*7}}",
    "x" * 512,
]
PAGES = [
    "/",
    "/dashboard/users",
    "/dashboard/users?id=u1",
    "/dashboard/users/erase?id=u1",
    "/dashboard/items",
    "/dashboard/items?id=i1",
    "/dashboard/events",
    "/dashboard/search",
    "/dashboard/search?q=tea",
    "/dashboard/bundles",
    "/dashboard/experiments",
    "/dashboard/quality",
    "/dashboard/audit",
    "/docs",
]
BROWSER = {"sec-fetch-site": "same-origin", "accept": "text/html"}


def page(live: Service, path: str, status: int = 200) -> str:
    """Return a page after looking at what every page must be."""
    response = live.http.get(path)
    assert response.status_code == status, response.text
    return looked_at(response)


def looked_at(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    text = response.text
    parsed = Page(text)
    # Markup that the content policy forbids, and hostile text that was not escaped.
    assert not parsed.of("style") and all("src" in script for script in parsed.of("script"))
    for tag, attrs in parsed.tags:
        assert not {name for name in attrs if name.startswith("on") or name == "style"}, tag
        assert attrs.get("href", "/").startswith(("/", "#"))
    assert len(parsed.of("h1")) == len(parsed.of("main")) == 1
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    for field in (*parsed.of("input"), *parsed.of("select")):
        labeled = {label.get("for") for label in parsed.of("label")}
        assert field.get("type") == "hidden" or field.get("id") in labeled or "<label" in text
    return text


def post(live: Service, path: str, status: int = 303, /, **fields: str) -> httpx.Response:
    response = live.http.post(path, data=fields or {"x": ""}, headers=BROWSER)
    assert response.status_code == status, response.text
    return response


def confirm(live: Service, path: str, status: int = 303, /, **fields: str) -> httpx.Response:
    """Load the page that asks, and press its button."""
    text = looked_at(live.http.get(path, params=fields))
    sent = {f["name"]: f["value"] for f in Page(text).of("input") if f["type"] == "hidden"}
    assert [form["action"] for form in Page(text).of("form")] == [path]
    return post(live, path, status, **sent)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers(shared_live, path):
    shared_live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    page(shared_live, path)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_ids_are_text(live, name):
    event = {"user_id": name, "item_id": name, "event_type": name[:64].replace("DROP", "EDIT")}
    assert live.http.post("/v1/events", json=event).status_code == 200
    users = page(live, "/dashboard/users")
    assert escape(clip(name)) in users and f"/dashboard/users?id={quote_plus(name)}" in users
    user = page(live, f"/dashboard/users?id={quote(name, safe='')}")
    assert "not in the catalog" in user and user.count(escape(clip(name))) > 2
    item = page(live, f"/dashboard/items?id={quote(name, safe='')}", 404)
    assert "is not in the catalog" in item
    page(live, f"/dashboard/search?q={quote(name, safe='')}")
    page(live, f"/dashboard/users?after={quote(name, safe='')}")
    page(live, f"/dashboard/bundles?done={quote(name, safe='')}")
    missing = page(live, f"/dashboard/quality?bundle={quote(name, safe='')}", 404)
    assert "no bundle" in missing.lower()
    export = live.http.get("/dashboard/users/export", params={"id": name})
    assert export.json()["user_id"] == name
    confirm = page(live, f"/dashboard/users/erase?id={quote(name, safe='')}")
    (field,) = [f for f in Page(confirm).of("input") if f["name"] == "id"]
    erasure = post(live, "/dashboard/users/erase", id=field["value"])
    assert "events=1" in erasure.headers["location"] and live.get("/v1/users")["users"] == []


def quote_plus(text: str) -> str:
    from urllib.parse import quote_plus

    return escape(quote_plus(text))


@pytest.mark.parametrize("name", HOSTILE[:4])
def test_hostile_items_are_text(live, name):
    body = {"attributes": {"title": f"tea {name}"}}
    path = f"/v1/items/{quote(name, safe='')}"
    assert live.http.put(path, json=body).json()["recommendable"]
    item = page(live, f"/dashboard/items?id={quote(name, safe='')}")
    assert escape(f"tea {name}") in item  # as it was told, among the attributes
    assert f">{escape(name)}<" in page(live, "/dashboard/items")
    page(live, "/")
    assert "An item has this id" in page(live, f"/dashboard/search?q={quote(name, safe='')}")
    assert quote_plus(name) in page(live, "/dashboard/search?q=tea")


def test_hostile_titles_are_text_in_lists_and_reasons(live):
    title = """tea <3 & "mate" '><img"""
    newest = live.get("/v1/users/u1")["events"][-1]["item_id"]
    live.http.put(f"/v1/items/{newest}", json={"attributes": {"title": title}})
    live.post("/v1/events", {"user_id": "u1", "item_id": newest, "event_type": "<i>"})
    user = page(live, "/dashboard/users?id=u1")
    title = live.engine.traffic.split.primary.catalog.title(log_code(live, newest))
    assert "<" in title and "&" in title and "'" in title and '"' in title
    assert escape(f'because of "{title}"') in user
    assert (
        f">{escape(title)}</bdi></a>" in user.split("<h2>History</h2>")[1] and "&lt;i&gt;" in user
    )
    assert f"<h1>{escape(title)}</h1>" in page(live, f"/dashboard/items?id={newest}")
    assert escape(title) in page(live, "/dashboard/search?q=tea") and escape(title) in page(
        live, "/"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/users?id=%C3%A9%00",
        "/dashboard/users?id=" + "x" * 20_000,
        "/dashboard/users?id=a&id=b",
        "/dashboard/search?q=%00",
    ],
)
def test_odd_queries_are_answered(shared_live, path):
    page(shared_live, path)


def test_the_overview_tells_of_the_api_alone(live):
    for _ in range(3):
        page(live, "/")
        live.get("/health/live")
        live.http.get("/metrics")
    live.get("/v1/recommend/u1")
    live.get("/v1/recommend/nobody")
    live.post("/v1/search", {"query": "tea"})
    live.http.get("/v1/items/nope")
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    live.http.put("/v1/items/new", json={"attributes": {"title": "tea"}})
    live.http.put("/v1/items/old", json={"attributes": {}, "published": "2020-01-01"})
    figures = facts(page(live, "/"))
    assert figures["Requests"] == "7" and figures["Errors"] == "0"
    assert figures["Lists"] == "3" and figures["Events"] == "1" and figures["New items"] == "1"
    text = page(live, "/")
    for name in ("history", "popularity", "text", "GET /v1/recommend/{user_id}"):
        assert f">{name}</th>" in text
    assert "/dashboard/items?id=new" in text and "/dashboard/items?id=old" not in text
    assert "and 1 refused" in text


def facts(text: str) -> dict[str, str]:
    rows = text.split('<dl class="facts">')[1].split("</dl>")[0].split("</div>")[:-1]
    return {
        row.split("<dt>")[1].split("</dt>")[0]: row.split("<dd>")[1].split("<small>")[0]
        for row in rows
    }


def test_every_chart_has_a_table(live):
    live.get("/v1/recommend/u1")
    recommendation = live.get("/v1/recommend/u2")
    event = {
        "user_id": "u2",
        "item_id": "i3",
        "recommendation_id": recommendation["recommendation_id"],
    }
    live.post("/v1/events", event)
    live.stored_list(recommendation["recommendation_id"])
    for path, charts in (("/", 3), ("/dashboard/experiments", 1), ("/dashboard/quality", 5)):
        parsed = Page(page(live, path))
        assert len(parsed.of("svg")) >= charts
        assert len(parsed.of("table")) >= len(parsed.of("svg"))


def test_items_that_fail_are_told(live):
    live.engine.items.failures["<b>bad</b>"] = "<i>why</i>"
    text = page(live, "/")
    assert "1 item could not be indexed" in text
    assert "&lt;b&gt;bad&lt;/b&gt;" in text and "&lt;i&gt;why" in text


def test_an_item_that_is_sold_out_changed_or_gone(live):
    assert facts(page(live, "/dashboard/items?id=i29"))["Recommendable"] == "no"
    assert facts(page(live, "/dashboard/items?id=i1"))["Available"] == "yes"
    live.http.patch("/v1/items/i1", json={"available": False})
    figures = facts(page(live, "/dashboard/items?id=i1"))
    assert (figures["Available"], figures["Recommendable"]) == ("no", "no")
    live.http.delete("/v1/items/i1")
    assert facts(page(live, "/dashboard/items?id=i1"))["Available"] == "deleted"
    live.http.put("/v1/items/made", json={"attributes": {"title": "tea"}})
    live.http.delete("/v1/items/made")
    assert facts(page(live, "/dashboard/items?id=made"))["Available"] == "deleted"


def test_few_events_of_an_item_are_not_told(live):
    assert [mask_count(n) for n in (0, 1, 4, 5, 1_000)] == [*["fewer than 5"] * 3, "5", "1,000"]
    live.http.put("/v1/items/new", json={"attributes": {"title": "tea"}})
    log = live.engine.traffic.split.primary.recommender.interactions
    n = int((log.item == log_code(live, "i1")).sum())
    for item, count in (("i1", f"{n}"), ("new", "fewer than 5")):
        events = page(live, f"/dashboard/items?id={item}").split("<h2>Events</h2>")[1]
        assert f"<dd>{count}<small>" in events


def log_code(live: Service, item: str) -> int:
    return live.engine.traffic.split.primary.catalog.ids.code(item)


def test_a_user_has_history_and_reasons(live):
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1", "event_type": "purchase"})
    text = page(live, "/dashboard/users?id=u1")
    history = text.split("<h2>History</h2>")[1]
    assert history.index("purchase") < history.index("bundle ")
    assert "because of" in text.split("<h2>Recommendations</h2>")[1].split("<h2>History")[0]
    items = live.ids("/v1/recommend/u1", k=10)
    assert all(f"/dashboard/items?id={item}" in text for item in items)
    unknown = page(live, "/dashboard/users?id=nobody")
    assert "The user has no history" in unknown and "History</h2>" not in unknown
    before = live.metric("pennyweight_recommendations_total")
    page(live, "/dashboard/users?id=u1")
    assert live.metric("pennyweight_recommendations_total") == before  # looking is not asking


def test_users_are_in_pages(live):
    events = [{"user_id": f"user {i:03}", "item_id": "i1"} for i in range(120)]
    live.post("/v1/events", {"events": events})
    path, user_links = "/dashboard/users", []
    for _ in range(3):
        text = page(live, path)
        links = [a["href"] for a in Page(text).of("a")]
        user_links += [link for link in links if "id=user" in link]
        path = next((link for link in links if "after=" in link), "")
    assert len(user_links) == len(set(user_links)) == 120 and path == ""
    assert "No more users" in page(live, "/dashboard/users?after=zzz")


def test_a_user_is_handed_out_and_erased(live):
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    export = live.http.get("/dashboard/users/export?id=u1")
    assert "attachment" in export.headers["content-disposition"]
    assert json.loads(export.content)["events"]
    events = len(export.json()["events"])
    confirm = page(live, "/dashboard/users/erase?id=u1")
    assert f"{events} events" in confirm and "1 bundle learned" in confirm
    assert live.get("/v1/users/u1")["events"]  # asking has erased nothing
    address = post(live, "/dashboard/users/erase", id="u1").headers["location"]
    assert "u1" not in address
    assert f"Erased: {events} events" in page(live, address)
    assert live.get("/v1/users/u1")["events"] == []
    assert live.get("/v1/audit")["entries"][0]["action"] == "erase user"
    assert "erase user" in page(live, "/dashboard/audit")
    for path in ("/dashboard/users/export", "/dashboard/users/erase"):
        assert "name a user" in page(live, path, 422).lower()
    page(live, "/dashboard/users?events=9&lists=x&bundles=" + "9" * 9_999)


def test_bundles_are_added_published_compared_and_rolled_back(live, bundles):
    (first,) = traffic(live)
    assert "Nothing was published before" in page(live, "/dashboard/bundles")
    added = post(live, "/dashboard/bundles/add", path=str(bundles[1]))
    assert "Added" in page(live, added.headers["location"]) and set(traffic(live)) == {first}
    text = page(live, "/dashboard/bundles")
    (second,) = [f["value"] for f in Page(text).of("input") if f["name"] == "version"]
    response = confirm(live, "/dashboard/bundles/publish", version=second)
    assert "Published" in page(live, response.headers["location"]) and set(traffic(live)) == {
        second
    }
    response = confirm(live, "/dashboard/bundles/rollback")
    assert "Rolled back" in page(live, response.headers["location"]) and set(traffic(live)) == {
        first
    }
    response = confirm(
        live, "/dashboard/experiments/start", control=first, variant1=second, percent1="25"
    )
    assert "Started" in page(live, response.headers["location"])
    assert traffic(live) == {first: 0.75, second: 0.25}
    assert "25 % of users" in page(live, f"/dashboard/quality?bundle={second}")
    added = post(live, "/dashboard/bundles/add", path=str(bundles[1]), publish="yes")
    path, _, query = added.headers["location"].partition("?")
    assert traffic(live) == {first: 0.75, second: 0.25}  # it is asked first
    confirm(live, path, **dict([query.split("=")]))
    assert set(traffic(live)) == {second}
    actors = {entry["actor"] for entry in live.get("/v1/audit")["entries"]}
    assert actors == {"local", "start"}


def test_two_bundles_are_told_apart_on_the_overview(live, bundles):
    (first,) = traffic(live)
    post(live, "/dashboard/bundles/add", path=str(bundles[1]))
    second = next(m["bundle_version"] for m in live.get("/v1/bundles")["bundles"] if not m["share"])
    confirm(live, "/dashboard/experiments/start", control=first, variant1=second, percent1="50")
    for i in range(30):
        live.get(f"/v1/recommend/u{i}")
    text = page(live, "/")
    for version in (first, second):
        assert f">history: {version}</th>" in text
    assert facts(text)["Bundle"] == f"{first} and {second}"


def test_bundles_without_a_report_and_damaged_ones(live, tmp_path):
    plain = shop(seed=3)
    plain.report = None
    plain.save(tmp_path / "plain")
    post(live, "/dashboard/bundles/add", path=str(tmp_path / "plain"))
    version = next(
        m["bundle_version"] for m in live.get("/v1/bundles")["bundles"] if not m["share"]
    )
    assert "has no report" in page(live, f"/dashboard/quality?bundle={version}")
    (live.folder / "bundles" / version / "manifest.json").write_text("{")
    assert version in page(live, "/dashboard/bundles")
    assert "has no report" in page(live, f"/dashboard/quality?bundle={version}")
    refused = looked_at(confirm(live, "/dashboard/bundles/publish", 409, version=version))
    assert "manifest.json" in refused


@pytest.mark.parametrize(
    ("path", "fields", "status", "message"),
    [
        ("publish", {}, 422, "empty"),
        ("publish", {"version": "<b>"}, 404, "&lt;b&gt;"),
        ("add", {"path": "/no/<i>such"}, 409, "/no/&lt;i&gt;such"),
        ("rollback", {}, 422, "no earlier bundle"),
    ],
)
def test_refusals_are_pages(shared_live, path, fields, status, message):
    before = traffic(shared_live)
    responses = [post(shared_live, f"/dashboard/bundles/{path}", status, **fields)]
    if path != "add":
        responses.append(shared_live.http.get(f"/dashboard/bundles/{path}", params=fields))
    for response in responses:
        text = looked_at(response)
        assert response.status_code == status
        assert 'role="alert"' in text and message in text.lower()
    assert traffic(shared_live) == before


@pytest.mark.parametrize("body", [b"id=%FF", b"id=\xff", b"&" * 50 + b"a=b" * 50])
def test_a_form_that_cannot_be_read(live, body):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    response = live.http.post("/dashboard/users/erase", content=body, headers=kind)
    assert response.status_code in (400, 422)
    looked_at(response)
    wrong = live.http.post("/dashboard/users/erase", json={"id": "u1"})
    assert wrong.status_code == 415 and live.get("/v1/users/u1")["events"]


def test_other_sites_change_nothing(live):
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
        response = live.http.post("/dashboard/users/erase", data={"id": "u1"}, headers=headers)
        assert response.status_code == 403
    assert live.get("/v1/users/u1")["events"]


def test_files_may_be_kept_and_are_named_by_their_content(live):
    for name in PLACES:
        response = live.http.get(static_url(name))
        assert response.status_code == 200 and response.content
        assert response.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
    for path in ("/static/000000000000/page.css", "/static/x/../app.py", "/static/x/nope.js"):
        assert live.http.get(path).status_code == 404
    text = page(live, "/")
    assert static_url("page.css") in text and static_url("refresh.js") in text


def test_files_of_others_are_as_they_came():
    folder = resources.files("pennyweight.serving.dashboard") / "static" / "swagger-ui"
    noted = dict(line.split()[::-1] for line in (folder / "SOURCE").read_text().splitlines()[2:])
    checksums = {f.name: sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    assert checksums.pop("SOURCE") and checksums == noted


def test_the_documentation_tells_of_every_problem_and_route(live):
    assert PROBLEMS.keys() == {kind.anchor for kind in KINDS.values()}
    text = page(live, "/docs")
    for kind in KINDS.values():
        assert f'id="{kind.anchor}"' in text and kind.title in text
    for path, methods in live.get("/openapi.json")["paths"].items():
        assert not path.startswith(("/dashboard", "/static", "/login"))
        for method in methods:
            assert f"{method.upper()} {path}<" in text


def test_without_keys_there_is_nothing_to_log_in_to(live):
    assert live.http.get("/login").headers["location"] == "/"
    assert post(live, "/login", key="x").headers["location"] == "/"
    assert post(live, "/logout").headers["location"] == "/"
    assert "Log out" not in page(live, "/")


@pytest.fixture
def guarded(bundles, tmp_path):
    path = tmp_path / "keys.json"
    secrets = {s: make_key(path, s, s)[0] for s in ("read", "events", "admin")}
    with service(
        bundles[0], tmp_path / "live", access=AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT)
    ) as live:
        live.secrets = secrets
        yield live


def test_the_pages_are_for_administrators(guarded):
    for path in PAGES:
        response = guarded.http.get(path, headers={"accept": "text/html"})
        assert response.status_code == 303 and response.headers["location"] == "/login"
        assert guarded.http.get(path).status_code == 401
        for scope, secret in guarded.secrets.items():
            may = scope == "admin" or (scope == "read" and path == "/docs")
            response = guarded.http.get(path, headers={"x-api-key": secret})
            assert response.status_code == (200 if may else 403), (path, scope)
    for path in ("users/erase", "models/publish", "models/add", "models/share", "models/rollback"):
        path = f"/dashboard/{path}"
        assert guarded.http.post(path, data={"id": "u1"}).status_code == 401
        for scope in ("read", "events"):
            key = {"x-api-key": guarded.secrets[scope]}
            assert guarded.http.post(path, data={"id": "u1"}, headers=key).status_code == 403
    assert guarded.http.get(static_url("page.css")).status_code == 200


def test_logging_in_and_out(guarded):
    form = Page(page(guarded, "/login"))
    (field,) = form.of("input")
    assert field["type"] == "password" and field["autocomplete"] == "current-password"
    for key in ("", "wrong", "<b>", "pw_" + "A" * 43):
        refused = post(guarded, "/login", 401, key=key)
        assert "Unknown key" in looked_at(refused) and "www-authenticate" in refused.headers
        assert "set-cookie" not in refused.headers
    assert "lacks the scope admin" in looked_at(
        post(guarded, "/login", 403, key=guarded.secrets["read"])
    )
    response = post(guarded, "/login", key=f" {guarded.secrets['admin']} ")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    assert response.headers["location"] == "/"
    assert "Log out" in page(guarded, "/")  # the client keeps the cookie
    post(guarded, "/dashboard/bundles/rollback", 422)
    assert guarded.http.post("/dashboard/bundles/rollback").status_code == 403  # no site is said
    token = guarded.http.cookies["pennyweight"]
    assert post(guarded, "/logout").headers["location"] == "/login"
    assert guarded.http.get("/").status_code == 401
    replayed = guarded.http.get("/", headers={"cookie": f"pennyweight={token}"})
    assert replayed.status_code == 401  # also for who kept the cookie


def test_who_is_logged_in_is_named_in_the_audit(guarded, bundles):
    post(guarded, "/login", key=guarded.secrets["admin"])
    post(guarded, "/dashboard/bundles/add", path=str(bundles[1]))
    assert ">admin</td>" in page(guarded, "/dashboard/audit")
