"""BERT and its kin as an ONNX graph, written straight from its weights; no torch, no exporter.

Attention and activations are the fused operators of ONNX Runtime (domain ``com.microsoft``),
because its own optimizer does not recognize the attention of exported models. Pooling is part
of the graph.
Architecture: Devlin et al. 2019 (BERT); Liu et al. 2019 (RoBERTa: shifted positions); Song et
al. 2020 (MPNet: attention biased by distance); Lan et al. 2020 (ALBERT: shared layers, narrow
embeddings).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from pennyweight.encoders.checkpoint import (
    Checkpoint,
    Norm,
    Projection,
    TransformerLayer,
    relative_buckets,
)
from pennyweight.encoders.modules import Dense, Pooling
from pennyweight.encoders.operators import MS, Operators, Precision
from pennyweight.encoders.session import TABLE, Graph
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["GRAPH_VERSION", "build_graph"]

GRAPH_VERSION = 2  # part of the fingerprint: raise it when the numbers a graph returns change
DENSE_ACTIVATIONS = {"Identity": "Identity", "Tanh": "Tanh", "ReLU": "Relu", "Sigmoid": "Sigmoid"}
ACTIVATIONS = {"gelu": "BiasGelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu"}


def build_graph(
    checkpoint: Checkpoint,
    *,
    pooling: Pooling = "mean",
    dense: Sequence[Dense] = (),
    precision: Precision = "fp32",
    probe: bool = False,
) -> Graph:
    """Build an encoder graph.

    Parameters
    ----------
    checkpoint
        The model; layers may differ in heads and width.
    pooling
        From the states of the tokens that are not padding to one vector: their mean, their sum
        over the root of their number, their maximum, their mean weighted by position, or the
        state of the first or last.
    dense
        Projections of that vector.
    precision
        ``int8`` stores matrices in 8 bits with one scale an output channel, and quantizes the
        activations of each token by their own largest, so that, unlike under the usual dynamic
        quantization by tensor, a text's vector does not depend on its batch.
    probe
        Give out the inner states too, for pruning: ``state.N``, the states before layer N
        (after the last for N the number of layers), float32 (batch, tokens, hidden);
        ``context.N``, the heads' results in layer N (batch, tokens, heads * head_dim); and
        ``inner.N``, the activations of its feed-forward neurons (batch, tokens, width).

    Returns
    -------
    Graph
        Inputs ``ids`` and ``mask``, int32 (batch, tokens); outputs ``pooled`` and, scaled to
        unit length, ``unit``, float32 (batch, dim).
    """
    writer = _Writer(checkpoint, Operators(precision))
    x = writer.embed()
    inside = {"state.0": x}
    names: dict[int, str] = {}  # layers that share their tensors are one object
    for number, layer in enumerate(checkpoint.layers):
        name = names.setdefault(id(layer), f"layer.{number}")
        context, inner, x = writer.layer(name, layer, x)
        inside |= {f"context.{number}": context, f"inner.{number}": inner, f"state.{number + 1}": x}
    pooled = writer.pool(x, pooling)
    for number, step in enumerate(dense):
        pooled = writer.dense(f"dense.{number}", pooled, step)
    unit = writer.unit(pooled)
    shape = ["batch", len(dense[-1].projection.weight) if dense else checkpoint.hidden]
    outputs = {"pooled": (pooled, shape), "unit": (unit, shape)}
    if probe:
        outputs |= {name: (value, ["batch", "tokens", None]) for name, value in inside.items()}
    return _serialize(writer.operators, outputs)


@dataclass(frozen=True)
class _Writer:
    """Writes the parts of a model; each method returns the name of its result."""

    checkpoint: Checkpoint
    operators: Operators
    biases: dict[int, str] = field(default_factory=dict)

    def embed(self) -> str:
        """Return the input of the first layer."""
        x, project = self._embed_tokens(), self.checkpoint.project
        if project is None:
            return x
        bias = self.operators.constant("project.bias", project.bias)
        return self.operators.node(
            "Add", [self.operators.product(x, "project", project.weight), bias]
        )

    def _embed_tokens(self) -> str:
        graph, checkpoint = self.operators, self.checkpoint
        norm = self._norm("embed", checkpoint.norm)
        epsilon = checkpoint.epsilon
        if graph.precision == "fp32":
            place = graph.constant("positions", checkpoint.places)
            inputs = ["ids", "", graph.constant(TABLE, checkpoint.words), place, "", *norm]
            return graph.node(
                "EmbedLayerNormalization", inputs, domain=MS, outputs=2, epsilon=epsilon
            )
        # The table is half of a small model: 8 bits, widened where it is read.
        packed = QuantizedRows.of(checkpoint.words, "int8", by_row=True)
        rows = graph.node("Gather", [graph.constant(TABLE, packed.data), "ids"])
        scales = graph.node("Gather", [graph.constant("words.scale", packed.scale), "ids"])
        rows = graph.node("Mul", [graph.node("Cast", [rows], to=TensorProto.FLOAT), scales])
        # Positions are few: 8 bits on disk only, and the same numbers here.
        places = QuantizedRows.of(checkpoint.places, "int8", by_row=True).unpacked()
        place = graph.constant("positions", places)
        start, stop = graph.constant("start", np.array([0])), graph.node("Shape", ["ids"], start=1)
        place = graph.node("Slice", [place, start, stop])  # (tokens, hidden)
        summed = graph.node("Add", [rows, place])
        return graph.node("LayerNormalization", [summed, *norm], axis=-1, epsilon=epsilon)

    def layer(self, name: str, layer: TransformerLayer, x: str) -> tuple[str, str, str]:
        """Return the heads' results, the neurons' activations, and the layer's output."""
        graph = self.operators
        parts = {"query": layer.query, "key": layer.key, "value": layer.value}
        projections = [graph.product(x, f"{name}.{key}", p.weight) for key, p in parts.items()]
        biases = np.concatenate([part.bias for part in parts.values()])
        inputs = [*projections, graph.constant(f"{name}.qkv.bias", biases), "mask"]
        if layer.relative is not None:
            inputs.append(self._relative_bias(layer.relative))
        context = graph.node("MultiHeadAttention", inputs, domain=MS, num_heads=layer.heads)
        x = self._add_norm(f"{name}.attended", context, x, layer.attended, layer.attended_norm)
        inner = graph.product(x, f"{name}.inner", layer.inner.weight)
        bias = graph.constant(f"{name}.inner.bias", layer.inner.bias)
        inner = graph.node(ACTIVATIONS[self.checkpoint.activation], [inner, bias], domain=MS)
        x = self._add_norm(f"{name}.outer", inner, x, layer.outer, layer.outer_norm)
        return context, inner, x

    def _relative_bias(self, table: NDArray[np.float32]) -> str:
        """Return the addition to the attention by distance, (1, heads, tokens, tokens)."""
        if id(table) in self.biases:  # the layers of a model that was not pruned share one
            return self.biases[id(table)]
        graph, name, limit = (
            self.operators,
            f"relative.{len(self.biases)}",
            len(self.checkpoint.places),
        )
        buckets = relative_buckets(np.arange(1 - limit, limit), len(table))
        by_distance = graph.constant(name, np.ascontiguousarray(table[buckets].T))
        bias = graph.node("Gather", [by_distance, self._distances], axis=1)
        zero = graph.constant("axis0", np.array([0], np.int64))
        self.biases[id(table)] = graph.node("Unsqueeze", [bias, zero])
        return self.biases[id(table)]

    @cached_property
    def _distances(self) -> str:
        """Return each token's position minus each other's, plus the limit, (tokens, tokens)."""
        graph = self.operators
        count = graph.node("Squeeze", [graph.node("Shape", ["ids"], start=1)])
        zero, one = (graph.constant(f"index{n}", np.array(n, np.int64)) for n in (0, 1))
        positions = graph.node("Range", [zero, count, one])
        axes = [graph.constant(f"axis{n}", np.array([n], np.int64)) for n in (1, 0)]
        rows, columns = (graph.node("Unsqueeze", [positions, axis]) for axis in axes)
        shift = graph.constant("limit", np.array(len(self.checkpoint.places) - 1, np.int64))
        return graph.node("Add", [graph.node("Sub", [rows, columns]), shift])

    def pool(self, x: str, pooling: Pooling) -> str:
        graph = self.operators
        if pooling == "cls":
            return graph.node("Gather", [x, graph.constant("first", np.array(0, np.int64))], axis=1)
        axes = graph.constant("axis1", np.array([1], np.int64))
        mask = graph.node("Cast", ["mask"], to=TensorProto.FLOAT)
        if pooling == "max":
            one, far = (graph.constant(f"float{n}", np.array(n, np.float32)) for n in (1, 1e9))
            hidden = graph.node("Mul", [graph.node("Sub", [mask, one]), far])  # -1e9 at padding
            column = graph.constant("axis2", np.array([2], np.int64))
            masked = graph.node("Add", [x, graph.node("Unsqueeze", [hidden, column])])
            return graph.node("ReduceMax", [masked, axes], keepdims=0)
        # (batch, 1, tokens) @ (batch, tokens, hidden)
        summed = graph.node(
            "MatMul", [graph.node("Unsqueeze", [self._shares(mask, pooling), axes]), x]
        )
        return graph.node("Squeeze", [summed, axes])

    def _shares(self, mask: str, pooling: Pooling) -> str:
        """Return the weight of each token in the pooled vector, (batch, tokens)."""
        graph = self.operators
        axes = graph.constant("axis1", np.array([1], np.int64))
        count = graph.node("ReduceSum", [mask, axes], keepdims=1)
        if pooling == "mean":
            return graph.node("Div", [mask, count])
        if pooling == "mean_sqrt_len":
            return graph.node("Div", [mask, graph.node("Sqrt", [count])])
        # Texts are padded at their ends: tokens are counted from 1, padding is 0.
        position = graph.node("Mul", [graph.node("CumSum", [mask, axes]), mask])
        if pooling == "lasttoken":
            last = graph.node("Equal", [position, count])
            return graph.node("Cast", [last], to=TensorProto.FLOAT)
        return graph.node("Div", [position, graph.node("ReduceSum", [position, axes], keepdims=1)])

    def dense(self, name: str, x: str, dense: Dense) -> str:
        graph, linear = self.operators, dense.projection
        if dense.normalized:
            x = self.unit(x)
        # Once a text rather than once a token: 8 bits would save no time.
        weight, bias = (
            graph.constant(f"{name}.{part}", value)
            for part, value in (("weight", linear.weight.T), ("bias", linear.bias))
        )
        x = graph.node("Add", [graph.node("MatMul", [x, weight]), bias])
        if dense.activation == "GELU":
            return graph.node("Gelu", [x], domain=MS)
        return graph.node(DENSE_ACTIVATIONS[dense.activation], [x])

    def unit(self, x: str) -> str:
        return self.operators.node("LpNormalization", [x], axis=-1, p=2)

    def _norm(self, name: str, norm: Norm) -> list[str]:
        return [
            self.operators.constant(f"{name}.gamma", norm.gamma),
            self.operators.constant(f"{name}.beta", norm.beta),
        ]

    def _add_norm(self, name: str, x: str, skip: str, linear: Projection, norm: Norm) -> str:
        """Project x, add the residual, normalize."""
        graph = self.operators
        projected = graph.product(x, name, linear.weight)
        bias = graph.constant(f"{name}.bias", linear.bias)
        # The fused SkipLayerNormalization does one number at a time; these use vector instructions.
        summed = graph.node("Add", [graph.node("Add", [projected, bias]), skip])
        inputs = [summed, *self._norm(name, norm)]
        return graph.node("LayerNormalization", inputs, axis=-1, epsilon=self.checkpoint.epsilon)


def _serialize(graph: Operators, outputs: Mapping[str, tuple[str, list[Any]]]) -> Graph:
    for name, (value, _) in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name]))
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
        for name in ("ids", "mask")
    ]
    declared = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, (_, shape) in outputs.items()
    ]
    proto = helper.make_graph(graph.nodes, "encoder", inputs, declared, graph.constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MS, 1)]
    model = helper.make_model(proto, opset_imports=opsets, ir_version=8)
    return Graph(bytes(model.SerializeToString()), graph.arrays)
