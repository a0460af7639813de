"""Columns that say which items may be recommended."""

import polars as pl
import pytest

from pennyweight import read
from pennyweight.errors import DataError

N = 12


def catalog(**columns):
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
        ("banned", "no", "yes"),
        ("is_private", False, True),
        ("suspended", "0", "1"),
        ("do_not_recommend", "0", "1"),
        ("oos", "no", "yes"),
        ("gesperrt", "nein", "ja"),
        ("Nicht lieferbar", "0", "1"),
        ("no disponible", "no", "sí"),
        ("not_for_sale", "false", "true"),
        ("in_stock", "WAHR", "FALSCH"),
        ("en_stock", "VRAI", "FAUX"),
        ("in_stock", "VERO", "FALSO"),
        ("in_stock", "J", "N"),
        ("in_stock", "S", "N"),
        ("in_stock", "O", "N"),
        ("in_stock", "✓", "✗"),
        ("in_stock", "✔\ufe0f", "✘"),
        ("in_stock", "✅", "❌"),
        ("stok", "var", "yok"),
        ("在庫", "あり", "なし"),
        ("Lieferstatus", "lieferbar", "nicht lieferbar"),
        ("tillgänglig", "ja", "nej"),
        ("saatavilla", "kyllä", "ei"),
        ("skladem", "ano", "ne"),
        ("状态", "上架", "下架"),
        ("διαθεσιμότητα", "διαθέσιμο", "εξαντλημένο"),
        ("재고", "있음", "품절"),
        ("Variant Inventory Qty", "3", "0"),
        ("total_stock", 3, 0),
        ("stock_count", "3", "0"),
        ("totalInventory", 3, 0),
        ("availableStock", 3, 0),
        ("units_available", "3", "0"),
        ("Lagerstand", "3", "0"),
        ("Visibility in catalog", "visible", "hidden"),
        ("catalog_visibility", "visible", "hidden"),
    ],
)
def test_odd_items_are_available(name, odd, even):
    data = read(catalog(**{name: (odd, even)}), EVENTS)
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
        read(catalog(**columns), EVENTS)
    name = next(iter(columns))
    data = read(catalog(**columns), EVENTS, columns={"available": None})
    assert data.catalog.available.all()
    assert name in data.catalog.attributes.columns


def test_a_vague_column_of_other_values_is_left_alone_and_named():
    data = read(catalog(status=("new", "used")), EVENTS)
    assert data.catalog.available.all()
    assert "column status does not say which items are available" in str(data.log)


@pytest.mark.parametrize("name", ["status", "post_status", "state"])
def test_a_word_not_known_beside_drafts_is_asked_about(name):
    items = catalog(**{name: ("published", "draft")}).with_columns(
        pl.when(pl.int_range(N) == 4).then(pl.lit("zonked")).otherwise(pl.col(name)).alias(name)
    )
    with pytest.raises(DataError, match=r"'zonked' cannot be read .*--available-column ''"):
        read(items, EVENTS)


@pytest.mark.parametrize(
    "values", [("Ended", "Returning Series"), ("Released", "Rumored"), ("CA", "NY")]
)
@pytest.mark.parametrize("name", ["status", "state"])
def test_states_of_other_things_leave_items_available(name, values):
    assert read(catalog(**{name: values}), EVENTS).catalog.available.all()


@pytest.mark.parametrize(
    ("name", "odd", "even", "path"),
    [
        ("stock", {"available": True}, {"available": False}, "stock.available"),
        (
            "offers",
            {"availability": "InStock", "price": "9"},
            {"availability": "OutOfStock", "price": "8"},
            "offers.availability",
        ),
        (
            "a",
            {"inventory": {"in_stock": 1}},
            {"inventory": {"in_stock": 0}},
            "a.inventory.in_stock",
        ),
    ],
)
def test_fields_of_objects_say_which_items_are_available(name, odd, even, path):
    for columns in (None, {"available": path}):
        data = read(catalog(**{name: (odd, even)}), EVENTS, columns=columns)
        assert data.catalog.available.tolist() == ODD
        assert f"(column {path})" in str(data.log)


