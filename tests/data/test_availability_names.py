"""Names and values of availability in many trades, tools and languages."""

import polars as pl
import pytest
from test_availability import EVENTS, ODD, N, catalog

from pennyweight import read
from pennyweight.data.documents import documents
from pennyweight.errors import DataError


@pytest.mark.parametrize(
    ("name", "odd", "even"),
    [
        ("is_open", 1, 0),
        ("is_open", "1", "0"),
        ("permanently_closed", "false", "true"),
        ("is_closed", False, True),
        ("business_status", "OPERATIONAL", "CLOSED_PERMANENTLY"),
        ("business_status", "OPERATIONAL", "CLOSED_TEMPORARILY"),
        ("Allow Purchases?", "Y", "N"),
        ("Product Visible?", "Y", "N"),
        ("sale_ok", "True", "False"),
        ("is_salable", 1, 0),
        ("saleable", "yes", "no"),
        ("orderable", True, False),
        ("bestellbar", "ja", "nein"),
        ("available_online", "yes", "no"),
        ("availability_online", "in stock", "out of stock"),
        ("sold", 0, 1),
        ("sold", "0", "1"),
        ("filled", False, True),
        ("enrollment_open", "yes", "no"),
        ("open_for_registration", True, False),
        ("is_live", 1, 0),
        ("geo_blocked", 0, 1),
        ("takedown", "0", "1"),
        ("recommendable", True, False),
        ("product_active", 1, 0),
        ("item_deleted_flag", "N", "Y"),
        ("attivo", "sì", "no"),
        ("aktywny", "tak", "nie"),
        ("активен", "да", "нет"),
        ("sichtbar", "ja", "nein"),
        ("Auslaufartikel", "nein", "ja"),
        ("Auslauf", None, "x"),
        ("deletion_flag", None, "X"),
        ("LVORM", "", "X"),
        ("lifecycle", "Active", "End of Life"),
        ("lifecycle", "active", "discontinued"),
        ("product_lifecycle_status", "Active", "End-of-Life"),
        ("voorraadstatus", "Op voorraad", "Uitverkocht"),
        ("Bestandsstatus", "vorrätig", "ausverkauft"),
        ("公開状態", "公開", "非公開"),
        ("公開", "1", "0"),
        ("廃番", "", "1"),
        ("stock_status", "onbackorder", "outofstock"),
        ("availability", "Sur commande", "Épuisé"),
        ("Lieferstatus", "Lieferzeit 3-5 Tage", "ausverkauft"),
        ("availability", "Ships in 24 hours", "Currently unavailable."),
        ("availability", "Usually ships within 2 to 3 days", "Out of stock"),
        ("Verfügbarkeit", "sofort", "nicht lieferbar"),
        ("disponibilité", "Expédié sous 48 heures", "en rupture"),
        ("visibility", "published", "staging"),
        ("status", "Active", "Incomplete"),
        ("state", "active", "edit"),
        ("discontinued", None, "2021-05-01"),
        ("discontinued", "no", "2021-05-01T10:00:00Z"),
        ("discontinued", None, "01.05.2021"),
        ("discontinued", "2199-01-01", "2021-05-01"),
        ("deleted", "no", "2021-05-01"),
    ],
)
def test_odd_items_are_available(name, odd, even):
    data = read(catalog(**{name: (odd, even)}), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert f"items: 6 noted: not available (column {name})" in str(data.log)
    assert data.columns.text == ("title",)
    left = read(catalog(**{name: (odd, even)}), EVENTS, columns={"available": None})
    assert left.catalog.available.all()
    assert left.columns.text == ("title",)


def test_a_date_to_come_leaves_an_item_available_and_is_named():
    data = read(catalog(discontinued=("2199-01-01", "2021-05-01")), EVENTS)
    assert "6 noted: 'discontinued' lies in the future: recommended until" in str(data.log)


@pytest.mark.parametrize("name", ["is_live", "is_open", "filled"])
def test_a_doubtful_name_that_would_close_most_items_is_named_and_may_be_chosen(name):
    items = catalog().with_columns(
        pl.Series(name, [(j % 4 == 0) != (name == "filled") for j in range(N)])
    )
    data = read(items, EVENTS)
    assert data.catalog.available.all()
    assert f"9 noted: {name!r} says" in str(data.log)
    assert f"--available-column {name}" in str(data.log)
    chosen = read(items, EVENTS, columns={"available": name})
    assert chosen.catalog.available.sum() == N / 4


def test_an_item_is_available_in_one_of_several_channels():
    items = catalog().with_columns(
        available_online=pl.Series(["no", "no", "yes", None] * 3),
        available_in_store=pl.Series(["no", "yes", "no", None] * 3),
    )
    data = read(items, EVENTS)
    assert data.catalog.available.tolist() == [False, True, True, True] * 3
    assert "3 noted: not available (columns available_online, available_in_store" in str(data.log)


def test_an_item_that_no_store_has_may_be_sold_online():
    data = read(catalog(available_in_store=("yes", "no")), EVENTS)
    assert data.catalog.available.all()
    assert "6 noted: 'available_in_store' says 'no'" in str(data.log)


@pytest.mark.parametrize(
    "names",
    [("qty_wh1", "qty_wh2"), ("QtyBerlin", "QtyRome"), ("stock_1", "stock_2"), ("qty a", "qty b")],
)
def test_an_item_in_one_warehouse_is_available(names):
    items = catalog().with_columns(
        pl.Series(names[0], [0, 3, 0, None] * 3), pl.Series(names[1], [0, 5, 4, None] * 3)
    )
    data = read(items, EVENTS)
    assert data.catalog.available.tolist() == [False, True, True, True] * 3


@pytest.mark.parametrize(
    "names",
    [
        ("qty_per_box", "qty_per_carton"),
        ("qty_sold", "qty_returned"),
        ("stock_2023", "stock_2024"),
        ("min_qty", "max_qty"),
    ],
)
def test_other_quantities_are_no_stock_of_a_warehouse(names):
    data = read(catalog(**{name: (3, 0) for name in names}), EVENTS)
    assert data.catalog.available.all()


def test_words_of_series_stop_nothing():
    data = read(catalog(status=("Hiatus", "Discontinued")), EVENTS)
    assert data.catalog.available.all()
    assert "6 noted: 'status' says 'Discontinued'" in str(data.log)
    assert "column status does not say which" in str(data.log)


def test_no_date_and_no_yes_is_refused():
    with pytest.raises(DataError, match="'soonish' cannot be read as yes or no"):
        read(catalog(discontinued=("soonish", "2021-05-01")), EVENTS)


def some(word, other, share=0.25):
    return pl.Series([word if j < share * N else other for j in range(N)])


@pytest.mark.parametrize(
    ("name", "word", "other"),
    [
        ("phase", "closed", "open"),
        ("zone", "Discontinued", "regular"),
        ("condition", "archivé", "neuf"),
        ("kind", "Снят с производства", "обычный"),
        ("区", "停产", "普通"),
        ("blocked_in_search", "yes", "no"),
        ("age_restricted", 1, 0),
        ("Vertrieb gesperrt", "ja", "nein"),
        ("hidden_from_menu", True, False),
    ],
)
def test_a_column_that_calls_some_items_closed_is_named_and_may_be_chosen(name, word, other):
    items = catalog().with_columns(some(word, other).alias(name))
    data = read(items, EVENTS)
    assert data.catalog.available.all()
    assert f"3 noted: {name!r} says" in str(data.log)
    assert f"columns={{'available': {name!r}}}" in str(data.log)
    left = read(items, EVENTS, columns={"available": None})
    assert "recommended all the same" not in str(left.log)
    chosen = read(items, EVENTS, columns={"available": name})
    assert chosen.catalog.available.tolist() == [j >= 3 for j in range(N)]
    read_as_available = "9 noted" in str(chosen.log) and "read as available" in str(chosen.log)
    assert read_as_available == (other in ("regular", "neuf", "обычный", "普通"))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("category", some("Closed", "Open")),  # shoes
        ("title", some("Hidden", "Seek")),
        ("phase", some("closed", "open", 0.75)),
        ("closed_captions", some("yes", "no")),
        ("private_label", some("yes", "no")),
        ("note", some("sold in packs of three, and hidden well", "none")),
        ("colour", some("unavailable", "red")),
    ],
)
def test_words_with_another_meaning_are_not_named(name, values):
    data = read(catalog().with_columns(values.alias(name)), EVENTS)
    assert data.catalog.available.all()
    assert "recommended all the same" not in str(data.log)


