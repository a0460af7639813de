"""Datasets and catalogs as short tables in notebooks."""

from dataclasses import replace

import polars as pl

from html_page import Page
from pennyweight import demo, read

BOOKS, READERS = demo.books(), demo.readers(readers=40)


def test_a_dataset_shows_sizes_columns_and_findings():
    dirty = pl.concat([READERS, READERS.head(2), READERS.head(1).with_columns(item_id=pl.lit("x"))])
    data = read(BOOKS, dirty)
    html = data._repr_html_()
    first, last = data.interactions.dates
    for text in (
        "<caption>Dataset</caption>",
        ">415</td>",
        f">{len(data.interactions):,}</td>",
        f">{first} to {last}</td>",
        "user = user_id",
        "1 dropped: item is not in the catalog",
    ):
        assert text in html
    assert len(Page(html).of("table")) == 1


def test_a_long_log_is_cut():
    data = read(BOOKS, pl.concat([READERS, READERS.head(2)]))
    entries = data.log.entries[:1] * 8
    html = replace(data, log=replace(data.log, entries=entries))._repr_html_()
    assert html.count(entries[0].reason) == 5 and "3 more findings" in html


def test_positions_have_no_time_span_and_hostile_text_is_escaped():
    items = pl.DataFrame({"item_id": ["<b>a", "b"], "title": ["one word", "two words"]})
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["<b>a", "b"], "position": [1, 2]})
    data = read(items, events)
    assert data.interactions.dates == () and ">time<" not in data._repr_html_()
    html = data.catalog._repr_html_()
    assert "&lt;b&gt;a" in html and "<b>" not in html


def test_a_catalog_shows_its_first_items():
    catalog = read(BOOKS, READERS).catalog
    html = catalog._repr_html_()
    assert "Catalog of 415 items; text: title + author" in html
    assert ">romance, " in html and "Series" not in html
    assert html.count("<tr>") == 6 and len(html) < 4_000
    assert all(item in html for item in BOOKS["item_id"].head(5))
    assert BOOKS["item_id"][5] not in html


def test_long_values_are_cut_and_many_columns_are_named():
    wide = {f"column{n}": ["x" * 100, None] for n in range(9)}
    items = pl.DataFrame({"item_id": ["a", "b"], "title": ["red shoe", "blue hat"], **wide})
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"]})
    html = read(items, events).catalog._repr_html_()
    assert f"{'x' * 39}…" in html and "x" * 40 not in html
    assert "more columns: " in html and "column8" in html and "None" not in html
