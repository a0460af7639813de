"""Named arrays and JSON settings in one safetensors file, mapped rather than read."""

import json
import math
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as to_safetensors

from pennyweight.errors import BundleError
from pennyweight.storage.files import digest, write_atomic

__all__ = ["UNREADABLE", "map_tensors", "read_arrays", "write_arrays"]

_KEY = "pennyweight"
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    struct.error,
)
_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "BF16": "<u2",  # widened, numpy has no such type
}


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]
) -> None:
    """Write arrays and JSON settings to one safetensors file, atomically, with a checksum."""
    plain = {name: np.ascontiguousarray(value) for name, value in sorted(arrays.items())}
    text = json.dumps(dict(settings), sort_keys=True, ensure_ascii=False)
    # One key: the library writes several in random order, and equal data shall be equal bytes.
    head = json.dumps({"digest": digest(text, *plain.values()), "settings": text})
    write_atomic(path, [to_safetensors(plain, {_KEY: head})])


def map_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Map a safetensors file: read-only arrays by name, and the metadata of its header.

    Those in bfloat16 are copied to float32.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error
        The file is missing, truncated, or of another kind (see `UNREADABLE`).
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in sorted(header.items()):
        dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), entry["shape"]
        start, stop = entry["data_offsets"]
        if stop - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name!r} has {stop - start} bytes for a shape of {shape}")
        flat = np.frombuffer(data, dtype, count=math.prod(shape), offset=8 + size + start)
        if entry["dtype"] == "BF16":  # the upper half of a float32
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = flat.reshape(shape)
    return arrays, metadata


def read_arrays(
    path: Path, *, verify: bool = True
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Map a file of `write_arrays`; return read-only arrays and the settings.

    Pages come in when they are used; `verify` reads them all once for the checksum.

    Raises
    ------
    BundleError
        The file is missing, truncated, altered, or of another kind.
    """
    remedy = "; delete it and build it again"
    try:
        arrays, metadata = map_tensors(path)
        stored = json.loads(metadata[_KEY])
        settings = json.loads(stored["settings"])
    except FileNotFoundError:
        raise BundleError(f"{path}: missing") from None
    except UNREADABLE as error:
        raise BundleError(f"{path}: not a safetensors file: {error}{remedy}") from error
    if verify and stored.get("digest") != digest(stored["settings"], *arrays.values()):
        raise BundleError(f"{path}: contents do not match their checksum{remedy}")
    return arrays, settings
