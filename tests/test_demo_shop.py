"""The demo shop: facts of the catalog, and the promises the simulation makes."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pennyweight import demo
from pennyweight.demo.clock import ARRIVAL_SECOND, FIRST_SECOND, WINDOW_SECONDS
from pennyweight.demo.readers import simulate
from pennyweight.demo.world import NO_BOOK, World, draw_world
from pennyweight.errors import DataError

SEED = 7


@pytest.fixture(scope="module")
def books() -> pl.DataFrame:
    return demo.books()


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return demo.readers(seed=SEED)


@pytest.fixture(scope="module")
def world(books: pl.DataFrame) -> World:
    return draw_world(books, np.random.SeedSequence(SEED).spawn(2)[0])


@pytest.fixture(scope="module")
def steps(books: pl.DataFrame, events: pl.DataFrame) -> np.ndarray:
    """Rows of the book table: (previous book, next book) for each step of each reader."""
    rows = pl.DataFrame({"item_id": books["item_id"], "row": np.arange(books.height)})
    log = events.join(rows, on="item_id", maintain_order="left")
    before = pl.col("row").shift(1).over("user_id").alias("before")
    return log.select(before, "row").drop_nulls().to_numpy()


def dealt(steps: np.ndarray) -> np.ndarray:
    """The same steps with the second book dealt anew: what popularity alone would give."""
    return np.column_stack([steps[:, 0], np.random.default_rng(0).permutation(steps[:, 1])])


def followed(link: np.ndarray, steps: np.ndarray) -> float:
    return float((link[steps[:, 0]] == steps[:, 1]).mean())


def test_catalog_has_the_promised_columns_and_size(books: pl.DataFrame) -> None:
    text = ["item_id", "title", "author", "language_of_origin", "description"]
    types = dict.fromkeys(text, pl.String) | {"year": pl.Int64, "subjects": pl.List(pl.String)}
    assert dict(books.schema) == types
    assert books.height >= 330
    assert sum(books.null_count().row(0)) == 0
    assert books["year"].max() < 1930
    assert (books["year"] != 0).all()  # there was no year zero


def test_books_are_unique_and_have_readable_ids(books: pl.DataFrame) -> None:
    assert books["item_id"].is_unique().all()
    assert books.select("title", "author").is_unique().all()
    assert books["description"].is_unique().all()
    assert books["item_id"].str.contains(r"^[a-z0-9]+(-[a-z0-9]+)*$").all()


def test_descriptions_are_two_sentences_of_moderate_length(books: pl.DataFrame) -> None:
    for item, text in books.select("item_id", "description").iter_rows():
        assert len(re.findall(r"[.!?](?=\s|$)", text)) == 2, item
        assert text.endswith("."), item
        assert 25 <= len(text.split()) <= 50, item
    opening = books["description"].str.split(" ").list.head(3).list.join(" ")
    assert opening.value_counts()["count"].max() <= 3  # no template


def test_subjects_come_from_a_short_list(books: pl.DataFrame) -> None:
    assert books["subjects"].list.len().is_between(3, 6).all()
    assert (books["subjects"].list.n_unique() == books["subjects"].list.len()).all()
    counts = books["subjects"].explode().value_counts()
    assert counts.height <= 70
    assert counts["count"].min() >= 3


def test_events_have_the_promised_columns(books: pl.DataFrame, events: pl.DataFrame) -> None:
    assert events.columns == ["user_id", "item_id", "timestamp", "event_type"]
    assert events.dtypes == [pl.String, pl.String, pl.Int64, pl.String]
    assert set(events["event_type"]) == {"view", "read", "like"}
    assert set(events["item_id"]) <= set(books["item_id"])
    assert events["timestamp"].is_between(FIRST_SECOND, FIRST_SECOND + WINDOW_SECONDS).all()
    assert events["timestamp"].is_sorted()


def test_readers_have_few_books_with_a_heavy_tail(events: pl.DataFrame) -> None:
    lengths = events.group_by("user_id").len()["len"]
    assert lengths.len() == 3000
    assert lengths.is_between(3, 60).all()
    assert 8 <= lengths.mean() <= 15
    assert lengths.median() < lengths.mean()


def test_a_reader_meets_a_book_once_and_time_only_advances(events: pl.DataFrame) -> None:
    assert events.select("user_id", "item_id").is_unique().all()
    gaps = events.select(pl.col("timestamp").diff().over("user_id")).to_series().drop_nulls()
    assert gaps.min() > 0


def test_same_seed_same_frame(books: pl.DataFrame) -> None:
    first = simulate(books, readers=200, seed=3)
    assert first.equals(simulate(books, readers=200, seed=3))
    assert not first.equals(simulate(books, readers=200, seed=4))


def test_the_world_does_not_depend_on_who_visits(books: pl.DataFrame, world: World) -> None:
    again = draw_world(books, np.random.SeedSequence(SEED).spawn(2)[0])
    other = draw_world(books, np.random.SeedSequence(SEED + 1).spawn(2)[0])
    assert np.array_equal(world.pair, again.pair)
    assert not np.array_equal(world.pair, other.pair)
    # One cycle through all books, so no book is its own partner.
    assert sorted(world.pair) == list(range(books.height))
    assert (world.pair != np.arange(books.height)).all()


def test_new_arrivals_come_late_and_are_met(
    books: pl.DataFrame, events: pl.DataFrame, world: World
) -> None:
    new = events.filter(pl.col("item_id").is_in(books["item_id"].filter(world.arrival).implode()))
    assert world.arrival.sum() == 12
    assert new["timestamp"].min() >= ARRIVAL_SECOND
    counts = new["item_id"].value_counts()
    assert counts.height == 12
    assert counts["count"].min() >= 5


def test_pairs_and_series_follow_far_more_often_than_chance(
    books: pl.DataFrame, steps: np.ndarray, world: World
) -> None:
    assert followed(world.pair, steps) > 10 * followed(world.pair, dealt(steps))
    assert 0.05 < followed(world.pair, steps) < 0.2
    assert followed(world.series, steps) > 5 * followed(world.series, dealt(steps))
    ids = books["item_id"].to_list()
    assert ids[world.series[ids.index("emma")]] == "northanger-abbey"
    assert world.series[ids.index("beowulf")] == NO_BOOK


def test_text_explains_a_part_of_the_next_book_only(steps: np.ndarray, world: World) -> None:
    has = world.features[:, : world.subjects] > 0
    explained, base = (
        (has[pairs[:, 0]] & has[pairs[:, 1]]).any(axis=1).mean() for pairs in (steps, dealt(steps))
    )
    assert explained > base + 0.08
    assert explained < 0.65


def test_circles_show_in_behavior_where_texts_share_nothing(
    books: pl.DataFrame, events: pl.DataFrame, world: World
) -> None:
    table = events.pivot("item_id", index="user_id", values="timestamp", aggregate_function="len")
    met = table.select(books["item_id"].to_list()).fill_null(0).to_numpy().astype(float)
    share = met.sum(axis=0) / met.sum()
    lift = met.T @ met / np.outer(share, share)
    strangers = world.features @ world.features.T == 0.0
    mates = (world.circles.T @ world.circles > 0) & strangers
    others = (world.circles.T @ world.circles == 0) & strangers
    assert lift[mates].mean() > 1.2 * lift[others].mean()


def test_files_come_back_as_they_were(tmp_path: Path, books: pl.DataFrame) -> None:
    catalog, log = demo.write(tmp_path / "shop", readers=50, seed=5)
    assert sorted((tmp_path / "shop").iterdir()) == [catalog, log]
    assert pl.read_ndjson(catalog).equals(books)
    assert pl.read_csv(log).equals(demo.readers(readers=50, seed=5))
    again = demo.write(tmp_path / "again", readers=50, seed=5)
    assert [path.read_bytes() for path in again] == [catalog.read_bytes(), log.read_bytes()]


def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "books.jsonl").write_text("old", encoding="utf-8")

    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(pl.DataFrame, "write_ndjson", fail)
    with pytest.raises(OSError, match="disk full"):
        demo.write(tmp_path, readers=10)
    assert (tmp_path / "books.jsonl").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["books.jsonl"]


def test_impossible_requests_are_refused_with_the_number(books: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="readers: 0"):
        simulate(books, readers=0)
    with pytest.raises(DataError, match="books: 20 rows"):
        simulate(books.head(20), readers=5)
