from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden_shop import GOLDEN
from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories
from pennyweight.errors import DataError, PlanError, UnknownIdError, UnknownUserWarning
from pennyweight.ranking.top_k import best_rows
from pennyweight.recommender import Recommender, batch
from pennyweight.scorers.popularity import Popularity
from shop import HISTORIES, IDS, TITLES, blend, catalog, interactions, shop

SHOP = shop()


def ids(frame: pl.DataFrame) -> list[str]:
    return frame["item_id"].to_list()


def test_the_frame() -> None:
    frame = SHOP.recommend(user="ann", k=3)
    assert dict(frame.schema) == {
        "rank": pl.Int64,
        "item_id": pl.String,
        "title": pl.String,
        "score": pl.Float64,
        "source": pl.String,
    }
    assert frame["rank"].to_list() == [1, 2, 3]
    assert frame["score"].is_sorted(descending=True)
    assert ids(frame)[0] == "a/b"  # what those who read the same went on to
    assert frame["title"][0] == "Pride and Prejudice"
    assert isinstance(frame.to_pandas(), pd.DataFrame)


def test_scores_are_those_of_the_scorer() -> None:
    frame = SHOP.recommend(user="ann", k=100, exclude_seen=False)
    expected = SHOP.scorer.score(Histories.of([[0, 1]]))[0]
    codes = SHOP.catalog.ids.codes(ids(frame))
    np.testing.assert_allclose(frame["score"], expected[codes], rtol=1e-6)
    assert sorted(codes) == list(range(8))


def test_a_user_is_a_history() -> None:
    by_user = SHOP.recommend(user="hal", explain=True)
    assert by_user.equals(SHOP.recommend(history=["emma", "📚"], explain=True))
    assert by_user.equals(SHOP.recommend(history=pd.Series(["emma", "📚"]), explain=True))
    assert SHOP.recommend(user="ida 🚲/x").height == 6


def test_seen_items_are_left_out_unless_repeats_are_wanted() -> None:
    assert not {"emma", "a b"} & set(ids(SHOP.recommend(user="ann")))
    assert {"emma", "a b"} <= set(ids(SHOP.recommend(user="ann", exclude_seen=False)))
    include = Recommender(catalog(), blend(), interactions(), repeats="include")
    assert include.recommend(user="ann").height == 8
    assert include.recommend(user="ann", exclude_seen=True).height == 6


def test_without_a_history_the_list_is_by_popularity() -> None:
    with pytest.warns(UnknownUserWarning, match="'stranger'; popular items are listed instead"):
        frames = [
            SHOP.recommend(**options) for options in ({}, {"user": "stranger"}, {"history": []})
        ]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    counts = SHOP.interactions.counts
    assert [counts[c] for c in SHOP.catalog.ids.codes(ids(frames[0]))] == sorted(counts)[::-1]
    assert set(SHOP.recommend(explain=True)["reason"]) == {"no history: most popular"}
    assert SHOP.source(user="stranger") == "popularity"
    assert SHOP.source(user="ann") == "history"
    assert SHOP.source(text="whale") == "text"
    assert SHOP.source(text="whale", history=["emma"]) == "history and text"


def test_words_find_items_also_new_ones() -> None:
    frame = SHOP.recommend(text="a wolf and a whale", k=2, explain=True)
    assert ids(frame) == ["new whale", "📚"]
    assert frame["reason"][0] == "new: chosen by its text; matches the text: wolf, whale"
    unknown = SHOP.recommend(text="qwertz", explain=True)
    assert set(unknown["reason"]) == {"no word of the text is known: most popular"}


def test_words_and_history_count_alike() -> None:
    frame = SHOP.recommend(text="vampire", history=["emma"], k=8, exclude_seen=False)
    scores = dict(zip(ids(frame), frame["score"], strict=True))
    words = SHOP.scorer.score_texts(["vampire"])[0]
    past = SHOP.scorer.score(Histories.of([[0]]))[0]
    mean = ((words - words.min()) / np.ptp(words) + (past - past.min()) / np.ptp(past)) / 2
    np.testing.assert_allclose([scores[i] for i in IDS], mean, rtol=1e-5)


def test_filters_and_given_items() -> None:
    assert set(ids(SHOP.recommend(filter='brand == "X"'))) == {"emma", "a b", "dracula"}
    frame = SHOP.recommend(items=["📚", "dracula", "emma"], user="ann")
    assert set(ids(frame)) == {"📚", "dracula"}
    assert SHOP.recommend(filter="year < 0", explain=True).height == 0
    with pytest.raises(DataError, match="columns: none"):
        bare = Catalog(Ids("ab", "items"), ("x", "y"))
        Recommender(bare, Popularity().fit(interactions(), bare)).recommend(filter="year < 3")


