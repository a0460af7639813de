"""Forecast of the memory of a training."""

from collections.abc import Mapping

from pennyweight.errors import BudgetError
from pennyweight.machine.machine import available_memory
from pennyweight.training.learner import Learner
from pennyweight.training.retrieval import RetrievalSettings

__all__ = ["check_memory", "head_bytes", "training_bytes"]

FLOAT = 4
LAYER_FLOATS = 16  # kept for the way back, a token and a layer, in widths of a token
INNER_FLOATS = 2  # and in widths of the feed-forward part


def training_bytes(learner: Learner) -> dict[str, int]:
    """Return the larger terms of the memory that training needs, in bytes, by name."""
    bert, texts = learner.bert, learner.texts
    trained = sum(tensor.numel() for tensor in learner.parameters.values())
    floats = sum(
        LAYER_FLOATS * bert.width + INNER_FLOATS * len(bert.layer(layer)["intermediate.dense.bias"])
        for layer in range(learner.start, bert.depth)
    )
    terms = {
        # Gradients, two moments, the best so far; and all but gradients once more in a checkpoint.
        "learning tensors": (1 + 2 + 1 + 4) * FLOAT * trained,
        "a step's activations": FLOAT * floats * learner.chunk_tokens,
        "vectors": 4 * FLOAT * bert.dim * (len(texts) + len(texts.of_item)),
    }
    if not learner.trains_embeddings:
        terms["remembered states"] = 2 * bert.width * int(texts.length.sum())
    return terms


def head_bytes(width: int, texts: int, settings: RetrievalSettings) -> dict[str, int]:
    """Return the same for the training of a head on a model's vectors of a width."""
    rows = min(texts, settings.batch * (settings.newest + 1) + settings.negatives)
    layer = 4 * (width + settings.hidden) + 3 * settings.dim  # values, masks and gradients
    candidates = min(texts, settings.batch + settings.negatives)
    return {
        "vectors": 3 * FLOAT * width * texts,
        "a step's activations": FLOAT * layer * rows,
        "a step's scores": 4 * FLOAT * settings.batch * candidates,
    }


def check_memory(terms: Mapping[str, int], remedy: str, available: int | None = None) -> None:
    """Raise `BudgetError` with the arithmetic where the terms add up to more than there is."""
    available = available_memory() if available is None else available
    total = sum(terms.values())
    if total > available:
        sums = " + ".join(f"{name} {size / 2**30:.1f}" for name, size in terms.items())
        raise BudgetError(
            f"this training needs about {total / 2**30:.1f} GiB ({sums}) and "
            f"{available / 2**30:.1f} GiB are available; {remedy}"
        )
