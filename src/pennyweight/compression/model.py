"""A language model as an immutable value, which pruning takes and returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pennyweight.encoders.checkpoint import Checkpoint, prefix_of, read_checkpoint
from pennyweight.encoders.weights import ModelWeights, check_tokenizer, write_weights
from pennyweight.errors import DataError

__all__ = ["LanguageModel"]


@dataclass(frozen=True)
class LanguageModel:
    """Config, tensors and tokenizer of a BERT-type model, checked against each other.

    Attributes
    ----------
    like
        The folder it came from, whose pooling it keeps.
    config
        The contents of ``config.json``.
    tensors
        By name, float32; never changed in place.
    tokenizer_json
        The text of ``tokenizer.json``.
    """

    like: ModelWeights
    config: Mapping[str, Any]
    tensors: Mapping[str, NDArray[Any]]
    tokenizer_json: str

    @classmethod
    def of(cls, weights: ModelWeights) -> "LanguageModel":
        """Read a model.

        Raises
        ------
        DataError
            The weights are damaged, of an unsupported kind, or the tokenizer is of another
            model.
        """
        path = weights.folder / "tokenizer.json"
        model = cls(weights, weights.config, weights.tensors(), path.read_text(encoding="utf-8"))
        try:
            check_tokenizer(model.tokenizer_json, model.checkpoint)
        except DataError as error:
            raise DataError(f"{weights.folder}: {error}") from error
        return model

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The tensors by their place in the model."""
        return read_checkpoint(self.config, self.tensors)

    @property
    def prefix(self) -> str:
        """The prefix of the names of the tensors."""
        return prefix_of(self.tensors)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def write(self, folder: Path | str) -> ModelWeights:
        """Write a folder that `find_weights` opens (see `write_weights`)."""
        return write_weights(folder, self.like, self.config, self.tensors, self.tokenizer_json)
