"""Columns of users and items under the names of many trades and languages."""

import polars as pl
import pytest

from pennyweight import read
from pennyweight.data.dataset import read_events
from pennyweight.data.id_names import id_like, may_be_item, may_be_user
from pennyweight.errors import DataError

N = 12


def tables(user="user_id", item="item_id", own="item_id"):
    items = pl.DataFrame(
        {own: [f"i{j}" for j in range(N)], "title": [f"cup no {j} of tin" for j in range(N)]}
    )
    events = pl.DataFrame(
        {
            user: [f"u{j % 4}" for j in range(40)],
            item: [f"i{(j * 5) % N}" for j in range(40)],
            "timestamp": range(40),
        }
    )
    return items, events


@pytest.mark.parametrize(
    ("item", "own"),
    [
        *((name, name) for name in ("job_id", "recipe_id", "app_id", "anime_id", "course_id")),
        ("venueId", "venueId"),
        ("venueId", "id"),
        ("job_id", "id"),
        ("Artikelnummer", "ArtikelNr"),
        ("Artikel", "Artikel"),
        ("produit", "produit"),
        ("producto", "id_producto"),
        ("商品ID", "商品ID"),
        ("商品", "商品コード"),
        ("товар", "товар"),
        ("item_id", "job_id"),
        ("thing_ref", "thing_ref"),
    ],
)
def test_the_item_is_the_column_that_agrees_with_the_catalog(item, own):
    data = read(*tables(item=item, own=own))
    assert (data.columns.events["item"], data.columns.id) == (item, own)
    assert len(data.interactions) == 40
    if item != "item_id":
        assert f"40 noted: {item!r} is read as the item" in str(data.log)


def test_a_later_log_is_read_by_the_items_that_are_known():
    _, events = tables(item="job_id", user="Kunde")
    ids = read(*tables()).catalog.ids
    assert len(read_events(ids, events)) == 40


@pytest.mark.parametrize(
    "user",
    [
        "Kunde",
        "Kundennummer",
        "KundenNr",
        "cliente",
        "id_cliente",
        "client",
        "klient",
        "ID klienta",
        "用户",
        "用户id",
        "ユーザーID",
        "пользователь",
        "πελάτης",
        "account_number",
    ],
)
def test_the_only_column_named_like_users_is_the_user(user):
    data = read(*tables(user=user))
    assert data.columns.events["user"] == user and len(data.interactions.users) == 4
    assert f"40 noted: {user!r} is read as the user" in str(data.log)
    assert "columns={'user'" in str(data.log)


def test_a_file_of_another_language_needs_no_option(tmp_path):
    items, events = tables("Kundennummer", "Artikelnummer", "Artikelnummer")
    names = {"title": "Bezeichnung"}
    items.rename(names).write_csv(tmp_path / "artikel.csv", separator=";")
    events.rename({"timestamp": "Datum"}).with_columns(Datum=pl.lit("2024-01-31")).write_csv(
        tmp_path / "kauf.csv", separator=";"
    )
    data = read(tmp_path / "artikel.csv", tmp_path / "kauf.csv")
    assert (data.columns.events["user"], data.columns.id) == ("Kundennummer", "Artikelnummer")


def test_of_two_possible_users_both_are_named():
    items, events = tables("Kunde")
    with pytest.raises(DataError, match=r"none is known as the user .*'Kunde', 'account' may be"):
        read(items, events.with_columns(account=pl.col("Kunde")))


def test_an_item_that_the_catalog_does_not_know_is_no_item():
    items, events = tables(item="app_id", own="item_id")
    with pytest.raises(DataError, match=r"none is known as the item .*'app_id' may be"):
        read(items, events.with_columns(app_id=pl.lit("shop")))


def test_a_known_name_wins():
    items, events = tables()
    events = events.with_columns(app_id=pl.col("item_id"), client=pl.col("user_id"))
    roles = read(items, events).columns.events
    assert (roles["item"], roles["user"]) == ("item_id", "user_id")


@pytest.mark.parametrize("name", ["price", "title", "Titel", "Datum", "type", "price_id_text"])
def test_other_names_are_of_neither(name):
    assert not may_be_item(name) and not may_be_user(name) and not id_like(name)
