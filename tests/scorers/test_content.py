"""Content against scikit-learn's TF-IDF, and by hand."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

import world
from pennyweight.data.interactions import Histories
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.scorers import item_vectors as item_rows
from pennyweight.scorers.content import FILE, Content
from pennyweight.scorers.item_vectors import Terms
from pennyweight.storage.arrays import read_arrays, write_arrays

TEXTS = (
    "red running shoe for the road",
    "Red red boot",
    "blue boot, blue laces",
    "green hat",
    "",
    "the road to the sea",
)
NO_EVENTS = world.events([], len(TEXTS))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path / "cache"))


def fit(**settings) -> Content:
    return Content(**settings).fit(NO_EVENTS, world.catalog(TEXTS))


@pytest.fixture(scope="module")
def cosines() -> np.ndarray:
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\w+")
    rows = vectorizer.fit_transform(TEXTS)
    return (rows @ rows.T).toarray()


def test_one_event_gives_the_cosine_of_two_texts(cosines):
    histories = Histories.of([[i] for i in range(len(TEXTS))])
    np.testing.assert_allclose(fit().score(histories), cosines, atol=1e-6)


def test_texts_of_a_history_decay(cosines):
    scorer = fit(decay=0.5, max_history=3)
    history = Histories.of([[2, 0, 1, 5]])  # the oldest is one too many
    expected = 0.25 * cosines[0] + 0.5 * cosines[1] + cosines[5]
    np.testing.assert_allclose(scorer.score(history), [expected], atol=1e-6)
    codes = np.array([1, 4], np.int32)
    parts = np.array([[0, 0.25, 0.5, 1]]) * cosines[np.ix_(codes, [2, 0, 1, 5])]
    np.testing.assert_allclose(scorer.contributions(history, codes), parts, atol=1e-6)


def test_weights_of_events_multiply(cosines):
    scores = fit(decay=0.5).score(Histories.of([[0, 1]], [[4.0, 3.0]]))
    np.testing.assert_allclose(scores, [2 * cosines[0] + 3 * cosines[1]], atol=1e-6)


def test_a_free_text_is_scored_as_an_item_of_that_text(cosines):
    scores = fit().score_texts([TEXTS[1], TEXTS[5].upper(), "unheard"])
    np.testing.assert_allclose(scores, [cosines[1], cosines[5], np.zeros(6)], atol=1e-6)


def test_dense_vectors_come_from_the_encoder():
    encoder = LexicalEncoder.fit(TEXTS, dim=3)
    vectors = encoder.encode(TEXTS)
    scorer = fit(encoder=encoder, decay=0.5)
    expected = np.maximum((0.5 * vectors[0] + vectors[1]) @ vectors.T, 0)
    np.testing.assert_allclose(scorer.score(Histories.of([[0, 1]])), [expected], atol=1e-6)
    np.testing.assert_allclose(
        scorer.score_texts(["red boot"]),
        np.maximum(encoder.encode(["red boot"]) @ vectors.T, 0),
        atol=1e-6,
    )


def test_words_that_two_items_share():
    scorer = fit()
    # Of the words in both, "road" is in fewer texts than "the" only by the weight of counts.
    assert set(scorer.shared_terms(0, 5)) == {"the", "road"}
    assert scorer.shared_terms(0, 5, limit=1) == scorer.shared_terms(0, 5)[:1]
    assert scorer.shared_terms(1, 2) == ["boot"]
    assert scorer.shared_terms(3, 4) == []


def test_words_stay_right_after_a_refit_and_a_load(tmp_path):
    scorer = fit()
    scorer.shared_terms(1, 2)
    other = world.catalog(["zebra cat", "dog cat", "cat dog bird"])
    scorer.fit(world.events([], 3), other)
    assert scorer.shared_terms(1, 2) == ["dog", "cat"]
    scorer.save(tmp_path)
    assert Content.load(tmp_path).shared_terms(1, 2) == ["dog", "cat"]


def test_a_catalog_without_words_forgets_the_words_before():
    scorer = fit()
    scorer.fit(world.events([], 2), world.catalog(["", "🎉"]))
    assert scorer.shared_terms(0, 1) == []
    assert scorer.score_texts(["red boot"]).tolist() == [[0, 0]]


@pytest.mark.parametrize("look_up", [0, 10**9])
def test_looking_words_up_and_going_through_all_texts_give_the_same(cosines, look_up, monkeypatch):
    monkeypatch.setattr(item_rows, "LOOK_UP", look_up)
    histories = Histories.of([[i % len(TEXTS)] for i in range(150)])  # more than one block
    expected = cosines[np.arange(150) % len(TEXTS)]
    np.testing.assert_allclose(fit().score(histories), expected, atol=1e-6)
    assert fit().score(Histories.of([])).shape == (0, len(TEXTS))
    assert fit().score_texts(["unheard"]).tolist() == [[0.0] * len(TEXTS)]


def test_a_scorer_saved_with_the_first_tokenizer_is_searched_by_its_rules(tmp_path):
    old = Vectorizer(
        {"क": 0, "ल": 1}, np.ones(2, np.float32), sublinear=True, char_ngrams=None, tokenizer=1
    )
    scorer = Content()
    scorer.words, scorer.vectors = old, Terms(old.transform(["काला", "केला", ""]))
    scorer.save(tmp_path)
    arrays, settings = read_arrays(tmp_path / FILE)
    assert settings.pop("tokenizer") == 1
    write_arrays(tmp_path / FILE, arrays, settings)  # as it was written then
    scores = Content.load(tmp_path).score_texts(["केला"])
    np.testing.assert_allclose(scores, [[1, 1, 0]], atol=1e-6)
