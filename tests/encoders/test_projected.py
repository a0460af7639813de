import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.encoders.projected import FILE, ProjectedEncoder
from pennyweight.encoders.registry import load_encoder
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.errors import BundleError, DataError
from pennyweight.storage.arrays import write_arrays

TEXTS = [
    f"{a} {b} {c}"
    for a in ("red", "blue", "green")
    for b in ("shoe", "hat", "bag")
    for c in ("wool", "leather", "for running")
]


@pytest.fixture(scope="module")
def encoder():
    return LexicalEncoder.fit(TEXTS)


def test_the_full_width_keeps_every_cosine(encoder):
    vectors = encoder.encode(TEXTS)
    full = ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim, whiten=False).encode(
        TEXTS
    )
    np.testing.assert_allclose(full @ full.T, vectors @ vectors.T, atol=1e-5)


@given(st.integers(1, 8), st.integers(0, 50))
def test_no_other_axes_lose_less(dim, seed):
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(40, 8)) * np.arange(1, 9)).astype(np.float32)

    class Eight:
        dim, name, fingerprint = 8, "eight", "8"

    projected = ProjectedEncoder.of_vectors(Eight(), rows, dim=dim, whiten=False)
    np.testing.assert_allclose(projected.axes.T @ projected.axes, np.eye(dim), atol=1e-5)
    other, _ = np.linalg.qr(rng.normal(size=(8, dim)))
    assert loss(rows, projected.axes) <= loss(rows, other) * (1 + 1e-5) + 1e-3


def test_whitened_components_count_alike(encoder):
    vectors = np.repeat(encoder.encode(TEXTS), 400, axis=0)
    narrow = ProjectedEncoder.of_vectors(encoder, vectors, dim=5)
    moments = (vectors @ narrow.axes).T @ (vectors @ narrow.axes) / len(vectors)
    assert 0.9 < np.diagonal(moments).min() <= np.diagonal(moments).max() <= 1
    np.testing.assert_allclose(moments - np.diag(np.diagonal(moments)), 0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(narrow.encode(TEXTS), axis=1), 1, atol=1e-5)


def test_few_texts_are_whitened_less(encoder):
    few = encoder.encode(TEXTS)

    def cosines(rows, **options):
        vectors = ProjectedEncoder.of_vectors(encoder, rows, dim=encoder.dim, **options).project(
            few
        )
        return vectors @ vectors.T

    plain = cosines(few, whiten=False)
    moved = [np.abs(cosines(np.repeat(few, n, axis=0)) - plain).mean() for n in (1, 20, 400)]
    assert moved[0] < moved[1] / 2 < moved[1] < moved[2]


def test_fewer_texts_than_components_stay_finite(encoder):
    vectors = encoder.encode(TEXTS[:2])
    rows = ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim).encode(TEXTS)
    assert np.isfinite(rows).all()


def loss(rows, axes):
    return np.square(rows - rows @ axes @ axes.T).sum()


def test_signs_and_order_do_not_depend_on_the_order_of_rows(encoder):
    vectors = encoder.encode(TEXTS)
    a = ProjectedEncoder.of_vectors(encoder, vectors, dim=3)
    b = ProjectedEncoder.of_vectors(encoder, vectors[::-1], dim=3)
    np.testing.assert_allclose(a.axes, b.axes, atol=1e-3)


def test_what_does_not_fit_is_refused(encoder):
    vectors = encoder.encode(TEXTS)
    for dim in (0, encoder.dim + 1):
        with pytest.raises(DataError, match=f"from 1 to {encoder.dim}"):
            ProjectedEncoder.of_vectors(encoder, vectors, dim=dim)
    with pytest.raises(DataError, match="are not those of"):
        ProjectedEncoder.of_vectors(encoder, vectors[:, :2], dim=1)
    with pytest.raises(DataError, match="do not fit"):
        ProjectedEncoder(encoder, np.eye(3, dtype=np.float32))


def test_a_file_without_its_settings_is_refused(tmp_path):
    write_arrays(tmp_path / FILE, {"axes": np.eye(2, dtype=np.float32)}, {})
    with pytest.raises(BundleError, match="no 'encoder'"):
        load_encoder("projected", tmp_path)


def test_saved_and_loaded_it_is_the_same(encoder, tmp_path):
    narrow = ProjectedEncoder.of_vectors(encoder, encoder.encode(TEXTS), dim=4)
    narrow.save(tmp_path)
    again = load_encoder(narrow.kind, tmp_path)
    assert (again.name, again.fingerprint) == (narrow.name, narrow.fingerprint)
    np.testing.assert_array_equal(again.encode(TEXTS), narrow.encode(TEXTS))
