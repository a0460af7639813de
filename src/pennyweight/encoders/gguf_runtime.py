"""GGUF models on llama.cpp, by the package xllamacpp of the extra `gguf`."""

import json
import os
import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.gguf_header import Pooling, read_header
from pennyweight.errors import DataError, MissingExtraError
from pennyweight.machine.machine import usable_cores

__all__ = ["GgufModel"]

TOO_LONG = re.compile(r"\((\d+) tokens\) is too large")
CUTS = 8  # of one text by the share of its tokens that fit; after these, by a tenth each


class GgufModel:
    """One model in memory: one text at a time, so that a result never depends on other texts.

    The runtime has a server inside, which would listen on a port: here it listens on a socket in a
    private folder, with a key that no other process has.

    Parameters
    ----------
    path
        The GGUF file.
    max_tokens
        Of a text, or of a question with its answer.
    threads
        By default the cores this process may use.
    pooling
        For embeddings; None for a model that writes texts.

    Raises
    ------
    DataError
        The file is damaged, cut off, or of a family that the runtime does not know.
    MissingExtraError
        The extra ``gguf`` is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_tokens: int,
        threads: int | None = None,
        pooling: Pooling | None = None,
    ) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtraError("a GGUF model", "gguf") from error
        self._grammar = xllamacpp.json_schema_to_grammar
        header = read_header(path)
        self.max_tokens = max_tokens
        folder = tempfile.mkdtemp(prefix="pennyweight-")  # for this user alone
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = params.n_batch = params.n_ubatch = max_tokens
        params.n_parallel, params.n_gpu_layers, params.warmup = 1, 0, False
        params.cpuparams.n_threads = threads or usable_cores()
        params.cpuparams_batch.n_threads = threads or usable_cores()
        params.cache_prompt, params.cache_ram_mib = False, 0  # a cached start changes the vector
        params.force_pure_content_parser = True  # a cut answer is returned as it is
        params.fit_params, params.verbosity = False, -1
        params.api_keys, params.n_threads_http = [secrets.token_hex(16)], 1
        if os.name != "nt":
            params.hostnames = [str(Path(folder) / "runtime.sock")]
        if pooling is not None:
            kinds = xllamacpp.llama_pooling_type
            params.embedding = True
            params.pooling_type = getattr(kinds, f"LLAMA_POOLING_TYPE_{pooling.upper()}")
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise DataError(
                f"{path}: the runtime cannot load this {header.architecture} model; update "
                "xllamacpp, or fetch the file again"
            ) from error

    def embed(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of a text, cut where it is too long, float32 (dim,)."""
        cuts = 0
        while text:
            answer = self._server.handle_embeddings({"input": [text]})
            error = answer.get("error")
            if error is None:
                return np.asarray(answer["data"][0]["embedding"], np.float32)
            too_long = TOO_LONG.search(str(error.get("message")))
            if too_long is None:
                raise DataError(f"the runtime refuses a text: {error.get('message')}")
            # A dense start before a sparse end makes the share too large, time and again.
            fits = self.max_tokens / int(too_long[1]) if cuts < CUTS else 0.9
            text = text[: min(len(text) - 1, int(len(text) * fits))]
            cuts += 1
        raise DataError("the runtime refuses a text however short it is cut")

    def chat(
        self, messages: Sequence[Mapping[str, str]], *, schema: Mapping[str, Any], max_tokens: int
    ) -> str:
        """Return the answer to messages, JSON of a schema, the likeliest token at each step."""
        body = {
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": 0,
            "grammar": self._grammar(json.dumps(schema)),
        }
        answer = self._server.handle_chat_completions(body)
        if "error" in answer:
            raise DataError(f"the runtime refuses a text: {answer['error'].get('message')}")
        return str(answer["choices"][0]["message"]["content"])
