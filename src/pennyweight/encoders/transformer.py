"""A BERT-type language model on ONNX Runtime."""

import json
import shutil
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from pennyweight.encoders.checkpoint import Checkpoint, read_checkpoint
from pennyweight.encoders.graph import GRAPH_VERSION, build_graph
from pennyweight.encoders.graph_encoder import GraphEncoder, check_settings
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.prompts import Prompts
from pennyweight.encoders.session import Session
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.encoders.weights import ModelWeights, check_tokenizer, find_weights, write_weights
from pennyweight.errors import BundleError, DataError
from pennyweight.machine.machine import usable_cores
from pennyweight.storage.files import digest, write_atomic

__all__ = ["TransformerEncoder"]

SETTINGS = "transformer.json"


class TransformerEncoder(GraphEncoder):
    """Sentence vectors from a BERT-type model (Reimers and Gurevych 2019).

    Made by `from_pretrained`. The weights are found by `pennyweight.encoders.weights.find_weights`.
    """

    weights: ModelWeights

    def __init__(
        self,
        weights: ModelWeights,
        tokenizer: Tokenizer,
        *,
        precision: Precision,
        threads: int,
        max_tokens: int,
    ) -> None:
        super().__init__(tokenizer, prompts=weights.prompts, max_tokens=max_tokens, threads=threads)
        self.weights = weights
        self._precision = precision
        self._fingerprint = digest(
            weights.fingerprint, precision, str(max_tokens), f"graph {GRAPH_VERSION}"
        )

    @classmethod
    def from_pretrained(
        cls,
        folder_or_name: str | Path | None = None,
        *,
        precision: Precision = "fp32",
        threads: int | None = None,
        max_tokens: int = READ_TOKENS,
    ) -> "TransformerEncoder":
        """Load a model.

        Parameters
        ----------
        folder_or_name
            Folder, Hugging Face id, or None for all-MiniLM-L6-v2; see `find_weights`.
        precision
            ``fp32``, or ``int8`` matrices.
        threads
            Threads of ONNX Runtime; by default the cores this process may use.
        max_tokens
            Texts are cut to this many tokens, or to the limit of the model.

        Raises
        ------
        DataError
            No weights, weights of an unsupported kind, or corrupt ones.
        """
        check_settings(precision, max_tokens)
        weights = find_weights(folder_or_name)
        checkpoint = _checkpoint(weights)
        tokenizer = check_tokenizer(weights.folder / "tokenizer.json", checkpoint)
        limit = weights.modules.max_tokens or len(checkpoint.places)
        max_tokens = min(max_tokens, limit, len(checkpoint.places))
        tokenizer.enable_truncation(max_tokens)
        return cls(
            weights,
            tokenizer,
            precision=precision,
            threads=threads or usable_cores(),
            max_tokens=max_tokens,
        )

    def with_prompts(self, prompts: Prompts) -> "TransformerEncoder":
        """Return an encoder with these prompts in place of the model's own."""
        return TransformerEncoder(
            replace(self.weights, prompts=prompts),
            self.tokenizer,
            precision=self._precision,
            threads=self.threads,
            max_tokens=self.max_tokens,
        )

    kind = "transformer"

    @property
    def name(self) -> str:
        """Model name, with the precision where it is not fp32."""
        return self.weights.name + ("" if self._precision == "fp32" else f"-{self._precision}")

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.weights.dim

    @property
    def trained_for_lists(self) -> bool:
        """Whether the model has projections from `tune` with the objective ``retrieve``."""
        return self.weights.modules.trained_for_lists

    @property
    def facts(self) -> dict[str, str | int]:
        """Family, layers, tokens and pooling."""
        config = self.weights.config
        return {
            "family": str(config["model_type"]),
            "layers": int(config["num_hidden_layers"]),
            "vocabulary": int(config["vocab_size"]),
            "precision": self._precision,
            "pooling": self.weights.pooling,
        }

    @property
    def fingerprint(self) -> str:
        """Hash over weights, tokenizer, precision and cut; not over threads."""
        return self._fingerprint

    @cached_property
    def session(self) -> Session:
        """Built when first used: an encoder whose vectors are all cached never needs it."""
        checkpoint = _checkpoint(self.weights)
        graph = build_graph(
            checkpoint,
            pooling=self.weights.pooling,
            dense=self.weights.dense(),
            precision=self._precision,
        )
        return graph.session(self.threads)

    def save(self, folder: Path) -> None:
        """Write the files of the weights, in 8 bits if they run so, and the settings beside."""
        weights, target = self.weights, folder / self.weights.name
        if self._precision == "int8":
            text = (weights.folder / "tokenizer.json").read_text(encoding="utf-8")
            tensors = weights.tensors()
            write_weights(target, weights, weights.config, tensors, text, precision="int8")
        else:
            # Not the whole folder: it may hold the model for other runtimes too.
            for name in weights.files:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(weights.folder / name, target / name)
        settings = {
            "folder": weights.name,
            "precision": self._precision,
            "max_tokens": self.max_tokens,
            "prompts": asdict(self.prompts),
            "fingerprint": self.fingerprint,
        }
        write_atomic(folder / SETTINGS, [json.dumps(settings).encode()])

    @classmethod
    def load(cls, folder: Path) -> "TransformerEncoder":
        """Read the files that `save` wrote."""
        try:
            settings = json.loads((folder / SETTINGS).read_bytes())
            model, precision = folder / settings["folder"], settings["precision"]
            max_tokens = settings["max_tokens"]
            prompts = Prompts(**settings.get("prompts", {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{folder / SETTINGS}: missing or damaged ({error})") from error
        encoder = cls.from_pretrained(
            model, precision=precision, max_tokens=max_tokens
        ).with_prompts(prompts)
        # Weights in 8 bits are other bytes, but give the same vectors.
        encoder._fingerprint = str(settings.get("fingerprint", encoder.fingerprint))
        return encoder


def _checkpoint(weights: ModelWeights) -> Checkpoint:
    tensors = weights.tensors()
    try:
        return read_checkpoint(weights.config, tensors)
    except DataError as error:
        raise DataError(f"{weights.folder}: {error}") from error
