import numpy as np
import polars as pl
import pytest
from scipy import sparse

from pennyweight.evaluation import analysis as module
from pennyweight.evaluation.analysis import Grouping, analyze
from pennyweight.evaluation.groups import groups_of
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.user_results import UserResults
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from world import checkerboard


@pytest.fixture(scope="module")
def world():
    held, catalog = checkerboard()
    scorers = {
        "popularity": Popularity().fit(held.before, catalog),
        "blend": Neighbors().fit(held.before, catalog),
    }
    found = measure(scorers, held, repeats="exclude", k=10)
    kinds = groups_of(pl.Series("kind", [("even", "odd")[i % 2] for i in range(20)]))
    users = groups_of(pl.Series("side", [("left", "right")[i % 2] for i in range(20)]))
    one_hot = sparse.csr_matrix(np.eye(2, dtype=np.float32)[np.arange(20) % 2])
    return UserResults(found, held), Grouping(one_hot, kinds, users)


def test_the_checkerboard(world):
    outcomes, lens = world
    judged = analyze(outcomes, lens)
    # One item of the own kind is left, and nine of the ten others.
    blend = judged.lists.scorers["blend"]
    assert blend["diversity"].value == pytest.approx(1 - (9 * 8) / (10 * 9))
    q = 0.99 * 0.1 + 0.01
    assert blend["miscalibration"].value == pytest.approx(np.log(1 / q))
    assert blend["popularity_lift"].value == pytest.approx(0)
    assert judged.lists.catalog["blend"]["coverage"] == 1
    assert judged.lists.history_popularity == 9
    assert (judged.lists.diversity_by, judged.lists.categories) == ("words of the texts", "kind")
    for group in judged.exposure.groups:
        assert (group.items, group.histories) == pytest.approx((0.5, 0.5))
        assert group.scorers["blend"].value == pytest.approx(0.5)
    assert {one.name for one in judged.slices if one.by == "side"} == {"left", "right"}
    (test,) = judged.comparisons
    assert test.shown
    assert test.difference.value > 0.5


def test_deterministic_and_the_same_together_or_apart(world, monkeypatch):
    outcomes, lens = world
    first = analyze(outcomes, lens, rng=4)
    assert first == analyze(outcomes, lens, rng=4)
    monkeypatch.setattr(module, "_TOGETHER_BYTES", 0)
    apart = analyze(outcomes, lens, rng=4)
    for scorer, means in first.lists.scorers.items():
        for metric, mean in means.items():
            other = apart.lists.scorers[scorer][metric]
            assert tuple(mean.model_dump().values()) == pytest.approx(
                tuple(other.model_dump().values())
            )


def test_what_the_data_lacks_is_left_out(world):
    outcomes, _ = world
    judged = analyze(outcomes, Grouping(sparse.csr_matrix((20, 1))))
    assert judged.exposure is None
    assert set(judged.lists.scorers["blend"]) == {
        "novelty",
        "serendipity",
        "popularity",
        "popularity_lift",
    }
    assert judged.lists.diversity_by is None
