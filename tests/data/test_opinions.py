"""Likes and dislikes in columns of any name, in many languages."""

import shlex

import polars as pl
import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.cli.options import meanings
from pennyweight.data.dataset import read
from pennyweight.errors import DataError

WORDS = {
    "me gusta": "no me gusta",
    "j'aime": "je n'aime pas",
    "j’aime": "je n’aime pas",
    "gefällt mir": "gefällt mir nicht",
    "Like": "Dislike",
    "👍🏽": "👎",
    "up": "down",
    "curtir": "não gostei",
    "нравится": "не нравится",
    "mi piace": "non mi piace",
    "vind ik leuk": "vind ik niet leuk",
    "lubię to": "nie lubię",
    "beğendim": "beğenmedim",
    "喜欢": "不喜欢",
    "好き": "嫌い",
    "좋아요": "싫어요",
    "gillar": "gillar inte",
    "líbí se": "nelíbí se",
    "μου αρέσει": "δεν μου αρέσει",
    "أعجبني": "لم يعجبني",
    "positiv": "negativ",
    "bueno": "muy malo",
    "Daumen hoch": "Daumen runter",
    "fresh": "rotten",
}


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


@pytest.mark.parametrize(
    "column", ["evento", "avis", "réaction", "meinung", "feedback", "vote", "stimme"]
)
@pytest.mark.parametrize("like", WORDS)
def test_dislikes_are_read_under_any_name(column, like):
    data = read(ITEMS, log(**{column: cycle(like, like, WORDS[like])}))
    assert len(data.interactions) == 2 * N / 3 and len(data.interactions.negative.user) == N / 3
    assert f"{column!r} is read as the types" in str(data.log)


@pytest.mark.parametrize("like", WORDS)
def test_dislikes_are_read_beside_other_columns(like):
    columns = {"reaction": cycle(like, "", WORDS[like]), "country": cycle("de", "fr")}
    data = read(ITEMS, log(**columns))
    assert len(data.interactions) == 2 * N / 3
    assert data.log.count("no opinion in 'reaction': an event with weight 1") == N / 3
    only = read(ITEMS, log(**columns), event_types={"event": "ignore"})
    assert len(only.interactions) == N / 3


@pytest.mark.parametrize("column", ["vote", "Réaction", "feedback", "avis", "evento"])
@pytest.mark.parametrize(("yes", "no"), [(1, 0), ("oui", "non"), ("true", "false"), ("S", "N")])
def test_no_opinion_and_a_no_are_no_likes(column, yes, no):
    assert len(read(ITEMS, log(**{column: cycle(yes, yes, no)})).interactions) == 2 * N / 3


@pytest.mark.parametrize("name", ["me_gusta", "gefällt mir", "j_aime", "curtiu", "нравится"])
def test_a_flag_of_liking_in_another_language_is_one(name):
    data = read(ITEMS, log(**{name: cycle(1, 1, 0)}))
    assert (len(data.interactions), len(data.interactions.negative.user)) == (2 * N / 3, N / 3)


@pytest.mark.parametrize("name", ["no_me_gusta", "gefällt_mir_nicht", "odio", "descurtir"])
def test_a_flag_of_dislikes_in_another_language_is_one(name):
    assert len(read(ITEMS, log(**{name: cycle("x", "", "")})).interactions) == 2 * N / 3


@pytest.mark.parametrize(
    ("like", "dislike", "neutral"),
    [
        ("like", "dislike", "neutral"),
        ("like", "dislike", "meh"),
        ("like", "dislike", "None"),
        ("gefällt mir", "gefällt mir nicht", "egal"),
        ("j'aime", "je n'aime pas", "indifférent"),
        ("me gusta", "no me gusta", "me da igual"),
        ("positive", "negative", "no opinion"),
        ("нравится", "не нравится", "не знаю"),
        ("👍", "👎", "😐"),
        (1, -1, 0),
    ],
)
@pytest.mark.parametrize("column", ["event_type", "reaction", "avis", "opinion", "Meinung"])
def test_neutral_opinions_are_dropped_and_counted(column, like, dislike, neutral):
    data = read(ITEMS, log(**{column: cycle(like, like, dislike, neutral)}))
    assert len(data.interactions) == N / 2
    assert N / 4 in [entry.count for entry in data.log.entries if entry.action == "dropped"]


def test_none_is_a_missing_type_among_deeds():
    assert len(read(ITEMS, log(event_type=cycle("view", "None", "dislike"))).interactions) == 160


def test_an_unknown_word_among_opinions_is_asked_about():
    table = log(reaction=cycle("like", "dislike", "bauhaus"))
    with pytest.raises(DataError, match="--event-types bauhaus=ignore"):
        read(ITEMS, table)
    assert len(read(ITEMS, table, event_types={"bauhaus": 1}).interactions) == 2 * N / 3


def test_dislikes_among_unknown_words_are_asked_about():
    table = log(accion=cycle("vista", "compra", "carrito", "no me gusta"))
    with pytest.raises(DataError, match=r"'no me gusta'.*--type-column accion"):
        read(ITEMS, table)


def test_dislikes_beside_types_that_take_back_are_asked_about():
    types = cycle("view", "view", "remove_from_cart")
    with pytest.raises(DataError, match="column 'thumb', beside the event types in 'event_type'"):
        read(ITEMS, log(event_type=types, thumb=cycle("up", "down", "")))
    read(ITEMS, log(event_type=types, thumb=cycle("up", "", "down")))  # known from the type


def test_states_of_goods_are_no_opinions():
    assert len(read(ITEMS, log(condition=cycle("good", "fair", "poor"))).interactions) == N
    assert len(read(ITEMS, log(Zustand=cycle("gut", "sehr gut", "schlecht"))).interactions) == N


@pytest.mark.parametrize(
    ("name", "fine", "odd"),
    [
        ("weather", "good", "bad"),
        ("floor", "up", "down"),
        ("price_trend", "+", "-"),
        ("video_quality", "excellent", "poor"),
        ("delta", 1, -1),
    ],
)
def test_vague_words_under_another_name_are_asked_about(name, fine, odd):
    table = log(**{name: cycle(fine, fine, odd)})
    with pytest.raises(DataError, match=f"'{odd}'.*--type-column {name}"):
        read(ITEMS, table)
    assert len(read(ITEMS, table, columns={"type": None}).interactions) == N
    assert len(read(ITEMS, table, columns={"type": name}).interactions) == 2 * N / 3


def test_words_of_opinion_in_other_texts_are_none():
    genres = cycle("hate crime", "love story", "drama")
    assert len(read(ITEMS, log(category=genres)).interactions) == N
    assert len(read(ITEMS, log(side=cycle("left", "right"))).interactions) == N
    assert len(read(ITEMS, log(Größe=cycle("klein", "mittel", "groß"))).interactions) == N


def test_the_advice_names_the_doubtful_value():
    words = cycle("gefällt mir", "super!!", "nicht so, na ja", "schon gut so, ja, doch, eigentlich")
    with pytest.raises(DataError) as error:
        read(ITEMS, log(rating=words))
    option = str(error.value).partition("--event-types ")[2].partition(" (or ")[0]
    assert meanings(shlex.split(option)[0]) == {"nicht so, na ja": "negative"}


def test_an_empty_catalog_column_is_no_opinion():
    table = log(reaction=pl.Series([None] * N, dtype=pl.String))
    assert len(read(ITEMS, table).interactions) == N
