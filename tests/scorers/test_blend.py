"""The blend: the gain by learned weights, and scores computed by hand."""

import numpy as np
import pytest

import world
from pennyweight.data.interactions import Histories
from pennyweight.data.split import split
from pennyweight.errors import BundleError, PlanError
from pennyweight.evaluation.measure import measure
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.blend_weights import candidates
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Novelty, Popularity
from pennyweight.scorers.registry import scorer_type


def default(kind: str) -> float:
    return scorer_type(kind).default_weight


def test_candidates_are_the_best_of_any_component():
    features = np.zeros((1000, 2), np.float32)
    features[:150, 0] = np.arange(150) + 1
    features[700:850, 1] = np.arange(150) + 1
    hidden = np.zeros((1000, 2), bool)[:, 0]
    hidden[149] = True
    best = candidates(features, hidden)
    assert best.tolist() == [*range(49, 149), *range(750, 850)]


def complementary(seed: int = 0):
    """Return a log in which half of the users follow a hidden order and half follow the texts.

    The order runs over 120 items whose texts say nothing; the texts tell topics of 600 items
    that hardly anybody has met.
    """
    rng = np.random.default_rng(seed)
    warm, cold, topics = 120, 600, 60
    follows = rng.permutation(warm)
    topic = rng.permutation(np.arange(cold) % topics)
    rows = []
    for _ in range(130):
        row = [int(rng.integers(warm))]
        while len(row) < 6 and (item := int(follows[row[-1]])) not in row:
            row.append(item)
        rows.append(row)
        of_topic = np.flatnonzero(topic == rng.integers(topics)) + warm
        rows.append(rng.permutation(of_topic)[:6].tolist())
    texts = [f"item{i}" for i in range(warm)] + [f"topic{t} item{i}" for i, t in enumerate(topic)]
    return world.events(rows, warm + cold), world.catalog(texts)


@pytest.fixture(scope="module")
def two_halves():
    log, catalog = complementary()
    parted = split(log, "leave-last-out")
    parts = {"content": Content(decay=0.2), "neighbors": Neighbors(decay=0.2, window=1)}
    blend = Blend(parts).fit(parted.train, catalog)
    return blend.learn(parted.valid, rng=np.random.default_rng(0)), parted, catalog


def test_learned_weights_beat_each_part(two_halves):
    blend, parted, catalog = two_halves
    assert min(blend.weights.values()) > 0.5
    blend.fit(parted.test.before, catalog)
    scorers = {**blend.components, "blend": blend}
    results = measure(scorers, parted.test, repeats="exclude")
    quality = {name: result.column("ndcg@10").mean() for name, result in results.items()}
    assert quality["blend"] > 1.1 * max(quality["content"], quality["neighbors"]), quality


