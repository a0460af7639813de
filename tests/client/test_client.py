"""The client against a live service: every route, typed, and its errors."""

import asyncio
import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from live import TIMEOUT, service, shop
from protected_app import make_key

from pennyweight.client import (
    AccessError,
    AsyncClient,
    Client,
    ClientError,
    EventRecord,
    InvalidRequestError,
    ItemRecord,
    NotFoundError,
    OverloadedError,
    Retries,
    ServiceError,
    UnreachableError,
)
from pennyweight.errors import DataError, PennyweightError
from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.security.keyring import KeyRing

ROOT = Path(__file__).resolve().parents[2]
# Operations that a call covers under another name.
COVERED = {"recommend_with_boosts": "recommend"}
AT_ONCE = Retries(patience=0.0)


@pytest.fixture
def client(live):
    with Client(f"http://127.0.0.1:{live.port}", timeout=TIMEOUT) as client:
        yield client


def test_every_operation_is_a_method_of_both_clients(live):
    paths = live.get("/openapi.json")["paths"]
    operations = {
        spec["operationId"]
        for path, methods in paths.items()
        if not path.startswith("/api/")
        for spec in methods.values()
    }
    for kind in (Client, AsyncClient):
        methods = {name for name, _ in inspect.getmembers(kind, callable)}
        assert {COVERED.get(name, name) for name in operations} - methods == set()
    assert len(operations) > 30


