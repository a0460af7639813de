"""Ratings beyond a scale, without one, in words, and columns of ratings by other names."""

import random

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame(
    {"item_id": [f"p{at}" for at in range(50)], "title": [f"thing {at}" for at in range(50)]}
)
BASE = [5, 4, 5, 3, 1, 2, 4, 5]  # two of eight are low
N = 240


def log(**columns):
    """Return one event of each pair of 30 users and 8 of 50 items, with more columns."""
    draw = random.Random(1)
    pairs = [(f"u{user}", f"p{item}") for user in range(30) for item in draw.sample(range(50), 8)]
    draw.shuffle(pairs)
    users, items = zip(*pairs, strict=True)
    fixed = {"user_id": users, "item_id": items, "timestamp": range(10**9, 10**9 + N)}
    return pl.DataFrame(fixed | columns, strict=False)


def low(data):
    return data.log.count("rating is low")


def every(step, odd, base=BASE):
    return [odd if at % step == 3 else base[at % len(base)] for at in range(N)]


@pytest.mark.parametrize("odd", [55, 45, 99, 10, 6, -99])
def test_a_slip_leaves_the_scale(odd):
    data = read(ITEMS, log(rating=every(N, odd)))
    assert (low(data), len(data.interactions)) == (60, N - 61)
    assert data.log.count("beyond the scale, 1 to 5") == 1
    assert data.interactions.weight.max() == 5 and data.interactions.liking == 3


@pytest.mark.parametrize("base", [[1, 1, 1, 1, 1, 5, 4, 2], [5, 4, 5, 5]])
def test_a_slip_beside_lopsided_ratings(base):
    data = read(ITEMS, log(rating=every(N, 55, base)))
    assert data.log.count("beyond the scale") == 1 and data.interactions.liking == 3


def test_ratings_with_words_of_several_languages():
    data = read(ITEMS, log(Bewertung=[f"{BASE[at % 8]} Sterne" for at in range(N)]))
    assert low(data) == 60
    assert low(read(ITEMS, log(rating=[f"{BASE[at % 8]} von 5" for at in range(N)]))) == 60


@pytest.mark.parametrize(
    ("odd", "step", "base"),
    [(10, 12, BASE), (99, 4, BASE), (99, 4, [-9.5, 3.25, 8, -2, 0.5, 6.75, -7]), (-99, 4, BASE)],
)
def test_many_values_beyond_a_scale_are_asked_about(odd, step, base):
    table = log(rating=every(step, odd, base))
    with pytest.raises(DataError, match=rf"and {odd} in {N // step} of {N} rows.*--min-rating"):
        read(ITEMS, table)
    assert read(ITEMS, table, min_rating=2).interactions.liking == 2


@pytest.mark.parametrize("base", [list(range(1, 11)), BASE])
def test_minus_one_beside_a_scale_is_no_rating(base):
    data = read(ITEMS, log(rating=every(4, -1, base)))
    liking = 6 if 10 in base else 3
    rated = [value for value in every(4, -1, base) if value != -1]
    assert low(data) == sum(value < liking for value in rated)
    assert data.log.count("-1 in 'rating' means not rated") == N / 4
    assert len(data.interactions) == N - low(data)


@pytest.mark.parametrize("top", [5, 6, 7, 10, 20, 100])
def test_whole_scales_are_read_as_they_are(top):
    values = [1 + at * 37 % top for at in range(N)]
    data = read(ITEMS, log(rating=values))
    assert "beyond" not in str(data.log) and f"1 to {top} in steps of 1" in str(data.log)