def test_learning_is_repeatable_and_independent_of_blocks(two_halves, monkeypatch):
    blend, parted, catalog = two_halves
    parts = {"content": Content(decay=0.2), "neighbors": Neighbors(decay=0.2, window=1)}
    again = Blend(parts).fit(parted.train, catalog)
    calls = []
    monkeypatch.setattr("pennyweight.scorers.blend_weights.BLOCK_BYTES", 100_000)
    again.learn(
        parted.valid,
        rng=np.random.default_rng(0),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert len(calls) > 2
    assert calls[-1] == (len(parted.valid), len(parted.valid))
    for name, weight in blend.weights.items():
        assert again.weights[name] == pytest.approx(weight, abs=1e-4)


def test_a_part_that_knows_nothing_gets_little(two_halves):
    _, parted, catalog = two_halves
    silent = Content()
    parts = {"neighbors": Neighbors(decay=0.2), "content": silent}
    blend = Blend(parts)
    parts["neighbors"].fit(parted.train, catalog)
    silent.fit(parted.train, world.catalog([""] * len(catalog)))
    blend.learn(parted.valid, rng=np.random.default_rng(0))
    assert blend.weights["content"] == pytest.approx(default("content"), abs=0.02)
    assert blend.weights["neighbors"] > 0.5


def test_only_popularity_may_count_against_an_item():
    # Everybody leaves the crowd's items for one of the four that nobody has met, of other texts.
    rows = [[u % 5, (u + 1) % 5, (u + 2) % 5, 5 + u % 4] for u in range(40)]
    texts = ["crowd"] * 5 + ["apart"] * 4
    log, catalog = world.events(rows, 9), world.catalog(texts)
    held_out = split(log, "leave-last-out").test
    parts = {
        "popularity": Popularity(),
        "novelty": Novelty(),
        "content": Content(),
        "neighbors": Neighbors(),
    }
    blend = Blend(parts).fit(held_out.before, catalog)
    weights = blend.learn(held_out, rng=np.random.default_rng(0)).weights
    assert weights["novelty"] > 1 > default("novelty")
    assert weights["content"] < default("content")
    assert min(weights.values()) >= 0
    # And the opposite: no user ever turns to new items.
    rows = [[u % 5, (u + 1) % 5, (u + 2) % 5, (u + 3) % 5] for u in range(40)]
    log = world.events(rows, 9)
    steady = split(log, "leave-last-out").test
    blend.fit(steady.before, catalog).learn(steady, rng=np.random.default_rng(0))
    assert blend.weights["novelty"] == default("novelty") < blend.weights["neighbors"]


def test_weights_are_the_defaults_where_nothing_can_be_learned():
    # Every held-out item is in its history, so that under "exclude" none is a candidate.
    log = world.events([[0, 0, 0, 0], [1, 1, 1, 1]], 3)
    catalog = world.catalog(["red", "blue", "red blue"])
    valid = split(log, "leave-last-out").valid
    blend = Blend({"popularity": Popularity(), "content": Content()}).fit(log, catalog)
    blend.learn(valid, rng=np.random.default_rng(0))
    assert blend.learned_from == 0
    assert blend.weights == {name: default(name) for name in ("popularity", "content")}
    repeating = Blend(blend.components, repeats="include").learn(
        valid, rng=np.random.default_rng(0)
    )
    assert repeating.weights != blend.weights
    assert repeating.learned_from == 2


def test_weights_are_the_defaults_where_a_held_out_item_has_no_rival():
    # One user has seen all but one item: whatever is held out wins, and zeros would be as good.
    log = world.events([[0, 1, 2, 3]], 4)
    blend = Blend({"popularity": Popularity(), "neighbors": Neighbors()})
    valid = split(log, "leave-last-out").test
    blend.fit(valid.before, world.catalog([""] * 4)).learn(valid, rng=np.random.default_rng(0))
    assert blend.weights == {name: default(name) for name in ("popularity", "neighbors")}


def test_few_users_are_enough_when_told(two_halves):
    blend, parted, _ = two_halves
    other = Blend(blend.components).learn(parted.valid, rng=np.random.default_rng(0), max_users=3)
    assert all(np.isfinite(list(other.weights.values())))


def small() -> Blend:
    log, catalog = world.four()
    parts = {"popularity": Popularity(), "neighbors": Neighbors(decay=1, window=1, normalize=0)}
    return Blend(parts, {"popularity": 0.5, "neighbors": 2.0}).fit(log, catalog)


def test_relative_parts_are_divided_by_their_best_rival():
    # Neighbors, backward .5: from a, b gains 2, c .5, d .5. With b in the history, c from b 2,
    # a from b 1, so a 1, b 2, c 2.5, d .5: the best that is not in the history is c.
    blend = small()
    popular = 0.5 * np.log1p([4, 3, 2, 1])
    scores = blend.score(Histories.of([[world.A], [world.A, world.B], []]))
    np.testing.assert_allclose(scores[0], popular + 2 * np.array([0, 2, 0.5, 0.5]) / 2, rtol=1e-5)
    np.testing.assert_allclose(scores[1], popular + 2 * np.array([1, 2, 2.5, 0.5]) / 2.5, rtol=1e-5)
    np.testing.assert_allclose(scores[2], 2 * popular, rtol=1e-5)  # popularity as it is


@pytest.mark.parametrize(("repeats", "best"), [("exclude", 2.5), ("include", 9)])
def test_items_of_the_history_are_rivals_only_with_repeats(repeats, best):
    blend = small()
    blend.repeats = repeats
    blend.components["neighbors"].matrix[world.B, world.A] = 9.0
    history = Histories.of([[world.A, world.B]])
    scores = blend.score(history)[0] - 0.5 * np.log1p([4, 3, 2, 1])
    np.testing.assert_allclose(scores, 2 * np.array([9, 2, 2.5, 0.5]) / best, rtol=1e-5)
    codes = np.arange(4, dtype=np.int32)
    np.testing.assert_allclose(blend.contributions(history, codes).sum(axis=1), scores, rtol=1e-5)


def test_shares_of_the_parts_add_up_to_the_score_above_the_average():
    blend = small()
    history, codes = Histories.of([[world.A, world.D]]), np.array([1, 2], np.int32)
    score = blend.score(history)[0]
    shares = blend.component_shares(history, codes)
    assert list(shares) == ["popularity", "neighbors"]
    np.testing.assert_allclose(sum(shares.values()), score[codes] - score.mean(), rtol=1e-4)


def test_histories_have_the_weights_of_their_length(tmp_path):
    log, catalog = world.four()
    parts = {"popularity": Popularity(), "neighbors": Neighbors(decay=1, window=1, normalize=0)}
    routes = {0: {"popularity": 3.0, "neighbors": 0.0}, 2: {"popularity": 0.0, "neighbors": 5.0}}
    blend = Blend(parts, {"popularity": 1.0, "neighbors": 1.0}, routes=routes).fit(log, catalog)
    histories = Histories.of([[], [world.A], [world.A, world.B], [world.A, world.B, world.C]])
    scores = blend.score(histories)
    np.testing.assert_array_equal(scores[:2], Blend(parts, routes[0]).score(histories)[:2])
    np.testing.assert_array_equal(scores[2:], Blend(parts, routes[2]).score(histories)[2:])
    codes = np.arange(4, dtype=np.int32)
    two = histories.take(np.array([2]))
    np.testing.assert_allclose(blend.contributions(two, codes).sum(axis=1), scores[2], rtol=1e-5)
    assert not blend.component_shares(two, codes)["popularity"].any()
    blend.save(tmp_path)
    again = Blend.load(tmp_path)
    assert again.routes == routes
    np.testing.assert_array_equal(again.score(histories), scores)


@pytest.mark.parametrize("popularity", [-2.0, -0.1, 0.0, 1.0])
def test_the_most_popular_come_first_for_somebody_unknown(popularity):
    log, catalog = world.four()
    parts = {"popularity": Popularity(), "content": Content(), "novelty": Novelty()}
    weights = {"popularity": popularity, "content": 1.0, "novelty": 9.0}
    routes = {0: weights, 3: weights}
    for blend in (Blend(parts, weights), Blend(parts, weights, routes=routes)):
        blend.fit(log, catalog)
        assert blend.score(Histories.of([[]]))[0].argsort()[::-1].tolist() == [0, 1, 2, 3]


def test_the_most_popular_come_first_where_no_other_part_tells_items_apart():
    log, catalog = world.four()
    parts = {"popularity": Popularity(), "neighbors": Neighbors()}
    blend = Blend(parts, {"popularity": -1.0, "neighbors": 2.0}).fit(log, catalog)
    row = parts["neighbors"].matrix.indptr[world.C : world.C + 2]
    parts["neighbors"].matrix.data[slice(*row)] = 0  # from c, nobody went anywhere
    scores = blend.score(Histories.of([[world.C], [world.A]]))
    assert scores[0].argsort()[::-1].tolist() == [0, 1, 2, 3]
    assert scores[1].argmin() == world.A  # where there is more to say, popularity may give way


def test_popularity_does_not_turn_lists_over_where_it_is_all_that_is_learned():
    # Newcomers take the least popular: nothing that lists of anybody should follow.
    rows = [[u % 4, (u + 1) % 4, 4 + u % 8] for u in range(64)]
    rows += [[4 + k, 4 + (k + 1) % 8, 4 + (k + 2) % 8] for k in range(8)]
    log, catalog = world.events(rows, 12), world.catalog([""] * 12)
    held_out = split(log, "leave-last-out").test
    blend = Blend({"popularity": Popularity(), "content": Content()}).fit(held_out.before, catalog)
    blend.learn(held_out, rng=np.random.default_rng(0))
    assert blend.learned_from == 72
    assert blend.weights["popularity"] == 0


def test_a_part_without_weight_is_left_out():
    log, catalog = world.four()
    blend = Blend({"popularity": Popularity(), "content": Content()}, {"popularity": 1.0})
    blend.fit(log, catalog)
    np.testing.assert_array_equal(
        blend.score(log.histories), blend.components["popularity"].score(log.histories)
    )
    none = Blend(blend.components, {})
    assert not none.score(log.histories).any()
    assert none.score(log.histories).shape == (4, 4)


def test_a_text_is_read_even_where_content_weighs_nothing():
    log, catalog = world.four()
    blend = Blend({"content": Content(), "popularity": Popularity()}, {"content": -1.0})
    scores = blend.fit(log, catalog).score_texts(["green"])
    assert scores[0].argmax() == world.D
    deaf = Blend({"popularity": Popularity()}).fit(log, catalog)
    assert not deaf.scores_texts
    with pytest.raises(PlanError, match="does not read texts"):
        deaf.score_texts(["green"])


def test_a_part_of_another_version_is_refused(tmp_path):
    class Oracle(Popularity):
        kind = "oracle"

    Blend({"popularity": Popularity(), "mine": Oracle()}).save(tmp_path)
    with pytest.raises(BundleError, match="'oracle' is not known"):
        Blend.load(tmp_path)
