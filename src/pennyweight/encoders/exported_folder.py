"""The folder of an exported encoder: a graph, a tokenizer, and a description of both.

encoder.json       description of the model, and the sums of the other files
model.onnx         the graph; inputs ``ids`` and ``mask``, outputs ``pooled`` and ``unit``
model.onnx.data    its large constants
tokenizer.json     the tokenizer
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from tokenizers import Tokenizer

from pennyweight.config.frozen import FrozenModel
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.tokens import load_tokenizer
from pennyweight.errors import BundleError, DataError
from pennyweight.storage.files import digest, file_sha256, write_atomic

__all__ = [
    "CONSTANTS",
    "DECODERS",
    "DESCRIPTION",
    "ENCODERS",
    "GRAPH",
    "MAX_CACHED",
    "TOKENIZER",
    "Agreement",
    "Description",
    "ExportedFolder",
    "is_exported",
]

DESCRIPTION, GRAPH, TOKENIZER = "encoder.json", "model.onnx", "tokenizer.json"
CONSTANTS = "model.onnx.data"
REMEDY = "create it again with `pennyweight encoder add`"

# Families that `pennyweight encoder add` exports, as transformers names them.
ENCODERS = (
    *("albert", "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert"),
    *("mpnet", "nomic_bert", "roberta", "t5", "xlm-roberta"),
)
DECODERS = ("gemma2", "gemma3_text", "gpt2", "llama", "qwen2", "qwen3")
MAX_CACHED = 8  # newest folders that stay in the cache folder

Positive = Annotated[int, Field(ge=1)]


class Agreement(FrozenModel):
    """How near the vectors of the graph are to those of the original.

    Attributes
    ----------
    texts
        Texts compared.
    largest_difference
        Of a component of unit vectors.
    lowest_cosine
        Of the two vectors of a text.
    """

    texts: Positive
    largest_difference: Annotated[float, Field(ge=0)]
    lowest_cosine: Annotated[float, Field(ge=-1, le=1.001)]


class Description(FrozenModel):
    """The contents of ``encoder.json``.

    Attributes
    ----------
    source
        The model it was made from: an id, or the name of a folder.
    model_type
        Its family, as transformers names it.
    layers, vocabulary
        Transformer layers; rows of the token table.
    dim
        Width of the vectors.
    pooling
        How token states become one vector.
    query_prompt, document_prompt
        Texts put before search texts and item texts.
    max_tokens
        Texts are cut to at most this many tokens.
    agreement
        With the original.
    files
        Sums of the other files, sha256.
    """

    format: Literal[1] = 1  # raise it when older versions could not read the folder
    source: str
    model_type: str
    layers: Positive
    vocabulary: Positive
    dim: Positive
    pooling: str
    query_prompt: str = ""
    document_prompt: str = ""
    max_tokens: Annotated[int, Field(ge=3)]
    precision: Precision
    agreement: Agreement
    files: dict[str, str]


@dataclass(frozen=True)
class ExportedFolder:
    """A checked folder of an exported encoder.

    Attributes
    ----------
    folder
        Where it is.
    description
        The contents of its ``encoder.json``.
    """

    folder: Path
    description: Description

    @classmethod
    def open(cls, folder: Path) -> "ExportedFolder":
        """Read and check a folder.

        Raises
        ------
        DataError
            A file is missing, altered, or of another version of the format.
        """
        path = folder / DESCRIPTION
        try:
            description = Description.from_json(path.read_bytes(), source=str(path))
        except (OSError, BundleError) as error:
            raise DataError(f"{error}; {REMEDY}") from None
        for name in (GRAPH, TOKENIZER, *description.files):
            file, expected = folder / name, description.files.get(name)
            if expected is None or Path(name).name != name:
                raise DataError(f"{path}: no sum of {name}, or no file of this folder; {REMEDY}")
            if not file.is_file():
                raise DataError(f"{folder}: no {name}; copy the whole folder, or {REMEDY}")
            if file_sha256(file) != expected:
                raise DataError(f"{file}: not the file that encoder.json describes; {REMEDY}")
        return cls(folder, description)

    @classmethod
    def write(cls, folder: Path, description: Description) -> "ExportedFolder":
        """Write the description of files that are there, with their sums."""
        names = [name for name in (GRAPH, CONSTANTS, TOKENIZER) if (folder / name).is_file()]
        sums = {name: file_sha256(folder / name) for name in names}
        described = description.model_copy(update={"files": sums})
        write_atomic(folder / DESCRIPTION, described.to_json().encode())
        return cls(folder, described)

    @property
    def fingerprint(self) -> str:
        """Hash over the files."""
        files: Mapping[str, str] = self.description.files
        return digest("exported", *(files[name] for name in sorted(files)))

    @property
    def nbytes(self) -> int:
        """Bytes of the files."""
        return sum((self.folder / name).stat().st_size for name in self.description.files)

    def tokenizer(self, max_tokens: int) -> Tokenizer:
        """Read the tokenizer; `DataError` where the model has no vector for one of its tokens."""
        path = self.folder / TOKENIZER
        tokenizer = load_tokenizer(path, max_tokens=max_tokens)
        largest = max(tokenizer.get_vocab().values(), default=-1)
        if largest >= self.description.vocabulary:
            raise DataError(
                f"{path}: token id {largest}, but the model has {self.description.vocabulary} "
                "token vectors; the tokenizer is of another model"
            )
        return tokenizer


def is_exported(folder: Path) -> bool:
    """Return whether a folder is, or was meant to be, that of an exported encoder."""
    return (folder / DESCRIPTION).is_file()
