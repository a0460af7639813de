import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from pennyweight.data.words import words
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.encoders.word2vec import Word2VecEncoder
from pennyweight.errors import BundleError, DataError
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.svd import truncated_svd

RNG = np.random.default_rng(0)
VOCABULARY = [f"wörd{i}" for i in range(300)] + ["A", "x_1", "42"]
TEXTS = [
    " ".join(RNG.choice(VOCABULARY, RNG.integers(0, 30), p=None)) + "!" * int(i % 3)
    for i in range(200)
]


@pytest.mark.parametrize("min_df", [1, 3])
@pytest.mark.parametrize("max_features", [2**17, 50])
def test_tfidf_is_that_of_scikit_learn(min_df, max_features):
    ours = Vectorizer.fit(TEXTS, min_df=min_df, max_features=max_features)
    # scikit-learn breaks ties at the cut otherwise: give it our vocabulary there
    theirs = TfidfVectorizer(
        token_pattern=r"(?u)\w+",
        sublinear_tf=True,
        min_df=min_df if max_features > 1000 else 1,
        vocabulary=None if max_features > 1000 else list(ours.vocabulary),
    ).fit(TEXTS)
    assert list(ours.vocabulary) == list(theirs.get_feature_names_out())
    mine = ours.transform([*TEXTS, "unseen words", ""])
    expected = theirs.transform([*TEXTS, "unseen words", ""])
    assert mine.dtype == np.float32
    np.testing.assert_allclose(mine.toarray(), expected.toarray(), atol=1e-6)


def test_max_features_keeps_the_most_frequent():
    ours = Vectorizer.fit(["b b b a", "c a", "d"], max_features=2)
    assert list(ours.vocabulary) == ["a", "b"]


def test_bag_of_words_counts():
    ours = Vectorizer.fit(TEXTS, sublinear=False, idf=False)
    counts = CountVectorizer(token_pattern=r"(?u)\w+").fit_transform(TEXTS).toarray()
    norms = np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)
    np.testing.assert_allclose(ours.transform(TEXTS).toarray(), counts / norms, atol=1e-6)


def test_words_of_many_scripts():
    assert words("Red SHOE, size-44 x_1") == ["red", "shoe", "size", "44", "x_1"]
    assert words("手机壳 透明case") == ["手机", "机壳", "透明", "case"]
    assert words("猫 カメラ") == ["猫", "カメ", "メラ"]
    assert words("🎉 !!") == []


def test_a_word_that_is_not_known_counts_as_its_other_spelling():
    ours = Vectorizer.fit(["café noir", "the", "thé vert", "creme"])
    assert ours.transform(["cafe", "crème", "thè"]).nnz == 3
    for word, other in (("café", "cafe"), ("creme", "crème")):
        assert (ours.transform([word]) != ours.transform([other])).nnz == 0
    assert ours.transform(["thë"])[0, ours.vocabulary["the"]] == 1  # the plain spelling is first


def test_vocabularies_of_the_first_tokenizer_are_read_by_its_rules(tmp_path):
    old = Vectorizer(
        {"क": 0, "ल": 1}, np.ones(2, np.float32), sublinear=True, char_ngrams=None, tokenizer=1
    )
    LexicalEncoder("tfidf-1", old, np.ones((2, 1), np.float32)).save(tmp_path)
    arrays, settings = read_arrays(tmp_path / "lexical.safetensors")
    del settings["tokenizer"]  # as it was written then
    write_arrays(tmp_path / "lexical.safetensors", arrays, settings)
    loaded = LexicalEncoder.load(tmp_path).vectorizer
    assert (loaded.tokenizer, loaded.transform(["केला"]).nnz) == (1, 2)
    assert loaded.fingerprint == old.fingerprint
    assert Vectorizer.fit(["केला"]).transform(["केला"]).nnz == 1
    settings["tokenizer"] = 99
    write_arrays(tmp_path / "lexical.safetensors", arrays, settings)
    with pytest.raises(BundleError, match="version 99 of the tokenizer"):
        LexicalEncoder.load(tmp_path)


def test_character_pieces():
    ours = Vectorizer.fit(["shoe"], char_ngrams=(3, 3))
    assert set(ours.vocabulary) == {"shoe", "  sh", " sho", " hoe", " oe "}
    assert ours.transform(["shoes"]).nnz == 3
    with pytest.raises(DataError, match="char_ngrams"):
        Vectorizer.fit(["shoe"], char_ngrams=(4, 3))


def test_svd_finds_the_largest_triplets():
    # a known decaying spectrum, larger than the dense path takes
    left = np.linalg.qr(RNG.standard_normal((700, 40)))[0]
    right = np.linalg.qr(RNG.standard_normal((900, 40)))[0]
    values = 0.8 ** np.arange(40)
    matrix = sparse.csr_matrix((left * values @ right.T).astype(np.float32))
    u, s, v = truncated_svd(matrix, 10)
    np.testing.assert_allclose(s, values[:10], rtol=1e-3)
    np.testing.assert_allclose(v.T @ v, np.eye(10), atol=1e-3)
    np.testing.assert_allclose(u * s, matrix @ v, atol=1e-3)
    assert len(truncated_svd(matrix[:20], 10)[1]) == 10
    assert len(truncated_svd(matrix, 200)[1]) <= 216


def test_dense_vectors_keep_the_angles_where_the_rank_suffices():
    encoder = LexicalEncoder.fit(TEXTS, dim=512)
    assert encoder.dim <= 200
    plain = encoder.transform(TEXTS)
    dense = encoder.encode(TEXTS)
    np.testing.assert_allclose(dense @ dense.T, (plain @ plain.T).toarray(), atol=1e-4)


def test_tiny_catalogs_have_narrow_vectors():
    assert LexicalEncoder.fit(["one"]).dim == 1
    assert LexicalEncoder.fit(["same words", "same words", ""]).dim == 1
    assert LexicalEncoder.fit(["same words", "same words", ""]).name == "tfidf-1"


@pytest.mark.parametrize("texts", [[], ["", "🎉"]])
def test_catalogs_without_words_are_refused(texts):
    with pytest.raises(DataError, match="no words"):
        LexicalEncoder.fit(texts)
    with pytest.raises(DataError, match="no words"):
        Word2VecEncoder.fit(texts)


def test_unknown_settings_are_refused():
    with pytest.raises(DataError, match="bm25"):
        LexicalEncoder.fit(TEXTS, kind="bm25")
    with pytest.raises(DataError, match="dim 0"):
        LexicalEncoder.fit(TEXTS, dim=0)
    with pytest.raises(DataError, match="window 0"):
        Word2VecEncoder.fit(TEXTS, window=0)


def test_word2vec_puts_words_of_one_company_together():
    rng = np.random.default_rng(1)
    groups = [["cat", "dog", "pet", "fur"], ["bolt", "nut", "screw", "steel"]]
    texts = [" ".join(rng.permutation(groups[i % 2])[:3]) for i in range(80)]
    encoder = Word2VecEncoder.fit(texts, dim=2)
    cat, dog, bolt = encoder.encode(["cat", "dog", "bolt"])
    assert cat @ dog > 0.5 > cat @ bolt


@pytest.mark.parametrize(
    "encoder", [LexicalEncoder.fit(TEXTS, dim=9), Word2VecEncoder.fit(TEXTS, dim=9)]
)
def test_save_and_load(encoder, tmp_path):
    encoder.save(tmp_path)
    loaded = type(encoder).load(tmp_path)
    assert (loaded.name, loaded.fingerprint) == (encoder.name, encoder.fingerprint)
    np.testing.assert_array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="checksum"):
        type(encoder).load(tmp_path)
