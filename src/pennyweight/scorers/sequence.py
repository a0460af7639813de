"""Sequence: a small causal transformer over item vectors, scored without torch."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.input_size import Volume
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import PlanError
from pennyweight.scorers.causal_transformer import encode_histories
from pennyweight.scorers.protocol import Evidence, Progress, Scale, Scorer, Setting
from pennyweight.scorers.resources import ResourceEstimate
from pennyweight.scorers.two_tower import TwoTower
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.list_work import ListWork

if TYPE_CHECKING:
    from pennyweight.scorers.building import BuildContext

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
    max_history
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
        Maximum number of pairs per epoch, drawn anew each time.
    repeats
        Whether an item may follow a history that holds it already.
    """

    dim: int = 128
    layers: int = 1
    heads: int = 2
    max_history: int = 50
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
    """The trainer of the weights: `pennyweight.training.sequence.train_sequence`."""

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
        """Return weights by the names that `encode_histories` expects."""
        ...


class Sequence(Scorer):
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

    kind = "sequence"
    scale: Scale = "log-odds"
    default_weight = 0.6
    evidence: Evidence = "text and behavior"  # by the item vectors that it starts from
    needs_item_vectors = True

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
        progress: Progress | None = None,
    ) -> Self:
        """Train on every next item; `progress` is called with (steps done, total steps)."""
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

    def resumed(self, codes: NDArray[np.int32], context: "BuildContext") -> "Sequence":
        """Return a scorer whose fit begins anew, from the item vectors of the context.

        Without such vectors this one itself; `PlanError` for one that was read from disk.
        """
        source = _source(context)
        if source is None:
            if self.vectors_of is None:
                raise PlanError(
                    "a sequence scorer read from disk without a tower beside it cannot be fitted "
                    "again: refit fully (--full)"
                )
            return self
        trainer = self.trainer or context.trainers[self.kind]()

        def vectors_of(_: Interactions, __: Catalog) -> Float:
            return source.item_vectors

        return Sequence(vectors_of, trainer, self.settings, seed=self.seed, threads=self.threads)

    def score(self, histories: Histories) -> Float:
        """Return cosine / temperature, float32 (n, n_items); zeros for an empty history."""
        return np.asarray(self._query(histories) @ self.weights["items"].T, np.float32)

    def _query(self, histories: Histories) -> Float:
        histories = _liked(histories).newest(self.settings.max_history)
        vectors = np.zeros((len(histories), self.weights["items"].shape[1]), np.float32)
        for rows, block in histories.blocks(BLOCK):
            filled = np.flatnonzero(block.length)
            if not len(filled):
                continue
            vectors[rows.start + filled] = encode_histories(self.weights, block.take(filled))
        return vectors / np.float32(self.settings.temperature)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> Float:
        """Return the score's loss without each event, float32 (len(codes), n_events).

        The transformer is not a sum over events, so these do not add up to the score.
        """
        contributions = np.zeros((len(codes), len(history.item)), np.float32)
        read_at = np.flatnonzero(history.weight > 0)[-self.settings.max_history :]
        n = len(read_at)
        if n == 0:
            return contributions
        items = history.item[read_at]
        without = np.broadcast_to(items, (n, n))[~np.eye(n, dtype=bool)].reshape(n, n - 1)
        query = self._query(Histories.of([items.tolist(), *without.tolist()]))
        loss = query[0] - query[1:]
        contributions[:, read_at] = self.weights["items"][codes] @ loss.T
        return contributions

    def list_work(self, n_events: int) -> ListWork:
        """Return the item vectors."""
        return ListWork(float_bytes=self.weights["items"].nbytes)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights."""
        return sum(array.nbytes for array in self.weights.values())

    @classmethod
    def estimate(cls, size: Volume, dim: int) -> ResourceEstimate:
        """Estimate the training, which takes as much as that of a tower."""
        return replace(TwoTower.estimate(size, dim), resumed_share=1.0)

    @classmethod
    def setting_defaults(cls) -> dict[str, Setting]:
        """Return those of `SequenceSettings`; the plan says elsewhere whether items repeat."""
        return {k: v for k, v in asdict(SequenceSettings()).items() if k != "repeats"}

    def setting_values(self) -> dict[str, Setting]:
        """Return the settings of the transformer."""
        return {k: v for k, v in asdict(self.settings).items() if k != "repeats"}

    @classmethod
    def can_be_built(cls, context: "BuildContext") -> bool:
        """Return whether there are texts that a tower can start from."""
        return TwoTower.can_be_built(context)

    @classmethod
    def build(cls, settings: Mapping[str, Setting], context: "BuildContext") -> Scorer:
        """Return an unfitted scorer.

        It starts from the item vectors of a component of the context, which is fitted before it,
        or else of a tower that it fits first.
        """
        shared = _source(context)
        source = TwoTower.build({}, context) if shared is None else shared

        def vectors_of(interactions: Interactions, catalog: Catalog) -> Float:
            if shared is None:
                source.fit(interactions, catalog)
            return source.item_vectors

        values = SequenceSettings(**settings, repeats=context.repeats)  # type: ignore[arg-type]
        trainer: Trainer = context.trainers[cls.kind]()
        # One thread: the steps are small, and on busy cores threads that wait for each other cost
        # more.
        return cls(vectors_of, trainer, values, seed=context.seed, threads=1)

    @property
    def uses_encoder(self) -> bool:
        """Whether another encoder would give other scores: by the vectors that it starts from."""
        return True

    def save(self, folder: Path) -> None:
        """Write ``sequence.safetensors``."""
        settings = {"settings": asdict(self.settings), "seed": self.seed}
        write_arrays(folder / FILE, self.weights, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote; it scores, and cannot be fitted again."""
        arrays, saved = read_arrays(folder / FILE)
        scorer = cls(None, None, SequenceSettings(**saved["settings"]), seed=saved["seed"])
        scorer.weights = arrays
        return scorer


def _source(context: "BuildContext") -> Scorer | None:
    """Return the first component that learns item vectors, if there is one."""
    components = context.built.values()
    return next((scorer for scorer in components if scorer.learns_item_vectors), None)


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
