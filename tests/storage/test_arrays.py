from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pennyweight.errors import BundleError
from pennyweight.storage.arrays import read_arrays, write_arrays

DTYPES = ["?", "u1", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", "<u4"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)


@settings(max_examples=40)
@given(arrays=st.dictionaries(st.text("abc", min_size=1), ARRAYS, max_size=4))
def test_written_arrays_are_mapped(tmp_path_factory, arrays) -> None:
    path = tmp_path_factory.mktemp("a") / "x.safetensors"
    write_arrays(path, arrays, {"n": [1, "ü"]})
    mapped, notes = read_arrays(path)
    assert notes == {"n": [1, "ü"]}
    assert set(mapped) == set(arrays)
    for name, value in arrays.items():
        assert mapped[name].dtype == value.dtype
        np.testing.assert_array_equal(mapped[name], value)
        assert not mapped[name].flags.writeable


@pytest.mark.parametrize("data", [b"", b"short", b"\xff" * 64, b"\x02" + b"\0" * 7 + b"[]"])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(BundleError, match="not a safetensors file"):
        read_arrays(tmp_path / "x")
    with pytest.raises(BundleError, match="missing"):
        read_arrays(tmp_path / "y")
