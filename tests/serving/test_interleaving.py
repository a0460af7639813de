"""Interleaved lists: drafted fairly, credited by acted items, explained, and compared by users."""

import random
from dataclasses import replace

import pytest
from live import service
from test_dashboard import confirm

from pennyweight.evaluation.always_valid import share_of_wins
from pennyweight.serving.live import outcome_counter
from pennyweight.serving.live.interleaving import team_draft
from pennyweight.serving.live.lists import RankedList

A, B = "aaa", "bbb"


def ranked(*items: str) -> RankedList:
    scores = tuple((item, float(-place)) for place, item in enumerate(items))
    return RankedList(scores, "history", attributes=tuple({"name": item} for item in items))


def test_a_draft_takes_the_best_of_each_in_turn():
    first, second = ranked("a", "b", "c", "d"), ranked("b", "x", "a", "y")
    seen = set()
    for seed in range(40):
        merged = team_draft((first, second), (A, B), 4, random.Random(seed))
        ids = [item for item, _ in merged.items]
        assert len(set(ids)) == 4 and set(ids[:2]) in ({"a", "b"}, {"b", "a"}, {"b", "x"})
        assert merged.drafted_by.count(A) == 2  # in each round each bundle adds one
        assert [row["name"] for row in merged.attributes] == ids
        for item, owner in zip(ids, merged.drafted_by, strict=True):
            source = first if owner == A else second
            assert item in [name for name, _ in source.items]
        seen.add(merged.drafted_by[0])
    assert seen == {A, B}


def test_an_item_is_explored_by_the_bundle_that_added_it():
    first = replace(ranked("a", "b"), explored=frozenset("b"))
    second = ranked("b", "c")
    for seed in range(20):
        merged = team_draft((first, second), (A, B), 3, random.Random(seed))
        owners = {
            item: owner for (item, _), owner in zip(merged.items, merged.drafted_by, strict=True)
        }
        assert merged.explored == ({"b"} if owners["b"] == A else set())


@pytest.mark.parametrize("k", [0, 1, 3, 9])
def test_a_draft_of_short_lists(k):
    merged = team_draft((ranked("a", "b"), ranked("b", "c", "d")), (A, B), k, random.Random(0))
    assert len(merged.items) == len(merged.drafted_by) == min(k, 4)
    assert team_draft((ranked(), ranked()), (A, B), k, random.Random(0)).items == ()


def test_a_share_of_wins_by_hand():
    # V = 1 / 400, prior^2 = 1 / 400: sqrt(1 / 200 * ln(2 / 0.05^2)) = sqrt(ln(800) / 200)
    estimate, p = share_of_wins(60, 40)
    assert estimate.value == 0.6 and estimate.high - 0.6 == pytest.approx(0.18282, abs=1e-4)
    assert p > 0.05 and share_of_wins(90, 10)[1] < 0.001
    with pytest.raises(ValueError, match="no share"):
        share_of_wins(0, 0)


def test_equal_bundles_are_seldom_preferred_at_any_of_28_looks():
    rng, decided = random.Random(4), 0
    for _ in range(300):
        wins = losses = 0
        called = False
        for _ in range(28):
            won = sum(rng.random() < 0.5 for _ in range(40))
            wins, losses = wins + won, losses + 40 - won
            estimate, _p = share_of_wins(wins, losses)
            called |= not estimate.low <= 0.5 <= estimate.high
        decided += called
    assert decided <= 15  # 5 %


@pytest.fixture
def live(bundles, tmp_path, monkeypatch):
    monkeypatch.setattr(outcome_counter, "REST", 0)
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        yield live


def halves(live) -> list[dict]:
    rows = live.get("/v1/bundles")["bundles"]
    return [{"bundle_version": row["bundle_version"], "share": 0.5} for row in rows]


def test_users_who_act_on_items_of_one_bundle_prefer_it(live):
    variants = halves(live)
    first, second = (variant["bundle_version"] for variant in variants)
    body = {"variants": variants, "kind": "interleave", "name": "mix"}
    assert live.post("/v1/experiments", body)["kind"] == "interleave"
    acted = 0
    for i in range(60):
        answer = live.get(f"/v1/recommend/u{i}", k=6)
        assert answer["bundle_version"] == f"{first}+{second}" and len(answer["items"]) == 6
        stored = live.stored_list(answer["recommendation_id"])
        assert len(stored.drafted_by) == 6 and set(stored.drafted_by) == {first, second}
        item = stored.items[stored.drafted_by.index(second)][0]
        event = {"user_id": f"u{i}", "item_id": item, "event_type": "buy"}
        live.post("/v1/events", event | {"recommendation_id": answer["recommendation_id"]})
        acted += 1
    explained = live.get(f"/v1/explain/{answer['recommendation_id']}")
    assert [row["item_id"] for row in explained["items"]] == [i["item_id"] for i in answer["items"]]
    assert explained["note"] is None
    result = live.get("/v1/feedback")
    preference = result["preference"]
    assert (preference["wins"], preference["losses"], preference["ties"]) == (acted, 0, 0)
    assert preference["decided"] and preference["p"] < 0.001
    assert result["summary"].startswith("100.0% of 60 users with a preference") and (
        result["contrasts"] == []
    )
    assert {o["bundle_version"] for o in result["outcomes"] if o["event_type"]} == {second}
    assert [v["users"] for v in result["variants"]] == [60, 60]
    text = live.http.get("/dashboard/experiments").text
    assert "mix: interleaving since" in text and "Change shares" not in text
    assert live.http.put("/v1/experiments/shares", json={"variants": variants}).status_code == 422
    live.post("/v1/experiments/promote", {"bundle_version": second})
    assert live.get("/v1/recommend/u1")["bundle_version"] == second


def test_the_page_asks_before_lists_are_interleaved(live):
    first, second = (variant["bundle_version"] for variant in halves(live))
    start = "/dashboard/experiments/start"
    fields = {"kind": "interleave", "control": first, "variant1": second, "percent1": "50"}
    assert "items of both bundles" in live.http.get(start, params=fields).text
    confirm(live, start, **fields)
    assert live.get("/v1/experiments")["experiments"][0]["kind"] == "interleave"


def test_it_goes_on_after_a_restart(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        live.post("/v1/experiments", {"variants": halves(live), "kind": "interleave"})
        label = live.get("/v1/recommend/u1")["bundle_version"]
    with service(None, tmp_path / "live") as live:
        assert live.get("/v1/recommend/u1")["bundle_version"] == label and "+" in label
        assert live.post("/v1/search", {"query": "tea"})["bundle_version"] == label


def test_what_cannot_be_interleaved(live):
    variants = halves(live)
    uneven = [variants[0] | {"share": 0.6}, variants[1] | {"share": 0.4}]
    for body in ({"variants": uneven, "kind": "interleave"}, {"variants": variants, "kind": "mix"}):
        assert live.http.post("/v1/experiments", json=body).status_code == 422
    assert live.get("/v1/experiments")["experiments"] == []
    wrong = live.http.get("/v1/recommend/u1", params={"filter": "nothing == 3"})
    assert wrong.status_code == 422
