"""Retrieval: a history, as the mean of its items' vectors, is to be near the next item."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from pennyweight.data.interactions import Histories
from pennyweight.errors import DataError
from pennyweight.training.losses import contrastive
from pennyweight.training.settings import TrainSettings
from pennyweight.training.tasks import Pairs, TextBatch
from pennyweight.training.token_texts import Codes, Texts

__all__ = ["Retrieval", "RetrievalSettings"]


@dataclass(frozen=True)
class RetrievalSettings(TrainSettings):
    """How a head is trained to find the next item.

    The defaults take about two minutes on an idle core for 12,000 titles. Training does not stop
    early by default: where few steps are taken, quality falls before it rises.

    Attributes
    ----------
    negatives
        Texts drawn a step, besides the targets of the batch.
    dim, hidden, dropout
        See `Head`.
    """

    steps: int = 400
    batch: int = 1024
    learning_rate: float = 2e-3
    every: int = 50
    patience: int = 8
    temperature: float = 0.07
    newest: int = 20
    negatives: int = 2000
    dim: int = 256
    hidden: int = 512
    dropout: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("negatives", "dim", "hidden"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} is {getattr(self, name)}; at least 1")
        if not 0 <= self.dropout < 1:
            raise DataError(f"dropout is {self.dropout}; from 0 to below 1")


class Retrieval:
    """Every next item of a history, contrasted with others of the catalog.

    Its query is the decayed mean of the events before it, as the content scorer has it. The others
    are the targets of the batch and a uniform draw among texts with events; those that the user
    has met in training are no negatives, and items with equal texts are one. An item that is new
    to a history is a target even if its text is not: variants of one product follow each other.
    """

    def __init__(
        self, histories: Histories, texts: Texts, settings: RetrievalSettings, *, repeats: bool
    ) -> None:
        self.pairs, self.settings = Pairs(histories, texts, settings, repeats=repeats), settings
        item, user = self.pairs.item, self.pairs.user
        first = np.zeros(len(item), bool)
        first[np.unique(user * len(texts.of_item) + item, return_index=True)[1]] = True
        after = np.arange(len(item)) > self.pairs.begin
        self.examples = 2 * np.flatnonzero(after & (first | repeats)) + 1  # of longer histories
        self.drawn = np.unique(self.pairs.text)
        self.negatives = min(settings.negatives, len(self.drawn))

    def batch(self, examples: Codes) -> TextBatch:
        """Return the texts of histories and candidates, and their contrastive loss."""
        pairs, at = self.pairs, examples // 2
        # A function of the examples, so that a training that goes on draws the same.
        random = np.random.default_rng([self.settings.seed, len(at), int(examples.sum())])
        drawn = random.choice(self.drawn, self.negatives, replace=False, shuffle=False)
        candidates = np.union1d(pairs.text[at], drawn)
        mixture = pairs.mixture(examples)
        texts = np.union1d(mixture.indices, candidates)
        read = torch.from_numpy(np.searchsorted(texts, mixture.indices))
        offsets, weight = torch.from_numpy(mixture.indptr[:-1].astype(np.int64)), mixture.data
        among = torch.from_numpy(np.searchsorted(texts, candidates))
        chosen = torch.from_numpy(np.searchsorted(candidates, pairs.text[at]))
        blocked = torch.from_numpy(pairs.met[pairs.user[at]][:, candidates].toarray())

        def loss(vectors: torch.Tensor) -> torch.Tensor:
            history = functional.embedding_bag(
                read, vectors, offsets, mode="sum", per_sample_weights=torch.from_numpy(weight)
            )
            return contrastive(
                functional.normalize(history, dim=1),
                vectors[among],
                chosen,
                blocked,
                torch.zeros(len(candidates)),
                self.settings.temperature,
            )

        return TextBatch(texts, loss)
