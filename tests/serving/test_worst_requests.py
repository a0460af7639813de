"""One request, however bad, is refused by count: no route validates or tells without bounds."""

import asyncio
import json
import socket
import threading

import pytest
from protected_app import PATIENCE, serving

from pennyweight.errors import BusyError
from pennyweight.serving.http import problems, strict_route
from pennyweight.serving.http.body import BodyLimit
from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.http.bounds import AtMost
from pennyweight.serving.http.decoding import MAX_NAMES, MAX_VALUES, count_values, decode_json
from pennyweight.serving.http.problems import Refusal
from pennyweight.serving.security.guard import protected
from pennyweight.serving.worker import Worker
from worst_bodies import BODY_BYTES, requests, shapes

MAX_ERRORS = 64  # that pydantic may find in one request
MAX_PROBLEM = 16_000  # bytes of an answer that tells of errors
EXPECTED_STATUSES = {200, 307, 400, 404, 405, 409, 413, 415, 422}  # expected answers
JSON = {"content-type": "application/json"}


def values_in(value) -> int:
    count, level = 0, [value]
    while level:
        count += len(level)
        level = [
            below
            for part in level
            if isinstance(part, list | dict)
            for below in (part.values() if isinstance(part, dict) else part)
        ]
    return count


def answer_to(port: int, raw: bytes) -> tuple[int, bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        got = b""
        try:
            connection.sendall(raw)
            while part := connection.recv(1 << 16):
                got += part
        except ConnectionError:
            pass
    return int(got[9:12] or 0), got.partition(b"\r\n\r\n")[2]


def test_no_route_finds_errors_without_end_or_fails(live, monkeypatch):
    counts: list[int] = []
    fields = problems._fields

    def counted(errors):
        counts.append(len(errors))
        return fields(errors)

    monkeypatch.setattr(problems, "_fields", counted)
    tried = set()
    for request in requests(live.http.get("/openapi.json").json(), 30_000):
        status, body = answer_to(live.port, request.wire("Connection: close\r\n"))
        assert status in EXPECTED_STATUSES, (request.route, request.fault, body)
        assert status == 200 or len(body) <= MAX_PROBLEM, (request.route, request.fault)
        tried.add(request.route)
    assert len(tried) > 40 and len(counts) > 1_000
    assert max(counts) <= MAX_ERRORS
    assert live.get("/health/ready")["status"] == "ready"


def test_no_body_that_fits_is_parsed_into_more_values_than_the_bound():
    read = 0
    for name, body in shapes(BODY_BYTES).items():
        try:
            value = decode_json(body)
        except (Refusal, json.JSONDecodeError):
            continue
        assert values_in(value) <= MAX_VALUES, name
        read += 1
    assert read >= 5


def test_values_are_counted_with_and_without_the_commas_of_texts():
    body = json.dumps(["a,b" * 100] * 30).encode()
    assert len(body) > 1_000
    assert count_values(body, 1_000) == 31
    assert count_values(b"[" + b"1," * 2_000 + b"1]", 1_000) == 1_001
    assert count_values(b'["' + b'\\",' * 2_000 + b'"]', 1_000) == 2
    assert count_values(b'"", ' * 5_000, 1_000) == 1_001


def test_an_object_of_too_many_names_is_refused():
    body = json.dumps(dict.fromkeys(map(str, range(MAX_NAMES + 1)), 1)).encode()
    with pytest.raises(Refusal, match="1,001 names"):
        decode_json(body)


@pytest.mark.parametrize(
    "text", ['"\\ud83d\\ude00"', '"\\\\ud800"', '"\\\\\\\\ud800 \\u0041"', '["\\uD83D\\uDE00"]']
)
def test_whole_characters_pass(text):
    assert decode_json(text.encode()) == json.loads(text)
    long = f'["{"x" * 65_534}", {text}, "{"y" * 65_530}", {text}]'  # over the seams of slices
    assert decode_json(long.encode()) == json.loads(long)


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\ude00\\ud83d", "\\\\\\ud800"])
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(shared_live, half):
    for method, path, body in (
        ("POST", "/v1/events", '{"user_id": "%s", "item_id": "i1"}'),
        ("POST", "/v1/events", '{"user_id": "u", "%s": 1}'),
        ("POST", "/v1/recommend", '{"items": ["i1"], "filter": "title == \\"%s\\""}'),
        ("POST", "/v1/recommend", '{"boost": [{"filter": "title == \\"%s\\"", "weight": 1}]}'),
        ("POST", "/v1/search", '{"query": "%s"}'),
        ("PUT", "/v1/items/i1", '{"attributes": {"title": "%s"}}'),
        ("PATCH", "/v1/items/i1", '{"attributes": {"title": {"%s": ["%s"]}}}'),
        ("POST", "/v1/bundles", '{"path": "%s"}'),
        ("POST", "/api/item", '{"ItemId": "i1", "Comment": "%s"}'),
    ):
        content = body.replace("%s", half).encode()
        response = shared_live.http.request(method, path, content=content, headers=JSON)
        assert response.status_code == 422, (path, response.text)
        assert "a lone surrogate" in response.json()["detail"]
    assert shared_live.get("/v1/users")["users"] == []


@pytest.mark.parametrize("bytes_", ["%ED%A0%80", "%FF", "%C3"])
def test_bytes_that_are_no_text_are_refused_in_targets(shared_live, bytes_):
    for target in (
        f"/v1/recommend/{bytes_}",
        f"/v1/users/{bytes_}",
        f"/dashboard/users?id={bytes_}",
        f"/v1/recommend/u0?filter=title=='{bytes_}'",
        f"/v1/users?after={bytes_}",
    ):
        response = shared_live.http.get(target)
        assert response.status_code == 422 and "not in UTF-8" in response.text, target
    form = {"content-type": "application/x-www-form-urlencoded"}
    response = shared_live.http.post("/dashboard/users/erase", content=f"id={bytes_}", headers=form)
    assert response.status_code == 400


def test_bytes_that_are_no_text_change_nothing_in_headers(live):
    for name in ("x-api-version", "x-request-id", "accept", "cookie", "x-api-key"):
        response = live.http.get("/api/recommend/u0", headers={name: b"\xed\xa0\x80"})
        assert response.status_code == 200, name


def test_a_line_break_at_the_end_of_a_path_is_no_part_that_may_be_left_out(live):
    for target in ("/v1/users/u0%0A", "/v1/items/i1%0D%0A", "/v1/items/a%00"):
        response = live.http.get(target)
        assert response.status_code == 422 and "control characters" in response.text
    # Without the check the pattern of this path would be tried at each slash.
    slashes = live.http.patch("/api/item-to-item/" + "/" * 50_000 + "%0A")
    assert slashes.status_code == 422


def test_a_query_has_few_parameters(live):
    assert live.http.get("/v1/recommend/u0?" + "a&" * 300).status_code == 400
    many = live.http.get("/v1/recommend/u0?" + "&".join(f"p{i}=1" for i in range(150)))
    assert many.status_code == 422 and len(many.json()["errors"]) <= 20
    many = live.http.get("/api/recommend/u0?" + "&".join(["category=a"] * 150))
    assert many.status_code == 422


@pytest.mark.parametrize("number", ["9" * 308, "9" * 309, "9" * 1_900, "1e999", "9" * 309 + ".5"])
def test_numbers_beyond_all_compare_as_they_are_in_filters(shared_live, number):
    everything = [f"price < {number}", f"{number} > price", f"not price in [{number}]"]
    for text in (*everything, f"price > -{number}"):
        assert len(shared_live.ids("/v1/recommend/u0", k=20, filter=text)) == 20
        for body in ({"filter": text}, {"boost": [{"filter": text, "weight": 1.0}]}):
            assert len(shared_live.post("/v1/recommend/u0", body | {"k": 20})["items"]) == 20
    for text in (f"price > {number}", f"price == {number}", f"price < -{number}"):
        assert shared_live.ids("/v1/recommend/u0", filter=text) == []


@pytest.mark.parametrize("digits", [20, 309, 4_000, 5_000])
def test_long_numbers_are_refused_in_bodies(shared_live, digits):
    number = "9" * digits
    for method, path, body in (
        ("POST", "/v1/events", '{"user_id": "u", "item_id": "i1", "weight": %s}'),
        ("POST", "/v1/events", '{"user_id": "u", "item_id": "i1", "timestamp": %s}'),
        ("POST", "/v1/recommend", '{"items": ["i1"], "k": %s}'),
        ("POST", "/v1/recommend", '{"items": ["i1"], "half_life": %s}'),
        ("PUT", "/v1/items/i1", '{"attributes": {"price": %s}}'),
        (
            "PUT",
            "/v1/bundles/traffic-split",
            '{"variants": [{"bundle_version": "a", "share": %s}]}',
        ),
        (
            "POST",
            "/api/feedback",
            '[{"FeedbackType": "like", "UserId": "u", "ItemId": "i1", "Value": %s}]',
        ),
    ):
        content = body.replace("%s", number).encode()
        response = shared_live.http.request(method, path, content=content, headers=JSON)
        assert response.status_code == 422, (path, response.text)
    assert shared_live.http.get(f"/v1/recommend/u0?k={number}").status_code == 422
    assert shared_live.http.get(f"/v1/audit?limit={number}").status_code == 422


@pytest.mark.parametrize("time", ["0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"])
def test_a_time_of_no_year_is_refused(live, time):
    for method, path, body in (
        ("POST", "/v1/events", {"user_id": "u", "item_id": "i1", "timestamp": time}),
        ("PUT", "/v1/items/i1", {"published": time}),
        ("PATCH", "/v1/items/i1", {"published": time}),
        ("POST", "/api/item", {"ItemId": "i1", "Timestamp": time}),
    ):
        response = live.http.request(method, path, json=body)
        assert response.status_code == 422, path
        assert "before the year 1 or after the year 9999" in response.json()["detail"]
    assert live.http.put("/v1/items/i1", json={"published": "0001-01-01"}).status_code == 200
    assert live.http.get("/dashboard/items?id=i1").status_code == 200


def test_a_list_is_counted_before_its_values_are_read(live):
    for path, body, message in (
        ("/v1/events", {"events": [{}] * 1_001}, "body.events must have 1,000 values at most"),
        ("/v1/events", {"events": [{}] * 900}, "body.events.0.user_id is missing"),
        ("/v1/items", {"items": [{}] * 1_001}, "body.items must have 1,000 values at most"),
        ("/v1/rank", {"candidates": [{}] * 1_001}, "must have 1,000 values at most"),
        ("/api/feedback", [{}] * 1_001, "body must have 1,000 values at most"),
        ("/api/items", [{}] * 1_001, "body must have 1,000 values at most"),
    ):
        response = live.http.post(path, json=body)
        assert response.status_code == 422
        assert message in response.json()["detail"]
        assert len(response.json()["errors"]) <= 8
    batch = {"events": [{"user_id": "u", "event_type": "impression", "items": ["i1"] * 100}] * 101}
    response = live.http.post("/v1/events", json=batch)
    assert response.status_code == 422
    assert "10,100 items; 10,000 at most" in response.json()["detail"]


def test_unknown_names_are_told_one_by_one_while_they_are_few(live):
    few = {f"x{i}": 1 for i in range(5)}
    response = live.http.post("/v1/recommend/u0", json=few)
    assert {row["field"] for row in response.json()["errors"]} == {f"body.{name}" for name in few}
    many = {f"x{i}": 1 for i in range(900)}
    response = live.http.post("/v1/recommend/u0", json=many)
    assert [row["field"] for row in response.json()["errors"]] == ["body"]
    assert "has 900 names" in response.json()["detail"]


def test_attributes_are_bounded(live):
    def refused(value: object) -> str:
        response = live.http.put("/v1/items/i1", json={"attributes": {"title": value}})
        assert response.status_code == 422
        return str(response.json()["detail"])

    deep: object = "x"
    for _ in range(20):
        deep = [deep]
    assert "body.attributes.title is nested too deeply" in refused(deep)
    assert "20,000 characters at most" in refused("x" * 20_001)
    assert "1,000 values at most" in refused(["x"] * 1_001)
    assert (
        "512 characters at most"
        in live.http.put("/v1/items/i1", json={"attributes": {"x" * 600: 1}}).text
    )


def test_a_bound_is_for_lists_and_objects():
    with pytest.raises(TypeError, match="not for int"):
        AtMost(3).__get_pydantic_core_schema__(int, lambda source: {"type": "int"})


def test_large_bodies_are_read_off_the_event_loop(live, monkeypatch):
    names: list[str] = []
    decode = strict_route.decode_json

    def noted(body: bytes) -> object:
        names.append(threading.current_thread().name)
        return decode(body)

    monkeypatch.setattr(strict_route, "decode_json", noted)
    events = [{"user_id": "u", "item_id": "i1", "event_id": str(i)} for i in range(1_000)]
    assert live.post("/v1/events", {"events": events})["accepted"] == 1_000
    assert live.post("/v1/events", {"events": events[:1]})["duplicates"] == 1
    assert names[0].startswith("pennyweight-worker") and len(set(names)) == 2
    wrong = live.http.post("/v1/events", json={"events": [*events, {"item_id": "i1"}][1:]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [{"field": "body.events.999.user_id", "message": "is missing"}]


def test_a_worker_takes_so_many_jobs():
    async def run() -> list[object]:
        worker, go = Worker("jobs", depth=2, busy="two jobs wait"), threading.Event()
        tasks = [asyncio.ensure_future(worker.run(lambda: go.wait(PATIENCE))) for _ in range(3)]
        await asyncio.sleep(0)
        go.set()
        first = await asyncio.gather(*tasks, return_exceptions=True)
        return [*first, await worker.run(lambda: "again")]

    first, second, third, again = asyncio.run(run())
    assert (first, second, again) == (True, True, "again")
    assert isinstance(third, BusyError) and str(third) == "two jobs wait"


def test_too_many_large_bodies_are_told_to_come_again(live, monkeypatch):
    async def busy(worker: Worker, job: object) -> object:
        raise BusyError("256 requests wait to be read; retry later")

    monkeypatch.setattr(Worker, "run", busy)
    response = live.http.post("/v1/rank", json={"candidates": ["i" * 500] * 20})
    assert response.status_code == 503 and response.headers["retry-after"] == "1"
    assert response.json()["type"] == "/docs#busy"


def test_large_bodies_share_the_memory_there_is():
    async def run() -> list[int]:
        statuses: list[int] = []
        hold, held = asyncio.Event(), asyncio.Event()

        async def app(scope, receive, send):
            while (await receive())["more_body"]:
                pass
            if scope["path"] == "/hold":
                held.set()
                await hold.wait()
            statuses.append(200)

        body = BodyLimit(app, total=200_000)

        async def ask(path: str, parts: int) -> int:
            parts_left = iter(range(parts))

            async def receive():
                more = next(parts_left) < parts - 1
                return {"type": "http.request", "body": b"x" * 50_000, "more_body": more}

            try:
                scope = {"type": "http", "method": "POST", "headers": [], "path": path}
                await body(scope, receive, None)
            except Refusal as refusal:
                assert refusal.headers == {"Connection": "close", "Retry-After": "1"}
                return refusal.status_code
            return 200

        first = asyncio.ensure_future(ask("/hold", 3))
        waits = asyncio.ensure_future(held.wait())
        await asyncio.wait({first, waits}, return_when=asyncio.FIRST_COMPLETED)
        assert not first.done() or first.result() is None
        meanwhile = [await ask("/", 3), await ask("/", 1)]
        hold.set()
        return [await first, *meanwhile, await ask("/", 3)]

    assert asyncio.run(run()) == [200, 503, 200, 200]


def test_a_form_is_small(live):
    form = {"content-type": "application/x-www-form-urlencoded"}
    response = live.http.post("/dashboard/bundles/add", content=b"a=" + b"x" * 70_000, headers=form)
    assert response.status_code == 413


def head_paths(live) -> list[str]:
    paths = live.http.get("/openapi.json").json()["paths"]
    api = [
        path.replace("{user_id}", "u0").replace("{name}", "x").replace("{item_id}", "i1")
        for path, methods in paths.items()
        if "get" in methods and "{recommendation_id}" not in path
    ]
    pages = ("", "users", "users?id=u0", "items?id=i1", "search?q=tea", "bundles", "audit")
    return [*api, "/docs", "/login", "/openapi.json", "/", *(f"/dashboard/{p}" for p in pages[1:])]


def test_head_answers_wherever_get_does(live):
    for path in head_paths(live):
        head, full = live.http.head(path), live.http.get(path)
        assert head.status_code == full.status_code, path
        # How a body is transferred goes without saying where there is none (RFC 9110, 9.3.2).
        fields = full.headers.keys() - {"transfer-encoding"}
        assert head.content == b"" and head.headers.keys() == fields, path
    refused = live.http.head("/v1/events")
    assert refused.status_code == 405 and refused.headers["allow"] == "POST"
    assert live.http.delete("/v1/recommend/u0").headers["allow"] == "GET, HEAD, POST"
    assert live.http.head("/v1/items/nothing").status_code == 404


class Impatient(BoundedProtocol):
    body_bytes = 400_000
    rest_bytes = 200_000
    rest_seconds = 0.3
    pipelined = 8


async def unread(scope, receive, send):
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


async def reads(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await unread(scope, receive, send)


@pytest.fixture(scope="module")
def reading_port():
    with serving(protected(reads), Impatient) as port:
        yield port


@pytest.fixture(scope="module")
def impatient():
    with serving(protected(unread), Impatient) as port:
        yield port


def closes(connection: socket.socket) -> bool:
    try:
        for _ in range(1_000):
            if not connection.recv(1 << 16):
                return True
    except ConnectionError:
        return True
    return False


def begun(port: int, headers: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return connection


def test_a_body_that_nobody_reads_is_passed_over(impatient):
    with begun(impatient, "Content-Length: 100000\r\n") as connection:
        assert connection.recv(1 << 16).endswith(b"ok")
        for _ in range(2):  # in parts, after the answer
            connection.sendall(b"x" * 50_000)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_nobody_reads_has_an_end(impatient):
    with begun(impatient, "Transfer-Encoding: chunked\r\n") as connection:
        assert connection.recv(1 << 16).endswith(b"ok")
        try:
            for _ in range(10_000):
                connection.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        except OSError:
            pass
        else:
            raise AssertionError("the body is still read")
    with begun(impatient, "Content-Length: 10\r\n") as connection:
        assert closes(connection)  # the rest never comes


@pytest.mark.parametrize("part", [b"1\r\nx\r\n" * 1_000, b"0\r\n" + b"a: b\r\n" * 1_000])
@pytest.mark.parametrize("port", ["reading_port", "impatient"])
def test_chunk_headers_and_trailers_are_bounded(request, port, part):
    with begun(request.getfixturevalue(port), "Transfer-Encoding: chunked\r\n") as connection:
        try:
            for _ in range(10_000):
                connection.sendall(part)
                part = part.removeprefix(b"0\r\n")
        except OSError:
            return
    raise AssertionError("it is still read")


def test_few_requests_wait_on_one_connection(impatient, reading_port):
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", impatient), timeout=PATIENCE) as connection:
        connection.sendall(request * 8)
        got = b""
        while got.count(b"ok") < 8:
            got += connection.recv(1 << 16)
    with socket.create_connection(("127.0.0.1", reading_port), timeout=PATIENCE) as connection:
        connection.sendall(request * 1_000)
        assert closes(connection)


def test_a_client_that_waits_to_be_told_to_go_on_is_not_left_in_doubt(impatient):
    with begun(impatient, "Content-Length: 10\r\nExpect: 100-continue\r\n") as connection:
        assert closes(connection)


def test_a_body_on_a_route_that_reads_none_does_no_harm(live):
    for method, path in (
        ("GET", "/v1/recommend/u0"),
        ("DELETE", "/v1/items/i3"),
        ("GET", "/health/live"),
        ("GET", "/dashboard/users"),
    ):
        response = live.http.request(method, path, content=b"[" + b"{}," * 30_000 + b"{}]")
        assert response.status_code == 200, path
        assert live.get("/health/live") == {"status": "live"}  # on the same connection
