"""The tensors of a model folder: one safetensors file, or shards with an index."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import DataError
from pennyweight.storage.arrays import UNREADABLE, map_tensors
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = [
    "INDEX",
    "TENSORS",
    "read_json",
    "read_tensor_file",
    "read_tensors",
    "tensor_files",
]

TENSORS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
SCALE, PARTS = ".scale", (".scale", ".packing")  # beside a matrix in 8 bits


def tensor_files(folder: Path) -> list[str]:
    """Return the names of the files with a model's tensors, the index first where there is one.

    Raises
    ------
    DataError
        There is none, or one that the index names is missing.
    """
    if (folder / TENSORS).is_file():
        return [TENSORS]
    if (folder / INDEX).is_file():
        return [INDEX, *_shards(folder)]
    remedy = (
        f'write {TENSORS} once with transformers: `python -c "from transformers import AutoModel; '
        f"AutoModel.from_pretrained('{folder}').save_pretrained('{folder}')\"`"
    )
    if (folder / PICKLE).is_file() or (folder / f"{PICKLE}.index.json").is_file():
        raise DataError(
            f"{folder}: {PICKLE} is a pickle, which can run code when it is read; {remedy}"
        )
    raise DataError(
        f"{folder}: no {TENSORS} and no {INDEX}; fetch the model again, or where it is published "
        f"as {PICKLE} alone, {remedy}"
    )


def _shards(folder: Path) -> list[str]:
    names = read_json(folder / INDEX).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise DataError(f"{folder / INDEX}: no weight_map; fetch the file again")
    shards = sorted({str(name) for name in names.values()})
    for name in shards:
        if Path(name).name != name or not (folder / name).is_file():
            raise DataError(f"{folder}: no {name}, which {INDEX} names; fetch the model again")
    return shards


def read_tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """Map the tensors of a folder, read-only; those in 16 or 8 bits are widened to float32.

    Raises
    ------
    DataError
        A file is missing, truncated or corrupt.
    """
    out: dict[str, NDArray[Any]] = {}
    for name in tensor_files(folder):
        if name != INDEX:
            out |= read_tensor_file(folder / name)
    return out


def read_tensor_file(path: Path) -> dict[str, NDArray[Any]]:
    """Map the tensors of a file; see `read_tensors`."""
    try:
        stored, _ = map_tensors(path)
    except UNREADABLE as error:
        raise DataError(
            f"{path}: cannot be read ({error}); fetch the file again, it is corrupt, "
            "incomplete or in a number format other than float32, float16 or bfloat16"
        ) from error
    for name, tensor in stored.items():
        if not np.isfinite(tensor).all():
            raise DataError(f"{path}: {name!r} is not finite; fetch the file again, it is corrupt")
    packed = {name.removesuffix(SCALE) for name in stored if name.endswith(SCALE)}
    try:
        wide = {name: QuantizedRows.from_arrays(stored, name).unpacked() for name in packed}
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: a matrix in 8 bits lacks a part ({error})") from error
    plain = {n: t for n, t in stored.items() if n not in wide and not n.endswith(PARTS)}
    plain = {n: t.astype(np.float32) if t.dtype == np.float16 else t for n, t in plain.items()}
    return plain | wide


def read_json(path: Path, of: type = dict) -> Any:  # noqa: ANN401
    """Return the JSON of a model's file: an object, or with `of` list, a list of objects."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as JSON ({error})") from error
    objects = content if of is list and isinstance(content, list) else [content]
    if not all(isinstance(value, dict) for value in objects):
        raise DataError(f"{path}: not the JSON of a model; fetch the file again")
    return content
