"""Simulated readers of the demo shop: a mixture of visible tastes and hidden habits.

Each event first draws a reason (taste, a hidden circle, a hidden read-next pair, the author's
next book, fame, chance), then a book given that reason. The equations are in
``docs/demo-shop.md``. The parts are textbook ones put together here: Zipf-Mandelbrot
popularity, Dirichlet tastes as in latent Dirichlet allocation (Blei, Ng and Jordan, 2003),
and a first-order Markov step as in factorised chains (Rendle et al., 2010).
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.demo.clock import ARRIVAL_SECOND, draw_times
from pennyweight.demo.world import NO_BOOK, World, draw_world
from pennyweight.errors import DataError

__all__ = ["EVENTS", "INCLINED", "Inclinations", "reader_name", "simulate"]

SHORTEST, LONGEST = 3, 60

# The six reasons for an event, and how often each counts in the crowd as a whole.
TASTE, CIRCLE, PAIR, SERIES, POPULAR = range(5)  # the sixth is chance
REASONS = np.array([0.36, 0.24, 0.10, 0.14, 0.11, 0.05])
NEWS = 5.0  # how much more the table of new arrivals is looked at
STEADINESS = 25.0  # how closely a reader's own shares of reasons keep to REASONS
EVENTS = np.array(["view", "read", "like"])
# Probabilities of (view, read, like): books chosen by inclination are liked more often.
INCLINED = np.array([0.20, 0.52, 0.28])
IDLE = np.array([0.50, 0.42, 0.08])

FLOOR = 1e-9

FloatMatrix = NDArray[np.float64]
IntMatrix = NDArray[np.int64]


@dataclass(frozen=True)
class _Crowd:
    """The readers' own traits, one row a reader; before and after are matches with each book."""

    lengths: IntMatrix
    times: IntMatrix
    before: FloatMatrix
    after: FloatMatrix
    circles: IntMatrix
    reasons: FloatMatrix


def simulate(books: pl.DataFrame, *, readers: int = 3000, seed: int = 7) -> pl.DataFrame:
    """Invent the reading histories of a crowd.

    Parameters
    ----------
    books
        Columns item_id, author, year and subjects; at least 100 rows.
    readers
        How many readers.
    seed
        The same seed, books, count and numpy release give the same frame.

    Returns
    -------
    polars.DataFrame
        Columns user_id, item_id, timestamp (seconds) and event_type in order of time;
        a reader meets a book at most once.
    """
    if books.height < LONGEST + 40:
        raise DataError(f"books: {books.height} rows; the simulation needs {LONGEST + 40} or more")
    if readers < 1:
        raise DataError(f"readers: {readers}; the simulation needs 1 or more")
    shared, own = np.random.SeedSequence(seed).spawn(2)
    world = draw_world(books, shared)
    rng = np.random.default_rng(own)
    crowd = _draw_crowd(world, readers, rng)
    met = np.zeros((readers, books.height), dtype=np.bool_)
    last = np.full(readers, NO_BOOK, dtype=np.int64)
    steps: list[pl.DataFrame] = []
    for step in range(int(crowd.lengths.max())):
        active = np.flatnonzero(crowd.lengths > step)
        chosen, reason = _choose(world, crowd, active, step, last[active], met[active], rng)
        met[active, chosen] = True
        last[active] = chosen
        bounds = np.where((reason >= POPULAR)[:, None], IDLE.cumsum(), INCLINED.cumsum())
        kind = (rng.random(active.size)[:, None] > bounds[:, :2]).sum(axis=1)
        columns = {
            "reader": active,
            "item_id": books["item_id"].gather(chosen),
            "timestamp": crowd.times[active, step],
            "event_type": EVENTS[kind],
        }
        steps.append(pl.DataFrame(columns))
    user = pl.format("reader-{}", pl.col("reader").cast(pl.String).str.zfill(4)).alias("user_id")
    log = pl.concat(steps).sort("timestamp", "reader")
    return log.select(user, "item_id", "timestamp", "event_type")


def reader_name(reader: int) -> str:
    """Return the id of a reader, from 0 on, in the events of `simulate`."""
    return f"reader-{reader:04d}"


