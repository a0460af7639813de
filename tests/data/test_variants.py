"""Variants and offers of an item, and orders without stock."""

import json

import polars as pl
import pytest
from test_availability import EVENTS, ODD, N, catalog

from pennyweight import read
from pennyweight.data.documents import documents
from pennyweight.errors import DataError


def variant(quantity, policy="deny", **fields):
    return {"inventory_quantity": quantity, "inventory_policy": policy, **fields}


def products(odd, even, name="variants"):
    return catalog().with_columns(
        pl.Series(name, [odd if j % 2 else even for j in range(N)], strict=False)
    )


@pytest.mark.parametrize(
    ("odd", "even"),
    [
        ([variant(0), variant(4)], [variant(0), variant(0)]),
        ([variant(0, "continue"), variant(0)], [variant(0), variant(-1)]),
        (
            [variant(0, inventory_management=None)],
            [variant(0, inventory_management="shopify")],
        ),
        ([{"available": False}, {"available": True}], [{"available": False}]),
        ([{"stock": 2, "discontinued": False}], [{"stock": 2, "discontinued": True}]),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_an_item_is_available_if_one_variant_is(odd, even, as_text):
    odd, even = (json.dumps(odd), json.dumps(even)) if as_text else (odd, even)
    data = read(products(odd, even), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert "6 noted: not available (column variants.available)" in str(data.log)
    assert data.columns.text == ("title",)
    left = read(products(odd, even), EVENTS, columns={"available": None})
    assert left.catalog.available.all()
    assert left.columns.text == ("title",)


def test_words_of_variants_are_text_but_for_their_mechanics():
    odd = [variant(3, title="Tall blue", sku="AB-deny-1", fulfillment_service="manual")]
    even = [variant(0, title="Wide red", sku="CD-deny-2", fulfillment_service="manual")]
    data = read(products(odd, even), EVENTS)
    assert data.columns.text == ("title", "variants")
    assert data.catalog.texts[1].endswith("Tall blue")
    assert not any("deny" in text or "manual" in text for text in data.catalog.texts)


@pytest.mark.parametrize(
    ("odd", "even"),
    [
        (
            {"availability": "https://schema.org/InStock"},
            {"availability": "https://schema.org/OutOfStock"},
        ),
        ([{"availability": "http://schema.org/BackOrder"}], [{"availability": "SoldOut"}]),
        (
            {"@type": "AggregateOffer", "offers": [{"availability": "InStock"}]},
            {"@type": "AggregateOffer", "offers": [{"availability": "Discontinued"}]},
        ),
    ],
)
def test_offers_as_json_in_text_are_read(odd, even):
    data = read(products(json.dumps(odd), json.dumps(even), "offers"), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert data.columns.text == ("title",)
    assert not any("schema.org" in text for text in data.catalog.texts)


def test_an_offer_that_cannot_be_read_is_refused():
    items = products(json.dumps({"availability": "blue"}), json.dumps({"availability": "no"}))
    with pytest.raises(DataError, match=r"'variants.available'.*'blue' cannot be read"):
        read(items, EVENTS)
    assert read(items, EVENTS, columns={"available": None}).catalog.available.all()


def test_lists_of_other_things_stay_as_they_are():
    options = [{"name": "Size", "value": "Large"}]
    data = read(products(options, options, "options"), EVENTS)
    assert data.catalog.available.all()
    assert data.catalog.attributes["options"].to_list()[0] == ["Size", "Large"]


def rows(**columns):
    """Return two rows an item, S and M, with one value for each of four kinds of rows."""
    table = pl.concat([catalog().with_columns(size=pl.lit(size)) for size in "SM"])
    for name, (odd_s, odd_m, even_s, even_m) in columns.items():
        values = [odd_s if j % 2 else even_s for j in range(N)]
        values += [odd_m if j % 2 else even_m for j in range(N)]
        table = table.with_columns(pl.Series(name, values))
    return table


@pytest.mark.parametrize(
    "columns",
    [
        {"stock": (0, 4, 0, 0)},
        {"stock": ("0", "4", "0", "0")},
        {"stock": ("", "4", "0", "")},  # a row of a picture
        {"in_stock": ("no", "yes", "no", "no"), "stock": (0, 4, 0, 0)},
        {"stock": (0, 4, 5, 4), "status": ("active", None, "draft", None)},
        {"stock": (0, 4, 0, 3), "active": ("yes", "yes", "yes", "no")},
        {"sold": (1, 0, 1, 1)},
    ],
)
@pytest.mark.parametrize("by_item", [False, True])
def test_an_item_of_several_rows_is_available_if_one_of_them_is(columns, by_item):
    items = rows(**columns)
    items = items.sort("item_id", maintain_order=True) if by_item else items
    data = read(items, EVENTS)
    ids = list(data.catalog.ids)
    assert dict(zip(ids, data.catalog.available, strict=True)) == {
        f"i{j}": bool(j % 2) for j in range(N)
    }
    assert data.log.unaccounted("items") == 0


def test_rows_that_differ_in_stock_are_one_line_of_the_log():
    log = str(read(rows(stock=(0, 4, 1, 4)), EVENTS).log)
    assert log.count("rows of one item differ in 'stock'") == 1
    assert "6 noted: rows of one item differ in 'stock': it is available if one" in log
    assert "12 merged: rows of one item that differ in 'size' alone" in log
    assert "if one of its rows is" not in str(read(rows(stock=(4, 2, 1, 3)), EVENTS).log)


@pytest.mark.parametrize(
    ("pieces", "rule", "odd", "even"),
    [
        ("quantity", "out_of_stock", 1, 0),
        ("quantity", "out_of_stock", "1", "2"),
        ("Variant Inventory Qty", "Variant Inventory Policy", "continue", "deny"),
        ("Variant Inventory Qty", "Variant Inventory Tracker", None, "shopify"),
        ("Stock", "Backorders allowed?", "notify", "0"),
        ("qty", "manage_stock", 0, 1),
        ("stock", "allow_backorders", True, False),
    ],
)
def test_items_that_can_be_ordered_without_stock_are_available(pieces, rule, odd, even):
    items = catalog(**{rule: (odd, even)}).with_columns(
        pl.Series(pieces, [0 if j % 4 < 2 else 5 for j in range(N)])
    )
    data = read(items, EVENTS)
    assert data.catalog.available.tolist() == [j % 4 != 0 for j in range(N)]
    log = str(data.log)
    assert f"3 noted: not available (column {pieces})" in log
    assert f"3 noted: {pieces!r} has no piece, but {rule!r} allows orders: available" in log
    assert data.columns.text == ("title",)
    chosen = read(items, EVENTS, columns={"available": pieces})
    assert chosen.catalog.available.tolist() == [j % 4 > 1 for j in range(N)]


def test_a_flag_of_out_of_stock_stays_one_beside_the_pieces():
    items = catalog(quantity=(3, 0), out_of_stock=(0, 1))
    data = read(items, EVENTS)
    assert data.catalog.available.tolist() == ODD


def test_an_item_that_comes_later_is_read_by_the_same_rules():
    items = catalog(out_of_stock=(1, 2)).with_columns(quantity=pl.lit(0))
    like = read(items, EVENTS).catalog
    fields = [
        {"title": "cup", "quantity": q, "out_of_stock": r} for q, r in ((0, 1), (0, 0), (2, 0))
    ]
    new = documents({f"n{j}": each for j, each in enumerate(fields)}, like)
    assert new.available.tolist() == [True, False, True]


def test_the_products_of_shopify_as_csv_are_read():
    names = ("Title", "Status", "Option1 Value", "Variant Inventory Tracker")
    names += ("Variant Inventory Qty", "Variant Inventory Policy", "Image Src")
    rows = []
    for j in range(N):
        rows += [
            (f"i{j}", f"cup no {j}", "active", "Small", "shopify", "0", "deny", "https://x/a.jpg"),
            (f"i{j}", "", "", "Large", "shopify", "3" if j % 2 else "0", "deny", ""),
            (f"i{j}", "", "", "", "", "", "", "https://x/b.jpg"),
        ]
    items = pl.DataFrame(rows, schema=["Handle", *names], orient="row")
    data = read(items, EVENTS, columns={"id": "Handle"})
    assert data.catalog.available.tolist() == ODD
    assert "rows of one item differ in 'Variant Inventory Qty': it is" in str(data.log)
    assert "24 merged: rows without a title" in str(data.log)
    assert data.catalog.texts[3].startswith("cup no 3")
    assert data.log.unaccounted("items") == 0


def test_the_stock_of_several_places_in_a_list_is_read():
    places = [[{"location": "Berlin", "quantity": j % 2}, {"location": "Rome"}] for j in range(N)]
    data = read(catalog().with_columns(inventory=pl.Series(places)), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert data.columns.text == ("title",)


def test_the_mechanics_of_an_offer_are_no_text():
    offers = [
        {
            "@type": "Offer",
            "priceCurrency": "EUR",
            "availability": "InStock" if j % 2 else "SoldOut",
        }
        for j in range(N)
    ]
    data = read(catalog().with_columns(offers=pl.Series(offers)), EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert data.columns.text == ("title",)


def test_stock_that_is_not_tracked_is_available():
    items = catalog(
        **{"Current Stock Level": ("0", "0"), "Track Inventory": ("none", "by product")}
    )
    data = read(items, EVENTS)
    assert data.catalog.available.tolist() == ODD
    assert "column Track Inventory does not say" not in str(data.log)
