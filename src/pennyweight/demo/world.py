"""The world of the simulated readers: features, popularity, circles, pairs, new arrivals.

Everything here is drawn once from a seed. Features and series follow from the book table,
so text can find them. Popularity, circles, read-next pairs and arrivals come from the
generator alone: no text explains them, only behavior shows them.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.errors import DataError

__all__ = ["NO_BOOK", "World", "draw_world"]

NO_BOOK = -1
CIRCLES = 16
CIRCLE_SIZE = 25
ARRIVALS = 12
ZIPF_OFFSET = 9.0

FloatMatrix = NDArray[np.float64]
IntVector = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """The facts common to all readers; row i of each array is row i of the book table.

    Attributes
    ----------
    features
        Books by (subjects, then authors): visible in the text.
    subjects
        How many of the feature columns are subjects.
    series
        Row of the same author's next book by year, the first after the last, or
        ``NO_BOOK`` for an author of one book: visible in the text.
    pair
        Row of the hidden read-next book: one random cycle through the whole shop.
    circles
        Circles by books, 1.0 for a member: hidden.
    popularity
        Zipf weights over randomly dealt ranks: hidden.
    arrival
        True for a book that enters the shop late.
    """

    features: FloatMatrix
    subjects: int
    series: IntVector
    pair: IntVector
    circles: FloatMatrix
    popularity: NDArray[np.float64]
    arrival: NDArray[np.bool_]


def draw_world(books: pl.DataFrame, seed: np.random.SeedSequence) -> World:
    """Draw the shared facts for a table of books.

    Parameters
    ----------
    books
        Columns item_id, author, year and subjects, as in the demo shop.
    seed
        Source of every draw; the same one gives the same world.

    Returns
    -------
    World
        Arrays in the row order of `books`.
    """
    count = books.height
    if count <= ARRIVALS:
        raise DataError(f"books: {count} rows; the simulation needs more than {ARRIVALS}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    pair = np.empty(count, dtype=np.int64)
    pair[order] = np.roll(order, -1)
    # Zipf-Mandelbrot: the offset keeps the very top from swallowing the shop.
    popularity = 1.0 / (rng.permutation(count) + 1.0 + ZIPF_OFFSET)
    circles = np.zeros((CIRCLES, count))
    for members in circles:
        members[rng.choice(count, size=min(CIRCLE_SIZE, count), replace=False)] = 1.0
    arrival = np.zeros(count, dtype=np.bool_)
    arrival[rng.choice(count, size=ARRIVALS, replace=False)] = True
    # The shelf of new books stands by the door: arrivals draw looks like a well-known title.
    popularity[arrival] = np.quantile(popularity, 0.9)
    features, subjects = _features(books)
    return World(
        features, subjects, _series(books), pair, circles, popularity / popularity.sum(), arrival
    )


def _author() -> pl.Expr:
    """Return the author, or the item itself if the author is unknown."""
    unknown = pl.col("author") == "Anonymous"
    return pl.when(unknown).then(pl.col("item_id")).otherwise(pl.col("author"))


def _features(books: pl.DataFrame) -> tuple[FloatMatrix, int]:
    """Return books by (subjects + authors), and how many columns are subjects."""
    names = sorted(set(books["subjects"].explode().to_list()))
    column_of = {name: column for column, name in enumerate(names)}
    subjects = np.zeros((books.height, len(names)))
    for row, own in enumerate(books["subjects"].to_list()):
        # Unit length, so that a book with many subjects is not liked by everyone.
        subjects[row, [column_of[name] for name in own]] = 1.0 / np.sqrt(len(own))
    codes = books.select(_author().rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    authors = np.eye(int(codes.max()) + 1)[codes]
    return np.hstack([subjects, authors]), len(names)


def _series(books: pl.DataFrame) -> IntVector:
    """Return for each book the row of its author's next one by year, or ``NO_BOOK``."""
    row = pl.col("row").cast(pl.Int64)
    following = row.shift(-1).fill_null(row.first()).over("who")
    series = (
        books.select("item_id", "year", _author().alias("who"))
        .with_row_index("row")
        .sort("who", "year", "item_id")
        .with_columns(pl.when(following != row).then(following).otherwise(NO_BOOK).alias("next"))
        .sort("row")
    )
    rows: IntVector = series["next"].to_numpy().astype(np.int64)
    return rows
