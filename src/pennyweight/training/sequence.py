"""Training of the sequence scorer, with torch.

Item i has the vector  v_i = unit(t_i M + r_i)  where t_i is where it starts (frozen), M a
learned map and r_i a learned vector of its own, from zero. A causal transformer (SASRec,
Kang & McAuley, ICDM 2018) reads the vectors of a history; its output at each event is to
be near the next item. Loss, candidates and the correction for their chance of being drawn
are those of `pennyweight.scorers.two_tower_training`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Histories
from pennyweight.errors import MissingExtraError
from pennyweight.scorers.sequence import SequenceSettings
from pennyweight.training.pairs import TrainingSequences
from pennyweight.training.threads import torch_threads

try:
    import torch
    from torch.nn import functional
except ImportError as error:
    raise MissingExtraError("the sequence scorer", "train") from error

__all__ = ["forward", "train_sequence"]

Float = NDArray[np.float32]
Tensors = dict[str, torch.Tensor]

WARM_UP_STEPS = 50
START_DECAY = 0.7  # attention starts out falling by this with each step back
TINY = 1e-6


def train_sequence(
    item_vectors: Float,
    histories: Histories,
    settings: SequenceSettings,
    *,
    seed: int = 0,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Float]:
    """Return the weights that `pennyweight.scorers.causal_transformer.read` reads.

    Parameters
    ----------
    item_vectors
        Where the items start, float32 (n_items, any width).
    histories
        Whole training histories.
    progress
        Called with (steps done, steps in total).
    """
    with torch_threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _train(
            item_vectors, TrainingSequences(histories, settings), settings, seed, progress
        )


def _train(
    item_vectors: Float,
    pairs: TrainingSequences,
    settings: SequenceSettings,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> dict[str, Float]:
    rng = np.random.default_rng(seed)
    start = torch.from_numpy(np.array(item_vectors, np.float32))
    weights = _start(start, settings)
    item_parts = torch.zeros(len(start), weights["map"].shape[1], requires_grad=True)
    optimizers = [
        torch.optim.Adam(list(weights.values()), settings.learning_rate),
        torch.optim.SparseAdam([item_parts], settings.learning_rate),
    ]
    log_chance = torch.from_numpy(pairs.log_chance(len(start)))
    batches = [batch for _ in range(settings.epochs) for batch in pairs.epoch(rng)]
    for done, batch in enumerate(batches):
        factor = min(1.0, (done + 1) / WARM_UP_STEPS, 1 - done / len(batches))
        for optimizer in optimizers:
            optimizer.zero_grad()
            optimizer.param_groups[0]["lr"] = settings.learning_rate * factor
        loss = _loss(weights, start, item_parts, pairs, batch, log_chance, rng)
        if loss is not None:
            torch.autograd.backward(loss)
            for optimizer in optimizers:
                optimizer.step()
        if progress is not None:
            progress(done + 1, len(batches))
    with torch.no_grad():
        trained = {**weights, "items": _unit(start @ weights.pop("map") + item_parts)}
        trained.pop("map")
        return {name: value.detach().numpy().copy() for name, value in trained.items()}


def _start(start: torch.Tensor, settings: SequenceSettings) -> Tensors:
    """Return the weights before training: a transformer that passes on the newest event."""
    dim = min(settings.dim, start.shape[1])
    dim = max(1, dim // settings.heads) * settings.heads
    # The map begins as the principal directions of where the items start.
    directions = torch.linalg.eigh(start.T @ start)[1].flip(1)[:, :dim]
    weights = {"map": functional.pad(directions, (0, dim - directions.shape[1]))}
    decay = float(np.log(START_DECAY))
    for layer in range(settings.layers):
        for name in ("query", "key", "value", "up"):
            weights[f"{layer}.{name}"] = torch.randn(dim, dim) / dim**0.5
        for name in ("out", "down"):
            weights[f"{layer}.{name}"] = torch.randn(dim, dim) * (0.1 / dim)
        for name in ("up_bias", "down_bias"):
            weights[f"{layer}.{name}"] = torch.zeros(dim)
        for name in ("attend", "think"):
            weights[f"{layer}.{name}"] = torch.ones(dim)
        lag = decay * torch.arange(settings.max_history, dtype=torch.float32)
        weights[f"{layer}.lag"] = lag.repeat(settings.heads, 1)
    return {name: value.contiguous().requires_grad_() for name, value in weights.items()}


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return rows / (rows.square().sum(-1, keepdim=True) + TINY).sqrt()


def _loss(
    weights: Tensors,
    start: torch.Tensor,
    item_parts: torch.Tensor,
    pairs: TrainingSequences,
    batch: NDArray[np.int64],
    log_chance: torch.Tensor,
    rng: np.random.Generator,
) -> torch.Tensor | None:
    """Return the sampled softmax over one batch, or None where nothing is to be learned."""
    settings = pairs.settings
    inputs, targets, is_target = pairs.padded(batch)
    targets = targets[is_target]
    if not len(targets):
        return None
    n = len(start)
    negatives = rng.choice(n, min(settings.negatives, n), replace=False, shuffle=False)
    candidates = np.union1d(targets, negatives)
    rows = np.union1d(candidates, inputs)
    id_weight = torch.from_numpy((rng.random(len(rows)) >= settings.id_dropout).astype(np.float32))
    at = torch.from_numpy(rows)
    vectors = functional.embedding(at, item_parts, sparse=True) * id_weight[:, None]
    vectors = _unit(start[at] @ weights["map"] + vectors)
    x = functional.embedding(torch.from_numpy(np.searchsorted(rows, inputs)), vectors)
    query = _unit(forward(weights, x, settings, train=True)[torch.from_numpy(is_target)])
    among = torch.from_numpy(np.searchsorted(rows, candidates))
    logit = query @ functional.embedding(among, vectors).T / settings.temperature
    chosen = torch.from_numpy(np.searchsorted(candidates, targets))
    # Off every logit but the target's own, as in `pennyweight.scorers.two_tower_training`.
    correction = log_chance[torch.from_numpy(candidates)]
    logit = logit - correction
    own_correction = torch.zeros_like(logit).scatter_(
        1, chosen[:, None], correction[chosen][:, None]
    )
    return functional.cross_entropy(logit + own_correction, chosen)


def forward(
    weights: Tensors, x: torch.Tensor, settings: SequenceSettings, *, train: bool = False
) -> torch.Tensor:
    """Return the output at each event, (n, width, dim), of histories side by side from the left."""
    n, width, dim = x.shape
    lag = torch.arange(width)[:, None] - torch.arange(width)
    x = functional.dropout(x, settings.dropout, train)

    def split(rows: torch.Tensor) -> torch.Tensor:
        return rows.view(n, width, settings.heads, -1).transpose(1, 2)

    for layer in range(settings.layers):
        part = {k.split(".")[1]: v for k, v in weights.items() if k.startswith(f"{layer}.")}
        y = functional.layer_norm(x, (dim,), part["attend"])
        query, key, value = (split(y @ part[name]) for name in ("query", "key", "value"))
        bias = part["lag"][:, lag.clamp(min=0)].masked_fill(lag < 0, -1e9)
        odds = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5 + bias
        taken = (odds.softmax(-1) @ value).transpose(1, 2).reshape(n, width, dim) @ part["out"]
        x = x + functional.dropout(taken, settings.dropout, train)
        y = functional.layer_norm(x, (dim,), part["think"])
        y = functional.relu(y @ part["up"] + part["up_bias"]) @ part["down"] + part["down_bias"]
        x = x + functional.dropout(y, settings.dropout, train)
    return x
