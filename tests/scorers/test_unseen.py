"""Items without events are reached where no held-out choice says how far to lift them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import world
from pennyweight.data.documents import documents
from pennyweight.data.interactions import Histories
from pennyweight.data.split import split
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.new_items import reach
from pennyweight.evaluation.user_results import UserResults
from pennyweight.fitting import fit
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.new_items import PLACES, Lift, lift
from pennyweight.scorers.popularity import Novelty, Popularity

TOPICS = ("garden rake soil", "kitchen pan oven", "music drum song", "water boat sail")
N = 120  # items; the last ten of them nobody has met
OLD = N - 10


def catalog():
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(30)]
    return world.catalog(
        [f"{TOPICS[i % 4]} {' '.join(rng.choice(words, 3))} no{i}" for i in range(N)]
    )


def log(users: int = 200, events: int = 8):
    rng = np.random.default_rng(6)
    weight = 1 / (np.arange(OLD // 4) + 3)
    rows = [
        (rng.choice(OLD // 4, events, replace=False, p=weight / weight.sum()) * 4 + u % 4).tolist()
        for u in range(users)
    ]
    return world.events(rows, N)


def parts():
    return {"popularity": Popularity(), "content": Content(), "neighbors": Neighbors()}


def places(blend, histories, new):
    score = blend.score(histories)
    score[histories.row, histories.item] = -np.inf
    return np.isin(np.argsort(-score, kind="stable")[:, :10], new)


@pytest.fixture(scope="module")
def learned():
    held_out = split(log(), "leave-last-out").valid
    blend = Blend(parts()).fit(held_out.before, catalog())
    rng = np.random.default_rng(0)
    blend.learn(held_out, rng=rng, texts=catalog().texts, new_items=False)
    return blend.with_novelty().fit(held_out.before, catalog()), held_out


def test_new_items_get_the_places_of_average_items(learned):
    blend, held_out = learned
    new = np.flatnonzero(held_out.before.counts == 0)
    share = min(PLACES, len(new) / N)
    assert share / 2 < places(blend, held_out.histories, new).mean() <= share + 1e-6
    without = Blend({**blend.components}, {**blend.weights, "novelty": 0})
    assert not places(without, held_out.histories, new).any()


def test_items_that_come_later_are_reached_and_do_not_flood_the_lists(learned):
    blend, held_out = learned
    texts = [f"{topic} w1 w2 late{i}" for i, topic in enumerate(TOPICS)]
    codes = np.arange(N, N + 4, dtype=np.int32)
    shares = places(blend.with_items(codes, texts, N + 4), held_out.histories, codes)
    assert 0 < shares.mean() < 4 * PLACES


def test_nobody_known_sees_the_most_popular_items_whatever_is_lifted(learned):
    blend, held_out = learned
    nobody = Histories.of([[]])
    best = np.argsort(-blend.score(nobody)[0], kind="stable")[:10]
    counts = held_out.before.counts
    assert counts[best].tolist() == np.sort(counts)[::-1][:10].tolist()


def test_few_items_and_nobody_to_ask_give_a_lift_too():
    few = split(world.events([[0, 1, 2], [1, 2, 0]], 3), "leave-last-out").valid
    small = Blend(parts()).fit(few.before, world.catalog(["red", "blue", "red blue"]))
    lifted = lift(small, few, ["red", "blue", "red blue"], np.random.default_rng(0))
    assert np.isfinite([lifted.listed, lifted.live]).all()
    nobody = replace(few, histories=Histories.of([[]] * len(few)))
    assert lift(small, nobody, ["red"] * 3, np.random.default_rng(0)) == Lift()


def test_choices_of_new_items_say_how_far_to_lift_them():
    rows = [[4 * (u % 20) + u % 4, 4 * (u % 15) + u % 4, OLD + u % 10] for u in range(100)]
    held_out = split(world.events(rows, N), "leave-last-out").test
    blend = Blend({**parts(), "novelty": Novelty()}).fit(held_out.before, catalog())
    blend.learn(held_out, rng=np.random.default_rng(0), texts=catalog().texts)
    assert blend.lift is None
    assert blend.weights["novelty"] > 2


def test_novelty_keeps_what_items_that_come_later_get(tmp_path, learned):
    blend, held_out = learned
    blend.save(tmp_path)
    again = Blend.load(tmp_path)
    codes, more = np.arange(N, N + 1, dtype=np.int32), ["garden rake soil w1"]
    expected = blend.with_items(codes, more, N + 1).score(held_out.histories)
    assert (again.with_items(codes, more, N + 1).score(held_out.histories) == expected).all()


def test_reach_counts_lists_places_and_choices():
    held_out = split(world.events([[0, 1, 2, 3], [0, 1, 2, 4], [1, 0, 2, 5]], 6), "leave-last-out")
    test = held_out.test
    blend = Blend({"novelty": Novelty()}).fit(test.before, world.catalog(["a"] * 6))
    reached = reach(
        UserResults(measure({"blend": blend}, test, repeats="exclude", k=2), test), "blend"
    )
    assert (reached.items, reached.of_items, reached.choices, reached.of_choices) == (3, 6, 3, 3)
    assert (reached.users, reached.lists, reached.places) == (3, 1, 1)
    assert reached.recall == pytest.approx(2 / 3)
    assert "3 of 6, 100.0 % of the held-out choices, in 100.0 % of the lists" in str(reached)


def test_a_recommender_lists_live_items_and_its_report_says_how_often():
    rng = np.random.default_rng(8)
    items = pl.DataFrame({"item_id": [f"i{i}" for i in range(N)], "title": list(catalog().texts)})
    rows = [(f"u{u}", f"i{4 * i + u % 4}") for u in range(120) for i in rng.permutation(24)[:7]]
    events = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")
    recommender = fit(items, events, encoder="tfidf")
    report = recommender.report
    assert report.protocol == "leave-last-out"
    assert report.new_items.items >= N - 96
    assert report.new_items.learned is False
    history = ["i0", "i4", "i8", "i12"]
    new_items = {"late": {"title": "garden rake soil w1 w2"}}
    grown = recommender.with_items(documents(new_items, recommender.catalog))
    assert "late" in grown.recommend(history=history, k=24)["item_id"].to_list()
