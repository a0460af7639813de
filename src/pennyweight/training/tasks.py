"""Training tasks in batches: pairs of texts that go together, and target vectors of texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch.nn import functional

from pennyweight.data.interactions import Histories
from pennyweight.errors import DataError
from pennyweight.training.losses import contrastive, similarity, toward
from pennyweight.training.settings import TrainSettings
from pennyweight.training.token_texts import Codes, Texts

__all__ = ["Both", "Loss", "Nested", "Pairs", "Targets", "Task", "TextBatch", "order"]

Loss = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class TextBatch:
    """Texts, and the loss of their vectors, float32 (len(texts), width)."""

    texts: Codes
    loss: Loss


class Task(Protocol):
    """Examples by number, and the batch that some of them make."""

    @property
    def examples(self) -> Codes:
        """The numbers of all examples, int64."""
        ...

    def batch(self, examples: Codes) -> TextBatch:
        """Return the texts of some examples and their loss."""
        ...


class Pairs:
    """Histories, each with the next item, contrasted with the other items of the batch.

    Every event but the first of a history is a target twice: of the one event before it, and
    of the decayed mean of the newest events before it. Events without weight or words are
    left out. Items that a user has met in training are no negatives for that user, and items with
    equal texts are one candidate.
    """

    def __init__(
        self, histories: Histories, texts: Texts, settings: TrainSettings, *, repeats: bool
    ) -> None:
        self.settings, self.n_texts = settings, len(texts)
        keep = (histories.weight > 0) & (texts.of_item[histories.item] >= 0)
        self.item = histories.item[keep]
        self.text = texts.of_item[self.item]
        self.weight, self.user = histories.weight[keep], histories.row[keep]
        place = np.arange(len(self.text))
        self.begin = np.searchsorted(self.user, self.user)  # where each event's history begins
        first = np.zeros(len(self.text), bool)
        first[np.unique(self.user * self.n_texts + self.text, return_index=True)[1]] = True
        targets = np.flatnonzero((place > self.begin) & (first | repeats))
        self.examples = np.concatenate([2 * targets, 2 * targets + 1])
        if len(np.unique(self.text[targets])) < 2:
            raise DataError(
                "tuning on pairs needs histories that lead to at least two different texts; "
                f"there are {len(targets)} pairs and {self.n_texts} texts"
            )
        self.met = sparse.csr_matrix(
            (np.ones(len(self.text), bool), (self.user, self.text)),
            shape=(len(histories), self.n_texts),
        )
        share = np.bincount(self.text[targets], minlength=self.n_texts) / len(targets)
        chance = 1 - (1 - share) ** min(settings.batch, len(self.examples))
        self.log_chance = np.log(np.clip(chance, 1e-9, 1)).astype(np.float32)

    def mixture(self, examples: Codes) -> sparse.csr_matrix:
        """Return the decayed history of each example, csr (len(examples), n_texts)."""
        at = examples // 2
        max_length = np.where(examples % 2, self.settings.newest, 1)
        length = np.minimum(at - self.begin[at], max_length)
        offsets = np.concatenate([[0], np.cumsum(length)])
        lag = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
        event = np.repeat(at, length) - 1 - lag
        weight = (self.settings.decay**lag * self.weight[event]).astype(np.float32)
        shape = (len(at), self.n_texts)
        return sparse.csr_matrix((weight, self.text[event], offsets), shape=shape)

    def batch(self, examples: Codes) -> TextBatch:
        """Return the texts of histories and targets, and their contrastive loss."""
        at, mixture = examples // 2, self.mixture(examples)
        candidates, chosen = np.unique(self.text[at], return_inverse=True)
        texts = np.union1d(mixture.indices, candidates)
        mix = torch.from_numpy(mixture[:, texts].toarray())
        among = torch.from_numpy(np.searchsorted(texts, candidates))
        blocked = torch.from_numpy(self.met[self.user[at]][:, candidates].toarray())
        log_chance = torch.from_numpy(self.log_chance[candidates])
        choice = torch.from_numpy(chosen)

        def loss(vectors: torch.Tensor) -> torch.Tensor:
            device = vectors.device
            return contrastive(
                functional.normalize(mix.to(device) @ vectors, dim=1),
                vectors[among.to(device)],
                choice.to(device),
                blocked.to(device),
                log_chance.to(device),
                self.settings.temperature,
            )

        return TextBatch(texts, loss)


class Targets:
    """Vectors that the texts' own should come near, one a text: of a teacher, or of behavior.

    Parameters
    ----------
    targets
        float32 (n_texts, width of the model); a row of zeros is no target.
    """

    def __init__(self, targets: NDArray[np.float32], settings: TrainSettings) -> None:
        self.targets, self.settings = torch.from_numpy(targets), settings
        self.examples = np.flatnonzero(targets.any(axis=1))
        if not len(self.examples):
            raise DataError("no text has a target to learn: give a catalog with texts and events")

    def batch(self, examples: Codes) -> TextBatch:
        """Return texts, and how far their vectors and similarities are from the targets'."""
        targets = self.targets[torch.from_numpy(examples)]

        def loss(vectors: torch.Tensor) -> torch.Tensor:
            expected = targets.to(vectors.device)
            divergence = similarity(vectors, expected, self.settings.temperature)
            if vectors.shape != expected.shape:  # of fewer components
                return divergence
            return toward(vectors, expected) + self.settings.similarity * divergence

        return TextBatch(examples, loss)


class Both:
    """Pairs, whose texts are held near their targets as well."""

    def __init__(self, pairs: Pairs, targets: Targets) -> None:
        self.pairs, self.targets = pairs, targets
        self.examples = pairs.examples

    def batch(self, examples: Codes) -> TextBatch:
        """Return the texts of the pairs, and the sum of both losses."""
        batch = self.pairs.batch(examples)
        with_target = np.flatnonzero(np.isin(batch.texts, self.targets.examples))
        if not len(with_target):
            return batch
        rows, held = torch.from_numpy(with_target), self.targets.batch(batch.texts[with_target])

        def loss(vectors: torch.Tensor) -> torch.Tensor:
            return batch.loss(vectors) + held.loss(vectors[rows.to(vectors.device)])

        return TextBatch(batch.texts, loss)


class Nested:
    """A task whose loss the leading components bear by themselves too, with the same weight.

    Matryoshka representation learning (Kusupati et al., NeurIPS 2022, equation 1). Of targets,
    fewer components learn the similarities alone.
    """

    def __init__(self, task: Task, widths: Sequence[int]) -> None:
        self.task, self.widths = task, widths
        self.examples = task.examples

    def batch(self, examples: Codes) -> TextBatch:
        """Return the texts of the task, and the sum of the losses of every width."""
        batch = self.task.batch(examples)

        def loss(vectors: torch.Tensor) -> torch.Tensor:
            cuts = [functional.normalize(vectors[:, :width], dim=1) for width in self.widths]
            return torch.stack([batch.loss(rows) for rows in (vectors, *cuts)]).sum()

        return TextBatch(batch.texts, loss)


def order(task: Task, settings: TrainSettings, step: int) -> Codes:
    """Return the examples of a step: a function of seed and step, so that nothing is remembered."""
    batches = max(1, -(-len(task.examples) // settings.batch))
    epoch, at = divmod(step, batches)
    shuffled = np.random.default_rng([settings.seed, epoch]).permutation(task.examples)
    parts: Sequence[Codes] = np.array_split(shuffled, batches)
    return parts[at]
