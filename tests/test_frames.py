"""Pandas and polars in and out, files, and a scikit-learn grid over a plan: equal results."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.model_selection import ParameterGrid

import pennyweight
from pennyweight import PennyweightError, Plan, demo

FEW = {"encoder": "tfidf", "scorers": ["popularity", "content", "neighbors"]}


@pytest.fixture(scope="module")
def shop() -> tuple[pl.DataFrame, pl.DataFrame]:
    books = demo.books().head(40)
    return books, demo.readers(readers=300).filter(pl.col("item_id").is_in(books["item_id"]))


@pytest.fixture(scope="module")
def fitted(shop: tuple[pl.DataFrame, pl.DataFrame]) -> pennyweight.Recommender:
    return pennyweight.fit(*shop, **FEW)


def as_people_keep_them(events: pd.DataFrame) -> pd.DataFrame:
    """Return the same events as categories, Arrow texts and dates with a zone."""
    return events.assign(
        user_id=events["user_id"].astype("category"),
        item_id=events["item_id"].astype("string[pyarrow]"),
        timestamp=pd.to_datetime(events["timestamp"], unit="s", utc=True).dt.tz_convert(
            "Asia/Tokyo"
        ),
    )


@pytest.mark.parametrize("change", [lambda events: events, as_people_keep_them])
def test_pandas_in_is_as_polars_in(shop, fitted, change) -> None:
    items, events = shop[0].to_pandas(), change(shop[1].to_pandas())
    before = items.copy(deep=True), events.copy(deep=True)
    found = pennyweight.fit(items, events, **FEW)
    assert found.report.scorers == fitted.report.scorers
    assert_frame_equal(found.recommend_many(k=5), fitted.recommend_many(k=5))
    pd.testing.assert_frame_equal(items, before[0])
    pd.testing.assert_frame_equal(events, before[1])


def test_files_in_are_as_frames_in(shop, fitted, tmp_path: Path) -> None:
    shop[0].write_parquet(tmp_path / "books.parquet")
    shop[1].to_pandas().to_csv(tmp_path / "readers.csv", index=False)
    found = pennyweight.fit(tmp_path / "books.parquet", tmp_path / "readers.csv", **FEW)
    assert found.report.scorers == fitted.report.scorers
    assert_frame_equal(found.recommend_many(k=5), fitted.recommend_many(k=5))


def test_what_comes_out_is_read_by_pandas_and_polars(fitted, tmp_path: Path) -> None:
    expected = fitted.recommend_many(k=5)
    read = {
        "parquet": pd.read_parquet,
        "csv": pd.read_csv,
        "jsonl": lambda path: pd.read_json(path, lines=True),
    }
    for ending, pandas in read.items():
        fitted.export(tmp_path / f"lists.{ending}", 5)
        found = pandas(tmp_path / f"lists.{ending}").astype({"score": "float64"})
        pd.testing.assert_frame_equal(found, expected.to_pandas(), check_dtype=False, rtol=1e-6)
    lazy = pl.scan_parquet(tmp_path / "lists.parquet").select("user_id", "rank", "item_id")
    assert_frame_equal(lazy.collect(), expected.drop("score", "source"))


def test_columns_of_frames_are_histories_and_users(shop, fitted) -> None:
    read = shop[1].filter(user_id="reader-0042").sort("timestamp")["item_id"]
    lists = [fitted.recommend(history=h, k=5) for h in (read, read.to_pandas(), read.to_list())]
    assert lists[0].equals(lists[1]) and lists[0].equals(lists[2])
    assert lists[0].equals(fitted.recommend(user="reader-0042", k=5))
    users = pd.Series(["reader-0042", "reader-0001"], index=[7, 3])
    assert fitted.recommend_many(users, k=5).equals(fitted.recommend_many(list(users), k=5))


def test_a_grid_of_scikit_learn_over_a_plan(shop) -> None:
    grid = ParameterGrid(
        {
            "encoder.name": ["tfidf"],
            "scorers.names": [["popularity"], ["content", "popularity"]],
            "evaluate.protocol": ["leave-last-out", "global-time"],
        }
    )
    data = pennyweight.read(*shop)
    for point in grid:
        report = pennyweight.evaluate(data, plan=Plan().override(point))
        assert report.protocol == point["evaluate.protocol"]
        assert set(report.scorers) == {*point["scorers.names"], "blend", "blend-train-only"}
    for wrong in ({"scorers.nmaes": [["content"]]}, {"evaluate.seed": [-1]}):
        with pytest.raises(PennyweightError, match=r"did you mean 'names'|evaluate\.seed = -1"):
            Plan().override(ParameterGrid(wrong)[0])
