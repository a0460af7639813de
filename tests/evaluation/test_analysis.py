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
    by_scorer = measure(scorers, held, repeats="exclude", k=10)
    kinds = groups_of(pl.Series("kind", [("even", "odd")[i % 2] for i in range(20)]))
    users = groups_of(pl.Series("side", [("left", "right")[i % 2] for i in range(20)]))
    kind_vectors = sparse.csr_matrix(np.eye(2, dtype=np.float32)[np.arange(20) % 2])
    return UserResults(by_scorer, held), Grouping(kind_vectors, kinds, users)


def test_the_checkerboard(world):
    results, grouping = world
    analysis = analyze(results, grouping)
    # One item of the own kind is left, and nine of the ten others.
    blend = analysis.lists.scorers["blend"]
    assert blend["diversity"].value == pytest.approx(1 - (9 * 8) / (10 * 9))
    q = 0.99 * 0.1 + 0.01
    assert blend["miscalibration"].value == pytest.approx(np.log(1 / q))
    assert blend["popularity_lift"].value == pytest.approx(0)
    assert analysis.lists.catalog["blend"]["coverage"] == 1
    assert analysis.lists.history_popularity == 9
    assert (analysis.lists.diversity_by, analysis.lists.categories) == (
        "words of the texts",
        "kind",
    )
    for group in analysis.exposure.groups:
        assert (group.items, group.histories) == pytest.approx((0.5, 0.5))
        assert group.scorers["blend"].value == pytest.approx(0.5)
    assert {part.name for part in analysis.slices if part.by == "side"} == {"left", "right"}
    (test,) = analysis.comparisons
    assert test.shown
    assert test.difference.value > 0.5


def test_deterministic_and_the_same_together_or_apart(world, monkeypatch):
    results, grouping = world
    first = analyze(results, grouping, rng=4)
    assert first == analyze(results, grouping, rng=4)
    monkeypatch.setattr(module, "_TOGETHER_BYTES", 0)
    separate = analyze(results, grouping, rng=4)
    for scorer, means in first.lists.scorers.items():
        for metric, mean in means.items():
            other = separate.lists.scorers[scorer][metric]
            assert tuple(mean.model_dump().values()) == pytest.approx(
                tuple(other.model_dump().values())
            )


def test_groups_without_data_are_left_out(world):
    results, _ = world
    analysis = analyze(results, Grouping(sparse.csr_matrix((20, 1))))
    assert analysis.exposure is None
    assert set(analysis.lists.scorers["blend"]) == {
        "novelty",
        "serendipity",
        "popularity",
        "popularity_lift",
    }
    assert analysis.lists.diversity_by is None
