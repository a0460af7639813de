import numpy as np
import pytest

from pennyweight.data.interactions import Histories
from pennyweight.ranking.explanations import CommonWords, explain_items
from pennyweight.recommender import Because, Reason, Recommender
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.protocol import Scorer
from shop import IDS, blend, catalog, interactions, shop


class FixedScorer(Scorer):
    """A scorer of which the contributions are known."""

    kind = "given"

    def __init__(self, rows: list[list[float]], shares: dict[str, list[float]]) -> None:
        self.rows, self.shares = np.array(rows, np.float32), shares

    @property
    def components(self):
        return {"given": self, "popularity": Popularity()}

    def fit(self, interactions, catalog, *, progress=None):
        raise NotImplementedError

    def score(self, histories):
        raise NotImplementedError

    def save(self, folder):
        raise NotImplementedError

    @classmethod
    def load(cls, folder):
        raise NotImplementedError

    def contributions(self, history, codes):
        return self.rows

    def component_shares(self, history, codes):
        return {name: np.array(values, np.float32) for name, values in self.shares.items()}

    def shared_terms(self, code, other, *, limit):
        return ["the", "manners", f"of-{code}-{other}", "x", "three", "four"][:limit]


def reason_of(rows, shares, **settings) -> Reason:
    history = Histories.of([[0, 1, 0, 2, 3]])
    return explain_items(
        np.array([4], np.int32),
        history,
        scorer=FixedScorer(rows, shares),
        catalog=catalog(),
        **settings,
    )[0]


def test_the_sentence_by_hand() -> None:
    # Item 0 occurs twice: 3 + 1; item 2 pulled the other way and is no part of the total.
    reason = reason_of([[3, 2, 1, -5, 0.1]], {"given": [0.2], "content": [0.7]}, common={"the"})
    assert reason.because == (
        Because("emma", "Emma", pytest.approx(4 / 6.1)),
        Because("a b", "Persuasion", pytest.approx(2 / 6.1)),
    )
    assert reason.text == (
        'because of "Emma" (66 %) and "Persuasion" (33 %); shares: manners, of-4-0, three'
    )
    assert str(reason) == reason.text
    assert (reason.kind, reason.component) == ("history", "content")
    assert reason.shared == ("manners", "of-4-0", "three")


def test_three_are_named_at_most_and_popularity_is_admitted() -> None:
    reason = reason_of(
        [[1, 1, 0, 1, 1]], {"popularity": [2], "content": [1]}, common={"the", "three"}
    )
    assert reason.text.startswith('because of "Emma" (25 %), "Persuasion" (25 %) and "Pride')
    assert reason.text.endswith("popular with everyone")
    assert reason.component == "popularity"


def test_items_chosen_by_a_negative_weight_of_popularity_are_not_called_popular() -> None:
    counts = np.array([9, 9, 9, 9, 1, 9, 9, 9], np.int64)  # the item recommended is the rarest
    shares = {"popularity": [2], "content": [1]}
    reason = reason_of([[1, 1, 0, 1, 1]], shares, counts=counts)
    assert reason.text.endswith("less popular than others") and reason.component == "popularity"
    nothing = [[0, -1, 0, 0, 0]]
    assert reason_of(nothing, shares, counts=counts).text == "less popular than others"
    assert reason_of(nothing, {}, counts=counts).text == "highest remaining score"
    counts[4] = 90
    assert reason_of(nothing, shares, counts=counts).text == "popular with everyone"


def test_where_the_history_added_nothing() -> None:
    nothing = [[0, -1, 0, 0, 0]]
    reason = reason_of(nothing, {"given": [-1]})
    assert (reason.text, reason.kind, reason.component) == (
        "popular with everyone",
        "popular",
        None,
    )
    counts = np.zeros(8, np.int64)
    reason = reason_of(nothing, {}, counts=counts)
    assert (reason.text, reason.kind) == ("new: chosen by its text", "new")


def test_the_history_is_what_moved_the_score() -> None:
    scorer = blend()
    reason = shop().explain("a/b", user="ann")
    with_both = scorer.contributions(Histories.of([[0, 1]]), np.array([2], np.int32))[0]
    assert [b.share for b in reason.because] == pytest.approx(
        sorted(with_both / with_both.sum(), reverse=True), rel=1e-5
    )
    assert {b.item_id for b in reason.because} == {"emma", "a b"}
    assert "manners" in reason.shared or "marriage" in reason.shared


def test_a_new_item_says_so() -> None:
    reason = shop().explain("new whale", history=["📚"])
    assert reason.text.startswith('new: chosen by its text; because of "Moby-Dick" (100 %)')


def test_reasons_without_a_user_name_popularity_alone() -> None:
    reason = shop().explain("emma")
    assert (reason.text, reason.kind) == ("no history: most popular", "cold")


def test_a_history_of_which_nothing_is_known() -> None:
    recommender = Recommender(catalog(), blend(neighbors=1.0), interactions())
    frame = recommender.recommend(history=[IDS[7]], explain=True)
    assert set(frame["reason"]) == {"nothing is known of the history: most popular"}


def test_common_words_are_those_of_many_texts() -> None:
    texts = [f"the word{i} of" for i in range(60)] + ["rare"] * 4
    assert CommonWords(texts).words == {"the", "of"}
    assert CommonWords(()).words == frozenset()
