"""Items with several rows: tags in rows are joined, other differences stop the reading."""

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

N = 12
LOG = pl.DataFrame(
    {
        "user_id": [f"u{k % 5}" for k in range(60)],
        "item_id": [f"i{k % N}" for k in range(60)],
        "timestamp": [1_700_000_000 + 999 * k for k in range(60)],
    }
)
TAGS = ("red", "round", "new")


def long(**columns) -> pl.DataFrame:
    """Three rows an item."""
    rows = [
        {"item_id": f"i{k}", **{name: value(k, j) for name, value in columns.items()}}
        for k in range(N)
        for j in range(3)
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize("titled", [False, True])
def test_tags_in_rows_are_joined(titled):
    title = {"title": lambda k, j: f"cup {k}"} if titled else {}
    data = read(long(tag=lambda k, j: TAGS[j], **title), LOG)
    assert data.catalog.attributes["tag"].to_list() == [list(TAGS)] * N
    assert data.catalog.texts[3] == ("cup 3. " if titled else "") + "red, round, new"
    assert data.log.count("differ in 'tag' alone") == 2 * N
    assert data.log.unaccounted("items") == 0


def test_a_tag_that_is_twice_there_or_missing_is_one_value_or_none():
    data = read(long(title=lambda k, j: f"cup {k}", tag=lambda k, j: ("a", "a", None)[j]), LOG)
    assert data.catalog.attributes["tag"].to_list() == ["a"] * N


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {
                "title": lambda k, j: f"cup {k}",
                "size": lambda k, j: "SML"[j],
                "price": lambda k, j: k + j,
            },
            "'size', 'price' differ .*'i0' has size 'S' and 'M'",
        ),
        ({"title": lambda k, j: f"cup {k}", "price": lambda k, j: 5 + j}, "'price' differs"),
        ({"title": lambda k, j: f"cup {k} {j}"}, "'title' differs"),
        ({"title": lambda k, j: f"cup {k}", "tags": lambda k, j: [TAGS[j]]}, "'tags' differs"),
    ],
)
def test_other_differences_stop_where_most_rows_would_go(columns, words):
    with pytest.raises(DataError, match=rf"24 of 36 rows .*{words}.*--id-column.*0.67") as error:
        read(long(**columns), LOG)
    assert "max_dropped=0.67" in str(error.value)
    data = read(long(**columns), LOG, max_dropped=0.67)
    assert len(data.catalog) == N and data.catalog.texts[3].startswith("cup 3")


def test_a_variant_has_its_own_id():
    variants = long(
        title=lambda k, j: f"cup {k}",
        size=lambda k, j: "SML"[j],
        variant=lambda k, j: f"i{k}-{j}",
        price=lambda k, j: k + j,
    )
    log = LOG.with_columns(item_id=pl.col("item_id") + "-1")
    data = read(variants, log, columns={"id": "variant"})
    assert len(data.catalog) == 3 * N and len(data.interactions) == len(LOG)


def test_equal_rows_and_a_log_as_the_catalog_are_read():
    items = pl.DataFrame({"item_id": [f"i{k}" for k in range(N)], "title": ["cup"] * N})
    data = read(pl.concat([items] * 4), LOG)
    assert len(data.catalog) == N and data.log.count("in an equal row") == 3 * N
    log = LOG.with_columns(title=pl.col("item_id") + " cup")
    assert read(log, log).catalog.texts[3] == "i3 cup"


def test_a_few_repeated_ids_are_counted_with_the_differing_columns():
    items = pl.DataFrame({"item_id": [f"i{k}" for k in range(N)], "title": ["cup"] * N})
    more = items.head(2).with_columns(title=pl.lit("mug"))
    data = read(pl.concat([items, more]), LOG)
    assert data.catalog.texts[0] == "cup"
    assert data.log.count("(the first row is kept), and 'title' differs in its rows") == 2
