"""The ranking stage of a smaller version: its own trees where the weights are others."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

import small_shop
from pennyweight.compression.encoder_variants import EncoderVariant
from pennyweight.compression.held_out import HeldOutFit
from pennyweight.compression.pipeline import _notices, _ranking_stage
from pennyweight.compression.search import Candidate, MeasuredVariant
from pennyweight.compression.vector_formats import AS_IT_IS, EIGHT_BITS
from pennyweight.config.plan import Plan
from pennyweight.evaluation.bootstrap import Estimate
from pennyweight.fitting import reranking
from pennyweight.fitting.pipeline import fit
from pennyweight.fitting.stages import Stages
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.ranking.reranking import RerankedScorer, as_listed
from pennyweight.scorers.blend import Blend

PLAN = Plan().override(
    {
        "encoder.name": "tfidf",
        "evaluate.protocol": "leave-last-out",
        "evaluate.bootstrap": 50,
        "evaluate.refit": False,
        "rerank.name": "trees",
    }
)


@pytest.fixture(scope="module", autouse=True)
def short_training():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reranking, "FEW", replace(reranking.FEW, folds=2, repeats=2))
        patch.setattr(reranking, "MAX_ROUNDS", 15)
        yield


@pytest.fixture(scope="module")
def parent():
    return fit(small_shop.items(), small_shop.events(users=400), plan=PLAN, progress=False)


@pytest.fixture(scope="module")
def search(parent):
    return SimpleNamespace(trial=HeldOutFit(parent, Stages(ProgressTracker())))


def candidate(search, weights, storage=AS_IT_IS):
    replaced = {"content": search.trial.components["content"]}
    variant = EncoderVariant("TF-IDF", ("no language model in content",), None)
    return Candidate("TF-IDF", MeasuredVariant(variant, replaced, weights), storage)


def relearned(search, parent):
    """Return a blend with other weights than the parent's."""
    blend = Blend(search.trial.components, repeats=search.trial.repeats)
    return search.trial.weigh(blend)


def test_the_weights_of_the_parent_keep_its_trees(parent, search):
    smaller = candidate(search, parent.scorer, EIGHT_BITS)
    assert _ranking_stage(parent, search, smaller) == parent.report.reranking
    built = smaller.build(parent.scorer.components, parent.catalog.texts)
    assert built.trees is parent.scorer.trees
    assert isinstance(as_listed(built, exclude_seen=parent.repeats == "exclude"), RerankedScorer)


def test_other_weights_get_their_own_trees(parent, search, monkeypatch):
    monkeypatch.setattr(reranking, "bootstrap", lambda *_, **__: [Estimate(0.1, 0.05, 0.15)])
    weights = relearned(search, parent)
    stage = _ranking_stage(parent, search, candidate(search, weights))
    assert stage.used and stage != parent.report.reranking
    child = candidate(search, weights).build(parent.scorer.components, parent.catalog.texts)
    assert child.trees is weights.trees is not None
    assert child.trees is not parent.scorer.trees
    notices = _notices(parent.report, stage)
    assert stage.sentence() in notices
    assert parent.report.reranking.sentence() not in notices


def test_trees_that_do_not_gain_are_left_out(parent, search, monkeypatch):
    monkeypatch.setattr(reranking, "MIN_LISTS", 100_000)
    weights = relearned(search, parent)
    stage = _ranking_stage(parent, search, candidate(search, weights))
    assert not stage.used and "100000" in stage.sentence().replace(",", "")
    child = candidate(search, weights).build(parent.scorer.components, parent.catalog.texts)
    assert child.trees is None
    assert as_listed(child, exclude_seen=parent.repeats == "exclude") is child
    assert _notices(parent.report, stage)[-1] == stage.sentence()


def test_a_parent_without_trees_has_no_stage_to_train(parent, search):
    plain = SimpleNamespace(report=parent.report, scorer=relearned(search, parent))
    weights = relearned(search, parent)
    stage = _ranking_stage(plain, search, candidate(search, weights))
    assert stage == parent.report.reranking and weights.trees is None