def test_ratings_of_several_scales():
    data = read(ITEMS, log(rating=["7/10", "2/5"] * (N // 2)))
    assert (low(data), len(data.interactions)) == (N / 2, N / 2)
    with pytest.raises(DataError, match=r"such as '7/10', '2/5'\. Write all on one scale"):
        read(ITEMS, log(rating=["7/10", "2/5", "3"] * (N // 3)))


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["low", "mid", "high"], "low=negative"),
        (list("ABCDF"), "F=negative"),
        (["so so", "top"], "'so so=negative'"),
        (["molto forte", "top", "nicht so, na ja"], "'\"nicht so, na ja\"=negative'"),
    ],
)
def test_ratings_in_words_are_asked_about(words, suggestion):
    with pytest.raises(DataError, match=f"--type-column rating --event-types {suggestion}"):
        read(ITEMS, log(rating=[words[at % len(words)] for at in range(N)]))


def test_not_rated_in_words_is_no_rating():
    data = read(ITEMS, log(rating=[str(value) for value in every(4, "Not rated")]))
    assert data.log.count("weight is missing") == N / 4 and low(data) == 60


@pytest.mark.parametrize("top", [5, 6])
def test_grades_are_asked_about(top):
    table = log(grade=[1 + at % top for at in range(N)])
    with pytest.raises(DataError, match=f"is 1 or {top} the best"):
        read(ITEMS, table, columns={"weight": "grade"})
    data = read(ITEMS, table, columns={"weight": "grade"}, min_rating=4)
    assert low(data) == sum(1 + at % top < 4 for at in range(N))


@pytest.mark.parametrize(
    "name",
    [
        "my_rating",
        "Your Rating (IMDb)",
        "Rating (1-5)",
        "rate",
        "rating_value",
        "userStars",
        "feedback_score",
        "satisfaction",
        "Bewertung",
        "puntuación",
        "Оценка",
        "评分",
    ],
)
def test_ratings_by_other_names(name):
    data = read(ITEMS, log(**{name: [BASE[at % 8] for at in range(N)]}))
    assert data.columns.events["weight"] == name and low(data) == 60
    assert f"{name!r} is taken for the ratings" in str(data.log)


@pytest.mark.parametrize(
    ("name", "values", "lows"),
    [
        ("nps", [at % 11 for at in range(N)], sum(at % 11 < 6 for at in range(N))),
        ("sentiment", [[-0.8, 0.3, 0.0, 0.95][at % 4] for at in range(N)], N / 2),
        ("relevance", [at % 3 for at in range(N)], N / 3),
        ("nota", [str(1 + at % 10) for at in range(N)], N / 2),
    ],
)
def test_scales_of_their_own(name, values, lows):
    assert low(read(ITEMS, log(**{name: values}))) == lows


@pytest.mark.parametrize(
    "columns",
    [
        {"conversion_rate": [at % 9 / 10 for at in range(N)]},
        {"rating_count": [1 + at % 5 for at in range(N)]},
        {"note": [f"ring the bell {at}" for at in range(N)]},
        {"avg_rating": [1 + at % 5 for at in range(N)]},
    ],
)
def test_columns_without_ratings_have_no_role(columns):
    data = read(ITEMS, log(**columns))
    assert "weight" not in data.columns.events and len(data.interactions) == N


def test_columns_that_may_be_ratings_are_noted():
    base = [BASE[at % 8] for at in range(N)]
    assert "'xyz' looks like ratings and is not used" in str(read(ITEMS, log(xyz=base)).log)
    both = read(ITEMS, log(value=range(N), my_rating=base))
    assert "'my_rating', which is named like ratings, is not used" in str(both.log)
    assert "weight" not in read(ITEMS, log(rate=base), columns={"weight": None}).columns.events


def test_two_columns_of_ratings():
    base = [BASE[at % 8] for at in range(N)]
    table = log(food_rating=base, service_rating=base[::-1])
    with pytest.raises(DataError, match="--weight-column 'food_rating'"):
        read(ITEMS, table)
    mine = read(ITEMS, log(**{"Your Rating": base, "IMDb Rating": [7.5, 8.1] * (N // 2)}))
    assert mine.columns.events["weight"] == "Your Rating"


@pytest.mark.parametrize("role", ["user_id", "item_id"])
@pytest.mark.parametrize("name", ["rating", "stars", "my_rating"])
def test_one_rating_a_user_or_an_item_is_an_attribute(role, name):
    table = log()
    values = [1 + int(id_[1:]) % 5 for id_ in table[role].to_list()]
    data = read(ITEMS, table.with_columns(pl.Series(name, values)))
    assert "weight" not in data.columns.events and len(data.interactions) == N
    assert f"{name!r} has one value a{'n item' if role == 'item_id' else ' user'}" in str(data.log)
    chosen = read(ITEMS, table.with_columns(pl.Series(name, values)), columns={"weight": name})
    assert low(chosen) == sum(value < 3 for value in values)


def test_nearly_equal_ratings_are_ratings():
    data = read(ITEMS, log(rating=[1 if at % 50 == 0 else 5 for at in range(N)]))
    assert low(data) == 5
