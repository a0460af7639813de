"""Vectors from a GGUF file, on llama.cpp."""

import json
import logging
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.gguf_header import Pooling, read_header
from pennyweight.encoders.gguf_runtime import GgufModel
from pennyweight.encoders.prompts import NO_PROMPTS, Prompts, known_prompts
from pennyweight.encoders.protocol import Encoder, Progress
from pennyweight.encoders.texts import check_texts
from pennyweight.errors import BundleError, DataError
from pennyweight.storage.files import digest, file_sha256, write_atomic

__all__ = ["FOLDER_VARIABLE", "GgufEncoder"]

_log = logging.getLogger(__name__)

FILE = "gguf.json"
FOLDER_VARIABLE = "PENNYWEIGHT_GGUF"  # where a bundle's model is on another machine
BLOCK = 64  # texts, seconds of work each with a large model


class GgufEncoder(Encoder):
    """Sentence vectors from a quantized model in one file.

    Texts go through the model one by one: a vector is the same, bit for bit, whatever the other
    texts and the batch. Another number of threads or another processor may change the last bits.

    Parameters
    ----------
    path
        The file; it stays where it is.
    sha256
        Its checksum.
    dim
        Width of the vectors.
    pooling
        ``mean``, ``cls`` or ``last``.
    max_tokens
        Texts are cut to this many tokens.
    threads
        By default the cores this process may use.
    """

    kind = "gguf"
    block = BLOCK

    def __init__(
        self,
        path: Path,
        *,
        sha256: str,
        dim: int,
        pooling: Pooling,
        max_tokens: int,
        prompts: Prompts = NO_PROMPTS,
        threads: int | None = None,
    ) -> None:
        self.path, self.sha256, self._dim = path, sha256, dim
        self.pooling, self.max_tokens, self.threads = pooling, max_tokens, threads
        self._prompts = prompts

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        pooling: Pooling | None = None,
        max_tokens: int = 64,
        threads: int | None = None,
    ) -> "GgufEncoder":
        """Return the encoder of a file.

        Parameters
        ----------
        pooling
            By default as the file says, otherwise ``mean``.

        Raises
        ------
        DataError
            The file is no GGUF model, or is cut off.
        """
        path = Path(path)
        header = read_header(path)
        if header.dim < 1:
            raise DataError(f"{path}: a {header.architecture} file without the width of vectors")
        limit = header.max_tokens or max_tokens
        prompts = known_prompts(path.stem) or known_prompts(header.name)
        return cls(
            path.resolve(),
            sha256=file_sha256(path),
            dim=header.dim,
            pooling=pooling or header.pooling or "mean",
            max_tokens=min(max_tokens, limit),
            prompts=prompts,
            threads=threads,
        )

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.stem

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self._dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash over the file's checksum, pooling, cut and prompts; not over threads."""
        p = self._prompts
        return digest("gguf", self.sha256, self.pooling, str(self.max_tokens), p.query, p.document)

    @property
    def prompts(self) -> Prompts:
        """The texts that are put before queries and documents."""
        return self._prompts

    def with_prompts(self, prompts: Prompts) -> "GgufEncoder":
        """Return an encoder with these prompts."""
        return GgufEncoder(
            self.path,
            sha256=self.sha256,
            dim=self.dim,
            pooling=self.pooling,
            max_tokens=self.max_tokens,
            prompts=prompts,
            threads=self.threads,
        )

    @cached_property
    def _model(self) -> GgufModel:
        """Loaded when first used: an encoder whose vectors are all cached never needs it."""
        if file_sha256(self.path) != self.sha256:
            raise DataError(f"{self.path}: other bytes than at the fit; fit again to use this file")
        return GgufModel(
            self.path, max_tokens=self.max_tokens, threads=self.threads, pooling=self.pooling
        )

    def encode(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim); zero rows for texts without a word."""
        return self._encode(texts, self._prompts.document, progress)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of search texts, float32 (len(texts), dim).

        Zero rows, and a warning, where the file is no longer there.
        """
        if not self.path.is_file():
            _log.warning("search without %s: %s is not there", self.name, self.path)
            return np.zeros((len(check_texts(texts)), self.dim), np.float32)
        return self._encode(texts, self._prompts.query)

    def _encode(
        self, texts: Sequence[str], prompt: str, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        rows = np.zeros((len(check_texts(texts)), self.dim), np.float32)
        for i, text in enumerate(texts):
            if any(map(str.isalnum, text)):
                clean = (prompt + text).encode("utf-8", "replace").decode("utf-8")
                rows[i] = self._model.embed(clean.replace("\0", " "))
            if progress is not None:
                progress(i + 1, len(texts))
        return rows

    def save(self, folder: Path) -> None:
        """Write the place and the checksum of the file, not the file.

        Models have gigabytes, and separate licenses; lists need none of them.
        """
        settings = {
            "path": str(self.path),
            "sha256": self.sha256,
            "dim": self.dim,
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
            "prompts": {"query": self._prompts.query, "document": self._prompts.document},
        }
        write_atomic(folder / FILE, [json.dumps(settings).encode()])

    @classmethod
    def load(cls, folder: Path) -> "GgufEncoder":
        """Read the settings; the file is looked for where it was, and in `FOLDER_VARIABLE`."""
        try:
            stored = json.loads((folder / FILE).read_bytes())
            path, prompts = Path(stored.pop("path")), Prompts(**stored.pop("prompts"))
            elsewhere = os.environ.get(FOLDER_VARIABLE)
            if elsewhere and not path.is_file():
                path = Path(elsewhere) / path.name
            return cls(path, prompts=prompts, **stored)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{folder / FILE}: missing or damaged ({error})") from error
