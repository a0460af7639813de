"""Structured cuts of depth and width: each returns a model whose matrices are really smaller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.activations import Activations
from pennyweight.compression.least_squares_pruning import eliminate
from pennyweight.compression.model import LanguageModel
from pennyweight.encoders.checkpoint import Projection
from pennyweight.errors import DataError

__all__ = ["cut_heads", "cut_layers", "cut_neurons", "keep_layers"]


def cut_layers(model: LanguageModel, activations: Activations, *, keep: int) -> LanguageModel:
    """Keep the layers of the largest block influence (Men et al. 2024, ShortGPT).

    Raises
    ------
    DataError
        `keep` is below 1 or above the number of layers.
    """
    _check_keep(keep, len(activations.influence), "layers")
    order = np.argsort(-activations.influence, kind="stable")[:keep]
    return keep_layers(model, sorted(order.tolist()))


def keep_layers(model: LanguageModel, layers: Sequence[int]) -> LanguageModel:
    """Keep the layers of these numbers, counted from 0, in ascending order.

    Raises
    ------
    DataError
        None is named, one is named twice or out of order, or there is no such layer.
    """
    n_layers = len(model.checkpoint.layers)
    if not layers or list(layers) != sorted(set(layers)):
        raise DataError(f"layers {list(layers)}: name at least one, ascending, each once")
    if not 0 <= layers[0] <= layers[-1] < n_layers:
        raise DataError(f"layers {list(layers)}: the model has {n_layers}, numbered from 0")
    new = {old: number for number, old in enumerate(layers)}
    start = f"{model.prefix}encoder.layer."
    tensors: dict[str, NDArray[Any]] = {}
    for name, tensor in model.tensors.items():
        if not name.startswith(start):
            tensors[name] = tensor
            continue
        number, _, rest = name.removeprefix(start).partition(".")
        if int(number) in new:
            tensors[f"{start}{new[int(number)]}.{rest}"] = tensor
    config = {**model.config, "num_hidden_layers": len(layers)}
    return replace(model, config=config, tensors=tensors)


def cut_heads(
    model: LanguageModel, activations: Activations, *, keep: int | Sequence[int]
) -> LanguageModel:
    """Keep some attention heads of each layer; the projection after them is refitted.

    Parameters
    ----------
    activations
        Those that `record_activations` returned for this model.
    keep
        Heads to keep, one number for all layers or one each; which, is for `eliminate`.

    Raises
    ------
    DataError
        A number is below 1 or above what the layer has, or there is not one for each layer.
    """
    checkpoint = model.checkpoint
    changed: dict[str, Projection] = {}
    for number, n_heads in enumerate(_per_layer(model, activations, keep)):
        layer, name = checkpoint.layers[number], f"encoder.layer.{number}.attention"
        _check_keep(n_heads, layer.heads, f"heads of layer {number}")
        inputs, changed[f"{name}.output.dense"] = eliminate(
            layer.attended, activations.contexts[number], keep=n_heads, size=checkpoint.head_dim
        )
        parts = {"query": layer.query, "key": layer.key, "value": layer.value}
        changed |= {
            f"{name}.self.{part}": _rows(projection, inputs) for part, projection in parts.items()
        }
    return _with_projections(model, changed)


def cut_neurons(
    model: LanguageModel, activations: Activations, *, keep: int | Sequence[int]
) -> LanguageModel:
    """Keep some feed-forward neurons of each layer; the projection after them is refitted.

    Parameters and errors are those of `cut_heads`.
    """
    changed: dict[str, Projection] = {}
    for number, n_neurons in enumerate(_per_layer(model, activations, keep)):
        layer, name = model.checkpoint.layers[number], f"encoder.layer.{number}"
        _check_keep(n_neurons, len(layer.inner.weight), f"neurons of layer {number}")
        inputs, changed[f"{name}.output.dense"] = eliminate(
            layer.outer, activations.inners[number], keep=n_neurons
        )
        changed[f"{name}.intermediate.dense"] = _rows(layer.inner, inputs)
    return _with_projections(model, changed)


def _check_keep(keep: int, size: int, kind: str) -> None:
    if not 1 <= keep <= size:
        raise DataError(f"keep {keep} {kind}: there are {size}; choose from 1 to {size}")


def _per_layer(
    model: LanguageModel, activations: Activations, keep: int | Sequence[int]
) -> Sequence[int]:
    layers = model.checkpoint.layers
    widths = [(c.attended.weight.shape[1], len(c.inner.weight)) for c in layers]
    watched = [
        (len(c.total), len(i.total))
        for c, i in zip(activations.contexts, activations.inners, strict=True)
    ]
    if widths != watched:
        raise DataError("what was observed is of a model of other sizes; observe this one")
    numbers = [keep] * len(layers) if isinstance(keep, int) else list(keep)
    if len(numbers) != len(layers):
        raise DataError(f"{len(numbers)} numbers to keep for {len(layers)} layers: one a layer")
    return numbers


def _rows(linear: Projection, rows: NDArray[np.int64]) -> Projection:
    return Projection(linear.weight[rows], linear.bias[rows])


def _with_projections(model: LanguageModel, changed: Mapping[str, Projection]) -> LanguageModel:
    tensors = dict(model.tensors)
    for name, linear in changed.items():
        tensors[f"{model.prefix}{name}.weight"] = linear.weight
        tensors[f"{model.prefix}{name}.bias"] = linear.bias
    return replace(model, tensors=tensors)