def test_objects_keep_their_numbers_as_columns_named_by_their_path():
    price = [{"amount": 9.5 + j, "currency": "EUR"} for j in range(N)]
    data = read(catalog().with_columns(price=pl.Series(price)), EVENTS)
    assert data.catalog.attributes["price.amount"].to_list() == [9.5 + j for j in range(N)]
    assert data.catalog.attributes["price.currency"].to_list() == ["EUR"] * N


def test_objects_of_mere_texts_stay_one_column():
    maker = [{"brand": "Acorn", "line": f"no {j}"} for j in range(N)]
    data = read(catalog().with_columns(maker=pl.Series(maker)), EVENTS)
    assert data.catalog.attributes["maker"].to_list()[3] == ["Acorn", "no 3"]


def test_a_date_of_publication_is_no_availability():
    data = read(catalog(published=("2020-01-01", "2021-01-01")), EVENTS)
    assert data.catalog.available.all()
    assert "available" not in str(data.log)


def test_one_column_is_chosen():
    items = catalog(status=("new", "used"), sellable=("yes", "no"))
    data = read(items, EVENTS, columns={"available": "sellable"})
    assert data.catalog.available.tolist() == ODD
    with pytest.raises(DataError, match="did you mean 'sellable'"):
        read(items, EVENTS, columns={"available": "sellible"})


def test_nothing_available_is_an_error():
    with pytest.raises(DataError, match="no item is available"):
        read(catalog(available=("no", "no")), EVENTS)


