"""Items that come after the fit."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pennyweight
from pennyweight import Recommender
from pennyweight.data.catalog import Catalog
from pennyweight.data.documents import document_of, documents
from pennyweight.data.ids import Ids
from pennyweight.errors import DataError, PlanError

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d", "e"],
        "title": ["red apple", "green apple", "blue chair", "old chair", "red table"],
        "tags": [["fruit"], ["fruit", "sour"], ["seat"], ["seat"], []],
        "price": [1, 2, 30, 40, 50],
        "in_stock": [True, True, False, True, True],
    }
)
EVENTS = pl.DataFrame(
    {
        "user_id": ["u", "u", "v", "v", "w", "w", "x", "x"],
        "item_id": ["a", "b", "c", "d", "a", "e", "c", "d"],
        "timestamp": [1_700_000_000 + i for i in range(8)],
    }
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Recommender:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        shop = pennyweight.fit(ITEMS, EVENTS, encoder="tfidf", scorers=["content", "popularity"])
    shop.scorer.weights = {"content": 1.0, "popularity": 0.1}  # eight events teach none
    return shop


def added(shop: Recommender, **items: dict) -> Recommender:
    return shop.with_items(documents(items, shop.catalog))


def test_a_new_item_is_found_by_its_text_and_recommended(shop):
    other = added(shop, f={"title": "yellow chair", "tags": ["seat"], "price": 10})
    assert other.recommend(text="yellow chair", k=1)["item_id"].to_list() == ["f"]
    assert "f" in other.recommend(history=["c"], k=3)["item_id"].to_list()
    assert other.recommend(history=["f"], k=1)["item_id"][0] in ("c", "d")
    assert other.similar("f", k=1)["item_id"][0] in ("c", "d")
    assert "f" not in shop.catalog.ids
    assert len(shop.recommend(k=99)) == 4  # all but the one that is not in stock


@pytest.mark.parametrize("title", ["Стул жёлтый", "黄色い椅子", "Zyxwv"])
def test_a_new_item_of_unknown_words_is_found_by_its_title(shop, title):
    assert set(shop.recommend(text=title, k=1)["source"]) == {"popularity"}
    other = added(shop, f={"title": title, "tags": [], "price": 10}, g={"title": "Qqq", "tags": []})
    for text in (title, f" {title.upper()} "):
        (best,) = other.recommend(text=text, k=1, explain=True).to_dicts()
        assert (best["item_id"], best["source"]) == ("f", "text")
        assert best["reason"].startswith("new: chosen by its text; matches the text: ")
    assert set(other.recommend(text=title[:-1], k=1)["source"]) == {"popularity"}


def test_attributes_of_a_new_item_are_filtered_by(shop):
    other = added(shop, f={"title": "yellow chair", "price": 9.5, "in_stock": True})
    frame = other.recommend(k=9, filter="price > 9 and price < 10")
    assert frame["item_id"].to_list() == ["f"]
    assert "f" in other.recommend(k=9, filter="in_stock")["item_id"].to_list()


def test_a_changed_item_keeps_its_place_and_its_behavior(shop):
    other = added(shop, b={"title": "red chair", "tags": ["seat"], "price": 3})
    assert len(other.catalog) == len(shop.catalog)
    assert other.catalog.ids.code("b") == shop.catalog.ids.code("b")
    assert other.catalog.title(1) == "red chair"
    assert other.catalog.attributes["price"].to_list() == [1, 3, 30, 40, 50]
    assert other.recommend(text="red chair", k=1)["item_id"].to_list() == ["b"]
    popular = other.scorer.components["popularity"].level
    np.testing.assert_array_equal(popular, shop.scorer.components["popularity"].level)


def test_a_price_alone_changes_no_scorer(shop):
    document = document_of(shop.catalog, 1)
    other = added(shop, b=document | {"price": 99})
    assert other.scorer is shop.scorer
    assert other.catalog.attributes["price"][1] == 99


def test_an_unchanged_item_that_comes_again_copies_nothing(shop):
    grown = added(shop, f={"title": "yellow chair", "tags": ["seat"], "price": 10})
    again = {item: document_of(grown.catalog, grown.catalog.ids.code(item)) for item in "bf"}
    other = added(grown, **again)
    assert other.catalog.attributes.equals(grown.catalog.attributes)
    assert other.catalog.texts._values is grown.catalog.texts._values
    assert other.scorer is grown.scorer
    other = added(grown, b=again["b"] | {"tags": ["fruit"]}, f=again["f"])
    assert other.catalog.attributes["tags"].to_list()[1] == ["fruit"]
    assert other.catalog.attributes["price"].to_list() == [1, 2, 30, 40, 50, 10]


def test_new_and_changed_items_together(shop):
    other = added(shop, z={"title": "lamp"}, a={"title": "rotten apple"}, y={"title": "sofa"})
    assert list(other.catalog.ids) == ["a", "b", "c", "d", "e", "z", "y"]
    titles = other.catalog.attributes["title"].to_list()
    assert (titles[0], titles[1], titles[5], titles[6]) == (
        "rotten apple",
        "green apple",
        "lamp",
        "sofa",
    )
    assert other.catalog.texts[6] == "sofa"


def test_texts_are_made_as_those_of_the_fit(shop):
    again = documents(
        {item: document_of(shop.catalog, i) for i, item in enumerate("abcde")}, shop.catalog
    )
    assert again.texts == shop.catalog.texts
    assert again.attributes.equals(shop.catalog.attributes)


def test_text_columns_are_kept_with_a_bundle(shop, tmp_path):
    shop.save(tmp_path / "b")
    assert Recommender.load(tmp_path / "b").catalog.text_columns == ("title", "tags")


def test_it_cannot_be_saved(shop, tmp_path):
    with pytest.raises(PlanError, match="added live"):
        added(shop, f={"title": "new"}).save(tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"titel": "x"}, "'f': no column 'titel'; did you mean 'title'"),
        ({"title": 7}, "'f': 'title' is text, not 7"),
        ({"price": "7"}, "'price' is a number .*, not '7'"),
        ({"price": True}, "'price' is a number .*, not True"),
        ({"in_stock": "yes"}, "'in_stock' is true or false, not 'yes'"),
        ({"tags": "seat, sofa"}, "'tags' is a list of values, not 'seat, sofa'"),
        ({"tags": [3]}, "'tags' is text, not 3"),
        ({"price": 10**30}, "'price' is a number"),
    ],
)
def test_bad_documents(shop, document, message):
    with pytest.raises(DataError, match=message):
        documents({"f": document}, shop.catalog)


def test_a_catalog_without_columns_takes_a_text():
    bare = Catalog(Ids(["a"], "items"), ("one",))
    rows = documents({"b": {"text": "<b>two</b>"}, "c": {}}, bare)
    assert rows.texts == ("two", "")
    grown, codes = bare.with_items(rows)
    assert grown.texts == ("one", "two", "")
    assert codes.tolist() == [1, 2]
    with pytest.raises(DataError, match="no column 'price'"):
        documents({"b": {"price": 1}}, bare)


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.none() | st.text(max_size=8),
        "price": st.none() | st.integers(-5, 5) | st.floats(-1e6, 1e6, width=32),
        "in_stock": st.none() | st.booleans(),
        "tags": st.none() | st.lists(st.text(max_size=3), max_size=3),
    },
)


@given(st.lists(st.tuples(st.sampled_from("abcfgh"), VALUES), max_size=6))
def test_one_by_one_is_as_all_at_once(shop, changes):
    step = shop.catalog
    for item, document in changes:
        step, _ = step.with_items(documents({item: document}, shop.catalog))
    last = dict(changes)
    expected = shop.catalog
    for item in dict.fromkeys(item for item, _ in changes):
        expected, _ = expected.with_items(documents({item: last[item]}, shop.catalog))
    assert list(step.ids) == list(expected.ids)
    assert step.texts == expected.texts
    assert step.attributes.equals(expected.attributes)
    assert [step.ids.code(item) for item in step.ids] == list(range(len(step)))
