"""The header of a GGUF file: its model, and whether the file is whole."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pennyweight.errors import DataError

__all__ = ["GgufHeader", "Pooling", "is_gguf", "read_header"]

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES, MAX_TEXT, MAX_LIST = 100_000, 1 << 24, 1 << 24
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
TEXT, LIST = 8, 9
# Type of a tensor -> (values, bytes) of a block; the end of a type that is not here is not checked.
BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    30: (1, 2),
}
Pooling = Literal["mean", "cls", "last"]
POOLINGS: Mapping[int, Pooling] = {1: "mean", 2: "cls", 3: "last"}


@dataclass(frozen=True)
class GgufHeader:
    """The metadata of a GGUF file.

    Attributes
    ----------
    metadata
        Key -> value; long lists, such as the vocabulary, are left out.
    nbytes
        The least size of the file by its tensors.
    """

    metadata: Mapping[str, Any]
    nbytes: int

    @property
    def architecture(self) -> str:
        """Family of the model, such as ``gemma3``."""
        return str(self.metadata.get("general.architecture", "unknown"))

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._of_model("embedding_length", 0))

    @property
    def max_tokens(self) -> int:
        """Tokens that the model was trained to read."""
        return int(self._of_model("context_length", 0))

    @property
    def pooling(self) -> Pooling | None:
        """How the model was trained to make one vector of many; None where it does not say."""
        return POOLINGS.get(int(self._of_model("pooling_type", 0)))

    @property
    def name(self) -> str:
        """Name of the model by its author; empty for none."""
        return str(self.metadata.get("general.name", ""))

    def _of_model(self, key: str, default: int) -> int:
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        return value if isinstance(value, int) else default


def is_gguf(name: str | Path | None) -> bool:
    """Return whether the name of an encoder is that of a GGUF file."""
    return name is not None and Path(name).suffix.lower() == ".gguf"


def read_header(path: Path) -> GgufHeader:
    """Read the header, and check that the file is as long as its tensors need.

    Raises
    ------
    DataError
        No GGUF file, a version that is not known, or one cut short.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = _read(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (struct.error, UnicodeDecodeError, OverflowError, EOFError) as error:
        raise DataError(f"{path}: the header is damaged or cut; fetch the file again") from error
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if size < header.nbytes:
        raise DataError(
            f"{path}: has {size:,} of {header.nbytes:,} bytes; fetch the file again, it is cut off"
        )
    return header


def _read(file: BinaryIO) -> GgufHeader:
    if file.read(4) != MAGIC:
        raise ValueError("is no GGUF file; convert the model with llama.cpp, or name its folder")
    version, tensors, entries = struct.unpack("<IQQ", _exactly(file, 20))
    if version not in VERSIONS:
        raise ValueError(f"GGUF version {version}; supported are 2 and 3, little-endian")
    if tensors > MAX_ENTRIES or entries > MAX_ENTRIES:
        raise ValueError(f"{tensors:,} tensors and {entries:,} keys; the file is damaged")
    metadata: dict[str, Any] = {}
    for _ in range(entries):
        key = _text(file)
        value = _value(file, *struct.unpack("<I", _exactly(file, 4)))
        if value is not None:
            metadata[key] = value
    end = 0
    for _ in range(tensors):
        _text(file)
        (axes,) = struct.unpack("<I", _exactly(file, 4))
        if axes > 8:
            raise ValueError(f"a tensor of {axes} axes; the file is damaged")
        count = 1
        for length in struct.unpack(f"<{axes}Q", _exactly(file, 8 * axes)):
            count *= length
        kind, offset = struct.unpack("<IQ", _exactly(file, 12))
        values, nbytes = BLOCKS.get(kind, (1, 0))
        end = max(end, offset + count // values * nbytes)
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
        raise ValueError(f"alignment {alignment!r}; the file is damaged")
    start = -(-file.tell() // alignment) * alignment
    return GgufHeader(metadata, start + end)


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", _exactly(file, 8))
    if length > MAX_TEXT:
        raise ValueError(f"a text of {length:,} bytes; the file is damaged")
    return _exactly(file, length).decode("utf-8")


def _value(file: BinaryIO, kind: int) -> Any:  # noqa: ANN401 - of any kind that GGUF has
    if kind == TEXT:
        return _text(file)
    if kind in NUMBERS:
        form = f"<{NUMBERS[kind]}"
        return struct.unpack(form, _exactly(file, struct.calcsize(form)))[0]
    if kind != LIST:
        raise ValueError(f"a value of type {kind}, which is not known; the file is damaged")
    item, length = struct.unpack("<IQ", _exactly(file, 12))
    if length > MAX_LIST:
        raise ValueError(f"a list of {length:,} values; the file is damaged")
    if item in NUMBERS:
        _exactly(file, length * struct.calcsize(f"<{NUMBERS[item]}"))
    else:
        for _ in range(length):
            _value(file, item)
    return None