def test_similar_items() -> None:
    frame = SHOP.similar("new whale", 3, explain=True)
    assert set(ids(frame)[:2]) == {"📚", "../up"}
    assert "new whale" not in ids(frame)
    assert frame["reason"][0].startswith("mostly content; shares: ")
    assert ids(SHOP.similar("dracula", 1)) == ["naïve, café"]
    assert ids(SHOP.similar("dracula", 1, filter="year > 1900")) != ["naïve, café"]
    # Popularity has no say: among items that are equally unlike, none is ahead for it.
    popular = shop(popularity=100.0, content=1.0, neighbors=0.0)
    assert ids(popular.similar("dracula", 1)) == ["naïve, café"]


def test_similar_items_of_many() -> None:
    for items in (None, ["dracula", "new whale"]):
        frame = SHOP.similar_many(items, 3, explain=True)
        each = frame.partition_by("item_id", maintain_order=True, include_key=False)
        names = frame["item_id"].unique(maintain_order=True).to_list()
        assert names == (list(IDS) if items is None else items)
        for name, similar in zip(names, each, strict=True):
            single = SHOP.similar(name, 3, explain=True).drop("title")
            assert similar.rename({"similar_item_id": "item_id"}).equals(single)


def test_given_items_for_many_users() -> None:
    frame = SHOP.recommend_many(["ann", "bob"], 5, items=["📚", "dracula", "emma"])
    for user in ("ann", "bob"):
        single = SHOP.recommend(user=user, k=5, items=["📚", "dracula", "emma"])
        assert frame.filter(pl.col("user_id") == user)["item_id"].to_list() == ids(single)


def test_an_item_of_which_the_scorer_knows_nothing_is_looked_up_by_its_text() -> None:
    frame = shop(popularity=1.0, content=0.0, neighbors=1.0).similar("new whale", 2, explain=True)
    assert set(ids(frame)) == {"📚", "../up"}
    assert frame["reason"][0].startswith("its text is similar")
    bare = Recommender(catalog(), Popularity().fit(interactions(), catalog()), interactions())
    assert bare.similar("new whale").height == 7


def test_diversity_spreads_the_list() -> None:
    plain = ids(SHOP.recommend(history=["emma"], k=3))
    spread = ids(SHOP.recommend(history=["emma"], k=3, diversity=0.7))
    assert plain[0] == spread[0]
    assert plain == ids(SHOP.recommend(history=["emma"], k=3, diversity=0))
    assert plain != spread
    bare = Recommender(catalog(), Popularity().fit(interactions(), catalog()))
    assert len(set(ids(bare.recommend(k=8, diversity=0.5)))) == 8


def test_many_users_are_as_one_by_one(monkeypatch) -> None:
    monkeypatch.setattr(batch, "BLOCK_BYTES", 3 * 4 * len(IDS))  # three users at a time
    names = [*HISTORIES, "stranger", "ann"]
    with pytest.warns(UnknownUserWarning, match=r"user is not in the event log: 'stranger'"):
        frame = SHOP.recommend_many(names, 4, filter="year > 1813")
    assert dict(frame.schema) == {
        "user_id": pl.String,
        "rank": pl.Int64,
        "item_id": pl.String,
        "score": pl.Float64,
        "source": pl.String,
    }
    with pytest.warns(UnknownUserWarning):
        rows = [SHOP.recommend(user=u, k=4, filter="year > 1813") for u in names]
    assert frame["source"].to_list() == pl.concat(rows)["source"].to_list()
    assert set(frame.filter(pl.col("user_id") == "stranger")["source"]) == {"popularity"}
    assert ids(frame) == [i for row in rows for i in ids(row)]
    np.testing.assert_allclose(frame["score"], pl.concat(rows)["score"], rtol=1e-6)
    assert frame["user_id"].to_list() == [
        u for u, r in zip(names, rows, strict=True) for _ in ids(r)
    ]
    assert SHOP.recommend_many(k=2)["user_id"].unique(maintain_order=True).to_list() == [*HISTORIES]
    assert SHOP.recommend_many([]).height == 0


