"""Item vectors trained on behavior: a token table and a vector an item, side by side.

Item i has the vector  v_i = unit(bag_i @ table + item_i)  and, inside a history, the
vector  c_i = v_i + context_i.  A history has  q = unit(sum_j decay ** lag_j * w_j * c_j),
and the next item is drawn with probability softmax(q . v_i / temperature) over all items.
The table alone reaches items without events; the two vectors an item learn what
the text does not say. Items without a known word share one that starts at the mean item.

The loss is the sampled softmax over the batch's own targets (in-batch negatives) and a
uniform draw of items with events, with the log of each candidate's chance of being one
taken off its logit, except for the target of the row (Bengio & Senecal 2008; Yi et al.,
RecSys 2019, eq. 3). In every batch a share of the items is shown without its own vectors,
so the table learns to stand alone (DropoutNet, Volkovs et al., NeurIPS 2017).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.interactions import Histories
from pennyweight.scorers.item_vectors import ItemVectors

__all__ = ["TrainedItems", "TwoTowerSettings", "TwoTowerVectors", "default_dim", "train", "unit"]

Float = NDArray[np.float32]
EpochEnd = Callable[[int, "TwoTowerVectors"], bool]

WARM_UP_STEPS = 50
REPLAYED = 0.1  # share of the pairs seen that an epoch of a resumed training has
BLOCK_ROWS = 512  # of an update at a time, so that its data stays in the cache of a core
TINY = np.float32(1e-8)
LARGE = 300_000  # items above which vectors are half as wide, so that a million need 5 GB less
OWN = 1e-6  # squared length of an item's own vector, from which on it was learned
START = 0.3  # length of an item's own vector before training, in a random direction


@dataclass(frozen=True)
class TwoTowerSettings:
    """How the towers are trained; the same for every dataset.

    Attributes
    ----------
    dim
        Width of the vectors; at most that of the table they start from.
    epochs
        Maximum number of passes over all (history, next item) pairs.
    batch
        Pairs a step.
    negatives
        Items drawn a step beside the batch's targets.
    temperature
        Divides the cosine.
    decay
        Weight of an event relative to the one after it.
    max_history
        Events of a history that count.
    learning_rate
        Of Adam (Kingma & Ba 2015), after a warm-up, falling in line to zero.
    id_dropout
        Share of items shown as text alone in a step.
    epoch_pairs
        Maximum number of pairs per epoch, drawn anew each time.
    repeats
        Whether an item may follow a history that holds it already.
    """

    dim: int = 256
    epochs: int = 4
    batch: int = 1024
    negatives: int = 2000
    temperature: float = 0.1
    decay: float = 0.7
    max_history: int = 20
    learning_rate: float = 2e-3
    id_dropout: float = 0.1
    epoch_pairs: int = 300_000
    repeats: bool = False


@dataclass(frozen=True)
class TwoTowerVectors:
    """The result of a training.

    Attributes
    ----------
    table
        Token vectors, float32 (vocabulary, dim).
    item, context
        Vectors an item beyond its text, float32 (n_items, dim).
    """

    table: Float
    item: Float
    context: Float

    def items(self, bag: sparse.csr_matrix) -> tuple[Float, Float]:
        """Return v (targets) and c (in histories) of all items, float32 (n_items, dim)."""
        vectors = _unit_bag(bag) @ self.table
        vectors += self.item
        vectors /= np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None] + TINY
        return vectors, vectors + self.context


@dataclass(frozen=True)
class TrainedItems:
    """Vectors of an earlier training, to go on from.

    Attributes
    ----------
    table
        Its token vectors, float32 (vocabulary, at least dim).
    codes
        The items that it knew, by their codes now, int32 (m,).
    rows
        Their places among its vectors, int32 (m,).
    items, histories
        Its vectors of items as candidates and in histories, (n_rows, dim).
    seen
        How many events of each history it learned from, int64 (n_histories,). Each epoch then has
        all new pairs, but only a tenth of the others. None to go through all of them.
    """

    table: Float
    codes: NDArray[np.int32]
    rows: NDArray[np.int32]
    items: ItemVectors
    histories: ItemVectors
    seen: NDArray[np.int64] | None = None


def default_dim(items: int) -> int:
    """Return the default width of the vectors of a catalog."""
    return TwoTowerSettings.dim if items <= LARGE else TwoTowerSettings.dim // 2


def unit(rows: Float) -> tuple[Float, Float]:
    """Return rows scaled to unit length, and their lengths (n, 1)."""
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None] + TINY
    return rows / length, length


class _Adam:
    """Adam on the rows that a step touched; the others keep their moments."""

    def __init__(self, parameters: Float, rate: float) -> None:
        self.parameters, self.rate = parameters, rate
        self.mean, self.square = np.zeros_like(parameters), np.zeros_like(parameters)
        self.step = 0

    def update(
        self, rows: NDArray[np.integer[Any]] | slice, gradient: Float, factor: float
    ) -> None:
        self.step += 1
        rate = self.rate * factor * np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        for start in range(0, len(gradient), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            self._update(block if isinstance(rows, slice) else rows[block], gradient[block], rate)

    def _update(self, rows: NDArray[np.integer[Any]] | slice, gradient: Float, rate: float) -> None:
        mean, square = self.mean[rows], self.square[rows]  # copies, unless rows are a slice
        scratch = gradient * np.float32(0.1)
        mean *= np.float32(0.9)
        mean += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch *= np.float32(0.001)
        square *= np.float32(0.999)
        square += scratch
        np.sqrt(square, out=scratch)
        scratch += TINY
        np.divide(mean, scratch, out=scratch)
        scratch *= np.float32(rate)
        self.parameters[rows] -= scratch
        self.mean[rows], self.square[rows] = mean, square


def train(
    bag: sparse.csr_matrix,
    table: Float,
    histories: Histories,
    settings: TwoTowerSettings,
    *,
    seed: int = 0,
    trained: TrainedItems | None = None,
    on_epoch: EpochEnd | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TwoTowerVectors:
    """Train on every pair of a history so far and its next item.

    Parameters
    ----------
    bag
        Token weights of the items' texts, float32 csr (n_items, vocabulary).
    table
        Initial token vectors, float32 (vocabulary, at least ``settings.dim``).
    histories
        Whole training histories.
    trained
        An earlier training to go on from; `table` is then its table.
    on_epoch
        Called after each epoch with its number (from 1) and the current vectors, which
        training goes on to change; True stops.
    progress
        Called with (steps done, total steps).
    """
    bag = _unit_bag(bag)
    words_used = np.flatnonzero(np.bincount(bag.indices, minlength=bag.shape[1]))
    words, wordless = _with_no_word(sparse.csr_matrix(bag[:, words_used]))
    start, no_word = _scaled_start(table[:, : settings.dim].astype(np.float32), bag)
    step = _Step(words, np.vstack([start[words_used], no_word]), settings, seed)
    pairs = _Pairs(histories, settings, bag.shape[0])
    step.start(histories.item[pairs.targets], np.unique(histories.item))
    if trained is not None:
        step.resume(trained)
        if trained.seen is not None:
            pairs.replay(trained.seen)
    batches = -(-pairs.drawn // settings.batch)
    total = max(1, settings.epochs * batches)
    # The same part of a training of fewer pairs as of one of all.
    warm_up = WARM_UP_STEPS * pairs.drawn / max(1, min(len(pairs.targets), settings.epoch_pairs))

    def result() -> TwoTowerVectors:
        tuned, item = start.copy(), step.item.parameters
        tuned[words_used] = step.table.parameters[:-1]
        if wordless.any():
            item = item + wordless[:, None] * step.table.parameters[-1]
        return TwoTowerVectors(tuned, item, step.context.parameters)

    done = 0
    for epoch in range(1, settings.epochs + 1):
        order = pairs.epoch(step.rng)
        for at in range(0, len(order), settings.batch):
            factor = min(1.0, (done + 1) / warm_up, 1 - done / total)
            step(*pairs.batch(order[at : at + settings.batch]), factor)
            done += 1
            if progress is not None:
                progress(done, total)
        if on_epoch is not None and on_epoch(epoch, result()):
            break
    return result()


def _unit_bag(bag: sparse.csr_matrix) -> sparse.csr_matrix:
    length = np.sqrt(np.asarray(bag.multiply(bag).sum(axis=1))).ravel()
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    return sparse.csr_matrix(sparse.diags(scale.astype(np.float32)) @ bag)


def _with_no_word(words: sparse.csr_matrix) -> tuple[sparse.csr_matrix, NDArray[np.bool_]]:
    """Return the bag with a column more, the word of items without any, and which they are."""
    wordless = np.diff(words.indptr) == 0
    column = sparse.csr_matrix(wordless[:, None].astype(np.float32))
    return sparse.csr_matrix(sparse.hstack([words, column])), wordless


def _scaled_start(table: Float, bag: sparse.csr_matrix) -> tuple[Float, Float]:
    """Return the table, scaled so that items start at about unit length, and their mean item."""
    first = bag @ table
    length = np.sqrt(np.einsum("ij,ij->i", first, first))
    scale = np.float32(1 / max(float(length[length > 0].mean()), 1e-6)) if length.any() else 1
    mean = first.mean(axis=0) * scale
    size = float(np.linalg.norm(mean))
    direction = mean / size if size > TINY else np.full_like(mean, len(mean) ** -0.5)
    return table * scale, direction


class _Pairs:
    """(history so far, next item), by the place in the log of the next item."""

    def __init__(self, histories: Histories, settings: TwoTowerSettings, n_items: int) -> None:
        self.histories, self.settings, self.n_items = histories, settings, n_items
        self.begin = histories.offsets[:-1]
        is_target = settings.repeats | _is_first(histories, n_items)
        is_target[self.begin[self.begin < len(is_target)]] = False
        self.targets = np.flatnonzero(is_target)
        # Parts of the targets, and how many of each are drawn an epoch.
        self.parts = [(self.targets, min(len(self.targets), settings.epoch_pairs))]

    def replay(self, seen: NDArray[np.int64]) -> None:
        """Draw new targets as often as before, and a tenth of those seen, which are known."""
        place = self.targets - self.begin[self.histories.row[self.targets]]
        is_new = place >= seen[self.histories.row[self.targets]]
        rate = min(1.0, self.settings.epoch_pairs / max(1, len(self.targets)))
        shares = ((is_new, rate), (~is_new, rate * REPLAYED))
        self.parts = [(self.targets[part], ceil(share * part.sum())) for part, share in shares]

    @property
    def drawn(self) -> int:
        """Targets an epoch."""
        return sum(count for _, count in self.parts)

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the targets of an epoch, in random order."""
        drawn = [rng.permutation(targets)[:count] for targets, count in self.parts]
        return drawn[0] if len(drawn) == 1 else rng.permutation(np.concatenate(drawn))

    def batch(self, at: NDArray[np.int64]) -> tuple[sparse.csr_matrix, NDArray[np.int32]]:
        """Return decayed histories, csr (len(at), n_items), and the item that followed each."""
        item, settings = self.histories.item, self.settings
        length = np.minimum(at - self.begin[self.histories.row[at]], settings.max_history)
        offsets = np.concatenate([[0], np.cumsum(length)])
        lag = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
        event = np.repeat(at, length) - 1 - lag
        weight = (settings.decay**lag * self.histories.weight[event]).astype(np.float32)
        shape = (len(at), self.n_items)
        return sparse.csr_matrix((weight, item[event], offsets), shape=shape), item[at]


