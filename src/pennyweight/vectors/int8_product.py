"""Products of float queries with int8 rows, worked out in integers.

A row widened to float32 takes four times the memory bandwidth, which dominates a scan. ONNX
Runtime multiplies bytes directly, with VNNI where the processor has it. A query is split into rows
of 7 bits, each for the remainder of those before: with two of them the error is at most 1/15,000
of its largest component. Seven bits, because processors without VNNI add two
products in 16 bits and would overflow with eight.
"""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Int8Product"]

STEPS = 63  # on either side of zero: 7 bits
ROWS = "rows"
BLOCK = 65_536  # rows turned at a time


class Int8Product:
    """Int8 rows, packed for products.

    Parameters
    ----------
    rows
        int8 (n, dim); a copy is packed, so that these are not read any more.
    digits
        Rows of 7 bits for a query; with three it is as exact as float32.
    """

    def __init__(self, rows: NDArray[np.int8], *, digits: int = 2) -> None:
        self._n, self._digits = len(rows), digits
        columns = np.empty(rows.shape[::-1], np.int8)
        for start in range(0, len(rows), BLOCK):  # in blocks that stay in the cache
            columns[:, start : start + BLOCK] = rows[start : start + BLOCK].T
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        value = ort.OrtValue.ortvalue_from_numpy(columns)
        options.add_external_initializers([ROWS], [value])
        self._session = ort.InferenceSession(
            _model(rows.shape[1], self._n), options, providers=["CPUExecutionProvider"]
        )

    def products(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return dot products of queries (n, dim) with all rows, float32 (n, rows)."""
        n = len(queries)
        if not n:
            return np.empty((0, self._n), np.float32)
        largest = np.abs(queries).max(axis=1, keepdims=True, initial=0)
        step = np.maximum(largest / np.float32(STEPS), np.float32(1e-30))
        digits, steps, remainder = [], [], queries
        for _ in range(self._digits):
            digits.append(np.rint(remainder / step))
            steps.append(step)
            remainder = remainder - digits[-1] * step
            step = step / np.float32(2 * STEPS)
        bits = (np.concatenate(digits) + (STEPS + 1)).astype(np.uint8)
        integers: NDArray[np.int32] = self._session.run(None, {"queries": bits})[0]
        out = np.zeros((n, self._n), np.float32)
        for at, step in enumerate(steps):
            part = integers[at * n : (at + 1) * n].astype(np.float32)
            part *= step
            out += part
        return out


def _model(dim: int, n: int) -> bytes:
    """Return ``MatMulInteger(queries, rows)`` with the rows beside it."""
    rows = TensorProto(name=ROWS, data_type=TensorProto.INT8, dims=[dim, n])
    rows.data_location = TensorProto.EXTERNAL
    rows.external_data.add(key="location", value=ROWS)
    zero = numpy_helper.from_array(np.array(STEPS + 1, np.uint8), "zero")
    node = helper.make_node("MatMulInteger", ["queries", ROWS, "zero"], ["found"])
    queries: Any = helper.make_tensor_value_info("queries", TensorProto.UINT8, ["n", dim])
    products: Any = helper.make_tensor_value_info("found", TensorProto.INT32, ["n", n])
    graph = helper.make_graph([node], "scan", [queries], [products], [rows, zero])
    opset = [helper.make_opsetid("", 13)]
    model: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    return model
