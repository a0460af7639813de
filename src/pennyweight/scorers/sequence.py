"""Sequence: a small causal transformer over item vectors, scored without torch."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.scorers.causal_transformer import read
from pennyweight.scorers.growth import GrownScorer
from pennyweight.scorers.protocol import Scale
from pennyweight.storage.arrays import read_arrays, write_arrays

__all__ = ["Sequence", "SequenceSettings", "Trainer"]

FILE = "sequence.safetensors"
BLOCK = 256  # histories read at a time
Float = NDArray[np.float32]
Weights = dict[str, Float]


@dataclass(frozen=True)
class SequenceSettings:
    """How the transformer is built and trained; the same for every dataset.

    Attributes
    ----------
    dim
        Width; at most that of the item vectors it starts from.
    layers, heads
        Of the transformer.
    newest
        Events of a history that are read.
    epochs
        Passes over all (history so far, next item) pairs.
    batch
        Pairs a step, about.
    negatives
        Items drawn a step beside the batch's targets.
    temperature
        Divides the cosine.
    learning_rate
        Of Adam (Kingma & Ba 2015), after a warm-up, falling in line to zero.
    dropout
        Share of coordinates left out of each layer's input and output in training.
    id_dropout
        Share of items shown without their own vectors in a step.
    epoch_pairs
        Pairs an epoch at the most, drawn anew each time.
    repeats
        Whether an item may follow a history that holds it already.
    """

    dim: int = 128
    layers: int = 1
    heads: int = 2
    newest: int = 50
    epochs: int = 6
    batch: int = 1024
    negatives: int = 2000
    temperature: float = 0.1
    learning_rate: float = 1e-3
    dropout: float = 0.2
    id_dropout: float = 0.1
    epoch_pairs: int = 300_000
    repeats: bool = False


class Trainer(Protocol):
    """What learns the weights: `pennyweight.training.sequence.train_sequence`."""

    def __call__(
        self,
        item_vectors: Float,
        histories: Histories,
        settings: SequenceSettings,
        *,
        seed: int,
        threads: int,
        progress: Callable[[int, int], None] | None,
    ) -> Weights:
        """Return weights by the names that `read` knows."""
        ...


class Sequence:
    """Score = cosine of the transformer's reading of the history and the item, over temperature.

    Events of no or negative weight are not read; other weights make no difference.

    Parameters
    ----------
    vectors_of
        Gives the item vectors to start from, float32 (n_items, dim), once events are there.
    trainer
        Learns the weights.
    settings
        Of training and scoring, see `SequenceSettings`.
    seed
        Of every random draw in training.
    threads
        Of training.
    """

    name: Literal["sequence"] = "sequence"
    scale: Scale = "log-odds"

    def __init__(
        self,
        vectors_of: Callable[[Interactions, Catalog], Float] | None,
        trainer: Trainer | None,
        settings: SequenceSettings | None = None,
        *,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.vectors_of, self.trainer = vectors_of, trainer
        self.settings = settings or SequenceSettings()
        self.seed, self.threads = seed, threads
        self.weights: Weights = {"items": np.zeros((0, self.settings.dim), np.float32)}

    def fit(
        self,
        interactions: Interactions,
        catalog: Catalog,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Train on every next item; `progress` is called with (steps done, steps in all)."""
        if self.vectors_of is None or self.trainer is None:
            raise TypeError("a sequence scorer read from disk scores; it cannot be fitted again")
        self.weights = self.trainer(
            self.vectors_of(interactions, catalog),
            _liked(interactions.histories),
            self.settings,
            seed=self.seed,
            threads=self.threads,
            progress=progress,
        )
        return self

    def score(self, histories: Histories) -> Float:
        """Return cosine / temperature, float32 (n, n_items); zeros for an empty history."""
        return np.asarray(self._query(histories) @ self.weights["items"].T, np.float32)

    def _query(self, histories: Histories) -> Float:
        histories = _liked(histories).newest(self.settings.newest)
        found = np.zeros((len(histories), self.weights["items"].shape[1]), np.float32)
        for rows, block in histories.blocks(BLOCK):
            some = np.flatnonzero(block.length)
            if not len(some):
                continue
            found[rows.start + some] = read(self.weights, block.take(some))
        return found / np.float32(self.settings.temperature)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> Float:
        """Return what the score loses without each event, float32 (len(codes), n_events).

        The transformer is not a sum over events, so these do not add up to the score.
        """
        found = np.zeros((len(codes), len(history.item)), np.float32)
        read_at = np.flatnonzero(history.weight > 0)[-self.settings.newest :]
        n = len(read_at)
        if n == 0:
            return found
        whole = history.item[read_at]
        without = np.broadcast_to(whole, (n, n))[~np.eye(n, dtype=bool)].reshape(n, n - 1)
        query = self._query(Histories.of([whole.tolist(), *without.tolist()]))
        lost = query[0] - query[1:]
        found[:, read_at] = self.weights["items"][codes] @ lost.T
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(array.nbytes for array in self.weights.values())

    def with_items(
        self, codes: NDArray[np.int32], texts: Iterable[str], n_items: int
    ) -> GrownScorer:
        """Return a scorer to which new items are zero, since nobody has come to them yet."""
        return GrownScorer(self, len(self.weights["items"]), n_items)

    def save(self, folder: Path) -> None:
        """Write ``sequence.safetensors``."""
        settings = {"settings": asdict(self.settings), "seed": self.seed}
        write_arrays(folder / FILE, self.weights, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; it scores, and cannot be fitted again."""
        arrays, told = read_arrays(folder / FILE)
        scorer = cls(None, None, SequenceSettings(**told["settings"]), seed=told["seed"])
        scorer.weights = arrays
        return scorer


def _liked(histories: Histories) -> Histories:
    """Return the same histories without the events of no or negative weight."""
    keep = histories.weight > 0
    count = np.concatenate([[0], np.cumsum(keep)])
    return Histories(
        histories.item[keep],
        histories.weight[keep],
        histories.time[keep],
        count[histories.offsets].astype(np.int64),
    )
