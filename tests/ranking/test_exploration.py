"""Exploration: new items in a bounded share of a list."""

from dataclasses import replace

import numpy as np
import pytest

import pennyweight
import small_shop
from pennyweight.config.plan import Plan
from pennyweight.data.documents import documents
from pennyweight.data.interactions import Histories
from pennyweight.errors import PlanError
from pennyweight.ranking.exploration import Exploration, ItemFeedback
from pennyweight.ranking.query import NO_QUERY, Query, item_query
from pennyweight.ranking.request import RankingRequest
from pennyweight.ranking.reranking import Reranker
from pennyweight.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity

N_OLD = small_shop.N_ITEMS
NEW = [f"{kind} blend {side} fresh" for kind in small_shop.KINDS for side in ("dark", "mild")]
QUERY = Query(Histories.of([[3, 8, 14]]))
N_ITEMS = N_OLD + len(NEW)


@pytest.fixture(scope="module")
def shop() -> Recommender:
    """Thirty items with events, and ten that came later."""
    data = pennyweight.read(small_shop.items(), small_shop.events(users=200))
    blend = Blend(
        {"popularity": Popularity(), "content": Content(), "neighbors": Neighbors()},
        {"popularity": 0.3, "content": 0.4, "neighbors": 1.0},
    ).fit(data.interactions, data.catalog)
    fitted = Recommender(data.catalog, blend, data.interactions)
    new = {f"n{at}": {"title": title} for at, title in enumerate(NEW)}
    return fitted.with_items(documents(new, data.catalog))


def request(share: float = 0.2, *, seed: str = "", k: int = 10, **options) -> RankingRequest:
    feedback = options.pop("feedback", None)
    return RankingRequest(QUERY, k, exploration=Exploration(share, seed, feedback), **options)


def ranked(shop: Recommender, *requests: RankingRequest):
    return shop.ranker.rank(requests)


def feedback(**columns: dict[int, float]) -> ItemFeedback:
    arrays = {name: np.zeros(N_ITEMS) for name in ("exposures", "events")}
    for name, values in columns.items():
        arrays[name][list(values)] = list(values.values())
    return ItemFeedback(**arrays)


def test_the_share_is_never_exceeded_and_right_on_average(shop):
    for share in (0.02, 0.15, 0.5):
        lists = ranked(shop, *(request(share, seed=str(seed)) for seed in range(400)))
        explored = [len(list_.explored) for list_ in lists]
        assert max(explored) <= np.ceil(share * 10)
        assert np.mean(explored) == pytest.approx(share * 10, abs=0.15)
        for list_ in lists:
            codes = list_.codes.tolist()
            assert len(set(codes)) == 10
            assert list_.explored <= {code for code in codes[5:] if code >= N_OLD}


def test_the_others_keep_their_order_and_the_last_make_room(shop):
    plain = ranked(shop, RankingRequest(QUERY, 10))[0].codes.tolist()
    list_ = ranked(shop, request())[0]
    assert len(list_.explored) == 2
    others = [code for code in list_.codes.tolist() if code not in list_.explored]
    assert others == plain[:8]


def test_off_changes_nothing(shop):
    plain, off = ranked(shop, RankingRequest(QUERY, 10, explain=True), request(0.0, explain=True))
    assert plain.codes.tolist() == off.codes.tolist() and plain.reasons == off.reasons
    assert not off.explored


def test_a_list_is_the_same_each_time_and_another_by_seed_and_history(shop):
    first, again = ranked(shop, request(seed="a"))[0], ranked(shop, request(seed="a"))[0]
    assert first.codes.tolist() == again.codes.tolist()
    lists = ranked(shop, *(request(seed=str(seed)) for seed in range(50)))
    assert len({code for list_ in lists for code in list_.explored}) > 3
    assert len({tuple(list_.codes.tolist()) for list_ in lists}) > 10


def test_rules_hold(shop):
    some = np.array([*range(20), N_OLD, N_OLD + 3], np.int32)
    candidates = ranked(shop, request(candidates=some))[0]
    assert candidates.explored <= {N_OLD, N_OLD + 3} and set(candidates.codes) <= set(some.tolist())
    turned_down = np.arange(N_OLD, N_ITEMS - 1, dtype=np.int32)
    query = replace(QUERY, turned_down=turned_down)
    assert ranked(shop, replace(request(), query=query))[0].explored == {N_ITEMS - 1}
    filtered = ranked(shop, request(filter='title contains "mild"'))[0]
    assert filtered.explored
    assert all("mild" in shop.catalog.title(code) for code in filtered.codes.tolist())
    diverse, plain = ranked(shop, request(diversity=0.8), RankingRequest(QUERY, 10, diversity=0.8))
    others = [code for code in diverse.codes.tolist() if code not in diverse.explored]
    assert others == plain.codes.tolist()[: len(others)] and len(diverse.codes) == 10


def test_new_items_that_are_listed_anyway_count(shop):
    bonus = np.zeros(N_ITEMS, np.float32)
    bonus[N_OLD : N_OLD + 2] = 50
    list_ = ranked(shop, request(bonus=bonus))[0]
    assert set(list_.codes[:2].tolist()) == {N_OLD, N_OLD + 1} and not list_.explored


