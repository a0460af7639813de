"""The demo shop: real public-domain books, simulated readers."""

from importlib import resources
from pathlib import Path

import polars as pl

from pennyweight.demo.readers import simulate
from pennyweight.storage.files import write_atomic

__all__ = ["books", "readers", "write"]

BOOK_SCHEMA = pl.Schema(
    {
        "item_id": pl.String(),
        "title": pl.String(),
        "author": pl.String(),
        "year": pl.Int64(),
        "subjects": pl.List(pl.String()),
        "language_of_origin": pl.String(),
        "description": pl.String(),
    }
)


def books() -> pl.DataFrame:
    """Return the catalog: one row a book; a negative year is BCE.

    Returns
    -------
    polars.DataFrame
        Columns item_id, title, author, year, subjects (a list of strings),
        language_of_origin and description.
    """
    data = resources.files(__name__).joinpath("books.jsonl").read_bytes()
    catalog: pl.DataFrame = pl.read_ndjson(data, schema=BOOK_SCHEMA)
    return catalog


def readers(*, readers: int = 3000, seed: int = 7) -> pl.DataFrame:
    """Return the events of simulated readers of these books.

    Parameters
    ----------
    readers
        How many readers.
    seed
        The same seed gives the same frame.

    Returns
    -------
    polars.DataFrame
        Columns user_id, item_id, timestamp and event_type, in order of time.
    """
    return simulate(books(), readers=readers, seed=seed)


def write(folder: Path, *, readers: int = 3000, seed: int = 7) -> tuple[Path, Path]:
    """Write the shop as two files: ``books.jsonl`` and ``readers.csv``.

    Parameters
    ----------
    folder
        Made if missing; files of these names in it are replaced.
    readers
        How many readers.
    seed
        The same seed gives the same files.

    Returns
    -------
    tuple of Path
        The catalog and the events.
    """
    catalog = books()
    events = simulate(catalog, readers=readers, seed=seed)
    files = folder / "books.jsonl", folder / "readers.csv"
    write_atomic(files[0], catalog.write_ndjson().encode())
    write_atomic(files[1], events.write_csv().encode())
    return files