def test_impossible_wishes() -> None:
    for wrong in (
        {"user": "ann", "history": []},
        {"k": 0},
        {"k": True},
        {"k": 2.5},
        {"text": "  "},
        {"diversity": 2},
    ):
        with pytest.raises(PlanError):
            SHOP.recommend(**wrong)
    with pytest.raises(PlanError, match="exclude or include"):
        Recommender(catalog(), blend(), repeats="sometimes")
    with pytest.raises(DataError, match="about 8 items, the catalog has 2"):
        Recommender(Catalog(Ids("ab", "items"), ("", "")), blend(), interactions())
    silent = Recommender(catalog(), Popularity().fit(interactions(), catalog()))
    with pytest.raises(PlanError, match="no event log"):
        silent.recommend(user="ann")
    with pytest.raises(PlanError, match="no event log"):
        silent.recommend_many()
    with pytest.raises(PlanError, match="does not read texts"):
        silent.recommend(text="whale")


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (lambda: SHOP.recommend(user=12), "write '12'"),
        (lambda: SHOP.recommend(user=["ann", "hal"]), "call recommend_many"),
        (lambda: SHOP.recommend(user=True), "takes one id"),
        (lambda: SHOP.recommend(history="emma"), r"write \['emma'\]"),
        (lambda: SHOP.recommend(history=7), "takes a list of ids"),
        (lambda: SHOP.recommend(items="emma"), r"write \['emma'\]"),
        (lambda: SHOP.recommend_many("ann"), r"write \['ann'\]"),
        (lambda: SHOP.similar(["emma"]), "item_id takes one id"),
        (lambda: SHOP.similar(3), "write '3'"),
        (lambda: SHOP.explain("emma", user=3), "write '3'"),
        (lambda: SHOP.recommend(user=UUID(int=3)), r"give it as text, with str\(\)"),
        (lambda: SHOP.recommend(user="ann", exclude_seen="no"), "exclude_seen takes True or False"),
        (lambda: SHOP.recommend_many(exclude_seen=0), "exclude_seen takes True or False"),
        (lambda: SHOP.recommend(user="ann", explain="no"), "explain takes True or False"),
        (lambda: SHOP.recommend(user="ann", filter=["a"]), "filter takes an expression"),
        (lambda: SHOP.recommend(user="ann", diversity="0.3"), "a number from 0 to 1"),
    ],
)
def test_an_argument_of_another_type_is_refused(call, remedy) -> None:
    with pytest.raises(TypeError, match=remedy):
        call()


@pytest.mark.parametrize("user", ["Ann", " ann", "ＡＮＮ"])
def test_an_unknown_user_may_be_one_in_another_form(user) -> None:
    with pytest.warns(UnknownUserWarning, match=r"did you mean 'ann'\?"):
        SHOP.recommend(user=user)


def test_a_list_names_its_basis() -> None:
    assert set(SHOP.recommend(user="ann")["source"]) == {"history"}
    assert set(SHOP.recommend(text="whale", user="ann")["source"]) == {"history and text"}
    with pytest.warns(UnknownUserWarning, match="the list is by text alone"):
        assert set(SHOP.recommend(text="whale", user="stranger")["source"]) == {"text"}
    assert set(SHOP.recommend()["source"]) == {"popularity"}


def test_unknown_items_are_named_with_their_nearest() -> None:
    with pytest.raises(UnknownIdError, match=r"'draculla', 'x' are not .*nearest .*'dracula'"):
        SHOP.recommend(history=["emma", "draculla", "x"])
    for call in (SHOP.similar, SHOP.explain):
        with pytest.raises(UnknownIdError, match=r"'emm' is not among the 8 items; .*'emma'"):
            call("emm")
    with pytest.raises(UnknownIdError, match="items: 'zzz' is not"):
        SHOP.recommend(items=["zzz"])


def test_numbers_are_taken_as_ids() -> None:
    items = Catalog(Ids(["1", "2"], "items"), ("a", "b"))
    recommender = Recommender(items, Popularity().fit(interactions({"u": [0, 1]}), items))
    assert ids(recommender.recommend(history=[1])) == ["2"]


def test_an_empty_catalog() -> None:
    empty = Catalog(Ids([], "items"), ())
    none = interactions({})
    none = type(none)(**{**none.__dict__, "n_items": 0})
    recommender = Recommender(empty, Popularity().fit(none, empty), none)
    assert recommender.recommend(diversity=0.5, explain=True).height == 0
    with pytest.warns(UnknownUserWarning):
        assert recommender.recommend_many(["x"]).height == 0


def test_it_shows_itself() -> None:
    html = SHOP._repr_html_()
    assert "popularity 0.20, content 1.00, neighbors 1.00" in html
    assert "report" not in html and "bundle" not in html
    assert "items=8" in repr(SHOP)
    assert TITLES[0] not in html

    class Hostile(Popularity):
        kind = "<b>&"

    hostile = Recommender(catalog(), Hostile().fit(interactions(), catalog()))
    assert "&lt;b&gt;&amp;" in hostile._repr_html_() and "<b>" not in hostile._repr_html_()
    loaded = Recommender.load(GOLDEN)
    assert ".3000 [" in loaded._repr_html_() and str(GOLDEN) in loaded._repr_html_()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.integers(1, 14), st.data())
def test_top_k_is_the_head_of_a_stable_sort(values: list[int], k: int, data) -> None:
    scores = np.array(values, np.float32)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    order = [c for c in np.argsort(-scores, kind="stable") if mask[c]]
    scores[~mask] = -np.inf
    assert best_rows(scores[None], [k])[0].tolist() == order[:k]
