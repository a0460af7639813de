"""Unavailable items are in no list, in Python, in files and in the service."""

import polars as pl
import pytest

import pennyweight
import small_shop
from pennyweight import Recommender
from pennyweight.data.documents import documents
from pennyweight.errors import DataError
from pennyweight.serving.live.served_bundle import ServedBundle

ODD = {f"i{k}" for k in range(1, small_shop.N_ITEMS, 2)}
WORDS = {
    "available": ("yes", "no"),
    "availability": ("in stock", "out of stock"),
    "stock": ("7 pcs", "0"),
    "is_hidden": ("false", "true"),
}


@pytest.fixture(scope="module", params=list(WORDS))
def shop(request) -> Recommender:
    odd, even = WORDS[request.param]
    words = [odd if k % 2 else even for k in range(small_shop.N_ITEMS)]
    items = small_shop.items().with_columns(pl.Series(request.param, words))
    scorers = ["popularity", "content", "neighbors"]
    return pennyweight.fit(items, small_shop.events(), encoder="tfidf", scorers=scorers)


def test_no_list_has_unavailable_items(shop, tmp_path):
    every = shop.recommend_many(k=30)
    assert set(every["item_id"]) == ODD
    assert set(shop.similar("i0", k=30)["item_id"]) == ODD
    assert set(shop.recommend(text="tea blend", k=30)["item_id"]) <= ODD
    shop.export(tmp_path / "lists.csv", k=30)
    assert set(pl.read_csv(tmp_path / "lists.csv")["item_id"]) == ODD
    served = ServedBundle.of("1", shop)
    assert {shop.catalog.ids[code] for code in served.open.nonzero()[0].tolist()} == ODD


def test_a_saved_one_knows_it_too(shop, tmp_path):
    shop.save(tmp_path / "b")
    again = Recommender.load(tmp_path / "b")
    assert again.catalog.availability == shop.catalog.availability
    assert set(again.recommend_many(k=30)["item_id"]) == ODD


def test_unavailable_items_are_learned_from(shop):
    assert shop.recommend(history=["i0"], k=3)["source"][0] == "history"
    assert shop.interactions.counts[0] > 0


def test_an_item_that_comes_later_says_so_in_its_attributes(shop):
    (name,) = shop.catalog.availability
    odd, even = WORDS[name]
    kinds = {"is_hidden": lambda word: word == "true", "stock": lambda word: int(word.split()[0])}
    value = kinds.get(name, str)
    new = {"title": "tea blend dark no77"}
    later = documents(
        {"n1": new | {name: value(odd)}, "n2": new | {name: value(even)}}, shop.catalog
    )
    other = shop.with_items(later)
    items = set(other.recommend(text="tea blend dark no77", k=40)["item_id"])
    assert "n1" in items and "n2" not in items
    if name.startswith("avail"):
        with pytest.raises(DataError, match="cannot be read as yes or no"):
            documents({"n1": new | {name: "perhaps"}}, shop.catalog)
