"""Evaluation on several windows of time: what each fold knows, and the figures over all."""

from itertools import pairwise

import numpy as np
import pytest

import small_shop
from pennyweight import Plan, evaluate, fit, read, score_lists, split_events
from pennyweight.cli.options import Options
from pennyweight.config.report import Report
from pennyweight.data.split import split
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.folds import fold_cuts
from pennyweight.evaluation.measure import measure
from pennyweight.progress.update import ProgressUpdate
from pennyweight.scorers.popularity import Popularity

ITEMS, EVENTS = small_shop.items(), small_shop.events(users=150)
QUICK = {"encoder": "tfidf", "scorers": ["popularity", "content"], "protocol": "global-time"}


@pytest.fixture(scope="module")
def updates() -> list[ProgressUpdate]:
    return []


@pytest.fixture(scope="module")
def report(updates) -> Report:
    return evaluate(ITEMS, EVENTS, folds=3, progress=updates.append, **QUICK)


def test_each_fold_is_fitted_on_the_events_before_its_window(report):
    log = read(ITEMS, EVENTS).interactions
    quantiles = np.quantile(log.time, (0.6, 0.7, 0.8, 0.9))
    trained = [int((log.time < moment).sum()) for moment in quantiles[:3]]
    assert [fold.training_events for fold in report.folds] == trained
    for number, (fold, cuts) in enumerate(zip(report.folds, fold_cuts(3), strict=True)):
        test = split(log, "global-time", cuts=cuts).test
        scorer = Popularity().fit(test.before, read(ITEMS, EVENTS).catalog)
        by_hand = measure({"popularity": scorer}, test, repeats="exclude")["popularity"]
        expected = by_hand.estimates()["ndcg@10"]
        assert fold.scorers["popularity"]["ndcg@10"].value == pytest.approx(expected.value)
        assert fold.users == len(test)
        start = log.time[log.time >= quantiles[number + 1]].min()
        assert np.datetime64(fold.start[:19]) == np.datetime64(int(start), "s")
    windows = [(fold.start, fold.end) for fold in report.folds]
    assert all(end < start for (_, end), (start, _) in pairwise(windows))


def test_the_last_fold_is_the_evaluation_without_folds(report):
    plain = evaluate(ITEMS, EVENTS, **QUICK)
    assert plain.folds is None
    assert report.folds[-1].scorers == plain.scorers
    assert report.slices == plain.slices and report.blend == plain.blend == report.folds[-1].blend
    assert report.evaluated_users > max(fold.users for fold in report.folds)


def test_the_figures_are_means_over_users_of_all_folds(report):
    values = [fold.scorers["blend"]["ndcg@10"].value for fold in report.folds]
    pooled = report.scorers["blend"]["ndcg@10"]
    assert min(values) < pooled.value < max(values)
    assert pooled.low < pooled.value < pooled.high
    width = pooled.high - pooled.low
    last = report.folds[-1].scorers["blend"]["ndcg@10"]
    assert width < last.high - last.low
    (test,) = [one for one in report.comparisons if one.other == "popularity"]
    other = report.scorers["popularity"]["ndcg@10"].value
    assert test.difference.value == pytest.approx(pooled.value - other)


def test_reports_show_each_fold(report):
    text = report.table()
    assert "test users in 3 folds" in text and "ndcg@10 of blend" in text
    assert all(fold.window in text for fold in report.folds)
    assert "everything else is of the last fold" in text
    assert Report.from_json(report.to_json()) == report


def test_progress_counts_the_stages_of_all_folds(report, updates):
    assert {update.stages for update in updates if update.number > 3} == {updates[-1].number}
    assert [update.stage for update in updates].count("split") == 3


def test_fit_measures_by_folds_and_learns_from_every_event():
    recommender = fit(ITEMS, EVENTS, folds=2, **QUICK)
    assert len(recommender.report.folds) == 2
    plain = fit(ITEMS, EVENTS, **QUICK)
    same = recommender.recommend(user="u1", k=5).equals(plain.recommend(user="u1", k=5))
    assert same and len(recommender.interactions) == len(plain.interactions)


def test_plans_and_options_have_folds():
    assert Plan.from_toml("[evaluate]\nfolds = 3").evaluate.folds == 3
    assert Options(folds=4).to_plan().evaluate.folds == 4
    with pytest.raises(PlanError, match="folds"):
        Plan.from_toml("[evaluate]\nfolds = 6")


@pytest.mark.parametrize("protocol", ["leave-last-out", "given-split"])
def test_protocols_that_do_not_cut_time_are_refused(protocol):
    stages = []
    with pytest.raises(PlanError, match=f"protocol {protocol} .* --protocol global-time"):
        evaluate(ITEMS, EVENTS, folds=2, **{**QUICK, "protocol": protocol}, progress=stages.append)
    assert not stages


def test_times_that_are_no_dates_are_refused():
    events = EVENTS.drop("timestamp", "split")
    with pytest.raises(PlanError, match=r"protocol leave-last-out .* --protocol global-time"):
        evaluate(ITEMS, events, folds=2, encoder="tfidf", scorers=["popularity"])


def test_a_fold_without_events_is_named():
    times = [1_700_000_000] * 90 + [1_700_000_000 + day * 86_400 for day in range(1, 61)]
    few = EVENTS.head(150).with_columns(timestamp=np.array(times)).drop("split")
    with pytest.raises(DataError, match=r"fold 1 of 5: .* or use fewer folds"):
        evaluate(ITEMS, few, folds=5, **QUICK)


@pytest.mark.parametrize(
    "call",
    [
        lambda **plan: score_lists(EVENTS, ITEMS, EVENTS, **plan),
        lambda **plan: split_events(ITEMS, EVENTS, **plan),
    ],
)
def test_lists_of_other_systems_are_measured_on_one_split(call):
    with pytest.raises(PlanError, match="leave folds out of the plan"):
        call(plan=Plan().override({"evaluate.folds": 2}))
