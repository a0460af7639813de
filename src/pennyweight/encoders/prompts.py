"""Prompts: fixed text that a model was trained to see before a query or a document."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pennyweight.errors import DataError

__all__ = ["FILE", "NO_PROMPTS", "Prompts", "known_prompts", "read_prompts"]

FILE = "config_sentence_transformers.json"
DOCUMENT_NAMES = ("document", "passage", "corpus")  # in this order, as sentence-transformers
WRITER = "pennyweight"  # in the file's versions: its prompts count, empty ones too


@dataclass(frozen=True)
class Prompts:
    """The texts to put before a search text and before an item's text; empty for none."""

    query: str = ""
    document: str = ""

    def __bool__(self) -> bool:
        return bool(self.query or self.document)

    def override(self, query: str | None, document: str | None) -> "Prompts":
        """Return the prompts with those replaced that are not None."""
        return Prompts(
            self.query if query is None else query,
            self.document if document is None else document,
        )

    def sentence(self, encoder: str) -> str:
        """Return a sentence for a report."""
        parts = []
        if self.document:
            parts.append(f"{self.document!r} before item texts")
        if self.query:
            parts.append(f"{self.query!r} before search texts")
        return f"the encoder {encoder} puts {' and '.join(parts)}"

    def to_config(self) -> dict[str, Any]:
        """Return the contents of `FILE` for these prompts."""
        return {
            "__version__": {WRITER: "1"},
            "prompts": {"query": self.query, "document": self.document},
            "default_prompt_name": None,
        }


NO_PROMPTS = Prompts()
WEB_SEARCH = "Given a web search query, retrieve relevant passages that answer the query"
PASSAGES = "Represent this sentence for searching relevant passages: "
# A pattern of a model's name -> the prompts of its model card; the first match counts.
KNOWN = (
    (r"\be5-.*instruct", Prompts(f"Instruct: {WEB_SEARCH}\nQuery: ")),
    (r"\be5-(small|base|large)", Prompts("query: ", "passage: ")),
    (r"\bbge-(small|base|large)-en", Prompts(PASSAGES)),
    (r"\bbge-(small|base|large)-zh", Prompts("为这个句子生成表示以用于检索相关文章：")),
    (r"\bnomic-embed-text", Prompts("search_query: ", "search_document: ")),
    (r"\barctic-embed.*v2", Prompts("query: ")),
    (r"\b(arctic|mxbai)-embed", Prompts(PASSAGES)),
    (r"\bqwen3-embedding", Prompts(f"Instruct: {WEB_SEARCH}\nQuery:")),
    (r"\bembedding-?gemma", Prompts("task: search result | query: ", "title: none | text: ")),
)


def known_prompts(name: str) -> Prompts:
    """Return the prompts of a family of models that `name` belongs to; none for other names."""
    for pattern, prompts in KNOWN:
        if re.search(pattern, name, re.IGNORECASE):
            return prompts
    return NO_PROMPTS


def read_prompts(config: Mapping[str, Any] | None, *names: str) -> Prompts:
    """Return the prompts of a model.

    Those of its `FILE` count if one of them is not empty; otherwise, those that are known for
    the family that its name tells.

    Parameters
    ----------
    config
        The contents of `FILE`; None where there is none.
    names
        The name of the model, and that of the model it was made from.

    Raises
    ------
    DataError
        The file does not map names to texts.
    """
    stored = (config or {}).get("prompts") or {}
    texts = stored.values() if isinstance(stored, dict) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise DataError("prompts: not a mapping from names to texts; correct or remove the file")
    versions = (config or {}).get("__version__")
    if any(texts) or (isinstance(versions, dict) and WRITER in versions):
        default = str((config or {}).get("default_prompt_name"))
        return Prompts(_first(stored, "query", default), _first(stored, *DOCUMENT_NAMES, default))
    return next(filter(None, map(known_prompts, names)), NO_PROMPTS)


def _first(prompts: Mapping[str, str], *names: str) -> str:
    return next((prompts[name] for name in names if name in prompts), "")
