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
        ("Verfügbarkeit", "auf Lager", "nicht auf Lager"),
        ("Verfu\u0308gbar", "sofort lieferbar", "ausverkauft"),
        ("disponible", "disponible", "agotado"),
        ("Lagerbestand", "3", "0"),
        ("наличие", "есть", "нет в наличии"),
        ("deleted_at", None, "2024-01-31 10:00:00"),
        ("deletedAt", "0000-00-00 00:00:00", "2024-01-31T10:00:00Z"),
        ("archived_at", 0, 1_700_000_000),
        ("expired", "false", "true"),
        ("sold", "no", "yes"),
        ("available", "-", "no"),
        ("availability", "available for order", "mark_as_sold"),
        ("status", "published", "trash"),
        ("post_status", "publish", "auto-draft"),
        ("workflow_state", "approved", "In Review"),
        ("moderation_state", "published", "embargoed"),
        ("privacyStatus", "public", "private"),
        ("isPublic", True, False),
        ("product_online", 1, 2),
        ("qty", "4", "0"),
        ("inventory", "5,00", "0,00"),
        ("statut", "actif", "brouillon"),
        ("estado", "activo", "borrador"),
        ("stato", "attivo", "bozza"),
        ("status", "in print", "out of print"),
    ],
)
def test_odd_items_are_available(name, odd, even):
    data = read(shelf(**{name: (odd, even)}), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert f"items: 6 noted: not available (column {name})" in str(data.log)


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


@pytest.mark.parametrize("name", ["status", "post_status", "state"])
def test_a_word_not_known_beside_drafts_is_asked_about(name):
    items = shelf(**{name: ("published", "draft")}).with_columns(
        pl.when(pl.int_range(N) == 4).then(pl.lit("zonked")).otherwise(pl.col(name)).alias(name)
    )
    with pytest.raises(DataError, match=r"'zonked' cannot be read .*--available-column ''"):
        read(items, EVENTS)


@pytest.mark.parametrize(
    "values", [("Ended", "Returning Series"), ("Released", "Rumored"), ("CA", "NY")]
)
@pytest.mark.parametrize("name", ["status", "state"])
def test_states_of_other_things_leave_items_available(name, values):
    assert read(shelf(**{name: values}), EVENTS).catalog.available.all()


@pytest.mark.parametrize(
    ("name", "odd", "even", "path"),
    [
        ("stock", {"available": True}, {"available": False}, "stock.available"),
        ("offers", {"availability": "InStock", "price": "9"},
         {"availability": "OutOfStock", "price": "8"}, "offers.availability"),
        ("a", {"inventory": {"in_stock": 1}}, {"inventory": {"in_stock": 0}},
         "a.inventory.in_stock"),
    ],
)  # fmt: skip
def test_fields_of_objects_say_which_items_are_available(name, odd, even, path):
    for columns in (None, {"available": path}):
        data = read(shelf(**{name: (odd, even)}), EVENTS, columns=columns)
        assert data.catalog.available.tolist() == ODD
        assert f"(column {path})" in str(data.log)


def test_objects_keep_their_numbers_as_columns_named_by_their_path():
    price = [{"amount": 9.5 + j, "currency": "EUR"} for j in range(N)]
    data = read(shelf().with_columns(price=pl.Series(price)), EVENTS)
    assert data.catalog.attributes["price.amount"].to_list() == [9.5 + j for j in range(N)]
    assert data.catalog.attributes["price.currency"].to_list() == ["EUR"] * N


def test_objects_of_mere_texts_stay_one_column():
    maker = [{"brand": "Acorn", "line": f"no {j}"} for j in range(N)]
    data = read(shelf().with_columns(maker=pl.Series(maker)), EVENTS)
    assert data.catalog.attributes["maker"].to_list()[3] == ["Acorn", "no 3"]


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
    assert "6 noted: column available does not say" in str(data.log)


def test_a_missing_date_of_publication_is_named_and_may_be_chosen():
    items = shelf(published_at=("2024-01-31", None))
    data = read(items, EVENTS)
    assert data.catalog.available.all()
    assert "6 noted: published_at is missing" in str(data.log)
    assert "--available-column published_at" in str(data.log)
    chosen = read(items, EVENTS, columns={"available": "published_at"})
    assert chosen.catalog.available.tolist() == ODD


@pytest.mark.parametrize("values", [(12, 0), (1, 0)])
def test_a_number_of_pieces_sold_is_no_availability(values):
    data = read(shelf(sold=values), EVENTS)
    assert data.catalog.available.all()
    assert "column sold" not in str(data.log)


def test_free_text_in_another_language_stops_nothing():
    data = read(shelf(Verfügbarkeit=("in 1-2 Tagen", "nach Absprache")), EVENTS)
    assert data.catalog.available.all()
    assert "column Verfügbarkeit does not say" in str(data.log)


def test_none_in_stock_is_asked_about():
    with pytest.raises(DataError, match="'none' cannot be read"):
        read(shelf(available=("3", "none")), EVENTS)