def test_the_client_without_asyncio_is_as_it_would_be_written():
    command = [sys.executable, ROOT / "clients/synchronous.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_lists(live, client):
    ids = live.ids("/v1/recommend/u1", k=4, filter="price < 20")
    result = client.recommend("u1", k=4, filter="price < 20", fields=["title"], explain=True)
    assert [item.item_id for item in result.items] == ids
    assert all(item.attributes["title"] and item.reason for item in result.items)
    boosted = client.recommend("u1", boost={"price == 7": 20.0}, exclude_seen=False)
    assert boosted.items[0].item_id == "i7"
    session = client.recommend_session(["i3", "i8"], diversity=0.2, scenario="basket")
    assert session.source == "history"
    explanation = client.explain(session.recommendation_id)
    assert explanation.scenario == "basket"
    assert client.search("dark tea", k=3).source == "text"
    assert {item.item_id for item in client.rank(["i1", "i2"]).items} == {"i1", "i2"}
    assert client.popular_items(k=3).source == "popularity"
    assert client.similar_items("i0", k=3).items
    assert client.latest_items().items == []
    assert client.recommend("..").source == "popularity"


def test_events_and_items(client):
    stored = client.send_event("ada", "i1", "purchase", event_id="e1", timestamp=1.7e9)
    assert (stored.accepted, stored.event_ids) == (1, ["e1"])
    assert client.send_event("ada", "i1", event_id="e1").duplicates == 1
    events = [EventRecord("bob", f"i{i % 20}") for i in range(2_500)]
    assert [part.accepted for part in client.stream_events(events)] == [1_000, 1_000, 500]
    again = client.send_events(events)
    assert (again.accepted, again.duplicates) == (0, 2_500)
    assert again.event_ids == [event.event_id for event in events]
    exported = list(client.export_events())
    assert len(exported) == 2_501 and exported[0].user_id == "ada"
    assert list(client.export_events(after=exported[-2].seq)) == exported[-1:]
    impression = EventRecord("ada", items=["i2", "i3"], event_type="impression")
    assert client.send_events([impression]).accepted == 2
    item = client.put_item("n/1 ä", {"title": "new tea", "price": 2.0}, published=1.7e9)
    assert item.recommendable
    assert client.change_item("n/1 ä", {"price": None}, available=False).item_id == "n/1 ä"
    assert client.get_item("n/1 ä").attributes == {"title": "new tea"}
    records = [ItemRecord(f"m{i}", {"title": f"many {i}"}) for i in range(3)]
    assert client.put_items(records).accepted == 3
    names = [item.item_id for item in client.export_items()]
    assert names == [*(f"i{i}" for i in range(30)), "n/1 ä", "m0", "m1", "m2"]
    client.delete_item("m0")
    with pytest.raises(NotFoundError, match="m0"):
        client.get_item("m0")


def test_users_bundles_and_health(live, client):
    client.send_events([EventRecord(f"v{i}", "i1") for i in range(3)])
    assert client.list_users(limit=2).next == "v1"
    assert list(client.users()) == ["v0", "v1", "v2"]
    assert client.get_user("v1").events[0].item_id == "i1"
    assert client.erase_user("v1").events == 1
    assert client.readmit_user("v1").erased_before
    version = live.engine.traffic.split.primary.version
    assert client.list_bundles().bundles[0].bundle_version == version
    assert client.split_traffic({version: 1.0}).bundles[0].share == 1.0
    with pytest.raises(InvalidRequestError, match="earlier"):
        client.roll_back()
    with pytest.raises(ServiceError, match="served"):
        client.delete_bundle(version)
    assert client.add_bundle(str(live.folder / "bundles" / version), publish=False).bundles
    assert client.feedback(window=60.0).window == 60.0
    assert client.audit(limit=5).entries
    assert client.live().status == "live"
    assert client.ready().status == "ready"
    assert client.version().bundle_versions == [version]
    assert {task.state for task in client.status().tasks} == {"idle"}
    assert "pennyweight_ready 1.0" in client.metrics()


def test_experiments(live, client, tmp_path):
    shop(seed=1).save(tmp_path / "other")
    added = client.add_bundle(str(tmp_path / "other"), publish=False)
    control, other = (row.bundle_version for row in added.bundles)
    assert client.plan_experiment(days=7, shares=[0.25, 0.25]).days == 7
    ends = datetime.now(UTC) + timedelta(days=3)
    started = client.start_experiment({control: 0.5, other: 0.5}, name="tea", ends=ends)
    assert (started.state, started.ends) == ("running", ends.timestamp())
    assert client.change_shares({control: 0.9, other: 0.1}).moved == pytest.approx(0.4)
    assert client.feedback().contrasts == []
    assert client.stop_experiment().state == "stopped"
    client.start_experiment({control: 0.5, other: 0.5})
    assert client.promote_bundle(other).promoted == other
    assert [row.state for row in client.list_experiments().experiments] == ["promoted", "stopped"]
    with pytest.raises(NotFoundError, match="no experiment runs"):
        client.stop_experiment()


def test_the_client_for_asyncio(live):
    async def calls() -> list[object]:
        async with AsyncClient(f"http://127.0.0.1:{live.port}", timeout=TIMEOUT) as client:
            events = [EventRecord("ada", f"i{i % 9}") for i in range(1_200)]
            stored = await client.send_events(events)
            lists = await asyncio.gather(*(client.recommend("ada", k=k) for k in (1, 2, 3)))
            exported = [event async for event in client.export_events()]
            users = [user async for user in client.users()]
            with pytest.raises(NotFoundError):
                await client.get_item("nothing")
            return [stored.accepted, [len(each.items) for each in lists], len(exported), users]

    assert asyncio.run(calls()) == [1_200, [1, 2, 3], 1_200, ["ada"]]


def test_errors_have_the_problem_details(client):
    with pytest.raises(InvalidRequestError, match=r"body\.k must be") as caught:
        client.recommend("u1", k=0)
    assert caught.value.status == 422
    assert caught.value.problem.errors[0]["field"] == "body.k"
    assert caught.value.problem.request_id
    assert isinstance(caught.value, PennyweightError)
    with pytest.raises(DataError, match="path"):
        client.get_item("..")


def test_a_key_is_sent_and_its_scope_named(bundle, tmp_path):
    secret, _ = make_key(tmp_path / "keys.json", "shop", "events")
    access = AccessPolicy(keys=KeyRing(tmp_path / "keys.json"), timeout=TIMEOUT)
    with service(bundle, tmp_path / "live", access=access) as running:
        url = f"http://127.0.0.1:{running.port}"
        with Client(url, key=secret, timeout=TIMEOUT) as client:
            assert client.send_event("ada", "i1").accepted == 1
            with pytest.raises(AccessError, match="lacks the scope 'session'"):
                client.recommend("ada")
        with Client(url, timeout=TIMEOUT) as client, pytest.raises(AccessError):
            client.send_event("ada", "i1")


def answers(*statuses: int, **headers: str) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """Return a transport with these statuses in turn, and the requests it got."""
    requests: list[httpx.Request] = []
    queue = list(statuses)

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        status = queue.pop(0)
        if status == 0:
            raise httpx.ReadError("broken", request=request)
        body = {"type": "t", "title": "Busy", "status": status, "detail": "later"}
        if status == 200:
            body = {"item_id": "i1", "recommendable": True, "later_field": 1}
        kind = {"content-type": "application/problem+json"} | headers
        return httpx.Response(status, headers=kind, text=json.dumps(body))

    return httpx.MockTransport(answer), requests


QUICK = Retries(patience=5.0, first_wait=0.001, longest_wait=0.01)


def test_safe_calls_are_retried_and_the_same_bytes_sent():
    transport, requests = answers(503, 0, 502, 200)
    with Client(transport=transport, retries=QUICK) as client:
        assert client.put_item("i1", {"title": "x"}).recommendable
    assert len({request.content for request in requests}) == 1 and len(requests) == 4


def test_other_calls_are_retried_only_where_nothing_was_done():
    transport, requests = answers(503, 429, 200)
    with Client(transport=transport, retries=QUICK) as client:
        assert client.delete_item("i1").item_id == "i1"
    assert len(requests) == 3
    for status, kind in ((0, UnreachableError), (502, ServiceError)):
        transport, requests = answers(status, 200)
        with Client(transport=transport, retries=QUICK) as client, pytest.raises(kind):
            client.delete_item("i1")
        assert len(requests) == 1
    transport, requests = answers(503, 200, **{"content-type": "text/html"})  # of a proxy
    with Client(transport=transport, retries=QUICK) as client, pytest.raises(OverloadedError):
        client.delete_item("i1")


def test_what_must_change_is_not_retried():
    transport, requests = answers(422, 200)
    with Client(transport=transport, retries=QUICK) as client:
        with pytest.raises(InvalidRequestError):
            client.put_item("i1", {})
    assert len(requests) == 1


def test_the_time_that_the_service_asks_for_is_waited(monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    transport, _ = answers(503, 200, **{"retry-after": "2"})
    with Client(transport=transport) as client:
        client.put_item("i1", {})
    assert waits == [2.0]
    transport, _ = answers(503, **{"retry-after": "60"})
    with Client(transport=transport) as client, pytest.raises(OverloadedError) as caught:
        client.put_item("i1", {})
    assert caught.value.retry_after == 60.0


def test_waits_double_and_end():
    retries = Retries(patience=10.0, first_wait=1.0, longest_wait=3.0)
    bounds = [(0.5, 1.0), (1.0, 2.0), (1.5, 3.0), (1.5, 3.0)]
    for failures, (low, high) in enumerate(bounds, 1):
        wait = retries.wait(failures, 0.0, None)
        assert wait is not None and low <= wait <= high
    assert retries.wait(1, 9.9, None) is None
    assert AT_ONCE.wait(1, 0.0, None) is None


def test_a_stranger_at_the_address_is_named():
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text="<html>"))
    with (
        Client(transport=transport) as client,
        pytest.raises(ClientError, match="check the address"),
    ):
        client.version()
