"""Losses of the training."""

import torch
from torch.nn import functional

__all__ = ["contrastive", "similarity", "toward"]

NEVER = -1e9


def contrastive(
    query: torch.Tensor,
    candidates: torch.Tensor,
    chosen: torch.Tensor,
    blocked: torch.Tensor,
    log_chance: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Return the softmax loss over in-batch candidates (InfoNCE, van den Oord et al. 2018).

    Parameters
    ----------
    query
        Unit vectors, (n, width).
    candidates
        Unit vectors of the distinct targets of the batch, (m, width).
    chosen
        Position of the candidate that followed each query, int64 (n,).
    blocked
        Candidates that are no negatives of a query, bool (n, m).
    log_chance
        Log of each candidate's chance of being one, (m,); taken off every logit but the
        target's own (Yi et al., RecSys 2019, eq. 3).
    """
    is_target = functional.one_hot(chosen, len(candidates)).bool()
    logit = query @ candidates.T / temperature
    logit = logit - torch.where(is_target, 0.0, log_chance)
    return functional.cross_entropy(logit.masked_fill(blocked & ~is_target, NEVER), chosen)


def toward(vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return one minus the mean cosine of unit vectors and their targets, both (n, width)."""
    return 1 - (vectors * targets).sum(dim=1).mean()


def similarity(vectors: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return how far the batch's similarities are from those of the targets.

    The Kullback-Leibler divergence from softmax(targets @ targets.T / temperature) to that of
    the vectors, a row a text without itself: which of the others are near counts, more than
    how near (Passalis & Tefas, ECCV 2018). Widths may differ.
    """
    if len(vectors) < 2:
        return vectors.sum() * 0
    self_pair = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)

    def odds(rows: torch.Tensor) -> torch.Tensor:
        cosines = (rows @ rows.T / temperature).masked_fill(self_pair, NEVER)
        return functional.log_softmax(cosines, dim=1)

    return functional.kl_div(odds(vectors), odds(targets), reduction="batchmean", log_target=True)
