"""Structured cuts of depth and width: each returns a model whose matrices are really smaller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.compression.activations import Activations, Moments
from pennyweight.compression.least_squares_pruning import eliminate
from pennyweight.compression.model import LanguageModel
from pennyweight.encoders.checkpoint import (
    RELATIVE,
    Projection,
    TransformerLayer,
    stored_layers,
)
from pennyweight.encoders.families import SHARED_LAYERS
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
    stored = stored_layers(model.config)
    new: dict[int, int] = {}
    shared = [new.setdefault(stored[layer], len(new)) for layer in layers]
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
    if SHARED_LAYERS in config:
        config[SHARED_LAYERS] = shared
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
        A number is below 1 or above the size of its layer, or their count is not that of the
        layers.
    """
    size, changed = model.checkpoint.head_dim, dict[str, Projection]()
    relative: dict[str, NDArray[Any]] = {}
    contexts = _summed(model, activations.contexts)
    for number, (layer, n_heads) in _per_layer(model, activations, keep).items():
        name = f"encoder.layer.{number}.attention"
        _check_keep(n_heads, layer.heads, f"heads of layer {number}")
        inputs, changed[f"{name}.output.dense"] = eliminate(
            layer.attended, contexts[number], keep=n_heads, size=size
        )
        parts = {"query": layer.query, "key": layer.key, "value": layer.value}
        changed |= {
            f"{name}.self.{part}": _rows(projection, inputs) for part, projection in parts.items()
        }
        if layer.relative is not None:
            heads = inputs[::size] // size
            relative[f"{model.prefix}{name}.self.{RELATIVE}"] = layer.relative[:, heads]
    tensors = {**_with_projections(model, changed).tensors, **relative}
    if relative:  # each layer has its own now
        tensors.pop(f"{model.prefix}encoder.{RELATIVE}", None)
    return replace(model, tensors=tensors)


def cut_neurons(
    model: LanguageModel, activations: Activations, *, keep: int | Sequence[int]
) -> LanguageModel:
    """Keep some feed-forward neurons of each layer; the projection after them is refitted.

    Parameters and errors are those of `cut_heads`.
    """
    changed: dict[str, Projection] = {}
    inners = _summed(model, activations.inners)
    for number, (layer, n_neurons) in _per_layer(model, activations, keep).items():
        name = f"encoder.layer.{number}"
        _check_keep(n_neurons, len(layer.inner.weight), f"neurons of layer {number}")
        inputs, changed[f"{name}.output.dense"] = eliminate(
            layer.outer, inners[number], keep=n_neurons
        )
        changed[f"{name}.intermediate.dense"] = _rows(layer.inner, inputs)
    return _with_projections(model, changed)


def _check_keep(keep: int, size: int, kind: str) -> None:
    if not 1 <= keep <= size:
        raise DataError(f"keep {keep} {kind}: there are {size}; choose from 1 to {size}")


def _per_layer(
    model: LanguageModel, activations: Activations, keep: int | Sequence[int]
) -> dict[int, tuple[TransformerLayer, int]]:
    """Return each stored layer by its number, with the number of its parts to keep."""
    layers = model.checkpoint.layers
    widths = [(c.attended.weight.shape[1], len(c.inner.weight)) for c in layers]
    observed = [
        (len(c.total), len(i.total))
        for c, i in zip(activations.contexts, activations.inners, strict=True)
    ]
    if widths != observed:
        raise DataError("the activations are of a model of other sizes; record those of this one")
    numbers = [keep] * len(layers) if isinstance(keep, int) else list(keep)
    if len(numbers) != len(layers):
        raise DataError(f"{len(numbers)} numbers to keep for {len(layers)} layers: one a layer")
    out: dict[int, tuple[TransformerLayer, int]] = {}
    for stored, layer, number in zip(stored_layers(model.config), layers, numbers, strict=True):
        if out.setdefault(stored, (layer, number))[1] != number:
            raise DataError(f"keep {numbers}: layers that share their tensors must keep as much")
    return out


def _summed(model: LanguageModel, moments: Sequence[Moments]) -> dict[int, Moments]:
    """Return the moments of each stored layer, over all layers that share it."""
    out: dict[int, Moments] = {}
    for stored, layer in zip(stored_layers(model.config), moments, strict=True):
        out[stored] = out[stored] + layer if stored in out else layer
    return out


def _rows(linear: Projection, rows: NDArray[np.int64]) -> Projection:
    return Projection(linear.weight[rows], linear.bias[rows])


def _with_projections(model: LanguageModel, changed: Mapping[str, Projection]) -> LanguageModel:
    tensors = dict(model.tensors)
    for name, linear in changed.items():
        tensors[f"{model.prefix}{name}.weight"] = linear.weight
        tensors[f"{model.prefix}{name}.bias"] = linear.bias
    return replace(model, tensors=tensors)
