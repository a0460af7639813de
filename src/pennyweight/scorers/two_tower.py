"""Two towers: histories and items as vectors of one space, learned from text and behavior."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.input_size import Volume
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.encoders.protocol import TableEncoder
from pennyweight.encoders.registry import load_encoder
from pennyweight.errors import DataError, PlanError
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.growth import NOT_SAVED
from pennyweight.scorers.item_vectors import ItemVectors, Terms, TextVectors, stacked
from pennyweight.scorers.layered_vectors import LayeredRows, compact, layered
from pennyweight.scorers.profile import profile
from pennyweight.scorers.protocol import Evidence, Progress, Quality, Scale, Scorer, Setting
from pennyweight.scorers.resources import ResourceEstimate
from pennyweight.scorers.two_tower_training import (
    TrainedItems,
    TwoTowerSettings,
    TwoTowerVectors,
    train,
    unit,
)
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.list_work import ListWork
from pennyweight.vectors.quantized_rows import QuantizedRows, RowFormat

if TYPE_CHECKING:
    from pennyweight.scorers.building import BuildContext

__all__ = ["TwoTower"]

FILE = "tower.safetensors"
BLOCK = 4_096  # rows widened at a time
SAMPLED_ITEMS = 10_000  # items from which the mean direction of histories is estimated
TEXT = "text"  # of the vectors of texts
# Measured on catalogs of 3,600 to 200,000 items (`benchmarks/size.py`):
TRAINING, TRAINED = 10, 2  # arrays of (items, dim) while a tower is trained, and afterwards
PAIR_SHARE = 0.75  # of the events that a tower learns to foresee
RESUMED_RATE = 0.75  # of the learning rate, in a training that goes on
RESUMED_SHARE = 0.25  # of the work, where a tenth to a fifth of the events are new
STEP_WORK = 1.5  # times of its matrix products that a step takes


class TwoTower(Scorer):
    """Score = cosine of history and item, divided by the temperature.

    Parameters
    ----------
    encoder
        The token table to start from.
    settings
        Of training and scoring, see `TwoTowerSettings`.
    seed
        Of the order of training.
    """

    kind = "tower"
    scale: Scale = "log-odds"
    default_weight = 0.6
    evidence: Evidence = "text and behavior"
    scores_texts = True
    learns_item_vectors = True

    def __init__(
        self, encoder: TableEncoder, settings: TwoTowerSettings | None = None, *, seed: int = 0
    ) -> None:
        self.encoder: TableEncoder = encoder
        self.settings = settings or TwoTowerSettings(dim=min(TwoTowerSettings.dim, encoder.dim))
        self.seed = seed
        self.decay = self.settings.decay
        self.epochs = self.settings.epochs
        self.tuned: TableEncoder = encoder
        self.items: QuantizedRows | LayeredRows = QuantizedRows.of(
            np.zeros((0, self.settings.dim), np.float32)
        )
        self.histories: QuantizedRows | LayeredRows = self.items
        self.middle: tuple[NDArray[np.float32], float] | None = None  # see `_middle`
        self.trained: TrainedItems | None = None  # to go on from, see `resumed`

    def fit(
        self,
        interactions: Interactions,
        catalog: Catalog,
        *,
        on_epoch: Callable[[int], bool] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Train from the encoder's table, or go on from earlier vectors (see `resumed`).

        Parameters
        ----------
        on_epoch
            Called with the number of each epoch when it is done and scores can be asked
            for; True stops. Without it, training stops after `epochs`, or after one epoch of a
            training that goes on and has all pairs.
        progress
            Called with (steps done, total steps).
        """
        bag = self.encoder.bag(catalog.texts)
        trained, self.trained = self.trained, None  # another fit begins anew
        settings = self.settings if trained is None else self._resumed_settings(trained)
        epochs = self.epochs if trained is None else settings.epochs

        def epoch_end(epoch: int, vectors: TwoTowerVectors) -> bool:
            if on_epoch is None:
                return epoch >= epochs
            self._keep(vectors, *vectors.items(bag))
            return on_epoch(epoch)

        vectors = train(
            bag,
            self.encoder.table if trained is None else trained.table,
            interactions.histories,
            settings,
            seed=self.seed,
            trained=trained,
            on_epoch=epoch_end,
            progress=progress,
        )
        if on_epoch is None:
            self._keep(vectors, *vectors.items(bag))
        return self

    def resumed(self, codes: NDArray[np.int32], context: "BuildContext") -> "TwoTower":
        """Return a tower whose next fit goes on from these vectors.

        Where the context says which events are new, it takes `epochs` over them and a tenth of the
        others, otherwise one epoch over all. The words of the table stay: a new word of the catalog
        counts from the next whole fit on.
        """
        tower = TwoTower(self.encoder, self.settings, seed=self.seed)
        tower.decay, tower.epochs = self.decay, self.epochs
        known = np.flatnonzero(codes >= 0).astype(np.int32)
        tower.trained = TrainedItems(
            self.tuned.table,
            known,
            codes[known],
            self.items,
            self.histories,
            context.seen_events,
        )
        return tower

    def _resumed_settings(self, trained: TrainedItems) -> TwoTowerSettings:
        if trained.seen is None:
            return replace(self.settings, epochs=1)
        rate = self.settings.learning_rate * RESUMED_RATE
        return replace(self.settings, epochs=self.epochs, learning_rate=rate)

    def fit_best(
        self,
        interactions: Interactions,
        catalog: Catalog,
        quality: Quality | None,
        *,
        progress: Progress | None = None,
    ) -> Self:
        """Train until another epoch is worse; keep the best one, and how many epochs it took."""
        qualities: list[float] = []
        best = (self.tuned, self.items, self.histories)

        def on_epoch(epoch: int) -> bool:
            nonlocal best
            qualities.append(float(epoch) if quality is None else quality(self))
            if np.argmax(qualities) == epoch - 1:
                best = (self.tuned, self.items, self.histories)
            return qualities[-1] < max(qualities)

        self.fit(interactions, catalog, on_epoch=on_epoch, progress=progress)
        self.epochs = int(np.argmax(qualities)) + 1 if qualities else self.settings.epochs
        # Later choices, such as the blend's weights, suit the epoch at which a refit stops.
        self.tuned, self.items, self.histories = best
        return self

    @classmethod
    def estimate(cls, size: Volume, dim: int) -> ResourceEstimate:
        """Estimate the training."""
        settings, array = TwoTowerSettings(), 4 * size.items * dim
        pairs = min(PAIR_SHARE * size.events, settings.epoch_pairs)
        steps = settings.epochs * ceil(pairs / settings.batch)
        rivals = min(size.items, settings.batch + settings.negatives)
        step = STEP_WORK * 6 * settings.batch * rivals * dim
        work = steps * step
        return ResourceEstimate(TRAINING * array, TRAINED * array, work, RESUMED_SHARE)

    @classmethod
    def setting_defaults(cls) -> dict[str, Setting]:
        """Return those of `TwoTowerSettings`; the plan says elsewhere whether items repeat."""
        return {k: v for k, v in asdict(TwoTowerSettings()).items() if k != "repeats"}

    def setting_values(self) -> dict[str, Setting]:
        """Return the settings of training and scoring."""
        return {k: v for k, v in asdict(self.settings).items() if k != "repeats"}

    @classmethod
    def can_be_built(cls, context: "BuildContext") -> bool:
        """Return whether there is a token table to start from."""
        return context.table is not None

    @classmethod
    def build(cls, settings: Mapping[str, Setting], context: "BuildContext") -> "TwoTower":
        """Return an unfitted tower over the context's token table."""
        if context.table is None:
            raise DataError("the tower needs texts with words in them")
        values = TwoTowerSettings(**settings, repeats=context.repeats)  # type: ignore[arg-type]
        values = replace(values, dim=min(values.dim, context.table.dim))
        return cls(context.table, values, seed=context.seed)

    def tunable(self) -> Mapping[str, Sequence[float]]:
        """Return the decays to try."""
        return {"decay": DECAYS}

    def choices(self) -> dict[str, float]:
        """Return how long it trains and the decay."""
        return {"epochs": self.epochs, "decay": self.decay}

    def choose(self, setting: str, value: float) -> None:
        """Set the epochs or the decay."""
        setattr(self, setting, int(value) if setting == "epochs" else value)

    def _keep(
        self,
        vectors: TwoTowerVectors,
        items: NDArray[np.float32],
        in_histories: NDArray[np.float32],
    ) -> None:
        self.tuned = self.encoder.with_table(vectors.table, name=f"tuned-{self.encoder.name}")
        self.items, self.histories = QuantizedRows.of(items), QuantizedRows.of(in_histories)
        self.middle = None

    @property
    def item_vectors(self) -> NDArray[np.float32]:
        """Vectors of items as candidates, float32 (n_items, dim)."""
        return _wide(self.items)

    @property
    def history_vectors(self) -> NDArray[np.float32]:
        """Items as they count in a history, float32 (n_items, dim)."""
        return _wide(self.histories)

    def packed(
        self,
        tuned: TableEncoder,
        items: QuantizedRows | LayeredRows,
        histories: QuantizedRows | LayeredRows,
    ) -> "TwoTower":
        """Return a tower of the same settings with other vectors and the encoder they are of."""
        tower = TwoTower(self.encoder, self.settings, seed=self.seed)
        tower.decay, tower.epochs = self.decay, self.epochs
        tower.tuned, tower.items, tower.histories = tuned, items, histories
        return tower

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Return the vectors of some texts by the tuned table."""
        return {TEXT: compact(self.tuned.encode(texts))}

    def with_vectors(
        self, codes: NDArray[np.int32], vectors: TextVectors, n_items: int
    ) -> "TwoTower":
        """Return a tower in which some items have the vectors of their texts.

        Their mean score over histories is that of the other items: a text without a vector
        beside it lies nearer to all histories, or further from them, for no reason of taste.
        """
        encoded = vectors[TEXT]
        items = layered(self.items, codes, self._neutral(encoded), n_items)
        histories = layered(self.histories, codes, encoded, n_items, searched=False)
        other = self.packed(self.tuned, items, histories)
        other.middle = self.middle
        return other

    def _neutral(self, encoded: QuantizedRows | Terms) -> QuantizedRows | Terms:
        """Return rows moved along where histories point, so that their mean score is the usual."""
        direction, usual = self._middle()
        parts = []
        for start in range(0, max(1, len(encoded)), BLOCK):  # of 100,000 rows it would take 300 MB
            over: NDArray[np.float32] = encoded[start : start + BLOCK]
            parts.append(compact(over + (usual - over @ direction)[:, None] * direction))
        return stacked(parts)

    def _middle(self) -> tuple[NDArray[np.float32], float]:
        """Estimate the mean direction of histories, and the mean of the items along it."""
        if self.middle is None:
            rows = np.arange(0, len(self.items), max(1, len(self.items) // SAMPLED_ITEMS))
            mean = self.histories[rows].mean(axis=0, keepdims=True, dtype=np.float32)
            direction = unit(mean)[0][0]
            self.middle = direction, float((self.items[rows] @ direction).mean())
        return self.middle

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return cosine / temperature, float32 (n, n_items); zeros for an empty history."""
        rows = profile(
            histories, len(self.items), decay=self.decay, max_history=self.settings.max_history
        )
        query, _ = unit(self.histories.mixed(rows))
        return self._logits(query)

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the scores of free texts, float32 (len(texts), n_items)."""
        return self._logits(self.tuned.encode_queries(texts))

    def _logits(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        query = query / np.float32(self.settings.temperature)
        return self.items.products(query)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the score, float32 (len(codes), n_events)."""
        recent = history.lag < self.settings.max_history
        weight = np.where(recent, history.weight * self.decay**history.lag, 0).astype(np.float32)
        events = self.histories[history.item] * weight[:, None]
        _, length = unit(events.sum(axis=0, keepdims=True))
        scale = np.float32(self.settings.temperature) * length[0, 0]
        return np.asarray(self.items[codes] @ events.T / scale, np.float32)

    @property
    def pair_vectors(self) -> tuple[ItemVectors, ItemVectors]:
        """Vectors of the items as candidates and in a history."""
        return self.items, self.histories

    @property
    def vector_nbytes(self) -> int:
        """Bytes of the item vectors."""
        return self.items.nbytes + self.histories.nbytes

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors and of the table behind them."""
        return self.vector_nbytes + self.tuned.packed.nbytes

    def list_work(self, n_events: int) -> ListWork:
        """Return the item vectors."""
        return self.items.list_work(n_events)

    @property
    def vector_width(self) -> int:
        """Width of the item vectors."""
        return self.settings.dim

    def quantized(self, row_format: RowFormat, *, width: int, texts: Sequence[str]) -> "TwoTower":
        """Return a tower with its vectors in another format, and its token table in 8 bits.

        Of the table the rows stay that the catalog's texts need (see `TableEncoder.pruned`).
        """
        if row_format == "fp32":
            return self
        tuned = self.tuned.pruned(texts)
        table = QuantizedRows.of(tuned.table, "int8", by_row=True)
        return self.packed(
            tuned.with_table(table, name=tuned.name),
            QuantizedRows.of(self.item_vectors, row_format),
            QuantizedRows.of(self.history_vectors, row_format, by_row=True),
        )

    def save(self, folder: Path) -> None:
        """Write ``tower.safetensors`` and the tuned encoder beside it."""
        if isinstance(self.items, LayeredRows) or isinstance(self.histories, LayeredRows):
            raise PlanError(NOT_SAVED)
        arrays = self.items.arrays("items") | self.histories.arrays("histories")
        settings = {
            "settings": asdict(self.settings),
            "decay": self.decay,
            "epochs": self.epochs,
            "seed": self.seed,
            "encoder": self.tuned.kind,
        }
        self.tuned.save(folder / "encoder")
        write_arrays(folder / FILE, arrays, settings)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the files that `save` wrote; fitting it again starts from the tuned table."""
        arrays, settings = read_arrays(folder / FILE)
        encoder = load_encoder(settings["encoder"], folder / "encoder").token_table
        if encoder is None:
            raise TypeError(f"{settings['encoder']} has no token table")
        scorer = cls(encoder, TwoTowerSettings(**settings["settings"]), seed=settings["seed"])
        scorer.decay, scorer.epochs = settings["decay"], settings["epochs"]
        scorer.items = QuantizedRows.from_arrays(arrays, "items")
        scorer.histories = QuantizedRows.from_arrays(arrays, "histories")
        return scorer


def _wide(rows: QuantizedRows | LayeredRows) -> NDArray[np.float32]:
    """Return all rows widened; not a copy where they are so already."""
    return rows.unpacked() if isinstance(rows, QuantizedRows) else np.asarray(rows[:], np.float32)
