"""Lists of shown items beside the one that was chosen."""

import json

import polars as pl
import pytest

from pennyweight.data.dataset import read

N, T0 = 60, 1_600_000_000
ITEMS = pl.DataFrame({"item_id": [f"i{i}" for i in range(20)], "title": ["a thing"] * 20})


def shown(n):
    return [f"i{(n + k) % 20}" for k in range(3)]


def clicked(n):
    return f"i{(n + 1) % 20}" if n % 3 else None


CLICKS = sum(clicked(n) is not None for n in range(N))


def log(slate, pick, none=None, form=None):
    return pl.DataFrame(
        {
            "user_id": [f"u{n % 6}" for n in range(N)],
            "timestamp": [T0 + n * 3_600 for n in range(N)],
            slate: [form(shown(n)) if form else shown(n) for n in range(N)],
            pick: [clicked(n) or none for n in range(N)],
        }
    )


@pytest.mark.parametrize(
    "slate",
    ["recommended_items", "displayed_items", "item_ids", "items", "product_ids", "list", "slate"],
)
@pytest.mark.parametrize(
    "pick", ["clicked_item_id", "clicked_product_id", "selected_item", "chosen_item", "clicked"]
)
def test_only_the_chosen_item_is_an_event(slate, pick):
    data = read(ITEMS, log(slate, pick))
    assert len(data.interactions) == CLICKS
    assert data.columns.roles["item"] == pick
    assert data.log.count("from which nothing was chosen") == N - CLICKS
    assert data.log.unaccounted("events") == 0


@pytest.mark.parametrize("form", ["|".join, ",".join, json.dumps])
@pytest.mark.parametrize("none", ["", "0", "-1", "null"])
def test_lists_as_text_and_words_for_no_choice(form, none):
    assert (
        len(read(ITEMS, log("product_ids", "clicked_product_id", none, form)).interactions)
        == CLICKS
    )


def test_many_lists_without_a_choice_are_no_loss(tmp_path):
    table = log("shown_items", "clicked_item").with_columns(
        clicked_item=pl.Series([clicked(n) if n % 10 == 1 else None for n in range(N)])
    )
    table.write_ndjson(tmp_path / "e.jsonl")
    assert len(read(ITEMS, tmp_path / "e.jsonl").interactions) == 4


def test_the_list_can_be_chosen():
    table = log("item_ids", "clicked_item_id")
    data = read(ITEMS, table, columns={"item": "item_ids"})
    assert data.log.rows("events") == 3 * N


def test_a_flag_and_another_item_beside_a_list_choose_nothing():
    table = log("item_ids", "clicked").with_columns(clicked=pl.Series([n % 2 for n in range(N)]))
    assert read(ITEMS, table).columns.roles["item"] == "item_ids"
    table = log("items", "viewed_product").with_columns(viewed_product=pl.lit("i19"))
    assert read(ITEMS, table).columns.roles["item"] == "items"
    table = log("recommended_items", "clicked_item").with_columns(item_id=pl.lit("i7"))
    assert read(ITEMS, table).columns.roles["item"] == "item_id"
