"""The modules of sentence-transformers that follow a model: pooling, Dense and Normalize."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from safetensors.numpy import save as to_safetensors

from pennyweight.encoders.checkpoint import Projection
from pennyweight.encoders.prompts import FILE as PROMPTS
from pennyweight.encoders.tensor_files import TENSORS, read_json, read_tensor_file
from pennyweight.errors import DataError

__all__ = [
    "Activation",
    "Dense",
    "DenseModule",
    "Modules",
    "Pooling",
    "read_modules",
    "with_dense",
]

Pooling = Literal["mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken"]
POOLINGS: tuple[str, ...] = get_args(Pooling)
Activation = Literal["Identity", "Tanh", "ReLU", "GELU", "Sigmoid"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)
_KINDS = {"Transformer", "Pooling", "Dense", "Normalize", "Dropout"}
MODULES, SENTENCES, POOLING = "modules.json", "sentence_bert_config.json", "1_Pooling"
_MODE = "pooling_mode_"
_TUNING = "tuning.json"  # written by `with_dense`
_PACKAGE = "sentence_transformers.models."


@dataclass(frozen=True)
class Dense:
    """A projection of pooled vectors, with its activation.

    Attributes
    ----------
    normalized
        Whether vectors are scaled to unit length before it.
    """

    projection: Projection
    activation: Activation
    normalized: bool


@dataclass(frozen=True)
class DenseModule:
    """A folder of sentence-transformers with a `Dense`, its tensors not read yet."""

    folder: Path
    dim: int
    activation: Activation
    normalized: bool

    def read(self, width: int) -> Dense:
        """Read the tensors; `DataError` where they do not fit vectors of a width."""
        tensors = read_tensor_file(self.folder / TENSORS)
        weight = tensors.get("linear.weight")
        bias = tensors.get("linear.bias", np.zeros(self.dim, np.float32))
        shape = None if weight is None else weight.shape
        if weight is None or shape != (self.dim, width) or bias.shape != (self.dim,):
            raise DataError(
                f"{self.folder}: linear.weight {shape} does not map {width} components to "
                f"{self.dim}; fetch the model again"
            )
        projection = Projection(weight.astype(np.float32), bias.astype(np.float32))
        return Dense(projection, self.activation, self.normalized)


@dataclass(frozen=True)
class Modules:
    """How token states become a vector.

    Attributes
    ----------
    pooling
        How many states become one.
    dense
        Projections after it, in order.
    max_tokens
        The length of text that the model was trained on, or None.
    files
        Names of the files that say so, for a copy.
    trained_for_lists
        Whether the projections were trained on users' choices (see `with_dense`).
    """

    pooling: Pooling
    dense: tuple[DenseModule, ...]
    max_tokens: int | None
    files: tuple[str, ...]
    trained_for_lists: bool = False


def read_modules(folder: Path) -> Modules:
    """Read how sentence-transformers would use a model; a bare one is averaged.

    Raises
    ------
    DataError
        A module, a pooling or an activation is not supported, or a file is damaged.
    """
    files = [MODULES, SENTENCES, PROMPTS, _TUNING]
    pooling_folder, dense, normalized = POOLING, list[DenseModule](), False
    for module in read_json(folder / MODULES, of=list) if (folder / MODULES).is_file() else []:
        kind, path = _kind(module), str(module.get("path", ""))
        if kind not in _KINDS or path != Path(path).name:
            raise DataError(f"{folder / MODULES}: {kind} in {path!r} not supported")
        if kind == "Pooling":
            pooling_folder = path or POOLING
        if kind == "Dense":
            dense.append(_dense(folder / path, normalized=normalized))
            files += [f"{path}/config.json", f"{path}/{TENSORS}"]
        if kind != "Dropout":  # which does nothing outside training
            normalized = kind == "Normalize"
    files.append(f"{pooling_folder}/config.json")
    return Modules(
        _pooling(folder / pooling_folder / "config.json"),
        tuple(dense),
        _max_tokens(folder / SENTENCES),
        tuple(name for name in files if (folder / name).is_file()),
        trained_for_lists=(folder / _TUNING).is_file(),
    )


def with_dense(folder: Path, dense: Sequence[Dense]) -> Mapping[str, bytes]:
    """Return the files of a folder's modules with projections after them, by name.

    The projections were trained on users' choices; ``tuning.json`` tells so.

    Parameters
    ----------
    folder
        A model; without ``modules.json`` its token states are averaged.
    dense
        Projections, in order.
    """
    modules = read_json(folder / MODULES, of=list) if (folder / MODULES).is_file() else []
    files: dict[str, bytes] = {}
    if not modules:
        modules = [_module(0, "", "Transformer"), _module(1, POOLING, "Pooling")]
        if not (folder / POOLING / "config.json").is_file():
            files[f"{POOLING}/config.json"] = _json({f"{_MODE}mean_tokens": True})
    else:
        modules = modules[: -1 if _kind(modules[-1]) == "Normalize" else None]
    for step in dense:
        if step.normalized:
            modules.append(_module(len(modules), f"{len(modules)}_Normalize", "Normalize"))
        path, weight = f"{len(modules)}_Dense", step.projection.weight
        modules.append(_module(len(modules), path, "Dense"))
        settings = {
            "in_features": weight.shape[1],
            "out_features": weight.shape[0],
            "bias": True,
            "activation_function": f"torch.nn.modules.{_TORCH[step.activation]}",
        }
        tensors = {"linear.weight": weight, "linear.bias": step.projection.bias}
        files[f"{path}/config.json"] = _json(settings)
        files[f"{path}/{TENSORS}"] = to_safetensors(tensors, {"format": "pt"})
    modules.append(_module(len(modules), f"{len(modules)}_Normalize", "Normalize"))
    return files | {MODULES: _json(modules), _TUNING: _json({"trained_for": "lists"})}


_TORCH = {
    "Identity": "linear.Identity",
    **{name: f"activation.{name}" for name in ACTIVATIONS if name != "Identity"},
}


def _module(number: int, path: str, kind: str) -> dict[str, Any]:
    return {"idx": number, "name": str(number), "path": path, "type": f"{_PACKAGE}{kind}"}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def _kind(module: Mapping[str, Any]) -> str:
    return str(module.get("type", "")).rpartition(".")[2]


def _pooling(path: Path) -> Pooling:
    if not path.is_file():
        return "mean"
    settings = read_json(path)
    modes = {key.removeprefix(_MODE) for key in settings if key.startswith(_MODE)}
    modes = {mode for mode in modes if settings[_MODE + mode] is True}
    if isinstance(settings.get("pooling_mode"), str):
        modes = {settings["pooling_mode"]}
    modes = {mode.removesuffix("_tokens").removesuffix("_token") for mode in modes}
    if not modes:
        return "mean"
    if len(modes) > 1 or not modes <= set(POOLINGS):
        raise DataError(
            f"{path}: pooling {', '.join(sorted(modes))}; supported is one of {', '.join(POOLINGS)}"
        )
    return cast(Pooling, modes.pop())


def _dense(folder: Path, *, normalized: bool) -> DenseModule:
    settings = read_json(folder / "config.json")
    activation = str(settings.get("activation_function", "Tanh")).rpartition(".")[2]
    dim = settings.get("out_features")
    if activation not in ACTIVATIONS or not isinstance(dim, int) or dim < 1:
        raise DataError(
            f"{folder / 'config.json'}: Dense of {dim!r} components with {activation!r}; supported "
            f"are {', '.join(ACTIVATIONS)}, and a number above 0"
        )
    if not (folder / TENSORS).is_file():
        raise DataError(
            f"{folder}: no {TENSORS}; save the model once with sentence-transformers: "
            "SentenceTransformer(NAME).save_pretrained(FOLDER)"
        )
    return DenseModule(folder, dim, cast(Activation, activation), normalized)


def _max_tokens(path: Path) -> int | None:
    limit = read_json(path).get("max_seq_length") if path.is_file() else None
    if limit is not None and (not isinstance(limit, int) or limit < 3):
        raise DataError(f"{path}: max_seq_length {limit!r}: a number from 3, or none")
    return limit