def test_an_item_needs_an_expected_gain(shop):
    hopeless = np.zeros(N_ITEMS, np.float32)
    hopeless[N_OLD:] = -20
    lists = ranked(shop, *(request(0.5, seed=str(seed), bonus=hopeless) for seed in range(50)))
    assert not any(list_.explored for list_ in lists)
    # Of many lists without an event, ever fewer events are expected of an item.
    seen = feedback(exposures={N_OLD: 40, **dict.fromkeys(range(N_OLD + 1, N_ITEMS), 1e4)})
    (list_,) = ranked(shop, request(0.5, feedback=seen))
    assert list_.explored
    rest = {code: 1e6 for code in range(N_OLD + 1, N_ITEMS)}
    clicked = feedback(exposures=rest | {N_OLD: 100}, events={N_OLD: 3.0})
    lists = ranked(shop, *(request(0.1, seed=str(seed), feedback=clicked) for seed in range(200)))
    times = np.array([N_OLD in list_.explored for list_ in lists]).mean()
    plain = ranked(shop, *(request(0.1, seed=str(seed)) for seed in range(200)))
    assert times > 2 * np.array([N_OLD in list_.explored for list_ in plain]).mean()


def test_feedback_is_that_of_a_gamma_poisson_model():
    known = ItemFeedback(np.array([0.0, 60.0, 20.0]), np.array([0.0, 3.0, 0.0]))
    rate = (1 + 3) / (20 + 80)
    assert known.shape.tolist() == [1, 4, 1]
    np.testing.assert_allclose(known.rate, [1, 1 + 60 * rate, 1 + 20 * rate])


def test_an_item_with_enough_events_is_new_no_more(shop):
    enough = feedback(
        exposures=dict.fromkeys(range(N_OLD, N_ITEMS), 10.0),
        events=dict.fromkeys(range(N_OLD, N_ITEMS), 5.0),
    )
    assert not ranked(shop, request(0.5, feedback=enough))[0].explored


def test_only_lists_by_history_explore(shop):
    exploration = Exploration(0.5)
    for query in (NO_QUERY, item_query(np.array([3], np.int32))):
        assert not ranked(shop, RankingRequest(query, 10, exploration=exploration))[0].explored
    with pytest.raises(PlanError, match="explore is for lists by the history"):
        RankingRequest(replace(QUERY, text="tea"), 10, exploration=exploration)


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_shares_out_of_range(shop, share):
    with pytest.raises(PlanError, match=r"from 0 \(no exploration\)"):
        shop.recommend(history=["i3"], explore=share)
    with pytest.raises(TypeError, match="explore takes a number"):
        shop.recommend(history=["i3"], explore="0.1")


def test_short_lists(shop):
    for k in (1, 2, 3, N_ITEMS, 2 * N_ITEMS):
        for list_ in ranked(shop, *(request(0.5, k=k, seed=str(seed)) for seed in range(5))):
            assert len(list_.codes) == len(set(list_.codes.tolist())) == min(k, N_ITEMS - 3)


def test_trees_come_between(shop):
    class Reversal(Reranker):
        """Puts the items in the opposite order, and a new one first."""

        def __call__(self, batch):
            batch.codes = [np.r_[np.int32(N_OLD), codes[::-1]][:10] for codes in batch.codes]

    ranker = replace(shop.ranker, rerankers=(Reversal(shop.scorer, None),), depth=12)
    for list_ in ranker.rank([request(seed=str(seed)) for seed in range(20)]):
        codes = list_.codes.tolist()
        assert codes[0] == N_OLD and N_OLD not in list_.explored
        assert len(codes) == len(set(codes)) == 10


def test_items_say_that_they_are_explored(shop):
    user = shop.interactions.users[0]
    frame = shop.recommend(user=user, explore=0.5, explain=True)
    explored = frame.filter(source="exploration")
    assert 0 < explored.height <= 5
    assert all(reason.startswith("new item, listed to learn") for reason in explored["reason"])
    assert explored["item_id"].str.starts_with("n").all()
    assert set(frame["source"]) == {"history", "exploration"}
    many = shop.recommend_many([user], explore=0.5, explain=True)
    assert many["source"].to_list() == ["history"] * 10 or "exploration" in set(many["source"])


def test_the_lists_of_an_export_are_those_of_one_by_one(shop, tmp_path):
    users = list(shop.interactions.users)[:8]
    many = shop.recommend_many(users, explore=0.3)
    for user in users:
        alone = shop.recommend(user=user, explore=0.3)
        listed = many.filter(user_id=user)
        assert listed["item_id"].to_list() == alone["item_id"].to_list()
        assert listed["source"].to_list() == alone["source"].to_list()
    shop.export(tmp_path / "lists.jsonl", explore=0.3)
    assert '"exploration"' in (tmp_path / "lists.jsonl").read_text("utf-8")


def test_the_default_is_that_of_the_plan(shop):
    other = shop.with_log(shop.interactions)
    other.plan = Plan().override({"recommend.explore": 0.5})
    expected = shop.recommend(history=["i3", "i8"], explore=0.5)
    assert other.recommend(history=["i3", "i8"]).equals(expected)
    assert "exploration" in expected["source"]
    assert "exploration" not in other.recommend(history=["i3"], explore=0.0)["source"]
    assert set(other.recommend(history=["i3"], text="tea")["source"]) == {"history and text"}
    with pytest.raises(PlanError, match="with a text leave it out"):
        other.recommend(text="tea", explore=0.1)


def test_relative_scores_are_compared_by_their_ratio(shop):
    content = Recommender(shop.catalog, shop.scorer.components["content"], shop.interactions)
    lists = ranked(content, *(request(0.5, seed=str(seed)) for seed in range(20)))
    scores = content.scorer.score(QUERY.history)[0]
    explored = {code for list_ in lists for code in list_.explored}
    assert explored and min(scores[list(explored)]) > 0  # no word in common is no gain


def test_without_a_log_nothing_is_known_to_be_new(shop):
    bare = shop.with_log(None)
    with pytest.raises(PlanError, match="keeps no event log"):
        bare.recommend(history=["i3"], explore=0.1)
    bare.plan = Plan().override({"recommend.explore": 0.5})
    assert "exploration" not in bare.recommend(history=["i3"])["source"]
