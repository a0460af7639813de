"""What every index promises, for each of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pennyweight.index import rows
from pennyweight.index.exact import BinaryIndex, ExactIndex, Int8Index
from pennyweight.index.signs import SignIndex

KINDS = [ExactIndex, Int8Index, BinaryIndex, SignIndex]
DIM = 70


def unit(rng, n, dim=DIM):
    vectors = rng.normal(size=(n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clustered(rng, n):
    """Cluster in 32 dimensions, shown in 256: what encoders make of real texts."""
    centers = rng.normal(size=(30, 32))
    vectors = centers[rng.integers(0, 30, n)] + rng.normal(0, 0.6, (n, 32))
    vectors = vectors @ rng.normal(size=(32, 256))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def index(request):
    return request.param(DIM)


@pytest.fixture
def vectors():
    return unit(np.random.default_rng(0), 50)


def test_every_item_finds_itself(index, vectors):
    index.upsert(np.arange(50), vectors)
    codes, scores = index.search(vectors, 3)
    assert codes.dtype == np.int32
    assert scores.dtype == np.float32
    assert codes[:, 0].tolist() == list(range(50))
    if isinstance(index, SignIndex):  # the cosine of a vector with its own signs
        own = np.abs(vectors).sum(axis=1) / np.sqrt(DIM)
        np.testing.assert_allclose(scores[:, 0], own, atol=1e-5)
    else:
        np.testing.assert_allclose(scores[:, 0], 1, atol=0.02)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_codes_may_come_in_any_order_and_with_gaps(index, vectors):
    index.upsert([40, 3, 17], vectors[:3])
    assert index.search(vectors[:3], 1)[0].ravel().tolist() == [40, 3, 17]


def test_too_few_items_are_padded(index, vectors):
    index.upsert([7, 9], vectors[:2])
    codes, scores = index.search(vectors[:1], 4)
    assert codes.tolist() == [[7, 9, -1, -1]]
    assert np.isneginf(scores[0, 2:]).all()
    assert np.isfinite(scores[0, :2]).all()


def test_empty_index_and_no_queries(index, vectors):
    codes, scores = index.search(vectors[:2], 3)
    assert (codes == -1).all()
    assert np.isneginf(scores).all()
    index.upsert(np.arange(5), vectors[:5])
    assert index.search(vectors[:0], 3)[0].shape == (0, 3)
    assert len(index) == 5


def test_allow_limits_what_is_found(index, vectors):
    index.upsert(np.arange(50), vectors)
    allow = np.zeros(60, bool)
    allow[[4, 30, 55]] = True
    codes, _ = index.search(vectors, 3, allow)
    assert set(codes.ravel().tolist()) == {4, 30, -1}
    assert (index.search(vectors, 1, np.zeros(50, bool))[0] == -1).all()


def test_upsert_replaces(index, vectors):
    index.upsert(np.arange(10), vectors[:10])
    index.upsert([3, 20], vectors[[40, 41]])
    assert len(index) == 11
    assert index.search(vectors[[40, 41]], 1)[0].ravel().tolist() == [3, 20]


def test_remove_forgets_and_ignores_strangers(index, vectors):
    index.upsert(np.arange(10), vectors[:10])
    before = index.nbytes
    index.remove([2, 999])
    index.remove([])
    assert len(index) == 9
    assert index.nbytes < before
    assert 2 not in index.search(vectors[:10], 9)[0]


def test_blocks_do_not_change_the_result(index, vectors, monkeypatch):
    index.upsert(np.arange(50), vectors)
    codes, scores = index.search(vectors, 12)
    monkeypatch.setattr(rows, "ITEMS", 7)
    monkeypatch.setattr(rows, "QUERIES", 3)
    in_blocks = index.search(vectors, 12)
    assert in_blocks[0].tolist() == codes.tolist()
    np.testing.assert_allclose(in_blocks[1], scores, atol=1e-6)


def test_equal_scores_come_in_order_of_code(index):
    index.upsert(np.arange(40)[::-1], np.ones((40, DIM), np.float32))
    codes, _ = index.search(np.ones((1, DIM), np.float32), 4)
    assert codes.tolist() == [[0, 1, 2, 3]]


def test_arrays_round_trip(index, vectors):
    index.upsert(np.arange(50), vectors)
    arrays = index.arrays()
    for array in arrays.values():
        array.flags.writeable = False
    copy = type(index).from_arrays(arrays)
    for ours, theirs in zip(index.search(vectors, 5), copy.search(vectors, 5), strict=True):
        assert ours.tolist() == theirs.tolist()
    copy.upsert([60], vectors[:1])
    copy.remove([0])
    assert (len(copy), len(index)) == (50, 50)
    assert copy.nbytes == index.nbytes


def test_zero_vectors(index):
    index.upsert([0, 1], np.zeros((2, DIM), np.float32))
    assert index.search(np.ones((1, DIM), np.float32), 2)[1].tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("codes", "shape", "match"),
    [
        ([0, 0], (2, DIM), "twice"),
        ([-1], (1, DIM), "negative"),
        ([0], (2, DIM), "1 items need vectors of shape"),
        ([0], (1, 3), "need vectors"),
    ],
)
def test_bad_items_are_refused(index, codes, shape, match):
    with pytest.raises(ValueError, match=match):
        index.upsert(codes, np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="NaN or infinite"):
        index.upsert([0], np.full((1, DIM), np.nan, np.float32))
    assert len(index) == 0


def test_bad_queries_are_refused(index, vectors):
    index.upsert([5], vectors[:1])
    with pytest.raises(ValueError, match=r"this index needs \(n, 70\)"):
        index.search(vectors[:, :5], 1)
    with pytest.raises(ValueError, match="k=0"):
        index.search(vectors, 0)
    with pytest.raises(ValueError, match="allow covers 5 items"):
        index.search(vectors, 1, np.ones(5, bool))


def test_damaged_arrays_are_refused(index, vectors):
    index.upsert([1, 2], vectors[:2])
    with pytest.raises(ValueError, match="a row for each code"):
        type(index).from_arrays(index.arrays() | {"codes": np.array([2, 1], np.int32)})


@pytest.mark.parametrize(
    ("kind", "least"), [(ExactIndex, 1), (Int8Index, 0.98), (BinaryIndex, 0.9), (SignIndex, 0.35)]
)
def test_recall_on_clusters(kind, least):
    drawn = clustered(np.random.default_rng(5), 3_200)
    items, queries = drawn[:3_000], drawn[3_000:]
    index = kind(256)
    index.upsert(np.arange(3_000), items)
    codes, _ = index.search(queries, 10)
    truth = np.argsort(-(queries @ items.T), axis=1)[:, :10]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(codes, truth, strict=True)])
    assert recall >= least


def test_int8_is_a_quarter():
    vectors = unit(np.random.default_rng(1), 100, 384)
    exact, small = ExactIndex(384), Int8Index(384)
    exact.upsert(np.arange(100), vectors)
    small.upsert(np.arange(100), vectors)
    assert small.nbytes / exact.nbytes < 0.26


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_int8_error_is_at_most_half_a_step(vectors):
    index = Int8Index(vectors.shape[1])
    index.upsert(np.arange(len(vectors)), vectors)
    restored = index.arrays()["vectors"] * index.scale
    assert np.abs(restored - vectors).max() <= index.scale * 0.501


def test_int8_makes_room_for_larger_vectors():
    index = Int8Index(2)
    index.upsert([0], np.array([[1, -0.5]], np.float32))
    index.upsert([1], np.array([[4, 0]], np.float32))
    restored = index.arrays()["vectors"] * index.scale
    np.testing.assert_allclose(restored, [[1, -0.5], [4, 0]], atol=index.scale)


@pytest.mark.parametrize("dim", [1, 7, 8, 9, 384])
def test_signs_are_a_bit_a_component(dim):
    vectors = unit(np.random.default_rng(2), 30, dim)
    vectors[4] = 0
    index = SignIndex(dim)
    index.upsert(np.arange(30), vectors)
    assert index.nbytes == 30 * (4 + -(-dim // 8) + 1)  # code, signs, whether it is zero
    expected = np.where(vectors > 0, 1, -1) / np.sqrt(dim)
    expected[4] = 0
    np.testing.assert_allclose(index.vectors(), expected, atol=1e-6)
    codes, scores = index.search(vectors[:3], 30)
    by_hand = np.take_along_axis(vectors[:3] @ index.vectors().T, codes, axis=1)
    np.testing.assert_allclose(scores, by_hand, atol=1e-6)


def test_oversample_must_be_positive():
    with pytest.raises(ValueError, match="oversample=0"):
        BinaryIndex(3, oversample=0)
