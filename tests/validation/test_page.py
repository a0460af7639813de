"""The page: whole, escaped, accessible, with nothing fetched from elsewhere."""

import polars as pl
from clean import shop, tables

from html_page import Page
from pennyweight.reports import validation_page
from pennyweight.validation.validate import validate

HOSTILE = '<script>alert("x")</script>&'


def test_the_page_is_whole_and_each_chart_has_its_table():
    text = validation_page(validate(shop(), encoder="tfidf"), source=("items.csv", "events.csv"))
    page = Page(text)
    assert "://" not in text and not page.of("script")
    assert len(page.of("svg")) == 4 and len(page.of("h1")) == 1
    assert len(page.of("table")) == len(page.of("caption")) >= 5
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "items.csv and events.csv" in text and "0 warnings" in text


def test_what_comes_from_the_data_is_escaped():
    items, events = tables()
    items = items.with_columns(pl.lit(f"{HOSTILE} ask a@b.org").alias(f"x {HOSTILE}"))
    events = events.with_columns(pl.lit("<b>").alias("user_id"))
    validation = validate(shop(items, events), encoder="tfidf", protocol="global-time")
    text = validation_page(validation, source=(HOSTILE, HOSTILE))
    Page(text)
    assert "<script" not in text and "<b>" not in text and "a@b.org" not in text
    assert text.count("&lt;script&gt;") >= 5


def test_without_dates_there_is_nothing_over_time():
    positions = pl.int_range(pl.len()).over("user_id").alias("timestamp")
    text = validation_page(
        validate(shop(None, tables()[1].with_columns(positions)), encoder="tfidf")
    )
    assert "Over time" not in text and len(Page(text).of("svg")) == 2


def test_event_types_are_a_table():
    events = tables()[1]
    kinds = pl.Series("event_type", ["view", "view", "<i>x</i>"] * events.height)
    validation = validate(
        shop(None, events.with_columns(kinds.head(events.height))), encoder="tfidf"
    )
    meant = {name: meaning for name, meaning, _ in validation.event_types}
    assert (
        meant["view"] == "weight 1" and sum(n for *_, n in validation.event_types) == events.height
    )
    text = validation_page(validation, source=("items.csv", "events.csv"))
    assert "Event types" in text and "<i>" not in text
    assert "event type view: weight 1" in validation.table()
