"""Two towers: histories and items as vectors of one space, learned from text and behaviour."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.encoders.load import load_encoder
from pennyweight.encoders.protocol import TableEncoder
from pennyweight.encoders.tuned import TwoTowerSettings, TwoTowerVectors, train, unit
from pennyweight.errors import PlanError
from pennyweight.scorers.growth import NOT_SAVED
from pennyweight.scorers.item_vectors import Terms, TextRows, stacked
from pennyweight.scorers.layered_vectors import Layered, compact, layered
from pennyweight.scorers.profile import profile
from pennyweight.scorers.protocol import Scale
from pennyweight.storage.arrays import read_arrays, write_arrays
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["TwoTower"]

FILE = "tower.safetensors"
BLOCK = 4_096  # rows widened at a time
SOME = 10_000  # items that say where histories point


class TwoTower:
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

    name: Literal["tower"] = "tower"
    scale: Scale = "log-odds"

    def __init__(
        self, encoder: TableEncoder, settings: TwoTowerSettings | None = None, *, seed: int = 0
    ) -> None:
        self.encoder = encoder
        self.settings = settings or TwoTowerSettings(dim=min(TwoTowerSettings.dim, encoder.dim))
        self.seed = seed
        self.decay = self.settings.decay
        self.epochs = self.settings.epochs
        self.tuned: TableEncoder = encoder
        self.items: QuantizedRows | Layered = QuantizedRows.of(
            np.zeros((0, self.settings.dim), np.float32)
        )
        self.histories: QuantizedRows | Layered = self.items
        self.middle: tuple[NDArray[np.float32], float] | None = None  # see `_middle`

    def fit(
        self,
        interactions: Interactions,
        catalog: Catalog,
        *,
        on_epoch: Callable[[int], bool] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Train from the encoder's table.

        Parameters
        ----------
        on_epoch
            Called with the number of each epoch when it is done and scores can be asked
            for; True stops. Without it, training stops after `epochs`.
        progress
            Called with (steps done, steps in all).
        """
        bag = self.encoder.bag(catalog.texts)

        def epoch_end(epoch: int, vectors: TwoTowerVectors) -> bool:
            if on_epoch is None:
                return epoch >= self.epochs
            self._keep(vectors, *vectors.items(bag))
            return on_epoch(epoch)

        vectors = train(
            bag,
            self.encoder.table,
            interactions.histories,
            self.settings,
            seed=self.seed,
            on_epoch=epoch_end,
            progress=progress,
        )
        if on_epoch is None:
            self._keep(vectors, *vectors.items(bag))
        return self

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
        """Items as they are recommended, float32 (n_items, dim)."""
        return _wide(self.items)

    @property
    def history_vectors(self) -> NDArray[np.float32]:
        """Items as they count in a history, float32 (n_items, dim)."""
        return _wide(self.histories)

    def packed(
        self,
        tuned: TableEncoder,
        items: QuantizedRows | Layered,
        histories: QuantizedRows | Layered,
    ) -> "TwoTower":
        """Return a tower of the same settings with other vectors and the encoder they are of."""
        tower = TwoTower(self.encoder, self.settings, seed=self.seed)
        tower.decay, tower.epochs = self.decay, self.epochs
        tower.tuned, tower.items, tower.histories = tuned, items, histories
        return tower

    def with_items(
        self, codes: NDArray[np.int32], texts: Sequence[str], n_items: int
    ) -> "TwoTower":
        """Return a tower in which some items are what the tuned table makes of their texts."""
        return self.with_rows(codes, self.read(texts), n_items)

    def read(self, texts: Sequence[str]) -> TextRows:
        """Return what the tuned table makes of some texts."""
        return {self.name: compact(self.tuned.encode(texts))}

    def with_rows(self, codes: NDArray[np.int32], rows: TextRows, n_items: int) -> "TwoTower":
        """Return a tower in which some items are what texts were read as.

        Their mean score over histories is that of the other items: a text without a vector
        beside it lies nearer to all histories, or further from them, for no reason of taste.
        """
        read = rows[self.name]
        items = layered(self.items, codes, self._neutral(read), n_items)
        histories = layered(self.histories, codes, read, n_items, searched=False)
        other = self.packed(self.tuned, items, histories)
        other.middle = self.middle
        return other

    def _neutral(self, read: QuantizedRows | Terms) -> QuantizedRows | Terms:
        """Return rows moved along where histories point, so that their mean score is the usual."""
        direction, usual = self._middle()
        parts = []
        for start in range(0, max(1, len(read)), BLOCK):  # of 100,000 rows it would take 300 MB
            over: NDArray[np.float32] = read[start : start + BLOCK]
            parts.append(compact(over + (usual - over @ direction)[:, None] * direction))
        return stacked(parts)

    def _middle(self) -> tuple[NDArray[np.float32], float]:
        """Return where histories point on average, and how far items do so, from some items."""
        if self.middle is None:
            rows = np.arange(0, len(self.items), max(1, len(self.items) // SOME))
            mean = self.histories[rows].mean(axis=0, keepdims=True, dtype=np.float32)
            direction = unit(mean)[0][0]
            self.middle = direction, float((self.items[rows] @ direction).mean())
        return self.middle

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return cosine / temperature, float32 (n, n_items); zeros for an empty history."""
        rows = profile(histories, len(self.items), decay=self.decay, newest=self.settings.newest)
        query, _ = unit(self.histories.mixed(rows))
        return self._near(query)

    def score_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the scores of free texts, float32 (len(texts), n_items)."""
        return self._near(self.tuned.encode(texts))

    def _near(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        query = query / np.float32(self.settings.temperature)
        return self.items.products(query)

    def contributions(self, history: Histories, codes: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return each event's part of the score, float32 (len(codes), n_events)."""
        recent = history.lag < self.settings.newest
        weight = np.where(recent, history.weight * self.decay**history.lag, 0).astype(np.float32)
        events = self.histories[history.item] * weight[:, None]
        _, length = unit(events.sum(axis=0, keepdims=True))
        scale = np.float32(self.settings.temperature) * length[0, 0]
        return np.asarray(self.items[codes] @ events.T / scale, np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors and of the table behind them."""
        return self.items.nbytes + self.histories.nbytes + self.tuned.packed.nbytes

    def save(self, folder: Path) -> None:
        """Write ``tower.safetensors`` and the tuned encoder beside it."""
        if isinstance(self.items, Layered) or isinstance(self.histories, Layered):
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
        """Read what `save` wrote; fitting it again starts from the tuned table."""
        arrays, settings = read_arrays(folder / FILE)
        encoder = load_encoder(settings["encoder"], folder / "encoder")
        if not isinstance(encoder, TableEncoder):
            raise TypeError(f"{settings['encoder']} has no token table")
        scorer = cls(encoder, TwoTowerSettings(**settings["settings"]), seed=settings["seed"])
        scorer.decay, scorer.epochs = settings["decay"], settings["epochs"]
        scorer.items = QuantizedRows.from_arrays(arrays, "items")
        scorer.histories = QuantizedRows.from_arrays(arrays, "histories")
        return scorer


def _wide(rows: QuantizedRows | Layered) -> NDArray[np.float32]:
    """Return all rows widened; not a copy where they are so already."""
    return rows.unpacked() if isinstance(rows, QuantizedRows) else np.asarray(rows[:], np.float32)
