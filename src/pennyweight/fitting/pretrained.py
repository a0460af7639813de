"""Pretrained encoders by name: the one place that knows how to open each kind."""

from pathlib import Path

from pennyweight.config.plan import EncoderPlan, SearchPlan
from pennyweight.encoders.endpoint import MAX_TOKENS, EndpointEncoder, EndpointSettings
from pennyweight.encoders.exported import ExportedEncoder
from pennyweight.encoders.exported_folder import is_exported
from pennyweight.encoders.gguf import GgufEncoder
from pennyweight.encoders.gguf_header import is_gguf
from pennyweight.encoders.operators import Precision
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.token_budget import TokenBudget
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.encoders.weights import find_folder
from pennyweight.errors import PlanError
from pennyweight.fitting.export_cache import exported_once, needs_export

__all__ = ["open_endpoint", "open_pretrained", "with_prefixes"]

DEFAULT_MODEL = "minilm"


def open_pretrained(
    name: str | Path | None = None,
    *,
    precision: Precision = "fp32",
    threads: int | None = None,
    max_tokens: int = READ_TOKENS,
) -> Encoder:
    """Open a pretrained encoder.

    A folder of `pennyweight encoder add` runs as it is, and a BERT-type model from its
    checkpoint. A model of another family is exported once to the cache folder,
    which takes the extra train.

    Parameters
    ----------
    name
        A folder, a GGUF file, a Hugging Face id, or None or ``minilm`` for all-MiniLM-L6-v2.
    precision
        ``fp32``, or ``int8`` matrices.
    threads
        Threads to encode on; by default the cores this process may use.
    max_tokens
        Texts are cut to this many tokens, or to the limit of the model.

    Raises
    ------
    DataError
        Nothing of that name, or a model that cannot be used.
    """
    if name == DEFAULT_MODEL:
        name = None
    if is_gguf(name):
        return GgufEncoder.open(str(name), threads=threads, max_tokens=max_tokens)
    if name is not None:
        folder, short = find_folder(name)
        if needs_export(folder):
            folder = exported_once(folder, short).folder
        if is_exported(folder):
            return ExportedEncoder.open(
                folder, name=short, precision=precision, threads=threads, max_tokens=max_tokens
            )
    return TransformerEncoder.from_pretrained(
        name, precision=precision, threads=threads, max_tokens=max_tokens
    )


def open_endpoint(plan: EncoderPlan) -> EndpointEncoder:
    """Return the encoder of a plan whose name is the address of a server; nothing is sent yet."""
    if plan.model is None:
        raise PlanError(
            f"encoder.model: name the model at {plan.name} (--encoder-model NAME, or model in the "
            "table [encoder] of the plan)"
        )
    settings = EndpointSettings(
        plan.name,
        plan.model,
        key_variable=plan.key_variable,
        max_tokens=plan.max_tokens or MAX_TOKENS,
        timeout=plan.request_timeout,
    )
    budget = TokenBudget(plan.budget_tokens, plan.budget_money, plan.token_price)
    return EndpointEncoder.open(settings, budget=budget)


def with_prefixes(encoder: Encoder, plan: EncoderPlan | SearchPlan) -> Encoder:
    """Return the encoder of a plan with the prompts that the plan overrides."""
    if not plan.has_prefix:
        return encoder
    prompts = encoder.prompts.override(plan.query_prefix, plan.document_prefix)
    table = "search" if isinstance(plan, SearchPlan) else "encoder"
    model = encoder.language_model
    for key, prompt in (("query", prompts.query), ("document", prompts.document)):
        tokens = 0 if model is None else len(model.tokenizer.encode(prompt).ids)
        if model is not None and tokens >= model.max_tokens:
            raise PlanError(
                f"{table}.{key}_prefix fills the {model.max_tokens} tokens that are read, so "
                "nothing of a text is left; shorten it, or raise encoder.max_tokens"
            )
    return encoder.with_prompts(prompts)
