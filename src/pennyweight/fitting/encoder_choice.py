"""The encoders of scorers, from the name of one in a plan or from an encoder object."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from pennyweight.config.plan import EncoderPlan
from pennyweight.data.catalog import Catalog
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.endpoint_client import is_endpoint, parse_endpoint
from pennyweight.encoders.gguf_header import is_gguf, read_header
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder, Progress, TableEncoder
from pennyweight.encoders.registry import ENCODERS
from pennyweight.encoders.static import distil
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.encoders.weights import OF_DEFAULT, may_be_model
from pennyweight.errors import DataError, PlanError, did_you_mean
from pennyweight.fitting.pretrained import open_endpoint, open_pretrained, with_prefixes
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.two_tower_training import default_dim
from pennyweight.validation.language import MUCH, unread

__all__ = [
    "Encoders",
    "check_encoder",
    "check_prefixes",
    "check_server_settings",
    "choose_encoders",
    "encoder_names",
    "encoders_of",
    "prompts_used",
    "uses_language_model",
]

_log = logging.getLogger(__name__)

OF_WORDS = ("tfidf", "bow", "word2vec")  # encoders that need no language model
# Kinds that no plan names.
OF_OTHER_NAMES = ("lexical", "static", "transformer", "projected", "endpoint", "gguf", "onnx")
OF_TABLE = ("auto", "static")  # of the language model, its token table alone


@dataclass(frozen=True)
class Encoders:
    """The encoders of the scorers.

    Attributes
    ----------
    content
        Dense vectors for content, or None for sparse TF-IDF.
    table
        The token table that the tower starts from, or None where no text has a word.
    name
        Name of the choice in a report.
    model
        Whether a language model is behind it.
    """

    content: Encoder | None
    table: TableEncoder | None
    name: str
    model: bool = False

    def without_model(self, catalog: Catalog) -> "Encoders":
        """Return the encoders that do best without the language model: the catalog's words."""
        dim = self.table.dim if self.table is not None else default_dim(len(catalog))
        return Encoders(None, _lexical(catalog, dim), "tfidf")


def encoder_names() -> tuple[str, ...]:
    """Return the names that an encoder may have, besides those of models."""
    kinds = [name for name in ENCODERS.names() if name not in (*OF_OTHER_NAMES, *OF_WORDS)]
    return (*OF_DEFAULT, *OF_WORDS, *kinds)


def check_encoder(name: str) -> None:
    """Raise `PlanError` where no encoder can have the name."""
    names = encoder_names()
    if is_endpoint(name):
        parse_endpoint(name)
    elif is_gguf(name):
        read_header(Path(name))
    elif name not in names and not may_be_model(name):
        raise PlanError(
            f"encoder: {name!r} is not one of {', '.join(names)}, no folder and no "
            f"model id (owner/name){did_you_mean(name, names)}"
        )


def check_prefixes(plan: EncoderPlan, own_encoder: Encoder | None = None) -> None:
    """Raise `PlanError` where the plan has prompts for an encoder that takes none from it."""
    if not plan.has_prefix:
        return
    if own_encoder is not None:
        raise PlanError("encoder.query_prefix, document_prefix: give them to the encoder object")
    if not uses_language_model(plan.name)[1]:
        raise PlanError(
            f"encoder.query_prefix, document_prefix: {plan.name!r} puts no prompts before texts; "
            "name a transformer (minilm, a folder, an id) or leave them out"
        )


def check_server_settings(plan: EncoderPlan) -> None:
    """Raise `PlanError` where the plan has settings of a server for another encoder."""
    if is_endpoint(plan.name):
        return
    names = ("model", "key_variable", "budget_tokens", "budget_money", "token_price")
    given = [f"encoder.{name}" for name in names if getattr(plan, name) is not None]
    if given:
        raise PlanError(
            f"{', '.join(given)}: for an encoder at a server, and the encoder is {plan.name!r}; "
            "give the address of the server (--encoder https://host/v1), or leave them out"
        )


