"""Arrays of a safetensors file without reading it: pages come in when they are used."""

import json
import math
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.errors import BundleError

__all__ = ["map_arrays"]

_DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


def map_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Map what `write_arrays` wrote: read-only arrays, and the JSON settings.

    No checksum is taken here: opening the bundle has done it.

    Raises
    ------
    BundleError
        The file is missing, truncated or no safetensors file.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        (size,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + size])
        told = json.loads(header.pop("__metadata__", {}).get("pennyweight", "{}"))
        settings = json.loads(told.get("settings", "{}"))
        arrays = {}
        for name, entry in header.items():
            dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), entry["shape"]
            start = 8 + size + entry["data_offsets"][0]
            flat = np.frombuffer(data, dtype, count=math.prod(shape), offset=start)
            arrays[name] = flat.reshape(shape)
    except FileNotFoundError:
        raise BundleError(f"{path}: missing") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise BundleError(f"{path}: not a safetensors file: {error}; save it again") from error
    return arrays, settings
