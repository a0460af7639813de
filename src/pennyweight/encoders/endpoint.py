"""Vectors from an OpenAI-compatible server."""

import json
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pennyweight.encoders.endpoint_client import EndpointClient
from pennyweight.encoders.prompts import NO_PROMPTS, Prompts, known_prompts
from pennyweight.encoders.protocol import Encoder, Progress
from pennyweight.encoders.texts import check_texts, has_characters
from pennyweight.encoders.token_budget import TokenBudget, cut_text, estimate_tokens
from pennyweight.errors import BundleError, EndpointError, PennyweightError
from pennyweight.formatting import count
from pennyweight.storage.files import cache_folder, digest, write_atomic
from pennyweight.vectors.unit_rows import unit_rows

__all__ = ["MAX_TOKENS", "EndpointEncoder", "EndpointSettings"]

_log = logging.getLogger(__name__)

FILE = "endpoint.json"
MAX_TOKENS = 512  # of a text; longer ones are cut
BATCH_TEXTS, BATCH_TOKENS = 96, 8_000
MIN_DIM, MAX_DIM = 2, 16_384
MAX_VALUE = 1e6  # of a component; embeddings are far below it
PROBE = "dimension"  # encoded to learn the width
REMEDY = (
    "check that this model makes embeddings and that the address is of an OpenAI-compatible API; "
    "after a change of the model at the server, fit again"
)
SERVED_ATTEMPTS = 2  # new items must not wait long; without vectors they are encoded again
REMEMBERED = 4_096  # queries whose vectors stay in memory


@dataclass(frozen=True)
class EndpointSettings:
    """A model at a server.

    Attributes
    ----------
    address
        Such as ``https://host/v1``.
    model
        The name of the model there.
    key_variable
        The environment variable with the key (see `EndpointClient`).
    prompts
        Put before queries and documents.
    max_tokens
        Texts are cut to about this many tokens.
    timeout
        Seconds for a request.
    """

    address: str
    model: str
    key_variable: str | None = None
    prompts: Prompts = NO_PROMPTS
    max_tokens: int = MAX_TOKENS
    timeout: float = 60.0

    @property
    def client(self) -> EndpointClient:
        """A client of the server."""
        return EndpointClient(self.address, key_variable=self.key_variable, timeout=self.timeout)


