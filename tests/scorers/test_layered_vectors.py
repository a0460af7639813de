"""Rows laid over others, layer by layer."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from pennyweight.scorers.item_vectors import Terms
from pennyweight.scorers.layered_vectors import RATIO, LayeredRows, compact, layered
from pennyweight.vectors.quantized_rows import SCANNED, QuantizedRows

DIM, BASE = 6, 5


def rows(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, DIM)) * (rng.random((n, DIM)) < 0.6)).astype(np.float32)


def dense(values: np.ndarray) -> QuantizedRows:
    return compact(values)


def words(values: np.ndarray) -> Terms:
    return Terms(sparse.csr_matrix(values))


def wide(vectors) -> np.ndarray:
    return vectors.toarray() if sparse.issparse(vectors) else np.asarray(vectors)


@pytest.mark.parametrize("form", [dense, words])
@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 30), min_size=0, max_size=9, unique=True), max_size=12))
def test_it_is_as_one_table_with_rows_replaced(form, steps):
    table = wide(form(rows(BASE, 0))[:])
    vectors = form(rows(BASE, 0))
    for number, step in enumerate(steps, 1):
        codes = []  # new ones without a gap, in any order
        n = len(table)
        for code in step:
            codes.append(code if code < n else n)
            n = max(n, codes[-1] + 1)
        codes = list(dict.fromkeys(codes))
        new = form(rows(len(codes), number))
        vectors = layered(vectors, np.array(codes, np.int32), new, n)
        table = np.vstack([table, np.zeros((n - len(table), DIM), np.float32)])
        table[codes] = wide(new[:])
    queries = rows(3, 99)
    sparse_queries = sparse.csr_matrix(queries) if form is words else queries
    np.testing.assert_allclose(vectors.products(sparse_queries), queries @ table.T, atol=1e-5)
    np.testing.assert_allclose(wide(vectors[np.arange(len(table))]), table, atol=1e-6)
    weights = sparse.random(4, len(table), 0.5, "csr", np.float32, rng=np.random.default_rng(1))
    np.testing.assert_allclose(wide(vectors.mixed(weights)), weights @ table, atol=1e-5)


def test_rows_are_copied_some_times_and_make_few_layers():
    vectors, copied = dense(rows(1, 0)), 0
    n = 4_000
    for code in range(1, n):
        before = (
            set() if isinstance(vectors, QuantizedRows) else {id(layer) for layer in vectors.layers}
        )
        vectors = layered(vectors, np.array([code], np.int32), dense(rows(1, code)), code + 1)
        copied += sum(len(layer) for layer in vectors.layers if id(layer) not in before)
        sizes = [len(layer) for layer in vectors.layers]
        assert all(a >= RATIO * b for a, b in pairwise(sizes))
    assert len(vectors.layers) <= np.log(n) / np.log(RATIO) + 1
    assert copied < 40 * n


def test_replaced_rows_do_not_pile_up():
    vectors = dense(rows(3, 0))
    for number in range(50):
        vectors = layered(vectors, np.array([1, 3], np.int32), dense(rows(2, number)), 4)
    assert sum(len(layer) for layer in vectors.layers) <= 2 * 2


def test_many_rows_are_scored_as_exactly_as_few():
    n = SCANNED + 500
    values = rows(n, 3)
    few = dense(rows(0, 0))
    for start in range(0, n, 300):
        codes = np.arange(start, min(n, start + 300), dtype=np.int32)
        few = layered(few, codes, dense(values[codes]), int(codes[-1]) + 1)
    once = layered(dense(rows(0, 0)), np.arange(n, dtype=np.int32), dense(values), n)
    queries = rows(2, 4)
    exact = queries @ dense(values)[:].T
    np.testing.assert_allclose(once.products(queries), exact, atol=2e-6)
    np.testing.assert_allclose(few.products(queries), exact, atol=2e-6)


def test_one_that_was_grown_stays_as_it_was():
    vectors = layered(dense(rows(2, 0)), np.array([2], np.int32), dense(rows(1, 1)), 3)
    before = vectors.products(rows(1, 5)).copy()
    assert isinstance(vectors, LayeredRows)
    layered(vectors, np.array([0, 3], np.int32), dense(rows(2, 2)), 4)
    assert len(vectors) == 3
    np.testing.assert_array_equal(vectors.products(rows(1, 5)), before)
