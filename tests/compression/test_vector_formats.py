"""Vectors of content and tower kept small: the same items stay near."""

import numpy as np
import pytest

import world
from pennyweight.compression.vector_formats import AS_IT_IS, EIGHT_BITS, STORAGES, VectorFormat
from pennyweight.data.interactions import Histories
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.scorers.content import Content
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.scorers.two_tower_training import TwoTowerSettings

BOARD, CATALOG = world.checkerboard()
ENCODER = LexicalEncoder.fit(CATALOG.texts, dim=8)
SETTINGS = TwoTowerSettings(dim=8, epochs=2, batch=16, negatives=8)
HISTORIES = Histories.of([[0, 3], [5], [7, 1, 2]])
ALL = (EIGHT_BITS, *STORAGES)


def small(storage: VectorFormat, scorer: Scorer) -> Scorer:
    return storage.quantize({"it": scorer}, CATALOG.texts)["it"]


@pytest.fixture
def tower():
    return TwoTower(ENCODER, SETTINGS).fit(BOARD.before, CATALOG)


@pytest.fixture
def content():
    return Content(ENCODER).fit(BOARD.before, CATALOG)


def test_as_it_is_is_the_same_object(tower, content):
    assert small(AS_IT_IS, tower) is tower and small(AS_IT_IS, content) is content
    sparse = Content().fit(BOARD.before, CATALOG)
    assert all(small(storage, sparse) is sparse for storage in ALL)


@pytest.mark.parametrize("storage", ALL, ids=str)
def test_smaller_and_alike(storage: VectorFormat, tower, content, tmp_path):
    for scorer in (tower, content):
        name, quantized = scorer.kind, small(storage, scorer)
        assert quantized.decay == scorer.decay and quantized.nbytes < scorer.nbytes
        before, after = scorer.score(HISTORIES), quantized.score(HISTORIES)
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.3  # of 8 components, few
        (tmp_path / name).mkdir()
        quantized.save(tmp_path / name)
        back = type(scorer).load(tmp_path / name)
        np.testing.assert_allclose(back.score(HISTORIES), after, atol=1e-5)
        texts = quantized.score_texts(CATALOG.texts[:2])
        np.testing.assert_allclose(back.score_texts(CATALOG.texts[:2]), texts, atol=1e-5)


def test_8_bits_move_no_score_by_much(tower, content):
    for scorer in (tower, content):
        before = scorer.score(HISTORIES)
        assert (
            np.abs(small(EIGHT_BITS, scorer).score(HISTORIES) - before).max()
            < 0.02 * np.abs(before).max()
        )


def test_a_narrower_content_reads_as_its_items_are_kept(content):
    vectors = content.vectors.unpacked()
    whitened = ProjectedEncoder.of_vectors(ENCODER, vectors, dim=8)
    wide = content.packed(whitened, type(content.vectors).of(whitened.project(vectors)))
    narrow = small(VectorFormat("int8", "int8", text_share=0.5), wide)
    assert narrow.encoder.encoder is ENCODER  # one product, not two
    assert narrow.encoder.dim == 4 == narrow.vectors.dim
    expected = narrow.encoder.encode(CATALOG.texts)
    np.testing.assert_allclose(narrow.vectors.unpacked(), expected, atol=0.01)
    signs = small(STORAGES[-1], wide)
    expected = signs.encoder.encode(CATALOG.texts)
    np.testing.assert_array_equal(signs.vectors.unpacked() > 0, expected > 0)


def test_names_give_the_format_of_each_component(tower, content):
    dense, sparse = (
        {"content": content, "tower": tower},
        {"content": Content().fit(BOARD.before, CATALOG)},
    )
    assert [storage.name(dense) for storage in (AS_IT_IS, *ALL)] == [
        "",
        "content int8, tower int8",
        "content int4, tower int4",
        "content binary, tower int4",
        "content int2, tower int2",
        "content binary, tower binary",
    ]
    for width, name in (
        (256, "content binary"),
        (300, "content binary at 85% of the width"),
        (768, "content binary at 67% of the width"),
    ):
        wide = content.packed(ENCODER, type(content.vectors).of(np.ones((2, width), np.float32)))
        assert STORAGES[-1].name({"content": wide}) == name
    assert {storage.name(sparse) for storage in ALL} == {""}
    assert EIGHT_BITS.name({**sparse, "tower": tower}) == "tower int8"
