"""Searches of a service whose encoder is at a server that answers, fails or is not allowed."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live import Service, service

import pennyweight
import small_shop
from embedding_server import EmbeddingServer, Fault, embedding_server
from pennyweight.config.plan import Plan
from pennyweight.serving.live import vector_retries
from pennyweight.serving.live.remote_queries import THREADS, RemoteQueries

SEARCH = {"query": "dark tea", "k": 5}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as server:
        yield server


@pytest.fixture(scope="module")
def bundle(server, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("remote")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        options = {"encoder.name": server.address, "encoder.model": "test-model"}
        plan = Plan().override(options | {"evaluate.encoder_ablation": False})
        scorers = ["popularity", "content", "tower"]
        made = pennyweight.fit(small_shop.items(), small_shop.events(), plan=plan, scorers=scorers)
        made.save(folder / "bundle")
    return folder / "bundle"


@pytest.fixture(autouse=True)
def calm(server) -> Iterator[None]:
    server.requests.clear()
    server.faults.clear()
    server.always = None
    server.refused_text = None
    server.speak.clear()
    yield
    server.speak.set()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def searched(live: Service) -> list[str]:
    return [item["item_id"] for item in live.post("/v1/search", SEARCH)["items"]]


def test_a_search_asks_the_server_once(bundle, server, tmp_path):
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=10)) as live:
        first = searched(live)
        assert searched(live) == first
        assert server.texts == ["dark tea"]
        assert live.metric('pennyweight_remote_queries_total{result="encoded"}') == 2
        live.get("/v1/recommend/u1")
        assert server.texts == ["dark tea"]
    texts = dict(small_shop.items().iter_rows())
    assert "tea" in texts[first[0]]


@pytest.mark.parametrize("host", [None, "api.example.com"])
def test_without_leave_no_request_is_sent(bundle, server, tmp_path, host, caplog):
    with service(bundle, tmp_path, queries=RemoteQueries(host)) as live:
        assert len(searched(live)) == 5
        item = {"attributes": {"title": "tea blend dark no99"}}
        live.http.put("/v1/items/new", json=item).raise_for_status()
        wait_for(lambda: live.metric("pennyweight_item_recommendable_seconds_count") == 1)
        assert "new" in live.engine.traffic.split.primary.catalog.ids
        assert live.metric("pennyweight_remote_queries_total") == 0
    assert not server.requests
    assert "--remote-queries 127.0.0.1 allows" in caplog.text
    assert ("no encoder of the bundle" in caplog.text) == (host is not None)


@pytest.mark.parametrize(
    "fault", [Fault(500), Fault(200, b"<html>"), Fault(200, None, silent=True)]
)
def test_a_failing_server_delays_a_search_only_by_the_limit(bundle, server, tmp_path, fault):
    server.always = fault
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=0.2)) as live:
        assert len(searched(live)) == 5  # by the words of the tower
        assert not server.speak.is_set()
        assert live.metric('pennyweight_remote_queries_total{result="failed"}') == 1


def put(live: Service, name: str, title: str) -> None:
    live.http.put(f"/v1/items/{name}", json={"attributes": {"title": title}}).raise_for_status()


def without_vector(live: Service) -> float:
    return live.metric("pennyweight_items_without_vector")


def similar_first(live: Service) -> str:
    """Return the first item of a search for "zebra", a word that the server alone knows."""
    return live.post("/v1/search", {"query": "zebra", "k": 1})["items"][0]["item_id"]


NESTED = Fault(200, lambda right: {"data": [e | {"embedding": [[1]] * 8} for e in right["data"]]})


@pytest.mark.parametrize("fault", [NESTED, Fault(500)], ids=["nested", "500"])
def test_items_are_encoded_again_once_the_server_answers(
    bundle, server, tmp_path, monkeypatch, fault
):
    monkeypatch.setattr(vector_retries, "FIRST_PAUSE", 0.05)
    server.always = fault
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=10)) as live:
        put(live, "new", "zebra")
        wait_for(lambda: without_vector(live) == 1)
        wait_for(lambda: len(server.requests) >= 4)  # tried again
        assert live.engine.traffic.split.primary.is_open("new") and not live.engine.items.failures
        assert "1 item without a vector" in live.engine.notes["vectors"]
        server.always = None
        wait_for(lambda: without_vector(live) == 0)
        assert similar_first(live) == "new"
        assert "vectors" not in live.engine.notes
        count = live.metric("pennyweight_item_recommendable_seconds_count")
        assert count == 1  # tries are no arrivals
        sent = len(server.requests)
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=10)) as live:
        assert without_vector(live) == 0
        assert similar_first(live) == "new"
    assert server.texts[-1] == "zebra" and len(server.requests) == sent + 1  # the search alone


def test_items_are_encoded_again_after_a_restart(bundle, server, tmp_path, monkeypatch):
    monkeypatch.setattr(vector_retries, "FIRST_PAUSE", 0.05)
    with service(bundle, tmp_path, queries=RemoteQueries(None)) as live:  # may not ask
        put(live, "new", "zebra")
        wait_for(lambda: without_vector(live) == 1)
    assert not server.requests
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=10)) as live:
        wait_for(lambda: without_vector(live) == 0)
        assert similar_first(live) == "new"
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=10)) as live:
        assert without_vector(live) == 0  # the vector was saved


def test_a_text_that_the_server_refuses_keeps_no_other_from_its_vector(
    bundle, server, tmp_path, monkeypatch
):
    monkeypatch.setattr(vector_retries, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(vector_retries, "MAX_PAUSE", 0.02)

    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=10)) as live:
        server.always = Fault(500)
        for number in range(9):
            put(live, f"n{number}", "poison" if number == 4 else f"zebra{number}")
        wait_for(lambda: without_vector(live) == 9)
        server.refused_text = "poison"
        server.always = None
        wait_for(lambda: without_vector(live) == 1)
        assert live.engine.traffic.split.primary.without_vector == {"n4"}


def test_other_lists_do_not_wait_for_a_slow_server(bundle, server, tmp_path):
    server.always = Fault(200, None, silent=True)
    with service(bundle, tmp_path, queries=RemoteQueries("127.0.0.1", timeout=60)) as live:
        live.get("/v1/recommend/u1")
        with ThreadPoolExecutor(12) as pool:
            searches = [
                pool.submit(live.http.post, "/v1/search", json={"query": f"tea {i}"})
                for i in range(12)
            ]
            wait_for(lambda: len(server.requests) == THREADS)
            wait_for(lambda: sum(search.done() for search in searches) == 12 - THREADS)
            live.get("/v1/recommend/u2")
            assert sum(search.done() for search in searches) == 12 - THREADS
            server.speak.set()
        assert all(search.result().status_code == 200 for search in searches)
        assert live.metric('pennyweight_remote_queries_total{result="encoded"}') == THREADS
        assert live.metric('pennyweight_remote_queries_total{result="failed"}') == 12 - THREADS
