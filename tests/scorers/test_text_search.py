"""BM25 from TF-IDF vectors, and search by embeddings and BM25 together."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.registry import register_encoder
from pennyweight.encoders.tokens import has_known_word, load_tokenizer
from pennyweight.encoders.weights import find_weights
from pennyweight.errors import PlanError
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.bm25 import Bm25, text_lengths
from pennyweight.scorers.content import Content
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.text_search import TextSearch
from pennyweight.vectors.unit_rows import unit_rows

TEXTS = [
    "red apple fruit",
    "green apple fruit fruit",
    "sports car",
    "family car with room",
    "model xj900 engine",
    "juice of fruit",
    "",
    "lorry for transport",
]
MEANINGS = {"apple": 0, "fruit": 0, "juice": 0, "car": 1, "lorry": 1, "vehicle": 1, "engine": 1}


class Meanings(Encoder):
    """Counts words of two meanings."""

    kind = "meanings"
    dim = 3
    fingerprint = "meanings"

    def encode(self, texts):
        rows = np.zeros((len(texts), 3), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                rows[row, MEANINGS.get(word, 2)] += 1.0 if word in MEANINGS else 0.2
        return unit_rows(rows)

    def save(self, folder):
        (folder / "meanings").parent.mkdir(parents=True, exist_ok=True)
        (folder / "meanings").write_text("")

    @classmethod
    def load(cls, folder):
        return cls()


def catalog(texts=TEXTS):
    return Catalog(Ids([f"i{n}" for n in range(len(texts))], "items"), texts)


def fitted(texts=TEXTS):
    return Content().fit(None, catalog(texts))


def test_lengths_and_norms_are_read_off_the_vectors():
    content = fitted()
    norms, lengths = text_lengths(content.term_matrix(), content.words.idf)
    assert lengths == pytest.approx([len(text.split()) for text in TEXTS])
    column = content.words.vocabulary
    idf = content.words.idf
    expected = math.sqrt(
        idf[column["green"]] ** 2
        + idf[column["apple"]] ** 2
        + ((1 + math.log(2)) * idf[column["fruit"]]) ** 2
    )
    assert norms[1] == pytest.approx(expected)


@pytest.mark.parametrize("query", ["apple", "fruit car", "green fruit unknown", "xj900", "zzz"])
def test_bm25_is_that_of_the_formula(query):
    content = fitted()
    n, mean = len(TEXTS), np.mean([len(text.split()) for text in TEXTS])
    expected = []
    for text in TEXTS:
        counts, score = Counter(text.split()), 0.0
        for word in query.split():
            df = sum(word in other.split() for other in TEXTS)
            if counts[word]:
                rarity = math.log((1 + n) / (1 + df))
                share = 2.2 / (1 + 1.2 * (0.25 + 0.75 * len(text.split()) / mean))
                score += (1 + math.log(counts[word])) * rarity * share
        expected.append(score)
    search = content.word_search()
    bm25 = Bm25.of(content.term_matrix(), content.words.idf)
    assert bm25.score(search, [search.find(query)])[0] == pytest.approx(expected, abs=1e-5)


def search_of(texts=TEXTS, **settings):
    content = fitted(texts)
    return TextSearch.fit(Meanings(), content, catalog(texts), **settings)


def test_items_without_a_common_word_are_found_by_their_meaning():
    (scores,) = search_of().score_texts(["vehicle"])
    best = [TEXTS[at] for at in np.argsort(-scores, kind="stable")[:4]]
    assert {"sports car", "family car with room"} <= set(best)
    assert scores[0] < scores[7]


def test_the_few_items_with_all_words_come_first():
    (scores,) = search_of().score_texts(["xj900 apple"])
    assert scores.argmax() != 4  # no item has both
    (scores,) = search_of().score_texts(["xj900"])
    assert scores.argmax() == 4
    assert scores[4] - np.sort(scores)[-2] > 0.5


def test_words_in_more_items_than_a_few_decide_by_their_weight():
    texts = [*TEXTS, *["apple"] * 4]
    (scores,) = search_of(texts).score_texts(["apple"])
    assert scores.max() < 1.5  # no lead for exact matches


def test_a_text_that_says_nothing_scores_zero_for_all():
    assert not search_of().score_texts([""]).any()


class Knowing(Meanings):
    def has_known_word(self, text):
        return any(word in MEANINGS for word in text.split())


def test_a_text_without_a_known_word_scores_zero_for_all():
    search = TextSearch.fit(Knowing(), fitted(), catalog())
    scores = search.score_texts(["qwertz", "vehicle", "xj900"])
    assert not scores[0].any()
    assert scores[1].any()
    assert scores[2].argmax() == 4


def test_scores_do_not_depend_on_the_other_queries():
    search = search_of()
    alone = np.concatenate([search.score_texts([q]) for q in ("apple", "vehicle", "xj900")])
    assert search.score_texts(["apple", "vehicle", "xj900"]) == pytest.approx(alone, abs=1e-6)


def test_a_blend_searches_by_it_saves_and_loads_it(tmp_path):
    register_encoder(Meanings)
    content = fitted()
    search = TextSearch.fit(Meanings(), content, catalog(), words_id="content")
    blend = Blend({"content": content}, search=search)
    queries = ["vehicle", "green apple", "xj900"]
    assert (blend.score_texts(queries) == search.score_texts(queries)).all()
    blend.save(tmp_path)
    loaded = Blend.load(tmp_path)
    assert loaded.score_texts(queries) == pytest.approx(blend.score_texts(queries), abs=1e-6)
    assert loaded.search.words is loaded.components["content"]
    assert not (tmp_path / "text-search-words").exists()
    histories = Histories.of([[0]])
    assert (loaded.score(histories) == blend.score(histories)).all()


def test_a_blend_without_words_of_its_own_keeps_those_of_the_search(tmp_path):
    register_encoder(Meanings)
    dense = Content(Meanings()).fit(None, catalog())
    blend = Blend({"content": dense}, search=search_of())
    blend.save(tmp_path)
    loaded = Blend.load(tmp_path)
    assert (tmp_path / "text-search-words").exists()
    queries = ["vehicle", "xj900"]
    assert loaded.score_texts(queries) == pytest.approx(blend.score_texts(queries), abs=1e-6)


def test_items_that_are_added_are_found_like_the_others():
    content = fitted()
    blend = Blend(
        {"content": content},
        search=TextSearch.fit(Meanings(), content, catalog(), words_id="content"),
    )
    texts = ["yellow lorry", "old car engine"]
    codes = np.array([8, 2], np.int32)  # one is new, one has another text
    grown = blend.with_items(codes, texts, 9)
    changed = [*TEXTS, texts[0]]
    changed[2] = texts[1]
    (scores,) = grown.score_texts(["lorry"])
    assert len(scores) == 9
    assert set(np.argsort(-scores)[:2].tolist()) == {7, 8}
    assert grown.score_texts(["engine"])[0].argsort()[-2:].tolist() in ([2, 4], [4, 2])
    fresh = text_lengths(grown.components["content"].vectors[np.array([8])], content.words.idf)
    assert fresh[1] == pytest.approx([1], abs=0.05)  # "yellow" is no word of the catalog
    assert blend.score_texts(["lorry"]).shape == (1, 8)


def test_no_component_may_have_the_name_of_its_folder():
    with pytest.raises(PlanError, match="text-search"):
        Blend({"text-search": Popularity()})


def test_lengths_of_empty_rows_are_zero():
    norms, lengths = text_lengths(sparse.csr_matrix((2, 3), dtype=np.float32), np.ones(3, "f4"))
    assert not norms.any()
    assert not lengths.any()


@pytest.mark.weights
@pytest.mark.parametrize(
    ("text", "known"),
    [("vampire", True), ("tv", True), ("qwertz", False), ("12345", False), ("xkcdqq the", True)],
)
def test_a_tokenizer_knows_words_that_it_has_whole(text, known):
    tokenizer = load_tokenizer(find_weights().folder / "tokenizer.json", max_tokens=64)
    assert has_known_word(tokenizer, text) is known