class EndpointEncoder(Encoder):
    """Sentence vectors from the embeddings of a server (``POST /embeddings``).

    One that was made sends requests, which may fail. One that was loaded sends none: searches are
    unknown to it (zero rows) and items are refused, until `serve` is called.

    Parameters
    ----------
    budget
        Tokens to pay for; by default without limit.
    dim
        Width of the vectors; by default learned from the first answer.
    client
        By default one of the settings.

    Attributes
    ----------
    failures
        Requests without a vector while served.
    """

    kind = "endpoint"
    block = BATCH_TEXTS

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        budget: TokenBudget | None = None,
        dim: int | None = None,
        client: EndpointClient | None = None,
    ) -> None:
        self.settings, self.budget = settings, budget or TokenBudget()
        self.client: EndpointClient | None = client or settings.client
        self.failures = 0
        self._dim = dim
        self._served = False
        self._query_client: EndpointClient | None = None
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, settings: EndpointSettings, *, budget: TokenBudget | None = None
    ) -> "EndpointEncoder":
        """Return an encoder with the prompts that are known for the model's name."""
        prompts = known_prompts(settings.model)
        return cls(replace(settings, prompts=prompts), budget=budget)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.settings.model

    @property
    def prompts(self) -> Prompts:
        """Those of the settings."""
        return self.settings.prompts

    def with_prompts(self, prompts: Prompts) -> "EndpointEncoder":
        """Return an encoder with these prompts."""
        settings = replace(self.settings, prompts=prompts)
        return EndpointEncoder(settings, budget=self.budget, dim=self._dim, client=self.client)

    @cached_property
    def fingerprint(self) -> str:
        """Hash over address, model, prompts and cut; the server may change without notice."""
        s = self.settings
        texts = (s.address.rstrip("/"), s.model, s.prompts.query, s.prompts.document)
        return digest("endpoint", *texts, str(s.max_tokens))

    @property
    def dim(self) -> int:
        """Width of the vectors; asked of the server once, and kept in the cache folder."""
        if self._dim is None:
            note = cache_folder() / "endpoints" / self.fingerprint
            try:
                self._dim = int(note.read_text())
            except (OSError, ValueError):
                self.budget.check(estimate_tokens(PROBE))
                self._dim = self._vectors([PROBE], None).shape[1]
                write_atomic(note, str(self._dim).encode())
        return self._dim

    @property
    def remote(self) -> "EndpointEncoder":
        """Itself."""
        return self

    def encode(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Return unit vectors, float32 (len(texts), dim); while served, zero rows for a failure.

        Raises
        ------
        EndpointError
            The server fails, its answer is not as it must be, or the encoder was loaded.
        BudgetError
            The budget is used up; the message says how far it came.
        """
        try:
            return self._encode(texts, self.prompts.document, progress=progress)
        except PennyweightError as error:
            if not self._served:
                raise
            self._count(len(texts), error)
            return np.zeros((len(texts), self.dim), np.float32)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of search texts, float32 (len(texts), dim).

        While served, and for one that was loaded, zero rows for texts that are not prepared.
        """
        if self.client is not None and not self._served:
            return self._encode(texts, self.prompts.query)
        if self.client is None and not self._served:
            _log.warning("search without %s: a loaded encoder sends no requests", self.name)
        rows = np.zeros((len(check_texts(texts)), self.dim), np.float32)
        with self._lock:
            for row, text in zip(rows, texts, strict=True):
                row[:] = self._queries.get(text, 0)
        return rows

    def serve(self, *, query_timeout: float | None) -> None:
        """Give zero rows for items where a request fails, and for searches that are not prepared.

        Parameters
        ----------
        query_timeout
            Seconds for the vectors of searches in `prepare_queries`; None sends no requests at
            all, for items neither.
        """
        self._served, self.client, self._query_client = True, None, None
        if query_timeout is not None:
            self.client = self.settings.client
            self.client.attempts = SERVED_ATTEMPTS
            self._query_client = replace(self.settings, timeout=query_timeout).client
            self._query_client.attempts = 1

    @property
    def may_ask(self) -> bool:
        """Whether requests are sent while it is served."""
        return self._query_client is not None

    def prepare_queries(self, texts: Sequence[str]) -> bool:
        """Fetch the vectors of search texts; return whether all are there.

        It waits for the server no longer than the `query_timeout` of `serve`. A failure is counted
        and logged.
        """
        if self._query_client is None:
            return False
        with self._lock:
            missing = [t for t in dict.fromkeys(texts) if t not in self._queries]
        if not missing:
            return True
        try:
            rows = self._encode(missing, self.prompts.query, client=self._query_client)
        except PennyweightError as error:
            self._count(len(missing), error)
            return False
        with self._lock:
            self._queries.update(zip(missing, rows, strict=True))
            while len(self._queries) > REMEMBERED:
                self._queries.popitem(last=False)
        return True

    def price(self, texts: Sequence[str]) -> str:
        """Return the cost of the vectors of item texts in words."""
        inputs = (_clean(self.prompts.document + text, self.settings.max_tokens) for text in texts)
        return f"about {self.budget.cost(sum(map(estimate_tokens, inputs)))}"

    def _count(self, texts: int, error: Exception) -> None:
        with self._lock:
            self.failures += texts
        _log.warning("%s without a vector of %s: %s", count(texts, "text"), self.name, error)

    def _encode(
        self,
        texts: Sequence[str],
        prompt: str,
        *,
        progress: Progress | None = None,
        client: EndpointClient | None = None,
    ) -> NDArray[np.float32]:
        rows = np.zeros((len(check_texts(texts)), self.dim), np.float32)
        with_text = [i for i, text in enumerate(texts) if has_characters(text)]
        inputs = [_clean(prompt + texts[i], self.settings.max_tokens) for i in with_text]
        sizes = [estimate_tokens(text) for text in inputs]
        done = 0
        for batch in _batches(sizes):
            self.budget.check(sum(sizes[batch]))
            vectors = self._vectors(inputs[batch], self.dim, client)
            rows[with_text[batch]] = vectors
            done += len(vectors)
            if progress is not None:
                progress(len(texts) - len(with_text) + done, len(texts))
        return rows

    def _vectors(
        self, inputs: list[str], dim: int | None, client: EndpointClient | None = None
    ) -> NDArray[np.float32]:
        """Return the unit vectors of one request, checked."""
        client = client or self.client
        if client is None:
            raise EndpointError(
                f"{self.name}: no requests to {self.settings.address} are allowed; to encode "
                "other texts fit again with --encoder, or serve with --remote-queries"
            )
        body = {"model": self.settings.model, "input": inputs, "encoding_format": "float"}
        answer = client.post("/embeddings", body)
        self.budget.used += _used(answer, sum(map(estimate_tokens, inputs)))
        try:
            return _checked(answer, inputs, dim)
        except ValueError as error:
            raise EndpointError(
                f"{client.host}, model {self.settings.model!r}: {error}; {REMEDY}"
            ) from None

    def save(self, folder: Path) -> None:
        """Write the settings, without the key and the budget."""
        settings = asdict(self.settings) | {"dim": self.dim}
        write_atomic(folder / FILE, [json.dumps(settings).encode()])

    @classmethod
    def load(cls, folder: Path) -> "EndpointEncoder":
        """Read the settings; no request is sent before `connect`."""
        try:
            stored = json.loads((folder / FILE).read_bytes())
            dim, prompts = int(stored.pop("dim")), Prompts(**stored.pop("prompts"))
            encoder = cls(EndpointSettings(**stored, prompts=prompts), dim=dim)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{folder / FILE}: missing or damaged ({error})") from error
        encoder.client = None
        return encoder


def _clean(text: str, max_tokens: int) -> str:
    """Cut a text; half of a surrogate pair is no text in JSON."""
    return cut_text(text.encode("utf-8", "replace").decode("utf-8"), max_tokens)


def _batches(sizes: Sequence[int]) -> Iterator[slice]:
    """Yield slices within the limits of a request."""
    start = tokens = 0
    for i, size in enumerate(sizes):
        if i > start and (i - start == BATCH_TEXTS or tokens + size > BATCH_TOKENS):
            yield slice(start, i)
            start, tokens = i, 0
        tokens += size
    if start < len(sizes):
        yield slice(start, len(sizes))


def _used(answer: dict[str, Any], estimate: int) -> int:
    """Return the tokens that a server counted, or the estimate where it counts none."""
    usage = answer.get("usage")
    counted = usage.get("total_tokens") if isinstance(usage, dict) else None
    return counted if isinstance(counted, int) and counted > 0 else estimate


def _checked(answer: dict[str, Any], inputs: list[str], dim: int | None) -> NDArray[np.float32]:
    """Return the vectors of an answer in the order of the inputs; `ValueError` names a fault."""
    data = answer.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise ValueError("the field data of the answer is no list of embeddings")
    if len(data) != len(inputs):
        raise ValueError(f"the field data has {len(data)} embeddings for {len(inputs)} texts")
    indices = [entry.get("index", i) for i, entry in enumerate(data)]
    if sorted(map(str, indices)) != sorted(map(str, range(len(inputs)))):
        raise ValueError("the fields index in data are not those of the texts, each once")
    vectors = _matrix([entry.get("embedding") for entry in data], dim)
    if len(set(inputs)) >= 8 and not np.ptp(vectors, axis=0).any():
        raise ValueError(f"{len(inputs)} texts have one and the same data[].embedding")
    ordered = np.empty_like(vectors)
    ordered[[int(index) for index in indices]] = vectors
    scaled = ordered / np.abs(ordered).max(axis=1, keepdims=True)  # no underflow in float32
    return unit_rows(scaled.astype(np.float32))


def _matrix(rows: list[Any], dim: int | None) -> NDArray[np.float64]:
    """Return embeddings as a matrix; `ValueError` for widths and values that cannot be right."""
    widths = sorted({len(row) if isinstance(row, list) else 0 for row in rows})
    width = widths[0]
    if len(widths) > 1 or not MIN_DIM <= width <= MAX_DIM or (dim is not None and width != dim):
        expected = f"{MIN_DIM} to {MAX_DIM:,}, all alike" if dim is None else str(dim)
        raise ValueError(
            f"the lists data[].embedding have {', '.join(map(str, widths))} values, not {expected}"
        )
    for at, row in enumerate(rows):
        if not {*map(type, row)} <= {int, float}:
            raise ValueError(f"data[{at}].embedding has a value that is no number")
        size = max(map(abs, row))
        if not 0 < size <= MAX_VALUE or not all(map(math.isfinite, row)):
            raise ValueError(
                f"data[{at}].embedding is zero, not finite, or has a value above {MAX_VALUE:,.0f}"
            )
    return np.array(rows, np.float64)
