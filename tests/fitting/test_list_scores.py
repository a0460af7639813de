"""Lists of other systems are measured as the scorers are."""

import polars as pl
import pytest

import pennyweight
import small_shop
from pennyweight.config.plan import Plan
from pennyweight.data.split import split
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.external_lists import RankedItems, measure_lists
from pennyweight.evaluation.measure import measure
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity

ITEMS, EVENTS = small_shop.items(), small_shop.events()
ALL = len(ITEMS)


@pytest.fixture(scope="module")
def data():
    return pennyweight.read(ITEMS, EVENTS)


@pytest.mark.parametrize("scorer", [Popularity, Neighbors])
@pytest.mark.parametrize("repeats", ["exclude", "include"])
def test_whole_lists_of_a_scorer_get_its_figures(data, scorer, repeats):
    test = split(data.interactions, "leave-last-out").test
    fitted = {"s": scorer().fit(test.before, data.catalog)}
    measured = measure(fitted, test, repeats=repeats, k=ALL)["s"]
    rows = [
        (user, item)
        for user, items in zip(test.users.tolist(), measured.lists.tolist(), strict=True)
        for item in items
        if item >= 0
    ]
    frame = pl.DataFrame(rows, {"user": pl.Int32, "item": pl.Int32}, orient="row")
    ranked = RankedItems(frame["user"].to_numpy(), frame["item"].to_numpy())
    lists, counts = measure_lists(ranked, test, repeats=repeats, k=ALL)
    assert lists.values.tolist() == measured.values.tolist()
    assert lists.lists.tolist() == measured.lists.tolist()
    assert counts.unknown_items == counts.history_items == counts.other_users == 0


def test_a_list_by_hand():
    items = pl.DataFrame({"item_id": list("abcde"), "title": ["tea", "cup", "pot", "jug", "tin"]})
    events = pl.DataFrame(
        {"user_id": ["u"] * 3 + ["v"] * 3, "item_id": list("abcbad"), "timestamp": [1, 2, 3] * 2}
    )
    # u holds out c behind a, b; v holds out d behind b, a.
    lists = pl.DataFrame(
        {
            "user_id": ["u", "u", "u", "w"],
            "item_id": ["a", "x", "c", "a"],
            "score": [9.0, 7.0, 6.0, 1.0],
        }
    )
    report = pennyweight.score_lists(
        lists, items, events, protocol="leave-last-out", repeats="exclude"
    )
    # a is history; x keeps its place; c has rank 1, v no list.
    assert report.scorers["lists"]["mrr@10"].value == pytest.approx(0.25)
    assert report.scorers["lists"]["recall@5"].value == pytest.approx(0.5)
    notices = " ".join(report.notices)
    assert "1 of 2 test users have a list" in notices
    assert "1 rows name an item" in notices and "1 items of the users' histories" in notices
    assert "1 users are not measured" in notices


def test_a_system_is_made_from_the_split_and_compared(data):
    parts = pennyweight.split_events(data, protocol="leave-last-out")
    assert {name: frame.height for name, frame in parts.items()} == {
        "train": len(data.interactions) - 120,
        "validation": 60,
        "test": 60,
    }
    counts = parts["train"].group_by("item_id").len("score")
    popular = parts["test"].select("user_id").unique().join(counts, how="cross")
    perfect = parts["test"].with_columns(rank=1)
    report = pennyweight.score_lists(
        {"perfect": perfect, "popular": popular}, data, protocol="leave-last-out", repeats="include"
    )
    assert report.scorers["perfect"]["ndcg@10"].value == 1
    assert {(c.scorer, c.other) for c in report.comparisons} == {
        ("perfect", "popular"),
        ("perfect", "popularity"),
    }
    assert report.data == pennyweight.evaluate(data, encoder="tfidf", scorers=["popularity"]).data


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user_id": ["u1"], "item_id": ["i1"]}, "no column rank or score"),
        ({"user_id": ["u1"], "item": ["i1"], "rank": [1]}, "no column item_id"),
        ({"user_id": ["u1", "u1"], "item_id": ["i1", "i1"], "rank": [1, 2]}, "the same item"),
        ({"user_id": ["u1", "u1"], "item_id": ["i1", "i2"], "rank": [1, 1]}, "at the same rank"),
        ({"user_id": ["u1"], "item_id": [None], "rank": [1]}, "1 rows lack"),
        ({"user_id": ["u1"], "item_id": ["i1"], "rank": ["first"]}, "'first' is no number"),
    ],
)
def test_lists_that_cannot_be_measured(data, columns, message):
    with pytest.raises(DataError, match=message):
        pennyweight.score_lists(pl.DataFrame(columns), data)


def test_the_name_of_the_baseline_is_taken(data):
    frame = pl.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "rank": [1]})
    with pytest.raises(PlanError, match="popularity"):
        pennyweight.score_lists({"popularity": frame}, data, plan=Plan())


def test_figures_as_a_frame_for_trackers_and_as_a_chart(data):
    frame = pl.DataFrame({"user_id": ["u1"], "item_id": ["i1"], "rank": [1]})
    report = pennyweight.score_lists({"my <lists>": frame}, data)
    table = report.to_frame()
    assert table.columns == ["scorer", "metric", "value", "low", "high"]
    assert table.height == sum(map(len, report.scorers.values()))
    metrics = report.metrics()
    name = "popularity/ndcg_at_10"
    assert metrics[name] == report.scorers["popularity"]["ndcg@10"].value
    assert metrics[f"{name}_low"] <= metrics[name] <= metrics[f"{name}_high"]
    assert "my__lists_/recall_at_5" in metrics
    svg = report.plot("recall@50").svg
    assert "my &lt;lists&gt;" in svg and "recall@50" in svg
    with pytest.raises(PlanError, match="did you mean 'ndcg@10'"):
        report.plot("ndgc@10")
