"""Items that users turned down are in none of their lists."""

import warnings
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pennyweight import Recommender
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import NegativeFeedback
from pennyweight.errors import UnknownUserWarning
from pennyweight.recommender.storage import forget_users
from shop import IDS, blend, catalog, interactions


@pytest.fixture(scope="module", params=["exclude", "include"])
def recommender(request) -> Recommender:
    """Return a shop in which ann turned down c, and neg, who has no event, 0 and 4."""
    log = interactions()
    log = replace(
        log,
        users=Ids([*log.users, "neg"], "users"),
        negative=NegativeFeedback(
            np.array([0, len(log.users), len(log.users)], np.int32),
            np.array([2, 0, 4], np.int32),
            np.array([5.0, 0, 1]),
        ),
        meanings={"dislike": "negative", "view": 1.0},
        liking=3.0,
    )
    return Recommender(catalog(), blend(), log, repeats=request.param)


def items(recommender: Recommender, user: str, **more: object) -> set[str]:
    return set(recommender.recommend(user=user, k=8, **more)["item_id"])


def test_they_are_left_out_whatever_is_repeated(recommender):
    masked = set() if recommender.repeats == "include" else {IDS[0], IDS[1]}
    assert items(recommender, "ann") == set(IDS) - {IDS[2]} - masked
    assert items(recommender, "ann", exclude_seen=False) == set(IDS)
    assert items(recommender, "neg") == set(IDS) - {IDS[0], IDS[4]}
    assert items(recommender, "ann", text="sisters") == set(IDS) - {IDS[2]} - masked


def test_the_source_is_not_that_of_an_unknown_user(recommender):
    assert recommender.source(user="neg") == "negative events"
    assert recommender.source(user="neg", text="whale") == "text"
    assert recommender.source(user="ann") == "history"
    assert recommender.source(user="?") == "popularity"


def test_lists_for_many_users_are_the_same(recommender, tmp_path):
    users = [*recommender.interactions.users, "?"]
    with pytest.warns(UnknownUserWarning):
        every = recommender.recommend_many(users, k=8)
    assert set(every.filter(user_id="neg")["source"]) == {"negative events"}
    recommender.export(tmp_path / "lists.parquet", k=8)
    file = pl.read_parquet(tmp_path / "lists.parquet")
    for user in users:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownUserWarning)
            single = recommender.recommend(user=user, k=8)["item_id"].to_list()
        assert every.filter(pl.col("user_id") == user)["item_id"].to_list() == single
        if user != "?":
            assert file.filter(pl.col("user_id") == user)["item_id"].to_list() == single
    both = recommender.recommend_many(["neg"], k=8, exclude_seen=False)
    assert set(both["item_id"]) == set(IDS)


def test_a_log_of_others_is_read_by_the_same_rules(recommender, tmp_path):
    events = pl.DataFrame(
        {
            "user_id": ["new"] * 3,
            "item_id": [IDS[0], IDS[3], IDS[4]],
            "timestamp": [1.6e9, 1.7e9, 1.71e9],
            "rating": [4, 2, 3],
        }
    )
    recommender.export(tmp_path / "lists.csv", k=8, events=events, exclude_seen=True)
    listed = set(pl.read_csv(tmp_path / "lists.csv")["item_id"])
    assert listed == set(IDS) - {IDS[0], IDS[3], IDS[4]}


def test_they_are_saved_and_forgotten(recommender, tmp_path):
    bundle = recommender.save(tmp_path / "bundle")
    loaded = Recommender.load(bundle.path)
    assert loaded.recommend(user="neg").equals(recommender.recommend(user="neg"))
    assert loaded.rules.min_rating == 3 and loaded.rules.strength("dislike", 1) < 0
    assert forget_users(bundle, ["neg"]) == 2
    after = Recommender.load(bundle.path)
    assert after.source(user="neg") == "popularity"
    assert items(after, "ann") == items(recommender, "ann")