class Inclinations:
    """How likely readers are to choose each book next, by the model of `simulate`.

    Parameters
    ----------
    books, readers, seed
        As of `simulate`; equal ones give the same readers.
    """

    def __init__(self, books: pl.DataFrame, *, readers: int, seed: int) -> None:
        shared, own = np.random.SeedSequence(seed).spawn(2)
        self._world = draw_world(books, shared)
        self._crowd = _draw_crowd(self._world, readers, np.random.default_rng(own))

    def of(self, reader: int, met: Collection[int], last: int = NO_BOOK) -> FloatMatrix:
        """Return the probability of each book to be the next of a reader, float64 (n_books,).

        The taste is the late one, and new books have arrived.

        Parameters
        ----------
        reader
            Its number.
        met
            Rows of the books that the reader met before, which have probability 0.
        last
            Row of the last one, or ``NO_BOOK``.
        """
        world, crowd = self._world, self._crowd
        available = np.where(world.arrival, NEWS, 1.0)
        available[list(met)] = 0.0
        half = np.sqrt(world.popularity)
        taste, chance = np.square(np.square(crowd.after[reader])) * half, np.ones(len(half))
        circle = world.circles[crowd.circles[reader]].sum(axis=0) * half
        pair, series = (_one(follow, last, available) for follow in (world.pair, world.series))
        by_reason = (taste, circle, pair, series, world.popularity, chance)
        total = np.zeros(len(half))
        for share, weights in zip(crowd.reasons[reader], by_reason, strict=True):
            weights = ((taste if weights is None else weights) + FLOOR) * available
            total += share * weights / max(weights.sum(), FLOOR)
        return total


def _one(follow: IntMatrix, last: int, available: FloatMatrix) -> FloatMatrix | None:
    """Return the weights of the book that follows the last one; None where there is none."""
    if last == NO_BOOK or follow[last] == NO_BOOK or not available[follow[last]]:
        return None
    weights = np.zeros(len(available))
    weights[follow[last]] = 1.0
    return weights


def _draw_crowd(world: World, readers: int, rng: np.random.Generator) -> _Crowd:
    """Draw every reader's length, clock, tastes, circles and shares of reasons."""
    lengths = SHORTEST + rng.lognormal(np.log(5.5), 1.0, readers).astype(np.int64)
    lengths = np.minimum(lengths, LONGEST)
    before = _draw_matches(world, readers, rng)
    return _Crowd(
        lengths=lengths,
        times=draw_times(lengths, rng),
        before=before,
        after=0.4 * before + 0.6 * _draw_matches(world, readers, rng),
        circles=rng.integers(world.circles.shape[0], size=(readers, 2)),
        reasons=rng.dirichlet(STEADINESS * REASONS, size=readers),
    )


def _draw_matches(world: World, readers: int, rng: np.random.Generator) -> FloatMatrix:
    """Draw sparse mixtures, 0.7 subjects and 0.3 authors; return how each matches each book."""
    # The root lets rare subjects have their lovers too.
    weight = np.sqrt((world.features > 0).sum(axis=0))
    subjects, authors = weight[: world.subjects], weight[world.subjects :]
    liked = rng.dirichlet(2.0 * subjects / subjects.sum(), size=readers)
    followed = rng.dirichlet(1.0 * authors / authors.sum(), size=readers)
    tastes = np.hstack([0.7 * liked, 0.3 * followed])
    # Traces too small to matter are cleared: arithmetic on them is slow.
    match: FloatMatrix = np.where(tastes < 1e-4, 0.0, tastes) @ world.features.T
    return match


def _choose(
    world: World,
    crowd: _Crowd,
    active: IntMatrix,
    step: int,
    last: IntMatrix,
    met: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[IntMatrix, IntMatrix]:
    """Draw one book and the reason for it for each reader in `active`."""
    arrived = crowd.times[active, step] >= ARRIVAL_SECOND
    availability = np.where(world.arrival, np.where(arrived, NEWS, 0.0)[:, None], 1.0)
    availability[met] = 0.0
    reason = _draw(crowd.reasons[active], rng)
    follow = np.where(reason == PAIR, world.pair[last], world.series[last])
    follows = ((reason == PAIR) | (reason == SERIES)) & (last != NO_BOOK) & (follow != NO_BOOK)
    follows &= availability[np.arange(active.size), follow] > 0.0
    # No next book, or one already met or not yet in the shop: back to taste.
    reason = np.where(((reason == PAIR) | (reason == SERIES)) & ~follows, TASTE, reason)

    fond = reason == TASTE
    age = (step / (crowd.lengths[active[fond]] - 1))[:, None]
    match = (1.0 - age) * crowd.before[active[fond]] + age * crowd.after[active[fond]]
    half = np.sqrt(world.popularity)
    weights = np.ones(met.shape)
    # The fourth power: a close match counts far more than a loose one.
    weights[fond] = np.square(np.square(match)) * half
    circle = crowd.circles[active, rng.integers(2, size=active.size)][reason == CIRCLE]
    weights[reason == CIRCLE] = world.circles[circle] * half
    weights[reason == POPULAR] = world.popularity
    # The small floor lets a reader who has read all of a circle still find a book.
    chosen = _draw((weights + FLOOR) * availability, rng)
    return np.where(follows, follow, chosen), reason


def _draw(weights: FloatMatrix, rng: np.random.Generator) -> IntMatrix:
    """Draw one column a row with chances in proportion to `weights`."""
    totals = weights.cumsum(axis=1)
    below: IntMatrix = (totals <= rng.random((weights.shape[0], 1)) * totals[:, -1:]).sum(axis=1)
    return below
