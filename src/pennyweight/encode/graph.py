"""BERT as an ONNX graph, written straight from its weights; no torch, no exporter.

The operators are the fused ones of ONNX Runtime (domain ``com.microsoft``), because its own
optimiser does not recognise the attention of exported models. Pooling is part of the graph.
Architecture: Devlin et al. 2019 (BERT); Liu et al. 2019 (RoBERTa: shifted positions).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pennyweight.errors import DataError

__all__ = ["GRAPH_VERSION", "Precision", "build_graph"]

GRAPH_VERSION = 1  # part of the fingerprint: raise it when the numbers a graph returns change
Precision = Literal["fp32", "int8"]

ACTIVATION_STEPS = 127
# Processors without VNNI add two products in 16 bits: 255 * 63 * 2 still fits, 255 * 127 * 2
# would be clipped, and the vectors would then depend on the processor.
WEIGHT_STEPS = 63
ACTIVATIONS = {"gelu": "BiasGelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu"}
MS = "com.microsoft"
MAX_BYTES = 2**31 - 2**20

Array = NDArray[Any]


@dataclass
class _Graph:
    """Nodes and constants under construction."""

    precision: Precision
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    quantised: dict[str, tuple[str, str]] = field(default_factory=dict)

    def constant(self, name: str, value: Array) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
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
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        made = helper.make_node(op, inputs, names, domain=domain)
        made.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        self.nodes.append(made)
        return names[0]

    def linear(self, x: str, name: str, weight: Array) -> str:
        """Return x @ weight.T without bias; weight is (out, in) as checkpoints store it."""
        if self.precision == "fp32":
            return self.node("MatMul", [x, self.constant(name, weight.T)])
        steps, scale = _quantise(weight, WEIGHT_STEPS)
        if x not in self.quantised:  # query, key and value read the same input
            self.quantised[x] = self._quantise_rows(x, weight.shape[1])
        rows, row_scale = self.quantised[x]
        weights = [self.constant(name, steps.T), "one", self.constant(f"{name}.scale", scale)]
        product = self.node("MatMulIntegerToFloat", [rows, *weights, "zero_point"], domain=MS)
        return self.node("Mul", [product, row_scale])

    def _quantise_rows(self, x: str, width: int) -> tuple[str, str]:
        """Quantise each token's activations to uint8 by their own largest; (values, scales)."""
        # Two passes that only read cost less than one that writes absolute values down.
        high = self.node("ReduceMax", [x], axes=[-1], keepdims=1)
        low = self.node("Neg", [self.node("ReduceMin", [x], axes=[-1], keepdims=1)])
        largest = self.node("Max", [high, low, "tiny"])
        scale = self.node("Mul", [largest, "per_step"])
        flat = self.node("Reshape", [x, self.constant(f"{x}.flat", np.array([-1, width]))])
        scales = self.node("Reshape", [scale, "minus_one"])
        zeros = self.node("Expand", ["zero_points", self.node("Shape", [scales])])
        steps = self.node("QuantizeLinear", [flat, scales, zeros], axis=0)
        return self.node("Reshape", [steps, self.node("Shape", [x])]), scale

    def int8_constants(self) -> None:
        self.constant("one", np.array(1, np.float32))
        self.constant("per_step", np.array(1 / ACTIVATION_STEPS, np.float32))
        self.constant("tiny", np.array(1e-12, np.float32))
        self.constant("minus_one", np.array([-1]))
        self.constant("zero_point", np.array(128, np.uint8))
        self.constant("zero_points", np.array([128], np.uint8))


