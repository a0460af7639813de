"""The vectors of items as a frame."""

import numpy as np
import polars as pl
import pytest

import small_shop
from pennyweight import Recommender, fit
from pennyweight.data.documents import documents
from pennyweight.data.interactions import Histories
from pennyweight.scorers.popularity import Popularity
from tiny_bert import write_tiny_bert

ITEMS, EVENTS = small_shop.items(), small_shop.events()


@pytest.fixture(scope="module")
def recommender(tmp_path_factory) -> Recommender:
    model = write_tiny_bert(tmp_path_factory.mktemp("model"))
    scorers = ["popularity", "content", "tower"]
    return fit(ITEMS, EVENTS, encoder=str(model), scorers=scorers)


def test_each_component_with_vectors_has_a_column(recommender):
    frame = recommender.item_vectors
    assert frame.columns == ["item_id", "content", "tower"]
    assert frame["item_id"].to_list() == ITEMS["item_id"].to_list()
    for name in ("content", "tower"):
        assert isinstance(frame.schema[name], pl.Array)
        assert frame.schema[name].inner == pl.Float32
        matrix = frame[name].to_numpy()
        assert matrix.dtype == np.float32 and len(matrix) == len(ITEMS)


def test_they_are_the_vectors_that_rank(recommender):
    vectors = recommender.item_vectors["content"].to_numpy()
    content = recommender.scorer.components["content"]
    scores = content.score(Histories.of([[3]]))[0]
    assert np.allclose(np.maximum(vectors @ vectors[3], 0), scores, atol=1e-5)
    tower = recommender.scorer.components["tower"]
    assert np.array_equal(recommender.item_vectors["tower"].to_numpy(), tower.item_vectors)


def test_new_items_have_vectors_and_files_keep_them(recommender, tmp_path):
    new = documents({"new": {"title": ITEMS["title"][0]}}, recommender.catalog)
    frame = recommender.with_items(new).item_vectors
    assert frame["item_id"].to_list()[-1] == "new" and len(frame) == len(ITEMS) + 1
    vectors = frame["content"].to_numpy()
    assert np.allclose(vectors[-1], vectors[0], atol=0.02)  # of the same text; int8 in between
    frame.write_parquet(tmp_path / "vectors.parquet")
    assert pl.read_parquet(tmp_path / "vectors.parquet").equals(frame)


def test_sparse_vectors_and_scorers_without_vectors_have_no_column(recommender):
    plain = fit(ITEMS, EVENTS, encoder="tfidf", scorers=["popularity", "content"])
    assert plain.item_vectors.columns == ["item_id"]
    one = Recommender(
        recommender.catalog, Popularity().fit(recommender.interactions, recommender.catalog)
    )
    assert one.item_vectors.columns == ["item_id"]
