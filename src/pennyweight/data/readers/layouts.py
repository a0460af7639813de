"""Well-known files without a header, recognised by the pattern of their lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pennyweight.data.readers.dialect import DOUBLE_COLON, Dialect

__all__ = ["LAYOUTS", "Layout", "find_layout", "join_flags"]

_SAMPLE_BYTES, _SAMPLE_LINES = 1 << 18, 50
_COLONS = DOUBLE_COLON.decode()
_EPOCH, _ISO = r"1\d{9}|[89]\d{8}", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"
_ASIN, _AMAZON_USER = r"B0[0-9A-Z]{8}|\d{9}[\dX]", r"A[0-9A-Z]{9,20}"
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)


@dataclass(frozen=True)
class Layout:
    """A file without a header.

    Attributes
    ----------
    name
        Of the dataset and the file.
    separators
        Those with which it is published.
    columns
        Their names, each with the pattern of all its values.
    file_names
        A pattern of the name, where the contents alone do not tell.
    """

    name: str
    separators: tuple[str, ...]
    columns: dict[str, str]
    file_names: str = ""


_RATINGS = {"user_id": r"\d+", "item_id": r"\d+", "rating": r"[0-5](\.\d)?", "timestamp": _EPOCH}
LAYOUTS = (
    Layout("MovieLens ratings (u.data, ratings.dat)", ("\t", _COLONS), _RATINGS),
    Layout("MovieLens ratings", (",",), _RATINGS, r"(?i).*rating|u\.data|.*movielens|ml-"),
    Layout(
        "MovieLens 100K u.item",
        ("|",),
        {
            "item_id": r"\d+",
            "title": r".*",
            "release_date": r"(\d\d-\w{3}-\d{4})?",
            "video_release_date": r"(\d\d-\w{3}-\d{4})?",
            "imdb_url": r"\S*",
            **dict.fromkeys(_GENRES, "[01]"),
        },
    ),
    Layout(
        "MovieLens movies.dat",
        (_COLONS,),
        {
            "item_id": r"\d+",
            "title": r".*\S.*",
            "genres": r"[\w '\-()]+(\|[\w '\-()]+)*",
        },
    ),
    Layout(
        "MIND behaviors.tsv",
        ("\t",),
        {
            "impression_id": r"\d+",
            "user_id": r"U\d+",
            "time": r"\d+/\d+/\d{4} \d+:\d\d:\d\d [AP]M",
            "history": r"(N\d+( N\d+)*)?",
            "impressions": r"N\d+(-[01])?( N\d+(-[01])?)*",
        },
    ),
    Layout(
        "MIND news.tsv",
        ("\t",),
        {
            "news_id": r"N\d+",
            "category": r"\w*",
            "subcategory": r"[\w\-]*",
            "title": r".*",
            "abstract": r".*",
            "url": r"(https?://\S*)?",
            "title_entities": r"(\[.*\])?",
            "abstract_entities": r"(\[.*\])?",
        },
    ),
    Layout(
        "Taobao UserBehavior.csv",
        (",",),
        {
            "user_id": r"\d+",
            "item_id": r"\d+",
            "category_id": r"\d+",
            "event_type": r"pv|buy|cart|fav",
            "timestamp": r"-?\d+",
        },
    ),
    Layout(
        "Amazon ratings (user, item, rating, time)",
        (",",),
        {
            "user_id": _AMAZON_USER,
            "item_id": _ASIN,
            "rating": r"[1-5](\.0)?",
            "timestamp": _EPOCH,
        },
    ),
    Layout(
        "Amazon ratings (item, user, rating, time)",
        (",",),
        {
            "item_id": _ASIN,
            "user_id": _AMAZON_USER,
            "rating": r"[1-5](\.0)?",
            "timestamp": _EPOCH,
        },
    ),
    Layout(
        "Yoochoose clicks",
        (",",),
        {
            "session_id": r"\d+",
            "timestamp": _ISO,
            "item_id": r"\d+",
            "category": r"\w+",
        },
        r"(?i).*clicks|.*test",
    ),
    Layout(
        "Yoochoose buys",
        (",",),
        {
            "session_id": r"\d+",
            "timestamp": _ISO,
            "item_id": r"\d+",
            "price": r"\d+",
            "quantity": r"\d+",
        },
        r"(?i).*buys",
    ),
    Layout(
        "Last.fm 1K listening",
        ("\t",),
        {
            "user_id": r"user_\d{6}",
            "timestamp": _ISO,
            "artist_id": f"({_UUID})?",
            "artist_name": r".*",
            "track_id": f"({_UUID})?",
            "track_name": r".*",
        },
    ),
    Layout(
        "Last.fm 360K plays",
        ("\t",),
        {
            "user_id": r"[0-9a-f]{40}",
            "artist_id": f"({_UUID})?",
            "artist_name": r".*",
            "plays": r"\d+",
        },
    ),
    Layout(
        "Gowalla and Brightkite check-ins",
        ("\t",),
        {
            "user_id": r"\d+",
            "timestamp": _ISO,
            "latitude": r"-?\d+(\.\d+)?",
            "longitude": r"-?\d+(\.\d+)?",
            "location_id": r"\w+",
        },
    ),
)


def find_layout(data: bytes, source: str) -> Dialect | None:
    """Return the layout of a well-known file without a header, None for any other file.

    Parameters
    ----------
    data
        The contents; ``::`` was replaced by `DOUBLE_COLON`.
    source
        The file.
    """
    lines = data[:_SAMPLE_BYTES].decode("utf-8", "replace").split("\n")
    if len(data) > _SAMPLE_BYTES:
        lines = lines[:-1]
    sample = [line.rstrip("\r") for line in lines if line.strip()][:_SAMPLE_LINES]
    if not sample:
        return None
    for layout in LAYOUTS:
        if layout.file_names and not re.match(layout.file_names, Path(source).name):
            continue
        for separator in layout.separators:
            if all(_fits(line.split(separator), layout) for line in sample):
                names = tuple(layout.columns)
                note = f"no header, read as {layout.name}: {', '.join(names[:8])}"
                return Dialect(separator, names, 0, False, (note,))
    return None


def _fits(fields: Sequence[str], layout: Layout) -> bool:
    patterns = layout.columns.values()
    return len(fields) == len(patterns) and all(
        re.fullmatch(pattern, field) for pattern, field in zip(patterns, fields, strict=True)
    )


def join_flags(frame: pl.DataFrame) -> pl.DataFrame:
    """Return MovieLens' 0 and 1 for each genre as one column of genre names."""
    if frame.columns[-len(_GENRES) :] != list(_GENRES):
        return frame
    names = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in _GENRES[1:]]
    genres = pl.concat_str(names, separator="|", ignore_nulls=True).alias("genres")
    return frame.with_columns(genres).drop(_GENRES)