def test_a_missing_word_is_no_reason_against_an_item_and_is_counted():
    data = read(catalog(available=("NULL", "no")), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert "6 noted: column available does not say" in str(data.log)


def test_a_missing_date_of_publication_is_named_and_may_be_chosen():
    items = catalog(published_at=("2024-01-31", None))
    data = read(items, EVENTS)
    assert data.catalog.available.all()
    assert "6 noted: published_at is missing" in str(data.log)
    assert "--available-column published_at" in str(data.log)
    chosen = read(items, EVENTS, columns={"available": "published_at"})
    assert chosen.catalog.available.tolist() == ODD


@pytest.mark.parametrize("values", [(12, 0), (2, 1), (1, 1)])
def test_a_number_of_pieces_sold_is_no_availability(values):
    data = read(catalog(sold=values), EVENTS)
    assert data.catalog.available.all()
    assert "column sold" not in str(data.log)


def test_free_text_in_another_language_stops_nothing():
    data = read(catalog(Verfügbarkeit=("in 1-2 Tagen", "nach Absprache")), EVENTS)
    assert data.catalog.available.all()
    assert "column Verfügbarkeit does not say" in str(data.log)


def test_none_in_stock_is_asked_about():
    with pytest.raises(DataError, match="'none' cannot be read"):
        read(catalog(available=("3", "none")), EVENTS)


@pytest.mark.parametrize(
    ("name", "odd", "even"),
    [
        ("banned_by_shop", "no", "yes"),
        ("noindex", "0", "1"),
        ("exclude_from_feed", False, True),
        ("blocked_flag", "0", "1"),
        ("flag_out_of_stock", "0", "1"),
        ("nicht_bestellbar", "nein", "ja"),
        ("end_of_life", None, "yes"),
        ("not_hidden", "yes", "no"),
        ("sold_online", "yes", "no"),
        ("show_in_app", "1", "0"),
        ("flag", "yes", "no"),
    ],
)
def test_a_name_that_is_chosen_says_which_value_means_available(name, odd, even):
    data = read(catalog(**{name: (odd, even)}), EVENTS, columns={"available": name})
    assert data.catalog.available.tolist() == ODD


def test_a_chosen_column_that_would_block_most_items_is_asked_about():
    items = catalog(grille=("no", "no")).with_columns(
        pl.when(pl.int_range(N) == 4)
        .then(pl.lit("yes"))
        .otherwise(pl.col("grille"))
        .alias("grille")
    )
    with pytest.raises(DataError, match=r"no of 11 of 12 items.*'unavailable'"):
        read(items, EVENTS, columns={"available": "grille"})
    renamed = read(items.rename({"grille": "unavailable"}), EVENTS)
    assert renamed.catalog.available.sum() == N - 1
    assert read(items.rename({"grille": "available"}), EVENTS).catalog.available.sum() == 1


@pytest.mark.parametrize("value", ["J", "S", "O"])
def test_a_letter_is_no_yes_in_a_column_of_states(value):
    data = read(catalog(status=(value, "N")), EVENTS)
    assert data.catalog.available.all()
    assert "column status does not say which" in str(data.log)


@pytest.mark.parametrize(
    "names", [("stock_berlin", "stock_munich"), ("Bestand Nord", "Bestand Süd")]
)
def test_an_item_in_one_of_several_places_is_available(names):
    items = catalog().with_columns(
        pl.Series(names[0], [0, 3, 0, None] * 3), pl.Series(names[1], [0, 0, 4, None] * 3)
    )
    data = read(items, EVENTS)
    assert data.catalog.available.tolist() == [False, True, True, True] * 3
    assert f"3 noted: not available (columns {names[0]}, {names[1]}" in str(data.log)
    with_total = read(items.with_columns(in_stock=pl.lit("yes")), EVENTS)
    assert with_total.catalog.available.all()


def test_places_in_an_object_are_places():
    stock = [{"berlin": 0, "munich": 0 if j % 2 == 0 else 2} for j in range(N)]
    data = read(catalog().with_columns(stock=pl.Series(stock)), EVENTS)
    assert data.catalog.available.tolist() == ODD


def test_the_stock_of_one_place_is_named_and_may_be_chosen():
    items = catalog(stock_berlin=(3, 0))
    data = read(items, EVENTS)
    assert data.catalog.available.all()
    assert "6 noted: 'stock_berlin' may be pieces in stock" in str(data.log)
    chosen = read(items, EVENTS, columns={"available": "stock_berlin"})
    assert chosen.catalog.available.tolist() == ODD


@pytest.mark.parametrize(
    "names",
    [("stock_code", "stock_price"), ("safety_stock", "reserved_stock"), ("in_sock", "stockings")],
)
def test_numbers_that_are_no_stock_of_a_place_are_left_alone(names):
    data = read(catalog(**{name: (3, 0) for name in names}), EVENTS)
    assert data.catalog.available.all()
    assert "stock" not in str(data.log)


NOW = 1_767_225_600.0  # the beginning of 2026
PAST = [
    "expires_at",
    "expiry_date",
    "valid_until",
    "available_until",
    "end_date",
    "license_end",
    "gültig bis",
    "end_of_life",
    "有效期",
]
FUTURE = ["available_from", "release_date", "publish_date", "published_at", "verfügbar ab"]


@pytest.mark.parametrize(
    ("name", "odd", "even", "lies"),
    [
        *((name, "2029-05-01", "2024-05-01", "past") for name in PAST),
        *((name, "2024-05-01", "2028-05-01", "future") for name in FUTURE),
        ("expires_at", None, "2024-05-01 10:00:00", "past"),
        ("expires_at", "9999-12-31", "2024-05-01", "past"),
        ("gültig bis", "13.05.2029", "01.05.2024", "past"),
        ("expires_at", 1_900_000_000, 1_700_000_000, "past"),
    ],
)
def test_dates_that_begin_or_end_availability_are_named(name, odd, even, lies):
    items = catalog(**{name: (odd, even)})
    data = read(items, EVENTS, now=NOW)
    assert data.catalog.available.all()
    assert f"6 noted: {name!r} lies in the {lies} and is not read" in str(data.log)
    with pytest.raises(DataError, match=r"holds dates.*column 'available' of true and false"):
        read(items, EVENTS, columns={"available": name}, now=NOW)


@pytest.mark.parametrize(
    ("name", "odd", "even"),
    [
        ("expires_at", "2029-05-01", "2028-05-01"),
        ("expires_at", None, "9999-12-31"),
        ("valid_until", "2025-12-31", "2025-12-31"),  # today, which ends at night
        ("release_date", "1994-05-01", "2021-05-01"),
        ("release_year", 1994, 2031),
        ("end_date", "2011-05-01", "2013-05-01"),  # of shows long past
        ("start_date", "2029-05-01", "2024-05-01"),  # of concerts
        ("shelf_life", "2 years", "2024"),
    ],
)
def test_other_dates_are_not_named(name, odd, even):
    data = read(catalog(**{name: (odd, even)}), EVENTS, now=NOW)
    assert data.catalog.available.all()
    assert "is not read" not in str(data.log)
