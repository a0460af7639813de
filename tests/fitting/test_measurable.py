"""Default protocols: sessions, baskets, and data without enough evidence."""

import numpy as np
import polars as pl
import pytest

from pennyweight.config.plan import EvaluatePlan
from pennyweight.data.dataset import read
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.measurable import measurable

START, DAY = 1_700_000_000, 86_400
TOPICS = ("garden rake", "kitchen pan", "music drum", "water boat")
ITEMS = pl.DataFrame(
    {
        "item_id": [f"i{i}" for i in range(40)],
        "title": [f"{TOPICS[i % 4]} no{i}" for i in range(40)],
    }
)


def sessions(n: int = 150, clicks: int = 4) -> pl.DataFrame:
    """Return anonymous sessions one after the other, each on one topic."""
    rng = np.random.default_rng(0)
    rows = []
    for session in range(n):
        items = rng.choice(10, clicks, replace=False) * 4 + session % 4
        rows += [
            (f"s{session}", f"i{i}", START + 600 * session + 60 * at) for at, i in enumerate(items)
        ]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


def baskets(customers: int = 30, weeks: int = 6) -> pl.DataFrame:
    """Return customers who buy the same four things every week."""
    rng = np.random.default_rng(1)
    rows = []
    for customer in range(customers):
        for week in range(weeks):
            moment = START + DAY * (7 * week + customer % 7)
            usual = np.random.default_rng(customer).choice(40, 4, replace=False)
            rows += [
                (f"c{customer}", f"i{i}", moment + at)
                for at, i in enumerate(rng.permutation(usual))
            ]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


QUICK = {"encoder": "tfidf"}


def settle(events: pl.DataFrame, **plan: str):
    return measurable(read(ITEMS, events).interactions, EvaluatePlan(**plan))


def test_sessions_that_count_as_users_are_measured_with_a_history():
    setting = settle(sessions())
    assert setting.protocol == "leave-last-out"
    assert setting.evidence["test"].history_share == 1
    (notice,) = setting.notices
    assert "--protocol global-time" in notice
    assert "15 of 15 test users (100 %) have no history" in notice


def test_a_protocol_that_was_asked_for_is_obeyed_with_a_warning():
    setting = settle(sessions(), protocol="global-time")
    assert setting.protocol == "global-time"
    (notice,) = setting.notices
    assert "15 of 15 test users (100 %) have no history" in notice
    assert "--protocol leave-last-out (protocol='leave-last-out')" in notice


def test_lists_for_sessions_are_of_their_topic():
    recommender = fit(ITEMS, sessions(), **QUICK)
    topic = dict(zip(ITEMS["item_id"], (np.arange(40) % 4).tolist(), strict=True))
    hits = [
        topic[item] == first
        for first in range(4)
        for item in recommender.recommend(history=[f"i{first}", f"i{first + 4}"], k=5)["item_id"]
    ]
    assert np.mean(hits) > 0.95


def test_a_blend_is_not_learned_from_newcomers():
    report = evaluate(ITEMS, sessions(), protocol="global-time", **QUICK)
    assert report.blend is not None
    assert min(report.blend[name] for name in ("content", "neighbors", "tower")) > 0
    assert report.blend["popularity"] >= 0
    assert any("default weights" in notice for notice in report.notices or ())
    assert "note: the blend has default weights" in report.table()


def test_repeats_are_included_where_most_choices_are_repeats():
    setting = settle(baskets())
    assert (setting.protocol, setting.repeats) == ("global-time", "include")
    test = setting.evidence["test"]
    assert test.repeated == test.choices > 0
    (notice,) = setting.notices
    assert f"{test.choices} of {test.choices} test choices (100 %)" in notice
    assert "--repeats exclude" in notice


def test_weekly_baskets_are_found_again():
    report = evaluate(ITEMS, baskets(), **QUICK)
    assert report.repeats == "include"
    assert report.scorers["blend"]["ndcg@10"].value > 0.9
    assert "repeat-consumption" in (report.blend or {})


def test_repeats_that_are_to_be_excluded_are_with_a_warning():
    report = evaluate(ITEMS, baskets(), repeats="exclude", **QUICK)
    assert report.repeats == "exclude"
    assert report.scorers["blend"]["ndcg@10"].value == 0
    notices = " ".join(report.notices or ())
    assert "--repeats include (repeats='include')" in notices
    assert "default weights" in notices  # no choice could be among the candidates


@pytest.mark.parametrize(("share", "is_mentioned"), [(0.05, False), (0.3, True)])
def test_some_repeats_are_mentioned(share, is_mentioned):
    events = sessions(400)
    last = events.group_by("user_id", maintain_order=True).last()
    before = events.group_by("user_id", maintain_order=True).agg(pl.col("item_id").get(1))
    repeating = pl.Series(np.arange(400) < share * 400)
    again = last.with_columns(
        item_id=pl.when(repeating).then(before["item_id"]).otherwise("item_id")
    )
    events = pl.concat([events.join(last, on=["user_id", "timestamp"], how="anti"), again])
    setting = settle(events, protocol="leave-last-out")
    assert setting.repeats == "exclude"
    assert setting.evidence["test"].repeated == share * 400
    assert any("--repeats include" in notice for notice in setting.notices) == is_mentioned


def test_ordinary_logs_need_no_word():
    rng = np.random.default_rng(2)
    rows = [
        (f"u{u}", f"i{i}", START + int(t))
        for u in range(40)
        for i, t in zip(rng.choice(40, 9, replace=False), rng.choice(10**6, 9), strict=True)
    ]
    setting = settle(pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row"))
    assert (setting.protocol, setting.repeats, setting.notices) == ("global-time", "exclude", ())
