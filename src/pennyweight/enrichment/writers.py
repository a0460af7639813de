"""Generative models that write about items: a GGUF file here, or a server."""

from functools import cached_property
from pathlib import Path
from typing import Protocol

from pennyweight.encoders.endpoint_client import EndpointClient, is_endpoint
from pennyweight.encoders.gguf_header import is_gguf, read_header
from pennyweight.encoders.gguf_runtime import GgufModel
from pennyweight.encoders.token_budget import TokenBudget, estimate_tokens
from pennyweight.enrichment.messages import ANSWER_TOKENS, SCHEMA, messages
from pennyweight.errors import EndpointError, PlanError
from pennyweight.storage.files import digest, file_sha256

__all__ = ["EndpointWriter", "GenerativeModel", "GgufWriter", "open_writer"]

MAX_TOKENS = 2_048  # of a question with its answer


class GenerativeModel(Protocol):
    """Answers one question at a time; the likeliest answer, no sampling.

    Attributes
    ----------
    budget
        Tokens to pay for.
    """

    budget: TokenBudget

    @property
    def fingerprint(self) -> str:
        """Hash over the model: equal fingerprints may share answers."""
        ...

    def write(self, text: str) -> str:
        """Return the answer for the text of an item."""
        ...


class GgufWriter:
    """A model in a GGUF file, whose answers are JSON by a grammar."""

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.header = read_header(path)
        self.path, self.threads, self.budget = path, threads, TokenBudget()

    @cached_property
    def fingerprint(self) -> str:
        """Hash over the file."""
        return digest("gguf", file_sha256(self.path))

    @cached_property
    def _model(self) -> GgufModel:
        limit = min(MAX_TOKENS, self.header.max_tokens or MAX_TOKENS)
        return GgufModel(self.path, max_tokens=limit, threads=self.threads)

    def write(self, text: str) -> str:
        """Return the answer for the text of an item."""
        return self._model.chat(messages(text), schema=SCHEMA, max_tokens=ANSWER_TOKENS)


class EndpointWriter:
    """A model at a server (``POST /chat/completions``)."""

    def __init__(self, client: EndpointClient, model: str, budget: TokenBudget) -> None:
        self.client, self.model, self.budget = client, model, budget

    @property
    def fingerprint(self) -> str:
        """Hash over the address and the name of the model."""
        return digest("endpoint", self.client.parts.geturl().rstrip("/"), self.model)

    def write(self, text: str) -> str:
        """Return the answer for the text of an item; errors as of `EndpointClient.post`.

        Raises
        ------
        BudgetError
            The question and its answer may pass the budget; it was not sent.
        """
        asked = messages(text)
        coming = sum(estimate_tokens(message["content"]) for message in asked) + ANSWER_TOKENS
        self.budget.check(coming)
        body = {
            "model": self.model,
            "messages": asked,
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS,
            "response_format": {"type": "json_object"},
        }
        answer = self.client.post("/chat/completions", body)
        usage = answer.get("usage")
        counted = usage.get("total_tokens") if isinstance(usage, dict) else None
        self.budget.used += counted if isinstance(counted, int) and counted > 0 else coming
        try:
            content = answer["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            raise EndpointError(f"{self.client.host}: the answer has no message") from None
        return content if isinstance(content, str) else ""


def open_writer(
    name: str,
    *,
    model: str | None = None,
    budget: TokenBudget | None = None,
    key_variable: str | None = None,
    threads: int | None = None,
) -> GenerativeModel:
    """Return the writer of a name: a GGUF file, or the address of a server with a model there."""
    if is_gguf(name):
        return GgufWriter(Path(name), threads=threads)
    if not is_endpoint(name):
        raise PlanError(f"model {name!r}: a GGUF file, or a server such as https://host/v1")
    if model is None:
        raise PlanError(f"name the model at {name} (--model-name NAME)")
    client = EndpointClient(name, key_variable=key_variable)
    return EndpointWriter(client, model, budget or TokenBudget())