def _quantise(weight: Array, steps: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantise (rows, width) to int8 with one symmetric scale a row."""
    scale = np.maximum(np.abs(weight).max(axis=1) / steps, 1e-12)
    return np.rint(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def build_graph(
    config: Mapping[str, Any],
    tensors: Mapping[str, Array],
    *,
    pooling: Literal["mean", "cls"] = "mean",
    precision: Precision = "fp32",
) -> bytes:
    """Build an encoder graph, serialised.

    Parameters
    ----------
    config
        The model's ``config.json``; `model_type` bert, roberta or xlm-roberta.
    tensors
        Checkpoint tensors by name, float32.
    pooling
        Mean over the tokens that are not padding, or the first token.
    precision
        ``int8`` stores matrices in 8 bits with one scale an output channel, and quantises the
        activations of each token by their own largest, so that, unlike under the usual dynamic
        quantisation by tensor, a text's vector does not depend on its batch.

    Returns
    -------
    bytes
        ONNX model. Inputs ``ids`` and ``mask``, int32 (batch, tokens); outputs ``pooled`` and,
        scaled to unit length, ``unit``, float32 (batch, hidden).

    Raises
    ------
    DataError
        A tensor is missing or misshapen, the activation is not supported, or the model is
        larger than an ONNX file can be.
    """
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    activation = str(config.get("hidden_act", "gelu"))
    if activation not in ACTIVATIONS:
        raise DataError(f"activation {activation!r}: supported are {', '.join(ACTIVATIONS)}")
    if hidden % heads:
        raise DataError(f"config.json: hidden_size {hidden} is no multiple of {heads} heads")
    source = _Source(tensors, config)
    graph = _Graph(precision)
    if precision == "int8":
        graph.int8_constants()
    x = _embed(graph, source, config)
    for layer in range(int(config["num_hidden_layers"])):
        x = _layer(graph, source, f"encoder.layer.{layer}", x, heads, ACTIVATIONS[activation])
    pooled = _pool(graph, x, pooling)
    unit = graph.node("LpNormalization", [pooled], axis=-1, p=2)
    return _serialise(graph, {"pooled": pooled, "unit": unit}, hidden)


class _Source:
    """Checkpoint tensors, whatever prefix the head they were trained under has left."""

    def __init__(self, tensors: Mapping[str, Array], config: Mapping[str, Any]) -> None:
        anchor = "embeddings.word_embeddings.weight"
        self.tensors = tensors
        self.prefix = next((n[: -len(anchor)] for n in tensors if n.endswith(anchor)), "")
        self.epsilon = float(config.get("layer_norm_eps", 1e-12))
        self.hidden = int(config["hidden_size"])

    def get(self, name: str, width: int | None = None) -> Array:
        """Return a tensor whose last axis is `width` (the hidden size unless told)."""
        value = self.tensors.get(self.prefix + name)
        if value is None:
            raise DataError(f"checkpoint has no tensor {self.prefix + name!r}; is it a BERT model?")
        if width != -1 and value.shape[-1] != (width or self.hidden):
            raise DataError(f"{name}: shape {value.shape} does not fit config.json")
        return value.astype(np.float32, copy=False)


def _embed(graph: _Graph, source: _Source, config: Mapping[str, Any]) -> str:
    positions = source.get("embeddings.position_embeddings.weight")
    if config.get("model_type") != "bert":  # RoBERTa counts positions from pad + 1
        positions = positions[int(config.get("pad_token_id", 1)) + 1 :]
    # Only one segment is ever used: its vector is added to every position beforehand.
    positions = positions + source.get("embeddings.token_type_embeddings.weight")[0]
    words = source.get("embeddings.word_embeddings.weight")
    norm = [
        graph.constant("embed.gamma", source.get("embeddings.LayerNorm.weight")),
        graph.constant("embed.beta", source.get("embeddings.LayerNorm.bias")),
    ]
    place = graph.constant("positions", positions)
    if graph.precision == "fp32":
        inputs = ["ids", "", graph.constant("words", words), place, "", *norm]
        return graph.node(
            "EmbedLayerNormalization", inputs, domain=MS, outputs=2, epsilon=source.epsilon
        )
    # The table is half of a small model: 8 bits, widened where it is read.
    steps, scale = _quantise(words, 127)
    rows = graph.node("Gather", [graph.constant("words", steps), "ids"])
    scales = graph.node("Gather", [graph.constant("words.scale", scale[:, None]), "ids"])
    rows = graph.node("Mul", [graph.node("Cast", [rows], to=TensorProto.FLOAT), scales])
    start, stop = graph.constant("start", np.array([0])), graph.node("Shape", ["ids"], start=1)
    place = graph.node("Slice", [place, start, stop])  # (tokens, hidden)
    summed = graph.node("Add", [rows, place])
    return graph.node("LayerNormalization", [summed, *norm], axis=-1, epsilon=source.epsilon)


def _layer(graph: _Graph, source: _Source, name: str, x: str, heads: int, activation: str) -> str:
    projections, biases = [], []
    for part in ("query", "key", "value"):
        weight = source.get(f"{name}.attention.self.{part}.weight")
        projections.append(graph.linear(x, f"{name}.{part}", weight))
        biases.append(source.get(f"{name}.attention.self.{part}.bias"))
    bias = graph.constant(f"{name}.qkv.bias", np.concatenate(biases))
    attended = graph.node(
        "MultiHeadAttention", [*projections, bias, "mask"], domain=MS, num_heads=heads
    )
    x = _add_norm(graph, source, f"{name}.attention.output", attended, x)
    inner_bias = source.get(f"{name}.intermediate.dense.bias", -1)
    inner = graph.linear(x, f"{name}.intermediate", source.get(f"{name}.intermediate.dense.weight"))
    inner = graph.node(
        activation, [inner, graph.constant(f"{name}.inner.bias", inner_bias)], domain=MS
    )
    return _add_norm(graph, source, f"{name}.output", inner, x, inner_bias.shape[0])


def _add_norm(
    graph: _Graph, source: _Source, name: str, x: str, skip: str, width: int | None = None
) -> str:
    """Project x, add the residual, normalise."""
    projected = graph.linear(x, name, source.get(f"{name}.dense.weight", width))
    return graph.node(
        "SkipLayerNormalization",
        [
            projected,
            skip,
            graph.constant(f"{name}.gamma", source.get(f"{name}.LayerNorm.weight")),
            graph.constant(f"{name}.beta", source.get(f"{name}.LayerNorm.bias")),
            graph.constant(f"{name}.bias", source.get(f"{name}.dense.bias")),
        ],
        domain=MS,
        epsilon=source.epsilon,
    )


def _pool(graph: _Graph, x: str, pooling: str) -> str:
    if pooling == "cls":
        return graph.node("Gather", [x, graph.constant("first", np.array(0, np.int64))], axis=1)
    axes = graph.constant("axis1", np.array([1], np.int64))
    mask = graph.node("Cast", ["mask"], to=TensorProto.FLOAT)
    share = graph.node("Div", [mask, graph.node("ReduceSum", [mask, axes], keepdims=1)])
    summed = graph.node("MatMul", [graph.node("Unsqueeze", [share, axes]), x])  # (batch, 1, hidden)
    return graph.node("Squeeze", [summed, axes])


def _serialise(graph: _Graph, outputs: Mapping[str, str], hidden: int) -> bytes:
    nbytes = sum(constant.ByteSize() for constant in graph.constants)
    if nbytes > MAX_BYTES:
        raise DataError(
            f"the model takes {nbytes / 2**30:.1f} GiB as {graph.precision}, an ONNX file at "
            "most 2: choose precision int8 or a smaller model"
        )
    for name, value in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.INT32, ["batch", "tokens"])
        for n in ("ids", "mask")
    ]
    declared = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", hidden]) for n in outputs
    ]
    proto = helper.make_graph(graph.nodes, "encoder", inputs, declared, graph.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)]
    model = helper.make_model(proto, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())