def prompts_used(blend: Scorer) -> tuple[str, ...]:
    """Return a sentence for each encoder of a blend that puts prompts before texts."""
    encoders = [scorer.encoder for scorer in blend.components.values()]
    if blend.search is not None:
        encoders.append(blend.search.embeddings.encoder)
    sentences = (e.prompts.sentence(e.name) for e in encoders if e is not None and e.prompts)
    return tuple(dict.fromkeys(sentences))


def uses_language_model(name: str) -> tuple[bool, bool]:
    """Return whether an encoder of this name reads a language model, and encodes texts with it."""
    model = name not in OF_WORDS and (name in OF_DEFAULT or name not in encoder_names())
    return model, model and name not in OF_TABLE


def choose_encoders(
    plan: EncoderPlan,
    catalog: Catalog,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Encoders:
    """Return the encoders a plan names.

    ``auto`` and ``static`` distil the token table of the language model; ``auto`` falls
    back on words of the catalog where no weights are installed, and says so. ``tfidf``,
    ``bow`` and ``word2vec`` need no language model, nor do names that other packages register.
    ``minilm``, a folder, a Hugging Face id or a server encode the content with the model itself,
    whitened (see `ProjectedEncoder`), and the table is distilled from it.
    """
    width = plan.dim or default_dim(len(catalog))
    if plan.name in OF_WORDS and plan.name != "word2vec":
        return Encoders(None, _lexical(catalog, width), plan.name)
    by_kind = plan.name in encoder_names() and plan.name not in OF_DEFAULT
    kind = ENCODERS.find(plan.name) if by_kind else None
    if kind is not None:
        encoder = kind.fit(catalog.texts, dim=width)
        return replace(encoders_of(encoder, catalog, plan), name=plan.name)
    model = None if plan.name in OF_DEFAULT else plan.name
    try:
        encoder = (
            open_endpoint(plan)
            if is_endpoint(plan.name)
            else open_pretrained(
                model,
                precision=plan.precision,
                threads=threads,
                max_tokens=plan.max_tokens or READ_TOKENS,
            )
        )
        encoder = with_prefixes(encoder, plan)
    except DataError as error:
        if plan.name != "auto":
            raise
        _log.warning("no language model: %s; the words of the catalog serve instead", error)
        return Encoders(None, _lexical(catalog, width), "tfidf (no language model installed)")
    if plan.name in OF_DEFAULT and (foreign := unread(catalog.texts)).share >= MUCH:
        _log.warning(
            "%s; use --encoder tfidf (encoder='tfidf'), which reads every script, or name "
            "the folder of a multilingual model (--encoder FOLDER)",
            foreign,
        )
    encoders = encoders_of(encoder, catalog, plan, progress=progress)
    if plan.name in OF_TABLE and encoders.table is not None:
        return Encoders(None, encoders.table, encoders.table.name, model=True)
    vectors = encode_cached(encoder, catalog.texts, progress=progress)
    whitened = ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim)
    return replace(encoders, content=whitened, model=True)


def encoders_of(
    encoder: Encoder, catalog: Catalog, plan: EncoderPlan, *, progress: Progress | None = None
) -> Encoders:
    """Return the encoders of scorers for a given encoder of content.

    Content encodes with it as it is. The token table is its own, that of the language model behind
    it, or else one of the catalog's words.
    """
    width, model = plan.dim or default_dim(len(catalog)), encoder.language_model
    table = encoder.token_table
    if model is not None:
        table = distil(model, dim=min(width, model.dim), texts=catalog.texts, progress=progress)
    elif table is None:
        table = _lexical(catalog, width)
    return Encoders(encoder, table, encoder.name, model=model is not None)


def _lexical(catalog: Catalog, dim: int) -> TableEncoder | None:
    try:
        return LexicalEncoder.fit(catalog.texts, dim=dim)
    except DataError:  # no text has a word
        return None
