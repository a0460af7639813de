"""The share of exploration, chosen by its loss on validation users."""

import numpy as np
import pytest

import small_shop
from pennyweight import Recommender
from pennyweight.config.exploration import ExplorationShare
from pennyweight.config.plan import Plan
from pennyweight.data.split import split
from pennyweight.errors import PlanError
from pennyweight.evaluation.metrics import metric_names, per_user
from pennyweight.fitting import exploration
from pennyweight.fitting.exploration import choose_share, discounts, ndcg_loss
from pennyweight.fitting.pipeline import fit
from pennyweight.scorers.popularity import Popularity

PLAN = Plan().override(
    {
        "encoder.name": "tfidf",
        "scorers.names": ["popularity", "neighbors"],
        "evaluate.protocol": "leave-last-out",
        "evaluate.bootstrap": 2,
        "evaluate.refit": False,
        "rerank.name": "none",
        "recommend.explore": "auto",
    }
)


def gain(rank: float) -> float:
    return 1 / np.log2(rank + 2)


def test_discounts_by_hand():
    np.testing.assert_allclose(discounts(0), [gain(rank) for rank in range(10)])
    one = discounts(1)
    np.testing.assert_allclose(one[:5], discounts(0)[:5])
    assert one[5] == pytest.approx(0.8 * gain(5) + 0.2 * gain(6))  # before it in one case of five
    assert one[8] == pytest.approx(0.2 * gain(8) + 0.8 * gain(9)) and one[9] == 0
    np.testing.assert_allclose(discounts(5), [*discounts(0)[:5], *[0] * 5])


def test_the_loss_is_that_of_lists_with_items_that_nobody_chooses():
    rng = np.random.default_rng(0)
    targets = rng.integers(1, 13, 400)
    offsets = np.concatenate([[0], targets.cumsum()])
    ranks = np.concatenate([rng.choice(30, n, replace=False) for n in targets])
    at = metric_names().index("ndcg@10")
    plain, explored = per_user(ranks, offsets)[:, at].mean(), []
    for _ in range(300):
        places = int(0.15 * 10 + rng.random())
        taken = 5 + rng.permutation(5)[:places]
        position = np.full(31, 2**31 - 1)
        position[: 10 - places] = np.setdiff1d(np.arange(10), taken)
        explored.append(per_user(position[ranks], offsets)[:, at].mean())
    assert ndcg_loss(ranks, offsets, 0.15) == pytest.approx(1 - np.mean(explored) / plain, abs=2e-3)
    losses = [ndcg_loss(ranks, offsets, share) for share in (0.0, 0.01, 0.1, 0.3, 0.5)]
    assert losses[0] == 0 and losses == sorted(losses)


def test_the_largest_share_within_the_bound_is_chosen(monkeypatch):
    shares = {}
    for bound in (0.0, 0.005, 0.05, 1.0):
        monkeypatch.setattr(exploration, "MAX_LOSS", bound)
        recommender = fit(small_shop.items(), small_shop.events(), plan=PLAN, progress=False)
        choice = recommender.report.exploration
        assert choice.sentence() in recommender.report.notices
        shares[bound] = choice.share
        assert choice.loss is None or choice.loss <= bound
    assert shares[0.0] == 0 and shares[1.0] == 0.1
    assert list(shares.values()) == sorted(shares.values()) and len(set(shares.values())) > 2


def test_lists_have_the_share_of_the_report(tmp_path):
    recommender = fit(small_shop.items(), small_shop.events(), plan=PLAN, progress=False)
    share = ExplorationShare(share=0.5, loss=0.01, users=1)
    recommender.report = recommender.report.model_copy(update={"exploration": share})
    recommender.interactions.counts[:10] = 0
    recommender.save(tmp_path / "bundle")
    loaded = Recommender.load(tmp_path / "bundle")
    assert loaded.plan.recommend.explore == "auto" and loaded.report.exploration == share
    for one in (recommender, loaded):
        assert one.recommend(user="u1").equals(one.recommend(user="u1", explore=0.5))
    loaded.report = None  # nothing was measured
    assert set(loaded.recommend(user="u1")["source"]) == {"history"}
    with pytest.raises(TypeError, match="explore takes a number"):
        loaded.recommend(user="u1", explore="auto")


def test_without_evidence_nothing_is_explored():
    data = fit(small_shop.items(), small_shop.events(), plan=PLAN, progress=False)
    log = data.interactions
    valid = split(log, "leave-last-out").valid
    scorer = Popularity().fit(log, data.catalog)
    none = choose_share(scorer, valid.take(np.empty(0, np.int64)), repeats="exclude")
    assert none.share == 0 and "no validation events" in none.sentence()


def test_other_words_are_refused():
    with pytest.raises(PlanError, match=r"recommend\.explore = 'sometimes'"):
        Plan().override({"recommend.explore": "sometimes"})