def test_words_that_the_catalog_has_are_no_reason_to_refuse_a_later_item():
    items = catalog().with_columns(some("Discontinued", "regular").alias("zone"))
    like = read(items, EVENTS, columns={"available": "zone"}).catalog
    new = documents({"a": {"zone": "regular"}, "b": {"zone": "Discontinued"}}, like)
    assert new.available.tolist() == [True, False]
    with pytest.raises(DataError, match="'blue' cannot be read as yes or no"):
        documents({"a": {"zone": "blue"}}, like)


@pytest.mark.parametrize("name", ["estado", "status", "state"])
def test_a_vague_column_with_other_words_is_named_with_its_word_for_closed(name):
    items = catalog().with_columns(some("Sold", "Contingent").alias(name))
    data = read(items, EVENTS)
    assert data.catalog.available.all()
    assert f"3 noted: {name!r} says 'Sold' of these items" in str(data.log)
    assert "make a column 'available' of true and false" in str(data.log)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("delivery_available", ("yes", "no")),
        ("wifi_available", ("yes", "no")),
        ("closed_at", ("18:00", "22:30")),
        ("closed_time", ("6 pm", "11 pm")),
        ("open", ("9-18", "8-20")),
        ("open", (101.5, 99.0)),
    ],
)
def test_other_facts_of_places_leave_them_available(name, values):
    assert read(catalog(**{name: values}), EVENTS).catalog.available.all()


@pytest.mark.parametrize("name", ["closed_at", "closed_time", "filled_on"])
def test_a_date_of_closing_closes_an_item(name):
    data = read(catalog(**{name: (None, "2023-05-01T10:00:00Z")}), EVENTS)
    assert data.catalog.available.tolist() == ODD
