"""Items of which there is neither an event nor a known word."""

import polars as pl
import pytest
from typer.testing import CliRunner

import pennyweight
import small_shop
from pennyweight import Recommender
from pennyweight.cli.app import app
from pennyweight.data.documents import documents
from pennyweight.errors import UnknownUserWarning

UNKNOWN = ["empty", "odd"]


@pytest.fixture(scope="module")
def shop() -> Recommender:
    more = pl.DataFrame({"item_id": [*UNKNOWN, "new"], "title": ["", "zzz qqq", "tea mild fresh"]})
    items = pl.concat([small_shop.items(), more])
    return pennyweight.fit(items, small_shop.events(), encoder="tfidf")


@pytest.mark.parametrize("item", UNKNOWN)
def test_a_history_of_unknown_items_is_none(shop, item):
    popular = shop.recommend(k=5)["item_id"].to_list()
    frame = shop.recommend(history=[item], k=5, explain=True)
    assert set(frame["source"]) == {"popularity"} and frame["item_id"].to_list() == popular
    assert not frame["reason"].str.contains("because of").any()
    assert shop.source(history=UNKNOWN) == "popularity"
    assert shop.source(history=[item], text="tea") == "text"
    assert shop.recommend(history=[item, "i0"])["source"][0] == "history"
    assert "because of" not in shop.explain("i0", history=[item]).text


@pytest.mark.parametrize("item", UNKNOWN)
def test_nothing_is_similar_to_an_unknown_item(shop, item):
    frame = shop.similar(item, 5, explain=True)
    assert set(frame["source"]) == {"popularity"} and item not in frame["item_id"].to_list()
    assert not frame["reason"].str.contains("tower").any()


def test_an_item_without_events_is_known_by_its_words(shop):
    assert set(shop.similar("new", 5)["source"]) == {"history"}
    assert shop.source(history=["new"]) == "history"


def test_an_export_calls_it_popularity(shop, tmp_path):
    events = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["odd", "i0"], "timestamp": [1, 2]})
    events = events.with_columns(pl.col("timestamp") + 1_700_000_000)
    shop.export(tmp_path / "lists.csv", 3, events=events)
    lists = pl.read_csv(tmp_path / "lists.csv")
    assert dict(lists.select("user_id", "source").unique().rows()) == {
        "a": "popularity",
        "b": "history",
    }


def test_live_items_are_judged_too(shop):
    come = {"fuji": {"title": "Fujifilm Instax"}, "teas": {"title": "tea mild"}}
    live = shop.with_items(documents(come, shop.catalog))
    assert live.source(history=["fuji"]) == "popularity"
    assert set(live.similar("fuji", 3)["source"]) == {"popularity"}
    assert live.source(history=["teas"]) == "history"


def test_the_command_says_so(shop, tmp_path):
    shop.save(tmp_path / "shop")
    result = CliRunner().invoke(app, ["similar", str(tmp_path / "shop"), "odd", "-k", "2"])
    assert result.exit_code == 0
    assert "neither an event nor a word of another item" in result.stderr
    result = CliRunner().invoke(app, ["similar", str(tmp_path / "shop"), "i0", "-k", "2"])
    assert result.stderr == ""


def test_users_are_ids_in_any_list_but_no_table(shop):
    for users in (pl.Series([1.0, 2.0]), [1, 2], pl.Series(["1", "2"])):
        with pytest.warns(UnknownUserWarning):
            frame = shop.recommend_many(users, 1)
        assert frame["user_id"].to_list() == ["1", "2"]
    for wrong in ([None], [float("nan")], [True], [["u1"]]):
        with pytest.raises(TypeError, match="is no id"):
            shop.recommend_many(wrong)
    with pytest.raises(TypeError, match="not a table: give one of its columns"):
        shop.recommend_many(pl.DataFrame({"user_id": ["u1"]}))
