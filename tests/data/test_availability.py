"""Columns that say which items may be recommended."""

import polars as pl
import pytest

from pennyweight import read
from pennyweight.errors import DataError

N = 12


def shelf(**columns):
    table = {
        "item_id": [f"i{j}" for j in range(N)],
        "title": [f"cup no {j} of {'tin' if j % 2 else 'wood'}" for j in range(N)],
    }
    for name, (odd, even) in columns.items():
        table[name] = [odd if j % 2 else even for j in range(N)]
    return pl.DataFrame(table)


EVENTS = pl.DataFrame(
    {
        "user_id": [f"u{j % 4}" for j in range(40)],
        "item_id": [f"i{(j * 5) % N}" for j in range(40)],
        "timestamp": range(40),
    }
)
ODD = [bool(j % 2) for j in range(N)]


@pytest.mark.parametrize(
    ("name", "odd", "even"),
    [
        ("available", "yes", "no"),
        ("available", True, False),
        ("available", "1", "0"),
        ("available", "in stock", "out of stock"),
        ("available", 7, 0),
        ("In Stock", "7 pcs", "0 pcs"),
        ("availability", "https://schema.org/InStock", "https://schema.org/OutOfStock"),
        ("availability", "preorder", "Sold out"),
        ("is_hidden", "false", "true"),
        ("hidden", 0, 1),
        ("sold_out", "n", "y"),
        ("discontinued", None, "yes"),
        ("status", "active", "archived"),
        ("stock", 3, 0),
        ("inventory_quantity", "12", "-2"),
        ("deleted", "False", "True"),
        ("available", "ja", "nein"),
    ],
)
def test_odd_items_are_available(name, odd, even):
    data = read(shelf(**{name: (odd, even)}), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert f"items: 6 kept: not available (column {name})" in str(data.log)


@pytest.mark.parametrize(
    "columns",
    [
        {"available": ("maybe", "blue")},
        {"is_hidden": ("a", "b")},
    ],
)
def test_what_cannot_be_read_is_refused_with_the_remedy(columns):
    with pytest.raises(DataError, match=r"cannot be read as yes or no .*--available-column ''"):
        read(shelf(**columns), EVENTS)
    name = next(iter(columns))
    data = read(shelf(**columns), EVENTS, columns={"available": None})
    assert data.catalog.available.all()
    assert name in data.catalog.attributes.columns


def test_a_vague_column_of_other_values_is_left_alone_and_named():
    data = read(shelf(status=("new", "used")), EVENTS)
    assert data.catalog.available.all()
    assert "column status does not say which items are available" in str(data.log)


def test_a_date_of_publication_is_no_availability():
    data = read(shelf(published=("2020-01-01", "2021-01-01")), EVENTS)
    assert data.catalog.available.all()
    assert "available" not in str(data.log)


def test_one_column_is_chosen():
    items = shelf(status=("new", "used"), sellable=("yes", "no"))
    data = read(items, EVENTS, columns={"available": "sellable"})
    assert data.catalog.available.tolist() == ODD
    with pytest.raises(DataError, match="did you mean 'sellable'"):
        read(items, EVENTS, columns={"available": "sellible"})


def test_nothing_available_is_an_error():
    with pytest.raises(DataError, match="no item is available"):
        read(shelf(available=("no", "no")), EVENTS)


def test_a_missing_word_is_no_reason_against_an_item_and_is_counted():
    data = read(shelf(available=("NULL", "no")), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert "6 kept: column available does not say" in str(data.log)
