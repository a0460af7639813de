import re
from pathlib import Path

import pytest

from pennyweight.config.column_roles import EVENT_ROLES
from pennyweight.data.cleaning.time_names import rank
from pennyweight.data.columns import ALIASES, bare, resolve
from pennyweight.errors import DataError


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["user_id", "item_id"], {"user": "user_id", "item": "item_id"}),
        (
            ["userId", "movieId", "rating", "timestamp"],
            {"user": "userId", "item": "movieId", "weight": "rating", "time": "timestamp"},
        ),
        (
            ["UserId", "ItemId", "FeedbackType", "Timestamp", "Value"],
            {
                "user": "UserId",
                "item": "ItemId",
                "type": "FeedbackType",
                "time": "Timestamp",
                "weight": "Value",
            },
        ),
        (
            ["USER_ID", "ITEM_ID", "EVENT_TYPE", "EVENT_VALUE", "TIMESTAMP"],
            {
                "user": "USER_ID",
                "item": "ITEM_ID",
                "type": "EVENT_TYPE",
                "weight": "EVENT_VALUE",
                "time": "TIMESTAMP",
            },
        ),
        (
            ["user_id:token", "item_id:token", "timestamp:float"],
            {"user": "user_id:token", "item": "item_id:token", "time": "timestamp:float"},
        ),
        (
            ["reviewerID", "asin", "overall", "unixReviewTime"],
            {"user": "reviewerID", "item": "asin", "weight": "overall", "time": "unixReviewTime"},
        ),
        (
            ["user_id", "asin", "parent_asin", "date", "split"],
            {"user": "user_id", "item": "parent_asin", "time": "date", "split": "split"},
        ),
    ],
)
def test_usual_names_are_recognised(columns, expected):
    assert resolve(columns, "events") == expected


def test_the_canonical_name_wins_over_its_aliases():
    assert resolve(["uid", "user_id", "item_id"], "events")["user"] == "user_id"


def test_recbole_suffixes_are_stripped():
    assert [bare(c) for c in ("title:token_seq", "price:float", "a:b")] == ["title", "price", "a:b"]


def test_a_missing_column_names_file_columns_and_remedy():
    with pytest.raises(DataError) as error:
        resolve(["who", "item_id"], "events", source="log.csv")
    for words in ("log.csv", "'who', 'item_id'", "--user-column", "columns={'user'"):
        assert words in str(error.value)


def test_two_equal_claims_are_ambiguous_until_one_is_chosen():
    columns = ["customer", "visitor_id", "item_id"]
    with pytest.raises(DataError, match="'customer' and 'visitor_id' could each be the user"):
        resolve(columns, "events")
    assert resolve(columns, "events", {"user": "visitor_id"})["user"] == "visitor_id"


def test_an_override_must_exist():
    with pytest.raises(DataError, match="there is no 'clock', asked for as time"):
        resolve(["user_id", "item_id"], "events", {"time": "clock"})


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_optional_role_can_be_left_out_but_a_required_one_cannot(nothing):
    columns = ["user_id", "item_id", "type"]
    assert "type" not in resolve(columns, "events", {"type": nothing})
    with pytest.raises(DataError, match="the user cannot be left out"):
        resolve(columns, "events", {"user": nothing})


@pytest.mark.parametrize(
    ("columns", "overrides", "words"),
    [
        (["user_id item_id"], {}, r"one column: is the separator a comma"),
        (["u0", "i0", "1700000000"], {}, "These look like values: is the first line"),
        (["who", "item_id"], {}, r"as the user \(such as user_id, user, uid, query_id\)\. Say"),
        (["user_id", "item_id"], {"user": "USER_ID"}, "did you mean 'user_id'?"),
        (["user_id", "item_id"], {"time": "zzz"}, r"asked for as time\. Correct --time-column"),
        ([f"c{k}" for k in range(99)], {}, "'c19' and 79 more; none"),
        (["x" * 90], {}, "'x{57}...'"),
    ],
)
def test_a_missing_column_is_explained(columns, overrides, words):
    with pytest.raises(DataError, match=words):
        resolve(columns, "events", overrides, source="f.csv")


def test_the_guide_lists_every_alias():
    guide = Path(__file__).parents[2] / "docs" / "guide-data.md"
    rows = {
        line.split("|")[1].strip(): line for line in guide.read_text().splitlines() if "|" in line
    }
    for role, aliases in ALIASES["events"].items():
        if role == "time":  # its names have ranks, in a table of their own
            continue
        assert f"| {', '.join(aliases)} |" in rows[f"`{role}`"]


def test_the_guide_lists_names_of_times_by_rank():
    guide = (Path(__file__).parents[2] / "docs" / "guide-data.md").read_text()
    table = guide.split("| rank | recognized names |")[1].split("\n\n")[0].splitlines()[2:]
    for line in table:
        place, names = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall(r"\w+(?=,| …|$)", names.split(":")[-1]):
            if place != "4":
                assert rank(name) == int(place) - 1, name


def test_every_role_of_an_event_log_has_names():
    assert set(ALIASES["events"]) == set(EVENT_ROLES)