def _is_first(histories: Histories, n_items: int) -> NDArray[np.bool_]:
    """Return whether each event is the first of its item in its history, bool (n_events,)."""
    first = np.zeros(len(histories.item), dtype=bool)
    first[np.unique(histories.row * n_items + histories.item, return_index=True)[1]] = True
    return first


class _Step:
    """One gradient step, by hand: forward, backward, Adam."""

    def __init__(
        self,
        words: sparse.csr_matrix,
        table: Float,
        settings: TwoTowerSettings,
        seed: int,
    ) -> None:
        self.words, self.settings = words, settings
        self.rng = np.random.default_rng(seed)
        self.n_items = words.shape[0]
        rate = settings.learning_rate
        empty = np.zeros((self.n_items, settings.dim), np.float32)
        self.table = _Adam(table, rate)
        self.item, self.context = _Adam(empty, rate), _Adam(empty.copy(), rate)
        self.log_chance = np.zeros(self.n_items, np.float32)
        self.negative_items = np.arange(self.n_items)
        self.n_negatives = min(settings.negatives, self.n_items)

    def start(self, targets: NDArray[np.int32], negative_items: NDArray[np.int32]) -> None:
        """Draw negatives from `negative_items`; compute each item's chance of being a candidate.

        An item without an event is no evidence of anything: drawn as a negative it would
        only teach the words of new items to be avoided. It has no learned vector either.
        """
        self.negative_items = negative_items
        self.n_negatives = min(self.settings.negatives, len(negative_items))
        share = np.bincount(targets, minlength=self.n_items) / max(1, len(targets))
        chance = (
            1
            - (1 - self.n_negatives / max(1, len(negative_items)))
            * (1 - share) ** self.settings.batch
        )
        self.log_chance = np.log(np.clip(chance, 1e-9, 1)).astype(np.float32)
        # Items with the same words or none have the same gradients until something differs.
        noise = self.rng.standard_normal((len(negative_items), self.settings.dim), np.float32)
        self.item.parameters[negative_items] = noise * np.float32(START / self.settings.dim**0.5)

    def resume(self, trained: TrainedItems) -> None:
        """Give items the vectors of an earlier training.

        These are of unit length, while text and own vector add up to any length: the own one is
        what leads from the text to a vector of the same length. An item that had none is left as
        it starts.
        """
        for at in range(0, len(trained.codes), BLOCK_ROWS):
            block = slice(at, at + BLOCK_ROWS)
            codes, rows = trained.codes[block], trained.rows[block]
            vectors = trained.items[rows]
            text = self.words[codes] @ self.table.parameters
            own = vectors * unit(text)[1] - text
            learned = np.einsum("ij,ij->i", own, own) > OWN
            self.item.parameters[codes[learned]] = own[learned]
            self.context.parameters[codes] = trained.histories[rows] - vectors

    def __call__(self, pairs: sparse.csr_matrix, targets: NDArray[np.int32], factor: float) -> None:
        negatives = self.rng.choice(
            self.negative_items, self.n_negatives, replace=False, shuffle=False
        )
        candidates = np.unique(np.concatenate([targets, negatives]))
        inputs, column = np.unique(pairs.indices, return_inverse=True)
        rows = np.union1d(candidates, inputs)
        as_target, as_input = np.searchsorted(rows, candidates), np.searchsorted(rows, inputs)
        words = self.words[rows]
        mix = sparse.csr_matrix(
            (pairs.data, column, pairs.indptr), shape=(len(targets), len(inputs))
        )
        id_weight = np.ones((len(rows), 1), np.float32)
        id_weight[self.rng.random(len(rows)) < self.settings.id_dropout] = 0
        vectors, length = unit(
            words @ self.table.parameters + id_weight * self.item.parameters[rows]
        )
        query, query_length = unit(
            mix @ (vectors[as_input] + id_weight[as_input] * self.context.parameters[inputs])
        )
        target_vectors = vectors[as_target]
        error = self._error(query @ target_vectors.T, candidates, targets)
        slope = error @ target_vectors
        slope = (slope - query * np.einsum("ij,ij->i", slope, query)[:, None]) / query_length
        to_input = mix.T @ slope
        gradient = np.zeros_like(vectors)
        gradient[as_target] = error.T @ query
        gradient[as_input] += to_input
        gradient -= vectors * np.einsum("ij,ij->i", gradient, vectors)[:, None]
        gradient /= length
        # As rows a word: in columns the sums would be scattered over memory, at twice the time.
        self.table.update(slice(None), sparse.csr_matrix(words.T) @ gradient, factor)
        self.item.update(rows, gradient * id_weight, factor)
        self.context.update(inputs, to_input * id_weight[as_input], factor)

    def _error(
        self, cosine: Float, candidates: NDArray[np.int64], targets: NDArray[np.int32]
    ) -> Float:
        """Return the loss's slope over the cosines, (batch, n_candidates)."""
        user, positive = np.arange(len(targets)), np.searchsorted(candidates, targets)
        logit = cosine / np.float32(self.settings.temperature) - self.log_chance[candidates]
        logit[user, positive] += self.log_chance[targets]
        logit -= logit.max(axis=1, keepdims=True)
        np.exp(logit, out=logit)
        logit /= logit.sum(axis=1, keepdims=True)
        logit[user, positive] -= 1
        logit *= np.float32(1 / (len(targets) * self.settings.temperature))
        return logit
