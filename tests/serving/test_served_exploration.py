"""Exploration of new items over HTTP: lists, their log, and the feedback on the items."""

import re
import time

import pytest
from live import Service, service
from test_dashboard import page

from pennyweight import Recommender
from pennyweight.config.plan import Plan
from pennyweight.serving.live import new_item_feedback
from pennyweight.serving.live.lists import ListRequest, rank_lists

NEW = [f"new{number}" for number in range(6)]


@pytest.fixture(scope="module")
def live(bundles, tmp_path_factory) -> Service:
    """A service with six items that came after the fit."""
    with service(bundles[0], tmp_path_factory.mktemp("explored")) as running:
        add_items(running)
        yield running


def add_items(running: Service) -> None:
    items = [
        {"item_id": name, "attributes": {"title": f"{kind} blend dark", "price": 5.0}}
        for name, kind in zip(NEW, ("tea", "coffee", "cocoa", "mate", "juice", "tea"), strict=True)
    ]
    running.post("/v1/items", {"items": items})
    wait_until(lambda: all(map(running.engine.traffic.split.primary.is_open, NEW)))


def wait_until(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("this never happened")


def marked(result: dict) -> list[str]:
    return [item["item_id"] for item in result["items"] if item.get("source") == "exploration"]


def test_new_items_are_marked_and_stay_the_same(live):
    plain = live.get("/v1/recommend/u0")
    assert not marked(plain) and "source" not in plain["items"][0]
    for ask in (
        lambda: live.get("/v1/recommend/u0", explore=0.5),
        lambda: live.post("/v1/recommend/u0", {"explore": 0.5}),
        lambda: live.post("/v1/recommend", {"user_id": "u0", "explore": 0.5}),
    ):
        explored = ask()
        assert explored["source"] == "history"
        assert 0 < len(marked(explored)) <= 5 and set(marked(explored)) <= set(NEW)
        again = ask()
        assert [item["item_id"] for item in again["items"]] == [
            item["item_id"] for item in explored["items"]
        ]
    others, known = (
        [name for name in live.ids("/v1/recommend/u0", explore=share) if name not in NEW]
        for share in (0.5, 0)
    )
    assert others == known[: len(others)]
    session = live.post("/v1/recommend", {"items": ["i3", "i8"], "explore": 0.5})
    assert set(marked(session)) <= set(NEW)
    few = live.get("/v1/recommend/u0", explore=0.5, filter="price > 6")
    assert not marked(few)


def test_the_log_and_the_reasons_say_so(live):
    result = live.get("/v1/recommend/u0", explore=0.5, explain=True)
    name = result["recommendation_id"]
    logged = live.engine.lists.log.get_waiting(name)
    assert logged is None or logged.explored == set(marked(result))
    wait_until(lambda: live.engine.store.read_now(lambda s: s.recommendation(name)))
    stored = live.engine.store.read_now(lambda store: store.recommendation(name))
    assert stored.explored == set(marked(result)) and not stored.drafted_by
    explained = live.get(f"/v1/explain/{name}")["items"]
    by_kind = {item["item_id"] for item in explained if item["kind"] == "exploration"}
    assert by_kind == set(marked(result))
    for item in result["items"]:
        assert item["reason"].startswith("new item, listed to") == (item["item_id"] in by_kind)


def test_feedback_counts_exposures_and_positive_events(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr(new_item_feedback, "SETTLED", 3_600.0)  # leaves all lists to the end
    with service(bundles[0], tmp_path / "live") as live:
        add_items(live)
        feedback, bundle = live.engine.feedback, live.engine.traffic.split.primary
        assert feedback._thread is None  # nothing explores yet
        lists = [live.get(f"/v1/recommend/u{number}", explore=0.5) for number in range(8)]
        names = [result["recommendation_id"] for result in lists]
        listed = [item["item_id"] for result in lists for item in result["items"]]
        acted = marked(lists[0])[0]
        for kind, name in (("view", names[0]), ("impression", names[0]), ("view", None)):
            live.post(
                "/v1/events",
                {"user_id": "u0", "item_id": acted, "event_type": kind}
                | ({"recommendation_id": name} if name else {}),
            )
        wait_until(lambda: live.engine.store.read_now(lambda s: s.counts()["recommendations"]) >= 8)
        feedback.close()
        feedback._stopping.clear()
        monkeypatch.setattr(new_item_feedback, "SETTLED", -60.0)
        feedback.read()
        feedback.read()  # what was counted before is not counted again
        known = feedback.of(bundle)
        ids = bundle.catalog.ids
        expected = {name: listed.count(name) for name in NEW}
        assert {name: known.exposures[ids.code(name)] for name in NEW} == expected
        assert known.events[ids.code(acted)] == 1 and known.events.sum() == 1
        assert not known.exposures[bundle.recommender.interactions.counts >= 5].any()
        assert feedback.of(bundle) is known
        live.http.put("/v1/items/newest", json={"attributes": {"title": "mate blend"}})
        wait_until(lambda: live.engine.traffic.split.primary.is_open("newest"))
        grown = feedback.of(live.engine.traffic.split.primary)
        assert len(grown.exposures) == len(ids) + 1
        assert grown.exposures[: len(ids)].tolist() == known.exposures.tolist()
        assert feedback.of(bundle).exposures.tolist() == known.exposures.tolist()
        text = page(live, "/dashboard/feedback").partition("<h2>Exploration</h2>")[2]
        explored = sum(len(marked(result)) for result in lists)
        share = f"{100 / explored:.1f}"
        assert re.findall(r'<td class="number">([^<]*)</td>', text)[:3] == [
            str(explored),
            "1",
            share,
        ]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/recommend/u0", {"explore": 0.7}, "explore must be 0.5 or less"),
        ("/v1/recommend", {"items": ["i3"], "explore": -0.1}, "explore must be 0 or more"),
        ("/v1/recommend", {"text": "tea", "explore": 0.1}, "with a text leave it out"),
        ("/v1/search", {"query": "tea", "explore": 0.1}, "explore"),
    ],
)
def test_refusals(live, path, body, message):
    refused = live.http.post(path, json=body)
    assert refused.status_code == 422 and message in refused.text


def test_the_bundle_has_the_default(bundles, tmp_path):
    recommender = Recommender.load(bundles[0])
    recommender.plan = (recommender.plan or Plan()).override({"recommend.explore": 0.5})
    recommender.save(tmp_path / "bundle")
    with service(tmp_path / "bundle", tmp_path / "live") as live:
        add_items(live)
        assert marked(live.get("/v1/recommend/u0"))
        assert not marked(live.get("/v1/recommend/u0", explore=0))
        assert not marked(live.post("/v1/rank", {"candidates": [*NEW, "i1"], "user_id": "u0"}))
        assert not marked(live.post("/v1/search", {"query": "tea", "user_id": "u0"}))
        assert not marked(live.get("/v1/popular")) and not marked(live.get("/v1/similar/i3"))


def test_the_draws_are_those_of_one_day(live):
    engine = live.engine
    bundle = engine.traffic.split.primary

    def ranked_items(day: int) -> tuple[tuple[str, float], ...]:
        request = ListRequest(user="u1", explore=0.5)
        store = engine.store.reader
        (ranked,) = rank_lists(bundle, [request], engine.histories, store, day * 86_400.0 + 5)
        return ranked.items

    days = [ranked_items(day) for day in range(20_000, 20_012)]
    assert ranked_items(20_000) == days[0] and len(set(days)) > 2
