"""Warm fits: settings, weights, search and trees stay, and the new items are there."""

from dataclasses import replace

import numpy as np
import pytest

import pennyweight
import world
from pennyweight import demo
from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.errors import PlanError
from pennyweight.fitting.warm import warm_fit
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.ranking_trees import catalog_digest
from pennyweight.scorers.text_search import TextSearch
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings

BOARD, CATALOG = world.checkerboard()
ENCODER = LexicalEncoder.fit(CATALOG.texts, dim=8)
N = len(CATALOG)


def blend(*, words_id: str | None = "content") -> Blend:
    settings = TwoTowerSettings(dim=8, epochs=3, batch=16, negatives=8)
    components = {
        "popularity": Popularity(),
        "content": Content(decay=0.5),
        "tower": TwoTower(ENCODER, settings),
    }
    for component in components.values():
        component.fit(BOARD.before, CATALOG)
    routes = {
        0: {"popularity": 1.0, "content": 0.0, "tower": 0.0},
        2: {"popularity": -0.5, "content": 2.0, "tower": 1.0},
    }
    made = Blend(components, {"popularity": -0.5, "content": 3.0, "tower": 0.4}, routes=routes)
    words = components["content"] if words_id else Content().fit(BOARD.before, CATALOG)
    search = TextSearch.fit(ENCODER, words, CATALOG, words_id=words_id)
    made.search = replace(search, bm25_weight=0.01)
    return made


def grown() -> tuple[Catalog, object]:
    """Return a catalog with a new item before the others, and the events by its codes."""
    names, texts = ["new", *CATALOG.ids], ["a rare zeppelin", *CATALOG.texts]
    log = replace(BOARD.before, item=BOARD.before.item + 1, n_items=N + 1)
    return Catalog(Ids(names, "items"), tuple(texts)), log


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path))


@pytest.mark.parametrize("words_id", ["content", None])
def test_choices_and_weights_stay(words_id):
    parent, (catalog, log) = blend(words_id=words_id), grown()
    weights, routes = dict(parent.weights), dict(parent.routes)
    fitted = warm_fit(parent, CATALOG.ids, log, catalog)
    assert fitted.weights == weights and fitted.routes == routes
    assert fitted.components["content"].decay == 0.5
    assert fitted.components["tower"].settings.epochs == 3
    assert fitted.search.bm25_weight == 0.01 and fitted.search.words_id == words_id
    scores = fitted.score(replace(BOARD.histories, item=BOARD.histories.item + 1))
    assert scores.shape == (len(BOARD), N + 1) and np.isfinite(scores).all()


def test_words_of_new_items_are_searched_at_once():
    parent, (catalog, log) = blend(), grown()
    before = parent.score_texts(["zeppelin"])
    assert not before.any()
    found = warm_fit(parent, CATALOG.ids, log, catalog).score_texts(["zeppelin"])
    assert found[0].argmax() == 0 and found[0, 0] > 0


def test_trees_stay_with_the_new_items():
    events = demo.readers(readers=1000).sort("timestamp")
    scorers = ["popularity", "content", "neighbors"]
    plan = pennyweight.Plan().override(
        {"rerank.name": "trees", "evaluate.bootstrap": 2, "scorers.names": scorers}
    )
    books = demo.books()
    parent = pennyweight.fit(books[:-3], events, plan=plan, encoder="tfidf", max_dropped=1.0)
    data = pennyweight.read(books, events)
    trees = parent.scorer.trees
    fitted = warm_fit(parent.scorer, parent.catalog.ids, data.interactions, data.catalog)
    assert trees is not None and fitted.trees.ensemble is trees.ensemble
    assert fitted.trees.catalog == catalog_digest(data.catalog.ids) != trees.catalog


def test_a_scorer_alone_is_refused():
    with pytest.raises(PlanError, match="--full"):
        warm_fit(Popularity().fit(BOARD.before, CATALOG), CATALOG.ids, BOARD.before, CATALOG)
