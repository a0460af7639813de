"""The playground: simulated readers at a service of the demo shop, and its storefront."""

import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from live import Service, service
from markupsafe import escape
from test_dashboard import looked_at, post

import pennyweight
from html_page import Page
from pennyweight import demo
from pennyweight.client import Client
from pennyweight.demo.readers import Inclinations, reader_name
from pennyweight.demo.world import draw_world
from pennyweight.serving.playground.session import PlaygroundSession
from pennyweight.serving.playground.traffic import SimulatedReaders

READERS, SEED = 60, 3


@pytest.fixture(scope="module")
def books() -> pl.DataFrame:
    return demo.books()


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    return demo.readers(readers=READERS, seed=SEED)


@pytest.fixture(scope="module")
def pair(books, log, tmp_path_factory) -> tuple[Path, Path]:
    """Two bundles of the shop; the second knows half of the events."""
    folder = tmp_path_factory.mktemp("playground")
    plan = pennyweight.Plan().override({"evaluate.bootstrap": 20})
    for name, events in (("a", log), ("b", log[: log.height // 2])):
        fitted = pennyweight.fit(
            books, events, scorers=["popularity"], encoder="tfidf", plan=plan, progress=False
        )
        fitted.save(folder / name)
    return folder / "a", folder / "b"


@pytest.fixture
def shop(pair, tmp_path) -> Service:
    with service(pair[0], tmp_path / "live", storefront=True) as live:
        yield live


@pytest.fixture(scope="module")
def inclinations(books) -> Inclinations:
    return Inclinations(books, readers=READERS, seed=SEED)


def test_inclinations_are_the_chances_of_the_simulation(books, log, inclinations):
    world = draw_world(books, np.random.SeedSequence(SEED).spawn(2)[0])
    for last in range(0, books.height, 60):
        chances = inclinations.of(last % READERS, [last], last)
        assert chances.sum() == pytest.approx(1.0) and chances[last] == 0
        assert (np.delete(chances, last) > 0).all()
        assert chances[world.pair[last]] > 0.03  # the hidden next book is a reason by itself
    # The books that readers chose have a far higher chance than others.
    rows = dict(zip(books["item_id"], range(books.height), strict=True))
    chosen = [
        inclinations.of(reader, [])[rows[item]]
        for reader in range(READERS)
        for item in log.filter(pl.col("user_id") == reader_name(reader))["item_id"][-3:]
    ]
    assert np.mean(chosen) > 3 / books.height


def test_simulated_readers_choose_from_their_lists(shop, books, log):
    with Client(f"http://127.0.0.1:{shop.port}") as client:
        readers = SimulatedReaders(client, books, log, readers=READERS, seed=SEED, rate=1_000.0)
        sent = sum(readers.visit() for _ in range(80))
        events = list(client.export_events())
        assert readers.visits == 80 and readers.events == sent == len(events)
        assert 20 < sent < 80
        of_lists = [event for event in events if event.recommendation_id]
        assert 0 < len(events) - len(of_lists) < len(of_lists)
        assert {event.event_type for event in events} == {"view", "read", "like"}
        old = set(log.select("user_id", "item_id").iter_rows())
        new = [(event.user_id, event.item_id) for event in events]
        assert len(set(new)) == len(new) and not old & set(new)
        outcomes = client.feedback().outcomes
        assert sum(one.events for one in outcomes) == len(of_lists)


def test_a_session_starts_one_experiment_and_stops(shop, books, log, pair):
    address, notes = f"http://127.0.0.1:{shop.port}", []
    session = PlaygroundSession(
        books, log, READERS, SEED, rate=1_000.0, rival=pair[1], tell=notes.append
    )
    for _ in range(2):  # the second finds the experiment of the first
        stopping = threading.Event()
        thread = session.begin(address, stopping)
        before = shop.metric("pennyweight_events_total")
        while shop.metric("pennyweight_events_total") < before + 5:
            assert thread.is_alive()
        stopping.set()
        thread.join(60)
        assert not thread.is_alive()
    (experiment,) = shop.get("/v1/experiments")["experiments"]
    assert [variant["share"] for variant in experiment["variants"]] == [0.5, 0.5]
    assert len(notes) == 2 and all("visits of simulated readers" in note for note in notes)


def test_a_click_in_the_shop_is_an_event_of_its_list(shop, books, log):
    front = looked_at(shop.http.get("/playground"))
    assert "reader=reader-0000" in front and '<a href="/playground" aria-current="page">' in front
    reader = "reader-0004"
    path = f"/playground?reader={reader}"
    text = looked_at(shop.http.get(path))
    fields = {f["name"]: f["value"] for f in Page(text).of("input") if f.get("type") == "hidden"}
    own = log.filter(pl.col("user_id") == reader)["item_id"]
    assert fields["reader"] == reader and fields["item"] not in own
    (book,) = books.filter(pl.col("item_id") == fields["item"]).to_dicts()
    assert len(Page(text).of("form")) == 11 and f", {book['year']}</p>" in text
    assert escape(book["author"]) in text and escape(book["description"][:200]) in text
    moved = post(shop, "/playground/event", **fields, type="like")
    assert moved.headers["location"] == f"/playground?reader={reader}&sent=like"
    event = shop.http.get("/v1/events:export").json()  # of one line
    assert event["event_type"] == "like" and event["item_id"] == fields["item"]
    assert event["recommendation_id"] == fields["recommendation"]
    after = looked_at(shop.http.get(moved.headers["location"]))
    assert "Sent: like." in after and f'name="item" value="{fields["item"]}"' not in after
    post(shop, "/playground/event", 422, **fields, type="purchase")
    post(shop, "/playground/event", 422, **{**fields, "item": "no-such"}, type="like")
    post(shop, "/playground/event", 422, **{**fields, "reader": "undefined"}, type="like")
    other = shop.http.post(
        "/playground/event", data=fields, headers={"sec-fetch-site": "cross-site"}
    )
    assert other.status_code == 403
    assert "no history" in looked_at(shop.http.get("/playground?reader=newcomer"))


def test_a_service_has_no_storefront_of_itself(live):
    assert live.http.get("/playground").status_code == 404
    assert "/playground" not in live.http.get("/").text
