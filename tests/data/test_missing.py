"""Words for missing values, and ids that stand for a crowd."""

import shlex

import numpy as np
import polars as pl
import pytest

from pennyweight import read
from pennyweight.cli.options import listed
from pennyweight.data.cleaning.missing import missing_ids, missing_values, note_crowds
from pennyweight.data.cleaning_log import Findings

WORDS = [r"\N", "NULL", "null", "nan", "NaN", "(not set)", "undefined", "<NA>", "#N/A", " "]


def events(users):
    rows = [(user, f"i{j % 5}", j) for j, user in enumerate(users)]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


ITEMS = pl.DataFrame(
    {"item_id": [f"i{j}" for j in range(5)], "title": [f"cup no {j} of tin" for j in range(5)]}
)


@pytest.mark.parametrize("word", [*WORDS, "None", "NA", "-", "?"])
def test_users_without_an_id_are_dropped_and_counted(word):
    data = read(ITEMS, events([word, "u1", word, "u2", word, "u3"] * 4))
    assert list(data.interactions.users) == ["u1", "u2", "u3"]
    dropped = next(e for e in data.log.entries if "missing user" in e.reason)
    assert dropped.count == 12
    assert not word.strip() or repr(word) in dropped.reason


def test_none_is_a_nickname_among_nicknames():
    data = read(ITEMS, events(["None", "ana", "bo", "cy"] * 4))
    assert "None" in data.interactions.users


def test_more_words_are_given():
    data = read(ITEMS, events(["guest", "u1", "0", "u2"] * 4), missing_ids=["guest", "0"])
    assert list(data.interactions.users) == ["u1", "u2"]
    data = read(ITEMS, events(["NULL", "u1", "0", "u2"] * 4), missing_ids=[])
    assert len(data.interactions.users) == 4


def test_an_item_of_that_name_exists():
    ids, words = missing_ids(pl.Series(["NULL", "i1", r"\N"]), None, {"NULL", "i1"})
    assert ids.to_list() == ["NULL", "i1", None]
    assert words == {r"\N": 1}


@pytest.mark.parametrize(
    ("values", "right"),
    [
        (["A", "None", "B", "None", "A"], ["A", None, "B", None, "A"]),
        (["None", "Yes", "No more"], ["None", "Yes", "No more"]),
        (["NA", "EU", "AS", "NA"], ["NA", "EU", "AS", "NA"]),
        (["nan", r"\N", "x", "", " "], [None, None, "x", None, None]),
        (["Nan", "Bo"], ["Nan", "Bo"]),
    ],
)
def test_attributes(values, right):
    findings = Findings()
    assert missing_values(pl.Series("artist", values), findings).to_list() == right
    assert all("artist" in str(entry) for entry in findings.entries)


@pytest.mark.parametrize("name", ["guest", "-1", "00000000-0000-0000-0000-000000000000", "zzz"])
def test_a_user_with_events_that_no_person_has_is_named_with_the_remedy(name):
    findings = Findings()
    names = [name, *(f"u{j}" for j in range(50))]
    note_crowds(names, np.array([200, *[6] * 50]), findings)
    (entry,) = findings.entries
    assert f"user {name!r} alone has 40 % of all events" in entry.reason
    assert f"--missing-ids {name}" in entry.reason


@pytest.mark.parametrize("name", ["guest", "Anonymous", "00000000-0000-0000-0000-000000000000"])
def test_few_events_of_nobody_are_noted(name):
    findings = Findings()
    note_crowds([name, *(f"u{j}" for j in range(50))], np.array([3, *[6] * 50]), findings)
    (entry,) = findings.entries
    assert entry.count == 3 and f"user {name!r} counts as one person" in entry.reason
    assert f"--missing-ids {name}" in entry.reason


def test_a_busy_user_is_none():
    findings = Findings()
    note_crowds([f"u{j}" for j in range(50)], np.arange(10, 60), findings)
    assert not findings.entries


def shop(name, values):
    table = {
        "item_id": [f"i{j}" for j in range(40)],
        "title": [f"cup {j} of tin" for j in range(40)],
    }
    table[name] = [values[j % len(values)] for j in range(40)]
    log = pl.DataFrame(
        {
            "user_id": [f"u{j % 4}" for j in range(40)],
            "item_id": table["item_id"],
            "time": range(40),
        }
    )
    return read(pl.DataFrame(table), log)


@pytest.mark.parametrize(
    ("name", "values", "right"),
    [
        ("price", ["", "NA", "n/a", "9.11"], [None, None, None, 9.11]),
        ("sale", ["True", "False", "NA", "-"], [True, False, None, None]),
        ("sale", ["false", "None", "?", "null"], [False, None, None, None]),
        ("pages", ["12", "-", "7", "?"], [12, None, 7, None]),
    ],
)
def test_missing_words_do_not_decide_the_type_of_a_column(name, values, right):
    data = shop(name, values)
    assert data.catalog.attributes[name].to_list()[:4] == right
    assert name not in data.catalog.text_columns
    assert f"{name}: a word for a missing value" in str(data.log)


@pytest.mark.parametrize("values", [["yes", "no"], ["Y", "N", ""], ["ja", "nein", "NA"]])
def test_yes_and_no_are_no_text(values):
    data = shop("gift", values)
    assert data.catalog.text_columns == ("title",)
    assert data.catalog.attributes["gift"][0] == values[0]


@pytest.mark.parametrize(
    "values", [["ab 5,99 €"], ["TBA", "Call", "on request", "5.99"], ["1.2k", "3M"]]
)
def test_prices_that_cannot_be_read_are_no_text(values):
    assert shop("price", values).catalog.text_columns == ("title",)


def test_words_for_prices_are_text():
    assert "price" in shop("price", ["cheap", "dear"]).catalog.text_columns


@pytest.mark.parametrize(
    ("name", "argument"),
    [("Guest User", "'Guest User'"), ("guest, online", "'\"guest, online\"'"), ("guest", "guest")],
)
def test_the_remedy_against_a_crowd_is_quoted_for_the_shell(name, argument):
    findings = Findings()
    note_crowds([name, *(f"u{j}" for j in range(50))], np.array([200, *[6] * 50]), findings)
    assert f"--missing-ids {argument}, missing_ids=[{name!r}]" in str(findings)
    assert listed(shlex.split(argument)[0], "--missing-ids") == [name]


def test_one_user_of_all_events_is_named():
    data = read(ITEMS, events(["staff1"] * 40))
    assert "user 'staff1' alone has 100 % of all events" in str(data.log)
    assert "--user-column NAME" in str(data.log)
