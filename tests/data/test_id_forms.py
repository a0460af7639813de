"""Ids that agree but for their form."""

import re

import polars as pl
import pytest

from pennyweight import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame(
    {
        "item_id": [f"0{100 + j}" for j in range(9)] + ["Ab-é", "1700", "Ab-c"],
        "title": [f"cup no {j} of tin" for j in range(12)],
    }
)


def events(ids):
    rows = [(f"u{j % 3}", item, j) for j, item in enumerate(ids)]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


@pytest.mark.parametrize(
    ("form", "odd", "right"),
    [
        ("leading zeros", "103", "0103"),
        ("a trailing '.0'", "0103.0", "0103"),
        ("a trailing ',0'", "0103,0", "0103"),
        ("a trailing ',0'", "1700,00", "1700"),
        ("extra spaces", "0103 ", "0103"),
        ("invisible characters", "0103\u200b", "0103"),
        ("capitals", "aB-é", "Ab-é"),
        ("Unicode forms", "Ab-e\u0301", "Ab-é"),
        ("Unicode forms", "０１０３", "0103"),
        ('the formula ="…"', '="0103"', "0103"),
        ("thousands separators", "1,700", "1700"),
        ("thousands separators", "1.700", "1700"),
        ("other dashes than -", "Ab–c", "Ab-c"),
        ("other dashes than -", "Ab\u2011c", "Ab-c"),
    ],
)
def test_a_part_that_differs_in_form_is_counted_and_mended_on_request(form, odd, right):
    log = events(["0100", odd, "0101", "0102", odd])
    data = read(ITEMS, log)
    (dropped,) = (e for e in data.log.entries if "not in the catalog" in e.reason)
    assert dropped.count == 2
    assert f"2 would agree without {form} (e.g. {odd!r} is {right!r})" in dropped.reason
    assert "--normalize-ids" in dropped.reason
    data = read(ITEMS, log, normalize_ids=True)
    assert len(data.interactions.item) == 5
    assert right in {data.catalog.ids[i] for i in data.interactions.item.tolist()}


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["4,0", "5,0", "0,0"], r"3 would agree without a trailing ',0' \(e\.g\. '\d,0' is '\d'"),
        (["4,0", "5,7", "4,7,5"], "3 hold several ids"),
    ],
)
def test_decimal_commas_are_no_lists_of_ids(ids, message):
    items = ITEMS.with_columns(item_id=pl.Series([str(k) for k in range(12)]))
    data = read(items, events([*"1234567890", *ids]))
    (dropped,) = (e for e in data.log.entries if "not in the catalog" in e.reason)
    assert re.search(message, dropped.reason)


def test_an_id_that_may_be_two_is_not_merged():
    items = ITEMS.with_columns(item_id=pl.Series(["0103", "103", *"abcdefghij"]))
    data = read(items, events(["00103", "a", "b", "c"]), normalize_ids=True)
    (dropped,) = (e for e in data.log.entries if "not in the catalog" in e.reason)
    assert "'00103' could be '0103' or '103'" in dropped.reason


def test_digits_that_a_spreadsheet_lost_are_named():
    with pytest.raises(DataError, match=r"'1\.08775E\+08'.*Export the ids as text"):
        read(ITEMS, events(["1.08775E+08", "0101", "0102"]))
    data = read(ITEMS, events(["1.08775E+08", *["0101", "0102"] * 60]))
    assert "export the ids as text" in str(data.log)


def test_the_error_without_a_match_names_possible_ones():
    with pytest.raises(DataError, match="2 would agree without leading zeros"):
        read(ITEMS, events(["103", "104"]))


def test_users_in_two_spellings_are_named_and_merged_on_request():
    log = events(["0100", "0101", "0102"]).with_columns(user_id=pl.Series(["ana", "Ana", "bo"]))
    data = read(ITEMS, log)
    assert "'Ana' and 'ana'" in str(data.log)
    assert len(data.interactions.users) == 3
    data = read(ITEMS, log, normalize_ids=True)
    assert list(data.interactions.users) == ["ana", "bo"]


def test_a_field_of_several_ids_is_named_with_the_remedy():
    log = events(["0100", "0101,0102", "0103 | 0104", "0105,none", "0101"])
    (dropped,) = (e for e in read(ITEMS, log).log.entries if "not in the catalog" in e.reason)
    assert dropped.count == 3
    assert "2 hold several ids (e.g. '0101,0102'): call the column item_ids" in dropped.reason
    with pytest.raises(DataError, match=r"2 hold several ids .*item_ids"):
        read(ITEMS, events(["0101;0102", "0103; 0104"]))


@pytest.mark.parametrize("mark", [", ", "; ", " | ", " ,", "|", ","])
@pytest.mark.parametrize("end", ["", ",", " "])
def test_a_list_of_ids_may_have_spaces_and_a_mark_at_its_end(mark, end):
    end = mark if end == "," else end
    lists = [f"0100{mark}0101{end}", "0102", f"0103{mark}0104{mark}0100"]
    log = pl.DataFrame({"user_id": ["a", "b", "c"], "item_ids": lists})
    data = read(ITEMS, log)
    assert len(data.interactions.item) == 6
    assert "not in the catalog" not in str(data.log)
