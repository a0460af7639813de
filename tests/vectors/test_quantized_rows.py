"""Vectors in fewer bits: how far they are off, and back from disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from pennyweight.errors import PlanError
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.quantized_rows import LEVELS, ROW_FORMATS, SCANNED, STEPS, QuantizedRows

NUMBERS = st.floats(-100, 100, width=32)
ROWS = arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2), elements=NUMBERS)
RNG = np.random.default_rng(0)
MANY = RNG.normal(size=(9_000, 20)).astype(np.float32)  # more than a block


@given(ROWS, st.booleans(), st.sampled_from([STEPS, 63]))
def test_8_bits_are_off_by_half_a_step(rows, by_row, steps):
    packed = QuantizedRows.of(rows, "int8", by_row=by_row, steps=steps)
    largest = np.abs(rows).max(axis=1 if by_row else None, keepdims=True)
    assert packed.data.dtype == np.int8 and np.abs(packed.data).max() <= steps
    assert (np.abs(packed.unpacked() - rows) <= largest / steps / 2 * 1.001 + 1e-6).all()
    assert packed.nbytes == rows.size + 4 * (len(rows) if by_row else 1)


@given(ROWS)
def test_packing_again_changes_nothing(rows):
    once = QuantizedRows.of(rows, "int8", by_row=True, steps=63)
    again = QuantizedRows.of(once.unpacked(), "int8", by_row=True, steps=63)
    np.testing.assert_array_equal(once.data, again.data)


@given(ROWS)
def test_4_bits_are_off_by_half_a_step(rows):
    packed = QuantizedRows.of(rows, "int4")
    largest = np.abs(rows).max(axis=1, keepdims=True)
    off = np.abs(packed.unpacked() - rows)
    assert (off <= largest / 7 / 2 * 1.02 + 1e-6).all()
    assert packed.nbytes == len(rows) * (-(-rows.shape[1] // 2) + 2)


@given(ROWS)
def test_2_bits_take_the_nearest_of_four(rows):
    packed = QuantizedRows.of(rows, "int2")
    scale = packed.scale.astype(np.float32)
    values = LEVELS * scale[:, :, None]
    nearest = np.abs(rows[:, :, None] - values).min(axis=2)
    off = np.abs(packed.unpacked() - rows)
    assert (off <= nearest + 0.01 * scale + 1e-6).all()
    assert packed.nbytes == len(rows) * (-(-rows.shape[1] // 4) + 2)


def test_fewer_bits_are_further_off_as_theory_says():
    """Mean square errors of the best quantizers of a normal variable (Max 1960, table 1)."""
    rows = np.random.default_rng(1).normal(size=(2_000, 64)).astype(np.float32)
    off = {
        f: np.square(QuantizedRows.of(rows, f).unpacked() - rows).mean() for f in ("int2", "binary")
    }
    assert off["int2"] == pytest.approx(0.1175, rel=0.03)
    assert off["binary"] < 0.42  # 1 with the mean square for the step; 0.3634 with the best one


@given(ROWS)
def test_signs_keep_sign_and_length(rows):
    packed = QuantizedRows.of(rows, "binary")
    wide = packed.unpacked()
    length = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(np.linalg.norm(wide, axis=1), length, rtol=2e-3, atol=1e-6)
    nonzero = np.abs(wide) > 0
    np.testing.assert_array_equal((wide > 0)[nonzero], (rows > 0)[nonzero])
    assert packed.nbytes == len(rows) * (-(-rows.shape[1] // 8) + 2)


@pytest.mark.parametrize("form", ROW_FORMATS)
@pytest.mark.parametrize("by_row", [False, True])
def test_products_and_sums_are_those_of_the_wide_rows(form, by_row, tmp_path):
    packed = QuantizedRows.of(MANY, form, by_row=by_row)
    wide, queries = packed.unpacked(), MANY[:7]
    assert packed.format == form and packed.shape == MANY.shape and len(packed) == len(MANY)
    tolerance = 5e-3 if form == "int8" else 1e-4  # bytes are multiplied by queries of 14 bits
    np.testing.assert_allclose(
        packed.products(queries), queries @ wide.T, rtol=1e-4, atol=tolerance
    )
    weights = sparse.random_array((5, len(MANY)), density=0.001, rng=RNG, format="csr")
    weights = sparse.csr_matrix(weights.astype(np.float32))
    np.testing.assert_allclose(packed.mixed(weights), weights @ wide, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(packed[np.array([3, 0])], wide[[3, 0]])
    write_arrays(tmp_path / "packed", packed.arrays("rows"), {})
    back = QuantizedRows.from_arrays(read_arrays(tmp_path / "packed")[0], "rows")
    np.testing.assert_array_equal(back.unpacked(), wide)
    assert back.format == form


def test_whole_rows_are_not_copied():
    packed = QuantizedRows.of(MANY)
    assert packed.unpacked() is packed.data
    assert np.shares_memory(packed.data, MANY)
    assert packed.arrays("rows").keys() == {"rows"}


def test_no_rows_and_unknown_forms():
    empty = np.zeros((0, 4), np.float32)
    for form in ROW_FORMATS:
        assert QuantizedRows.of(empty, form).unpacked().shape == (0, 4)
    with pytest.raises(PlanError, match="fp32, int8, int4, int2, binary"):
        QuantizedRows.of(MANY, "int3")


@settings(max_examples=30)
@given(
    st.integers(SCANNED, SCANNED + 100),
    st.integers(1, 40),
    st.booleans(),
    st.floats(1e-6, 1e6),
    st.integers(0, 2**32 - 1),
)
def test_many_bytes_are_multiplied_as_they_are(n, dim, by_row, size, seed):
    rng = np.random.default_rng(seed)
    packed = QuantizedRows.of(rng.standard_normal((n, dim), np.float32), "int8", by_row=by_row)
    queries = rng.standard_normal((5, dim), np.float32) * np.float32(size)
    queries[2] = 0
    expected = queries.astype(np.float64) @ packed.unpacked().astype(np.float64).T
    tolerance = np.abs(queries).max(axis=1, keepdims=True) / 15_000  # of each component
    length = np.abs(packed.unpacked()).sum(axis=1)
    products = packed.products(queries)
    assert products.dtype == np.float32
    assert (np.abs(products - expected) <= tolerance * length + 1e-4 * np.abs(expected)).all()
    assert not products[2].any()
    assert packed.products(queries[:0]).shape == (0, n)


def test_a_scan_gives_the_same_for_a_query_whatever_stands_beside_it():
    rng = np.random.default_rng(0)
    packed = QuantizedRows.of(rng.standard_normal((SCANNED, 24), np.float32), "int8")
    queries = rng.standard_normal((9, 24), np.float32)
    together = packed.products(queries)
    for row in range(9):
        np.testing.assert_array_equal(packed.products(queries[row : row + 1])[0], together[row])
