"""Personal data in texts and ids is found, counted by place, and never shown."""

import polars as pl
from clean import N_ITEMS, shop, tables

from pennyweight.data.dataset import read
from pennyweight.validation.validate import Validation, validate

SECRETS = (
    "jane.doe@mail.example.com",
    "+49 151 23456789",
    "4111 1111 1111 1111",
    "GB82 WEST 1234 5698 7654 32",
    "81.2.69.142",
    "2001:4860:4860::8888",
)


def personal(validation: Validation) -> list[tuple[str, int]]:
    return [(f.message, f.count) for f in validation.findings if f.area == "personal"]


def spoilt() -> pl.DataFrame:
    row = pl.int_range(pl.len())
    text = pl.col("title")
    for n, secret in enumerate(SECRETS):
        text = text + pl.when(row < n + 1).then(pl.lit(f". See {secret} now")).otherwise(pl.lit(""))
    return tables()[0].with_columns(text.alias("title"), pl.lit("mail@shop.org").alias("seller"))


def test_each_kind_is_found_where_it_is_and_never_shown():
    validation = validate(shop(spoilt()), encoder="tfidf")
    assert set(personal(validation)) == {
        ("e-mail address in column 'title'", 1),
        ("phone number in column 'title'", 2),
        ("card number in column 'title'", 3),
        ("IBAN in column 'title'", 4),
        ("IP address in column 'title'", 6),
        ("e-mail address in column 'seller'", N_ITEMS),
    }
    output = validation.model_dump_json() + validation.table()
    assert not [secret for secret in (*SECRETS, "mail@shop.org") if secret in output]
    assert "See [phone number] now" in output


def test_masked_data_has_none():
    items, events = spoilt(), tables()[1]
    validation = validate(read(items, events, mask_personal=True), encoder="tfidf")
    assert personal(validation) == []
    assert sum(f.count for f in validation.findings if "personal data masked" in f.message) == 306


def test_ids_that_are_addresses_or_cards():
    items, events = tables()
    mail = pl.col("user_id") + "@mail.org"
    validation = validate(shop(items, events.with_columns(mail.alias("user_id"))), encoder="tfidf")
    assert personal(validation) == [("e-mail address in ids of users", 400)]
    assert "@mail.org" not in validation.model_dump_json()
    # Luhn: 400,000,000,000,000,x with its check digit, one of ten numbers in a row.
    users = events["user_id"].unique().sort()
    cards = [card(n) for n in range(len(users))]
    real = events.with_columns(pl.col("user_id").replace_strict(users, cards))
    validation = validate(shop(items, real), encoder="tfidf")
    assert personal(validation) == [("card numbers as ids of users", 400)]
    assert not [c for c in cards if c in validation.model_dump_json()]
    numbers = [str(4_000_000_000_000_000 + 17 * n) for n in range(len(users))]
    plain = events.with_columns(pl.col("user_id").replace_strict(users, numbers))
    assert personal(validate(shop(items, plain), encoder="tfidf")) == []


def card(n: int) -> str:
    body = f"{400_000_000_000_000 + 31 * n}"
    doubled = [2 * int(d) if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body))]
    return body + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)
