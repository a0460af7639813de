"""Forecast of the memory of a training."""

from pennyweight.errors import BudgetError
from pennyweight.machine.machine import available_memory
from pennyweight.training.learner import Learner

__all__ = ["check_memory", "training_bytes"]

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


def check_memory(learner: Learner, available: int | None = None) -> None:
    """Raise `BudgetError` with the arithmetic where the terms add up to more than there is."""
    terms = training_bytes(learner)
    available = available_memory() if available is None else available
    total = sum(terms.values())
    if total > available:
        sums = " + ".join(f"{name} {size / 2**30:.1f}" for name, size in terms.items())
        raise BudgetError(
            f"this training needs about {total / 2**30:.1f} GiB ({sums}) and "
            f"{available / 2**30:.1f} GiB are available; lower chunk_tokens or max_tokens, let "
            "fewer layers learn, or start from a smaller model"
        )
