"""Nodes and constants of an ONNX graph under construction, with matrices in 32 or 8 bits."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pennyweight.encoders.checkpoint import WEIGHT_STEPS
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["INLINE", "MS", "Operators", "Precision"]

Precision = Literal["fp32", "int8"]
MS = "com.microsoft"

ACTIVATION_STEPS = 127
INLINE = 1 << 14  # bytes; larger constants stay outside the file and are handed to the session

Array = NDArray[Any]


@dataclass
class Operators:
    """Nodes and constants under construction.

    Attributes
    ----------
    constants
        Small constants with their values, large ones with name and shape only.
    arrays
        The large ones' values by name.
    """

    precision: Precision
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _quantized: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.precision == "int8":
            self.constant("one", np.array(1, np.float32))
            self.constant("per_step", np.array(1 / ACTIVATION_STEPS, np.float32))
            self.constant("tiny", np.array(1e-12, np.float32))
            self.constant("minus_one", np.array([-1]))
            self.constant("zero_point", np.array(128, np.uint8))
            self.constant("zero_points", np.array([128], np.uint8))

    def constant(self, name: str, value: Array) -> str:
        """Add a constant, unless there is one of the name; return the name."""
        if name in self._names:
            return name
        self._names.add(name)
        value = np.asarray(value, order="C")
        if value.nbytes <= INLINE:
            self.constants.append(numpy_helper.from_array(value, name))
            return name
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        proto = TensorProto(name=name, data_type=kind, dims=value.shape)
        proto.data_location = TensorProto.EXTERNAL
        proto.external_data.add(key="location", value="in memory")
        self.constants.append(proto)
        self.arrays[name] = value
        return name

    def node(
        self,
        op: str,
        inputs: list[str],
        *,
        domain: str = "",
        outputs: int = 1,
        **attributes: object,
    ) -> str:
        """Add a node; return the name of its first output."""
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        made = helper.make_node(op, inputs, names, domain=domain)
        made.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        self.nodes.append(made)
        return names[0]

    def product(self, x: str, name: str, weight: Array) -> str:
        """Return x @ weight.T; weight is (out, in) as checkpoints store it."""
        if self.precision == "fp32":
            return self.node("MatMul", [x, self.constant(name, weight.T)])
        if x not in self._quantized:  # query, key and value read the same input
            self._quantized[x] = self._quantize_rows(x, weight.shape[1])
        rows, row_scale = self._quantized[x]
        if name not in self._names:  # layers may share it
            packed = QuantizedRows.of(weight, "int8", by_row=True, steps=WEIGHT_STEPS)
            self.constant(name, packed.data.T)
            self.constant(f"{name}.scale", packed.scale[:, 0])
        weights = [name, "one", f"{name}.scale"]
        product = self.node("MatMulIntegerToFloat", [rows, *weights, "zero_point"], domain=MS)
        return self.node("Mul", [product, row_scale])

    def _quantize_rows(self, x: str, width: int) -> tuple[str, str]:
        """Quantize each token's activations to uint8 by their own largest; (values, scales)."""
        # Two passes that only read cost less than one that writes absolute values down.
        high = self.node("ReduceMax", [x, "minus_one"], keepdims=1)
        low = self.node("Neg", [self.node("ReduceMin", [x, "minus_one"], keepdims=1)])
        largest = self.node("Max", [high, low, "tiny"])
        scale = self.node("Mul", [largest, "per_step"])
        flat = self.node("Reshape", [x, self.constant(f"{x}.flat", np.array([-1, width]))])
        scales = self.node("Reshape", [scale, "minus_one"])
        zeros = self.node("Expand", ["zero_points", self.node("Shape", [scales])])
        steps = self.node("QuantizeLinear", [flat, scales, zeros], axis=0)
        return self.node("Reshape", [steps, self.node("Shape", [x])]), scale
