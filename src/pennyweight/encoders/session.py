"""An ONNX model and its large constants, and the session that runs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from pennyweight.errors import DataError

__all__ = ["TABLE", "Graph", "Session", "open_file"]

TABLE = "words"  # the constant of token vectors


@dataclass(frozen=True)
class Graph:
    """An ONNX model whose large constants stand beside it.

    Attributes
    ----------
    model
        The serialized model; large constants are named in it, not contained.
    arrays
        Those constants by name.
    """

    model: bytes
    arrays: Mapping[str, NDArray[Any]]

    @property
    def nbytes(self) -> int:
        """Bytes of nodes and constants."""
        return len(self.model) + sum(array.nbytes for array in self.arrays.values())

    def session(self, threads: int) -> "Session":
        """Open the model on a number of threads."""
        options = _options(threads)
        values = {n: ort.OrtValue.ortvalue_from_numpy(a) for n, a in self.arrays.items()}
        options.add_external_initializers(list(values), list(values.values()))
        # Matrices are packed anew by the session and can go; the table would be copied as it is.
        shared = {name: values[name] for name in (TABLE,) if name in values}
        for name, value in shared.items():
            options.add_initializer(name, value)
        inner = ort.InferenceSession(
            self.model,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # slower, see `encode.graph`
        )
        return Session(inner, [(self.arrays[name], value) for name, value in shared.items()])


def open_file(path: Path, threads: int) -> "Session":
    """Open an ONNX file, and the constants beside it, on a number of threads."""
    try:
        inner = ort.InferenceSession(
            str(path), _options(threads), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library raises its own classes
        raise DataError(f"{path}: cannot be opened by ONNX Runtime ({error})") from error
    return Session(inner, [])


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # ONNX Runtime would count the cores of the host, not of the container.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return options


@dataclass(frozen=True)
class Session:
    """A model ready to run."""

    _inner: ort.InferenceSession
    _constants: Sequence[tuple[NDArray[Any], ort.OrtValue]]  # memory that it reads but does not own

    @property
    def outputs(self) -> list[str]:
        """The names of its outputs."""
        return [output.name for output in self._inner.get_outputs()]

    def run(
        self, outputs: Sequence[str], feed: Mapping[str, NDArray[np.int32]]
    ) -> list[NDArray[np.float32]]:
        """Return the outputs named, for ``ids`` and ``mask``, int32 (batch, tokens)."""
        arrays: list[NDArray[np.float32]] = self._inner.run(list(outputs), dict(feed))
        return arrays
