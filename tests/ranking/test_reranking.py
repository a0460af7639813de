"""The ranking stage: trees that rank the best items of a list again."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import small_shop
from pennyweight.bundle import open_bundle
from pennyweight.config.plan import Plan
from pennyweight.data.documents import documents
from pennyweight.data.interactions import Histories
from pennyweight.data.split import split
from pennyweight.errors import BundleError, DataError, PlanError
from pennyweight.evaluation.measure import measure
from pennyweight.fitting import reranking
from pennyweight.fitting.pipeline import evaluate, fit
from pennyweight.ranking.query import NO_QUERY, Query, item_query
from pennyweight.ranking.request import Boost, RankingRequest
from pennyweight.ranking.reranking import RerankedScorer, Reranker
from pennyweight.recommender import Recommender
from pennyweight.scorers import candidate_features
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.ranking_trees import RANKING

PLAN = Plan().override(
    {
        "encoder.name": "tfidf",
        "scorers.names": ["popularity", "content", "neighbors", "tower"],
        "evaluate.protocol": "leave-last-out",
        "evaluate.bootstrap": 50,
        "rerank.name": "trees",
    }
)
HISTORY = Histories.of([[3, 8, 14]])
QUERY = Query(HISTORY)


@pytest.fixture(scope="module", autouse=True)
def short_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reranking, "FEW", replace(reranking.FEW, folds=2, repeats=2))
        patch.setattr(reranking, "MAX_ROUNDS", 15)
        yield


@pytest.fixture(scope="module")
def shop() -> Recommender:
    return fit(small_shop.items(), small_shop.events(users=400), plan=PLAN, progress=False)


@pytest.fixture
def plain(shop) -> Recommender:
    """The same without the stage."""
    blend = shop.scorer
    other = Blend(blend.components, blend.weights, routes=blend.routes, repeats=blend.repeats)
    return Recommender(shop.catalog, other, shop.interactions, repeats=shop.repeats)


def shallow(shop: Recommender, depth: int) -> Recommender:
    """Return a recommender that ranks fewer items again."""
    blend = shop.scorer.with_components(shop.scorer.components)
    blend.trees = replace(shop.scorer.trees, depth=depth)
    return Recommender(shop.catalog, blend, shop.interactions, repeats=shop.repeats)


def test_lists_are_in_another_order_with_scores_that_fall(shop, plain):
    request = RankingRequest(QUERY, 27)
    ranked, before = shop.ranker.rank([request])[0], plain.ranker.rank([request])[0]
    assert sorted(ranked.codes) == sorted(before.codes)
    assert ranked.codes.tolist() != before.codes.tolist()
    assert (np.diff(ranked.scores) <= 0).all()
    assert not set(ranked.codes) & {3, 8, 14}


def test_a_list_is_the_same_alone_and_among_others(shop):
    requests = [
        RankingRequest(Query(Histories.of([[a, b]])), 5) for a in range(5) for b in (10, 20)
    ]
    requests += [RankingRequest(NO_QUERY, 3), RankingRequest(Query(HISTORY, text="tea"), 3)]
    for request, ranked in zip(requests, shop.ranker.rank(requests), strict=True):
        alone = shop.ranker.rank([request])[0]
        assert ranked.codes.tolist() == alone.codes.tolist()
        np.testing.assert_allclose(ranked.scores, alone.scores, atol=1e-4)


def test_lists_that_rest_on_something_else_stay_as_they_are(shop, plain):
    requests = [
        RankingRequest(NO_QUERY, 9),
        RankingRequest(Query(Histories.of([[]]), text="dark tea"), 9),
        RankingRequest(item_query(np.array([7], np.int32)), 9),
    ]
    for ranked, before in zip(shop.ranker.rank(requests), plain.ranker.rank(requests), strict=True):
        assert ranked.codes.tolist() == before.codes.tolist()
        assert ranked.source == before.source


def test_what_is_measured_is_what_is_listed(shop):
    scorer = RerankedScorer(shop.scorer, exclude_seen=True)
    users = shop.interactions.histories.block(0, 50)
    scores = scorer.score(users)
    requests = [RankingRequest(Query(users.block(row, row + 1)), 5) for row in range(50)]
    for row, ranked in enumerate(shop.ranker.rank(requests)):
        scores[row, users.block(row, row + 1).item] = -np.inf
        np.testing.assert_allclose(scores[row, ranked.codes], ranked.scores, atol=1e-4)
        others = np.delete(scores[row], ranked.codes)
        assert others.max() <= ranked.scores[-1] + 1e-5
    assert measure({"it": scorer}, _held_out(shop), repeats="exclude")["it"].values.any()


def _held_out(shop):
    return split(shop.interactions, "leave-last-out").test


def test_only_the_best_are_ranked_again(shop, plain):
    request = RankingRequest(QUERY, 20)
    ranked = shallow(shop, 6).ranker.rank([request])[0]
    before = plain.ranker.rank([request])[0].codes.tolist()
    assert sorted(ranked.codes[:6]) == sorted(before[:6])
    assert ranked.codes[6:].tolist() == before[6:]
    assert (np.diff(ranked.scores) <= 1e-6).all()
    scores = RerankedScorer(shallow(shop, 6).scorer, exclude_seen=True).score(HISTORY)[0]
    scores[HISTORY.item] = -np.inf
    assert np.argsort(-scores, kind="stable")[:6].tolist() == ranked.codes[:6].tolist()


def test_what_is_eligible_is_ranked(shop):
    candidates = np.array([1, 2, 3, 25], np.int32)
    ranked = shallow(shop, 6).ranker.rank([RankingRequest(QUERY, 10, candidates=candidates)])[0]
    assert sorted(ranked.codes) == [1, 2, 25]
    turned_down = replace(QUERY, turned_down=np.array([1], np.int32))
    ranked = shop.ranker.rank([RankingRequest(turned_down, 10, candidates=candidates)])[0]
    assert sorted(ranked.codes) == [2, 25]
    nothing = RankingRequest(QUERY, 10, candidates=np.array([3], np.int32))
    assert not len(shop.ranker.rank([nothing])[0].codes)
    assert len(shop.ranker.rank([RankingRequest(QUERY, 3, diversity=0.7)])[0].codes) == 3


def test_boosts_hold(shop):
    bonus = np.zeros(small_shop.N_ITEMS, np.float32)
    bonus[21] = 50
    plain, boosted = shop.ranker.rank(
        [RankingRequest(QUERY, 27), RankingRequest(QUERY, 27, bonus=bonus)]
    )
    assert boosted.codes[0] == 21
    score = dict(zip(plain.codes.tolist(), plain.scores.tolist(), strict=True))[21]
    assert boosted.scores[0] > score + 40
    by_filter = RankingRequest(QUERY, 3, boosts=(Boost('title contains "no22"', 50.0),))
    assert shop.ranker.rank([by_filter])[0].codes[0] == 22


def test_reasons_agree_with_the_scores(shop):
    request = RankingRequest(QUERY, 5, explain=True)
    ranked = shop.ranker.rank([request])[0]
    assert [reason.because for reason in ranked.reasons]
    assert (
        ranked.codes.tolist()
        == shop.ranker.rank([replace(request, explain=False)])[0].codes.tolist()
    )
    trees, (_, attributions) = shop.scorer.trees, shop.scorer.attribute(HISTORY)
    margins, features = trees.margins(
        shop.scorer, attributions[0].scored, [0], HISTORY, ranked.codes[None]
    )
    shares = trees.shares(features[0])
    assert set(shares) <= {*shop.scorer.components, RANKING}
    total = sum(shares.values()) + trees.ensemble.value[trees.ensemble.root].sum()
    np.testing.assert_allclose(total, margins[0], atol=1e-4)


@pytest.mark.parametrize("history", [[5], [5] * 40, [0, 0, 1, 1, 0, 1], list(range(30)) * 3])
def test_odd_histories_are_ranked(shop, history):
    query = Query(Histories.of([history]))
    ranked = shop.ranker.rank([RankingRequest(query, 5, exclude_seen=False)])[0]
    assert len(ranked.codes) == 5 and np.isfinite(ranked.scores).all()


def test_past_the_budget_lists_go_out_as_they_are(shop, plain):
    ranker = shop.ranker
    slow = Reranker(shop.scorer, shop.scorer.trees, seconds=0.0)
    request = RankingRequest(QUERY, 9)
    late = replace(ranker, rerankers=(slow,)).rank([request, request])
    assert late[0].codes.tolist() == plain.ranker.rank([request])[0].codes.tolist()
    assert [ranked.over_budget for ranked in late] == [True, True]
    popular = replace(ranker, rerankers=(slow,)).rank([RankingRequest(NO_QUERY, 9)])
    assert not popular[0].over_budget
    in_time = Reranker(shop.scorer, shop.scorer.trees, seconds=60.0)
    on_time = replace(ranker, rerankers=(in_time,)).rank([request])
    assert on_time[0].codes.tolist() == ranker.rank([request])[0].codes.tolist()
    assert not on_time[0].over_budget


def test_the_report_says_what_the_stage_gains(shop):
    report = shop.report
    assert report.reranking.used and report.reranking.trees == len(shop.scorer.trees.ensemble)
    assert report.reranking.sentence() in report.notices
    assert {"blend", "blend-without-trees"} <= report.scorers.keys()
    again = fit(small_shop.items(), small_shop.events(users=400), plan=PLAN, progress=False)
    assert again.report.reranking == report.reranking
    request = RankingRequest(QUERY, 9)
    ranked, other = shop.ranker.rank([request])[0], again.ranker.rank([request])[0]
    assert ranked.codes.tolist() == other.codes.tolist()


def test_a_bundle_keeps_the_trees(shop, tmp_path):
    shop.save(tmp_path / "bundle")
    loaded = Recommender.load(tmp_path / "bundle")
    request = RankingRequest(QUERY, 9, explain=True)
    ranked, before = loaded.ranker.rank([request])[0], shop.ranker.rank([request])[0]
    assert ranked.codes.tolist() == before.codes.tolist() and ranked.reasons == before.reasons
    assert "scorer/trees.safetensors" in open_bundle(tmp_path / "bundle").manifest.files
    code = (
        "import sys; from pennyweight.recommender import Recommender; "
        f"Recommender.load({str(tmp_path / 'bundle')!r}).recommend(history=['i3', 'i8']); "
        "sys.exit(bool({'lightgbm', 'sklearn', 'torch'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_trees_of_other_features_are_refused(shop, tmp_path, monkeypatch):
    shop.scorer.save(tmp_path / "blend")
    monkeypatch.setattr(candidate_features, "BLEND", "of another version")
    with pytest.raises(BundleError, match="other features than this version computes; fit again"):
        Blend.load(tmp_path / "blend")


def test_the_choice_is_an_argument_of_fit():
    few = small_shop.events(users=40)
    auto = PLAN.override({"rerank.name": "auto", "evaluate.refit": False})
    report = evaluate(small_shop.items(), few, plan=auto, rerank="none", progress=False)
    assert report.reranking is None
    with pytest.raises(PlanError, match="rerank"):
        evaluate(small_shop.items(), few, rerank="always", progress=False)


def test_trees_of_another_blend_or_catalog_are_refused(shop, tmp_path):
    blend = shop.scorer.with_components(shop.scorer.components)
    assert blend.trees is shop.scorer.trees
    lighter = Blend(blend.components, {**blend.weights, "content": 9.0}, repeats="exclude")
    assert not shop.scorer.trees.fits(lighter)
    lighter.trees = shop.scorer.trees
    lighter.save(tmp_path / "other")
    with pytest.raises(BundleError, match="another blend"):
        Blend.load(tmp_path / "other")
    blend.trees = replace(shop.scorer.trees, catalog="another")
    Recommender(shop.catalog, blend, shop.interactions).save(tmp_path / "bundle")
    with pytest.raises(BundleError, match="other items"):
        Recommender.load(tmp_path / "bundle")
    without_tower = {n: c for n, c in blend.components.items() if n != "tower"}
    assert shop.scorer.with_components(without_tower).trees is None


def test_items_that_come_later_are_ranked(shop):
    new = documents({"fresh": {"title": "tea blend dark no77"}}, shop.catalog)
    grown = shop.with_items(new)
    assert grown.scorer.trees is shop.scorer.trees
    ranked = grown.ranker.rank([RankingRequest(QUERY, 40)])[0]
    assert small_shop.N_ITEMS in ranked.codes and np.isfinite(ranked.scores).all()


def test_too_few_choices_and_no_gain_are_told(monkeypatch):
    few = small_shop.events(users=40)
    auto = PLAN.override({"rerank.name": "auto", "evaluate.refit": False})
    report = evaluate(small_shop.items(), few, plan=auto, progress=False)
    assert not report.reranking.used and "100 are needed" in report.notices[-1]
    with pytest.raises(DataError, match="--rerank auto"):
        evaluate(small_shop.items(), few, plan=PLAN, progress=False)
    monkeypatch.setattr(reranking, "MIN_LISTS", 5)
    monkeypatch.setattr(reranking, "MAX_ROUNDS", 2)
    report = evaluate(small_shop.items(), few, plan=auto, progress=False)
    assert not report.reranking.used and "not above zero" in report.reranking.reason
    assert "blend-without-trees" not in report.scorers


def test_features_that_are_no_numbers_train_no_trees(monkeypatch):
    real = candidate_features._similarities

    def broken(*args):
        columns = real(*args)
        columns[0][0, 0] = np.nan
        return columns

    monkeypatch.setattr(candidate_features, "_similarities", broken)
    data = small_shop.items(), small_shop.events(users=400)
    settings = {"evaluate.refit": False, "rerank.name": "auto"}
    report = evaluate(*data, plan=PLAN.override(settings), progress=False)
    assert report.reranking.reason == "scores or similarities of tower are not finite numbers"
    with pytest.raises(DataError, match="not finite numbers; use --rerank auto"):
        evaluate(*data, plan=PLAN, progress=False)


def test_one_component_is_ranked_by_trees():
    data = small_shop.items(), small_shop.events(users=400)
    shop = fit(*data, plan=PLAN, scorers=["popularity"], progress=False)
    assert shop.scorer.trees.features.compared == ()
    ranked = shop.ranker.rank([RankingRequest(QUERY, 40)])[0]
    assert len(ranked.codes) == 27 and np.isfinite(ranked.scores).all()


def test_without_lightgbm_auto_does_without_and_trees_fail(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    data = small_shop.items(), small_shop.events(users=40)
    report = evaluate(*data, plan=PLAN.override({"rerank.name": "auto"}), progress=False)
    assert not report.reranking.used and "pip install lightgbm" in report.notices[-1]
    with pytest.raises(PlanError, match="pip install lightgbm"):
        evaluate(*data, plan=PLAN, progress=False)


def test_no_validation_events(shop):
    events = small_shop.events(users=200, shortest=2, longest=2)
    auto = PLAN.override({"rerank.name": "auto"})
    report = evaluate(small_shop.items(), events, plan=auto, progress=False)
    assert not report.reranking.used and report.reranking.lists == 0
