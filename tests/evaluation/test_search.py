"""Search tasks made of a catalog: queries are taken out of the texts, and answers are known."""

import numpy as np
import polars as pl
import pytest

from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning_log import Findings
from pennyweight.data.ids import Ids
from pennyweight.data.items import clean_items
from pennyweight.evaluation.search import category_search, known_item_search, search_quality

KINDS = [f"kind{n}" for n in range(12)]


def shared_words(texts: list[str]):
    """Score an item by the number of a query's words that its text has."""
    words = [set(text.lower().split()) for text in texts]

    def score_texts(queries):
        return np.array([[len(set(q.lower().split()) & w) for w in words] for q in queries], "f4")

    return score_texts


def catalog_of(frame: pl.DataFrame, columns: tuple[str, ...]) -> Catalog:
    ids = Ids([f"i{n}" for n in range(frame.height)], "items")
    return clean_items(ids, frame, columns, Findings())


def shop(categories: list[object], title: str = "thing") -> Catalog:
    frame = pl.DataFrame(
        {
            "title": [f"{title} {n}" for n in range(len(categories))],
            "categories": categories,
        },
        strict=False,
    )
    return catalog_of(frame, ("title", "categories"))


def test_last_names_of_paths_are_the_queries_and_are_removed_from_the_texts():
    catalog = shop([f"Shop > {KINDS[n % 12]}" for n in range(144)])
    task = category_search(catalog)
    assert task is not None
    assert task.queries == tuple(sorted(KINDS))
    assert not any("kind" in text for text in task.catalog.texts)
    assert any("kind" in text for text in catalog.texts)
    for query, codes in zip(task.queries, task.relevant, strict=True):
        assert [f"kind{code % 12}" for code in codes] == [query] * 12


def test_lists_of_names_count_each_name():
    catalog = shop([[KINDS[n % 12], KINDS[(n + 1) % 12]] for n in range(144)])
    task = category_search(catalog)
    assert task is not None
    assert {len(codes) for codes in task.relevant} == {24}


def test_categories_that_are_in_no_text_serve_too():
    catalog = shop([f"Shop > {KINDS[n % 12]}" for n in range(144)])
    titles = catalog_of(catalog.attributes, ("title",))
    task = category_search(titles)
    assert task is not None
    assert task.queries == tuple(sorted(KINDS))
    assert list(task.catalog.texts) == list(titles.texts)


def test_categories_with_few_items_or_most_of_the_items_are_left_out():
    rare = ["Shop > rare"] * 9
    wide = ["Shop > wide"] * 100
    catalog = shop([f"Shop > {KINDS[n % 12]}" for n in range(144)] + rare + wide)
    task = category_search(catalog)
    assert task is not None
    assert task.queries == tuple(sorted(KINDS))


@pytest.mark.parametrize("n_kinds", [0, 9])
def test_a_catalog_with_few_categories_gives_no_task(n_kinds):
    assert category_search(shop([f"Shop > {n % max(1, n_kinds)}" for n in range(144)])) is None


def test_makers_are_no_categories():
    frame = pl.DataFrame(
        {
            "title": [f"{KINDS[n % 12]} thing" for n in range(144)],
            "brand": [KINDS[n % 12] for n in range(144)],
        }
    )
    assert category_search(catalog_of(frame, ("title", "brand"))) is None


def test_queries_beyond_the_limit_are_drawn_by_the_seed():
    catalog = shop([f"Shop > {KINDS[n % 12]}" for n in range(144)])
    first, again, other = (category_search(catalog, max_queries=5, seed=s) for s in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.queries == again.queries != other.queries
    assert len(first.queries) == 5


def described(n: int = 40) -> Catalog:
    frame = pl.DataFrame(
        {
            "title": [f"thing {i}" for i in range(n)],
            "description": [
                f"Number {i} is made of one solid piece. It comes in a box." for i in range(n)
            ],
        }
    )
    return catalog_of(frame, ("title", "description"))


def test_a_sentence_of_a_description_is_the_query_and_leaves_the_text():
    catalog = described()
    task = known_item_search(catalog, seed=3)
    assert task is not None
    assert len(task.queries) == 40
    for query, (code,) in zip(task.queries, task.relevant, strict=True):
        assert query in catalog.texts[code]
        assert query not in task.catalog.texts[code]
        assert task.catalog.texts[code].startswith(f"thing {code}")


@pytest.mark.parametrize("text", ["One sentence of seven words is all.", "Short. Text.", None])
def test_descriptions_without_a_suitable_sentence_give_no_task(text):
    frame = pl.DataFrame({"title": ["a", "b"], "description": [text, text]}, strict=False)
    assert known_item_search(catalog_of(frame, ("title", "description"))) is None


def test_a_catalog_without_descriptions_gives_no_known_items():
    assert known_item_search(shop(["Shop > a"] * 20)) is None


def test_precision_and_recall_are_those_counted_by_hand():
    catalog = shop([f"Shop > {KINDS[n % 12]}" for n in range(144)])
    task = category_search(catalog)
    assert task is not None
    # Every item scores zero: the list is the first ten items, one of each of ten kinds.
    values = search_quality(task, shared_words(task.catalog.texts))
    expected = [0.1 if int(query[4:]) < 10 else 0.0 for query in task.queries]
    assert values.tolist() == pytest.approx(expected)
    perfect = search_quality(task, shared_words([f"kind{n % 12}" for n in range(144)]))
    assert perfect.tolist() == [1.0] * 12

    known = known_item_search(described())
    assert known is not None
    recall = search_quality(known, shared_words(described().texts))
    # All descriptions have the second sentence: only the first ten items are among the best.
    expected = [
        float(query.startswith("Number") or code < 10)
        for query, (code,) in zip(known.queries, known.relevant, strict=True)
    ]
    assert recall.tolist() == expected
