"""Denials in other languages, and how the question about them can be answered."""

import shlex

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ratings import ITEMS, T0, against, pairs

from pennyweight.cli.options import meanings
from pennyweight.data.cleaning.event_types import sense_of_type
from pennyweight.data.cleaning.negations import denial_of
from pennyweight.data.dataset import read
from pennyweight.errors import DataError, PlanError


@pytest.mark.parametrize(
    ("names", "sense"),
    [
        (
            "Retoure|Storno|Rückgabe|Gutschrift|Remboursé|Devolución|annullato|возврат|退货|キャンセル",
            "negative",
        ),
        (
            "Gefällt mir nicht|n'est pas aimé|no me gusta|не нравится|不喜欢|je n’aime pas"
            "|não gostei|niet leuk|嫌い|싫어요|لم يعجبني|Daumen runter|sehr schlecht|beğenmedim|🤬",
            "negative",
        ),
        (
            "Gefällt mir|me gusta mucho|j’aime|gostei|нравится|喜欢|いいね|좋아요|أعجبني|très bon",
            "positive",
        ),
        ("egal|meh|so-so|ist mir egal|sans avis|keine Meinung|нейтрально|无所谓|😐", "neutral"),
        (
            "Entfernt|nicht gekauft|RTN|R|Retoure abgelehnt|nicht storniert|rejeté refusé|eliminado"
            "|geen interesse|nicht schlecht",
            "doubtful",
        ),
        ("Kauf|achat|compra|type_7|V|none|просмотр|购买|unlock", "unknown"),
    ],
)
def test_words_of_other_languages(names, sense):
    for name in names.split("|"):
        assert sense_of_type(name) == sense, name


@given(st.text(max_size=40))
def test_any_name_can_be_looked_at(name):
    assert denial_of(name) in ("negative", "doubtful", "unknown")


def test_a_return_of_another_language_takes_back_the_purchase():
    rows = [("a", "Kauf"), ("b", "Kauf"), ("b", "Retoure"), ("c", "Storno")]
    table = pl.DataFrame(
        {
            "user_id": ["u"] * 4,
            "item_id": [row[0] for row in rows],
            "timestamp": [T0 + at for at in range(4)],
            "event_type": [row[1] for row in rows],
        }
    )
    data = read(ITEMS, table)
    assert (pairs(data), against(data)) == (["ua"], ["ub", "uc"])


def test_the_advice_can_be_pasted():
    names = ["Coupon Denied", "no, thanks", 'un"matched']
    table = pl.DataFrame(
        {
            "user_id": ["u"] * 4,
            "item_id": list("abcd"),
            "timestamp": [T0, T0 + 1, T0 + 2, T0 + 3],
            "event_type": ["buy", *names],
        }
    )
    with pytest.raises(DataError) as error:
        read(ITEMS, table)
    words = shlex.split(str(error.value).partition("with ")[2].partition(" (or ")[0])
    assert words[0] == "--event-types"
    assert meanings(words[1]) == dict.fromkeys(names, "negative")
    assert against(read(ITEMS, table, event_types=meanings(words[1]))) == ["ub", "uc", "ud"]


def test_a_type_with_a_comma_stands_in_quotes():
    right = {"view": 1.0, "no, thanks": "negative"}
    assert meanings('view=1,"no, thanks=negative"') == right
    assert meanings('view=1, "no, thanks"=negative') == right
    with pytest.raises(PlanError, match="stands in quotes"):
        meanings("no, thanks=negative")


def test_lent_items_come_back():
    table = pl.DataFrame(
        {
            "user_id": ["u"] * 3,
            "item_id": list("aab"),
            "timestamp": [T0, T0 + 9, T0 + 10],
            "event_type": ["borrow", "return", "borrow"],
        }
    )
    data = read(ITEMS, table)
    assert (pairs(data), against(data)) == (["ua", "ub"], [])
    bought = table.with_columns(event_type=pl.Series(["buy", "return", "buy"]))
    assert against(read(ITEMS, bought)) == ["ua"]
