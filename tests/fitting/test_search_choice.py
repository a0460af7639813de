"""The choice of the search by text: measured on queries made from the catalog."""

import pytest

from pennyweight import demo
from pennyweight.config.plan import EncoderPlan, Plan, SearchPlan
from pennyweight.errors import PlanError
from pennyweight.fitting import evaluate, fit
from pennyweight.fitting.search_choice import search_encoder_name
from pennyweight.recommender.recommender import Recommender

BOOKS, READERS = demo.books(), demo.readers(readers=60)
QUICK = {"scorers": "popularity,content", "seed": 1}


@pytest.mark.parametrize(
    ("search", "encoder", "expected"),
    [
        ("auto", "auto", "static"),
        ("auto", "static", "static"),
        ("auto", "minilm", "minilm"),
        ("auto", "some/model", "some/model"),
        ("auto", "tfidf", "none"),
        ("auto", "word2vec", "none"),
        ("auto", "https://host/v1", "none"),
        ("auto", "model.gguf", "none"),
        ("none", "minilm", "none"),
        ("minilm", "tfidf", "minilm"),
    ],
)
def test_the_encoder_of_the_search_follows_that_of_the_scorers(search, encoder, expected):
    plans = SearchPlan(encoder=search), EncoderPlan(name=encoder)
    assert search_encoder_name(*plans, None) == expected


@pytest.mark.weights
def test_the_shop_searches_by_meaning_and_says_what_it_gains(tmp_path):
    shop = fit(BOOKS, READERS, **QUICK)
    quality = shop.report.search
    assert quality.used
    assert {task.task: task.metric for task in quality.tasks} == {
        "categories": "precision@10",
        "known items": "recall@10",
    }
    by_task = {task.task: task.difference for task in quality.tasks}
    assert by_task["categories"].low > 0
    assert by_task["known items"].high >= 0
    assert "is used" in quality.sentence()
    shop.save(tmp_path / "shop")
    loaded = Recommender.load(tmp_path / "shop")
    expected = shop.recommend(text="frightening castle at night", k=5)
    assert loaded.recommend(text="frightening castle at night", k=5).equals(expected)
    assert loaded.report.search == quality


@pytest.mark.weights
def test_none_keeps_tfidf():
    plan = Plan().override({"search.encoder": "none"})
    shop = fit(BOOKS, READERS, plan=plan, **QUICK)
    assert shop.report.search is None
    assert shop.scorer.search is None
    assert "search" not in shop.report.cost.seconds


@pytest.mark.weights
def test_a_catalog_without_queries_keeps_tfidf_unless_an_encoder_is_named():
    titles = BOOKS.select("item_id", "title")
    assert evaluate(titles, READERS, **QUICK).search is None
    plan = Plan().override({"search.encoder": "static"})
    shop = fit(titles, READERS, plan=plan, **QUICK)
    assert shop.scorer.search is not None
    assert shop.report.search.tasks == ()
    assert "no categories or descriptions" in shop.report.search.sentence()


@pytest.mark.parametrize("name", ["statik", "tfidf", "word2vec", "https://host/v1", "model.gguf"])
def test_an_unknown_encoder_is_refused_before_the_work(name):
    plan = Plan().override({"search.encoder": name})
    with pytest.raises(PlanError, match=r"search\.encoder.*static"):
        fit(BOOKS, READERS, plan=plan, **QUICK)
