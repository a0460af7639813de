"""How much personal data is found, and how little besides, on planted texts.

One set was there while the rules were written. The other was written afterwards, and the rules
are not changed to suit it. Personal data is marked with ⟦ ⟧; a column in front, ``column | text``,
is where the text stands.
"""

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pennyweight.data.detection.columns import ColumnName, column_of
from pennyweight.data.detection.payment import has_valid_iban
from pennyweight.data.personal import KINDS, find, mask, mask_column, suspects

FOLDER = Path(__file__).parent / "planted"
FIRST, LATER = "written-with-the-rules", "written-later"


def detected(texts: list[tuple[str, str]]) -> list[list[tuple[int, int]]]:
    """Return the places in each text that `validate` would count in a table of them."""
    spans: list[list[tuple[int, int]]] = [[] for _ in texts]
    for column in {column for column, _ in texts}:
        places = [at for at, (name, _) in enumerate(texts) if name == column]
        values = pl.Series(column, [texts[at][1] for at in places])
        for kind in KINDS:
            for row in suspects(values, kind).to_list():
                spans[places[row]] += find(values[row], kind, column_of(column))
    return spans


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without its marks, and where they were."""
    spans, plain = [], ""
    for part in re.split("(⟦.*?⟧)", text):
        start = len(plain)
        plain += part.strip("⟦⟧")
        if part.startswith("⟦"):
            spans.append((start, len(plain)))
    return plain, spans


def rows(name: str) -> list[tuple[str, str]]:
    """Return column and text of each line of a file."""
    lines = []
    for line in (FOLDER / f"{name}.txt").read_text("utf-8").splitlines():
        column, bar, text = line.partition(" | ")
        lines.append((column, text) if bar else ("", line))
    return lines


def figures(name: str) -> tuple[list[str], int, list[tuple[str, str]], int]:
    """Return the missed texts, the number of marked ones, the mistaken ones, and of how many."""
    lookalikes = rows(f"lookalikes-{name}")
    mistaken = [
        text
        for text, spans_found in zip(lookalikes, detected(lookalikes), strict=True)
        if spans_found
    ]
    texts = [(column, *marked(text)) for column, text in rows(f"personal-{name}")]
    places = detected([(column, plain) for column, plain, _ in texts])
    of = sum(len(spans) for *_, spans in texts)
    # A bracket or a mark at the end may be left.
    missed = [
        f"{column}: {plain[a:b]}"
        for (column, plain, spans), spans_found in zip(texts, places, strict=True)
        for a, b in spans
        if not any(start <= a + 1 and end >= b - 1 for start, end in spans_found)
    ]
    return missed, of, mistaken, len(lookalikes)


def test_on_texts_that_the_rules_were_written_with():
    missed, of, mistaken, lookalikes = figures(FIRST)
    assert of >= 300 and lookalikes >= 500
    assert missed == [] and mistaken == []


def test_on_texts_that_were_written_later():
    missed, of, mistaken, lookalikes = figures(LATER)
    assert of >= 50 and lookalikes >= 100
    assert 1 - len(missed) / of >= 0.95, missed
    assert len(mistaken) <= 1, mistaken


def test_masked_texts_hold_none_of_it():
    for column, text in rows(f"personal-{FIRST}"):
        plain, spans = marked(text)
        masked = mask(plain, column_of(column))
        for a, b in spans:
            assert plain[a:b] not in masked, (column, plain)
        assert mask(masked, column_of(column)) == masked


def test_texts_that_only_look_like_it_are_left_alone():
    for column, text in rows(f"lookalikes-{FIRST}"):
        assert mask(text, column_of(column)) == text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("phone", "phone number"),
        ("sellerPhone", "phone number"),
        ("Mobile Number", "phone number"),
        ("FIRST_NAME", "person's name"),
        ("customer.surname", "person's name"),
        ("dateOfBirth", "date of birth"),
        ("shipping-address", "postal address"),
        ("user_ip_address", "IP address"),
        ("straße", "postal address"),
        ("name", ""),
        ("title", ""),
        ("author", ""),
        ("phone_model", ""),
        ("email_template", ""),
        ("brand_name", ""),
        ("", ""),
    ],
)
def test_kinds_by_the_name_of_a_column(name, kind):
    assert column_of(name).kind == kind


def test_columns_of_codes_are_known():
    for name in ("sku", "EAN13", "orderNumber", "price_eur", "created_at", "model"):
        assert column_of(name).is_code
    assert not column_of("description").is_code and column_of("x") == ColumnName()


def test_numbers_and_dates_in_a_column_that_is_named_so():
    import datetime

    masked, changed = mask_column(pl.Series("phone", [4155552671, None]))
    assert (masked.to_list(), changed) == (["[phone number]", None], 1)
    births = pl.Series("date_of_birth", [datetime.date(1985, 3, 14)])
    assert mask_column(births)[0].to_list() == ["[date of birth]"]
    prices = pl.Series("price", [4155552671])
    assert mask_column(prices) == (prices, 0)


def test_every_country_has_a_structure_of_the_right_length():
    for code in (
        "GB82WEST12345698765432",
        "MT84MALT011000012345MTLCAST001S",
        "NO9386011117947",
        "LC55HEMM000100010012001200023015",
    ):
        assert has_valid_iban(code)
        assert not has_valid_iban(code[:-1] + ("0" if code[-1] != "0" else "1"))


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 5_000,
        "A-" * 5_000,
        "A" * 10_000,
        "a-" * 5_000,
        "http://" * 1_400,
        "aa:" * 3_000,
        "1." * 5_000,
        "1 Main " * 1_400,
        "DE12 " * 2_000,
        "a at " * 2_000,
        "x@" * 5_000,
    ],
)
def test_no_text_is_a_trap(text):
    """Patterns that go back and forth would take minutes here."""
    code = f"from pennyweight.data.personal import mask; mask({text[:40]!r} * {len(text) // 40})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_library_for_phone_numbers_is_loaded_when_it_is_needed():
    code = (
        "import sys, pennyweight.data.personal as p; p.mask('Boots, 40 mm, 19.99'); "
        "assert 'phonenumbers' not in sys.modules; p.mask('+49 151 12345678'); "
        "assert 'phonenumbers' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
