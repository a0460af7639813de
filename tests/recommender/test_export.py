import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.errors import BudgetError, DataError, PlanError
from pennyweight.recommender import Recommender, batch
from pennyweight.recommender import export as module
from pennyweight.recommender.export import expected, parts_folder
from pennyweight.scorers.popularity import Popularity
from shop import HISTORIES, IDS, blend, catalog, interactions, shop

READ: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, schema_overrides={"score": pl.Float32}),
    ".jsonl": lambda path: pl.read_ndjson(path, schema_overrides={"score": pl.Float32}),
}
WISHES: list[dict[str, object]] = [
    {"k": 3},
    {"k": 100, "exclude_seen": False},
    {"k": 4, "filter": "year > 1813", "explain": True},
    {"k": 3, "diversity": 0.7},
    {"k": 2, "filter": "year < 0"},
]


class Stopped(Exception):
    pass


@pytest.fixture(autouse=True)
def two_users_a_block_and_a_block_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BLOCK_BYTES", 2 * 4 * len(IDS))
    monkeypatch.setattr(module, "PART_ROWS", 1)


@pytest.fixture
def saved(tmp_path: Path) -> Recommender:
    recommender = shop()
    recommender.save(tmp_path / "bundle")
    return recommender


def single_lists(recommender: Recommender, wish: dict[str, object]) -> pl.DataFrame:
    """What `recommend` says to each user, in the form of the file."""
    lists = [
        recommender.recommend(user=user, **wish).with_columns(user_id=pl.lit(user))
        for user in HISTORIES
    ]
    columns = ["user_id", "rank", "item_id", "score", "source"]
    columns += ["reason"] if "explain" in wish else []
    return pl.concat(lists).select(columns).with_columns(pl.col("score").cast(pl.Float32))


def stop_after(n: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= n:
            raise Stopped

    return progress


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("ending", READ)
def test_the_lists_are_those_of_one_by_one(
    saved: Recommender, tmp_path: Path, wish: dict[str, object], ending: str
) -> None:
    path = tmp_path / f"new folder/lists{ending}"
    assert saved.export(path, **wish) == len(HISTORIES)
    expected = single_lists(saved, wish)
    if expected.height or ending == ".parquet":
        assert_frame_equal(READ[ending](path), expected)
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_repeats_are_as_the_recommender_says(tmp_path: Path) -> None:
    include = Recommender(catalog(), blend(), interactions(), repeats="include")
    include.export(tmp_path / "lists.parquet", 8)
    assert pl.read_parquet(tmp_path / "lists.parquet").height == 8 * len(HISTORIES)


@pytest.mark.parametrize("ending", READ)
def test_an_interrupted_export_goes_on_where_it_stopped(
    saved: Recommender, tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"lists{ending}"
    path.write_text("the old file")
    with pytest.raises(Stopped):
        saved.export(path, 3, progress=stop_after(5))
    assert path.read_text() == "the old file"
    loaded = Recommender.load(tmp_path / "bundle")
    calls: list[tuple[int, int]] = []
    loaded.export(path, 3, progress=lambda *steps: calls.append(steps))
    assert calls == [(2, 3), (3, 3)]  # of nine users, six were done
    assert "6 of 9 users were done before" in caplog.text
    assert_frame_equal(READ[ending](path), single_lists(saved, {"k": 3}))
    assert not parts_folder(path).exists()


def other_bundle(saved: Recommender, path: Path) -> None:
    saved.save(path.parent / "bundle 2", parent="0" * 64)
    saved.export(path, 3)


CHANGES: dict[str, Callable[[Recommender, Path], object]] = {
    "k": lambda saved, path: saved.export(path, 4),
    "filter": lambda saved, path: saved.export(path, 3, filter="year > 1813"),
    "seen": lambda saved, path: saved.export(path, 3, exclude_seen=False),
    "diversity": lambda saved, path: saved.export(path, 3, diversity=0.5),
    "reasons": lambda saved, path: saved.export(path, 3, explain=True),
    "events": lambda saved, path: saved.export(
        path, 3, events=pl.DataFrame({"user_id": ["ann", "zoe", "zoe"], "item_id": IDS[:3]})
    ),
    "bundle": other_bundle,
    "no bundle": lambda saved, path: shop().export(path, 3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parts_of_another_export_are_not_taken_up(
    saved: Recommender, tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, fresh = tmp_path / "lists.parquet", tmp_path / "fresh" / "lists.parquet"
    with pytest.raises(Stopped):
        saved.export(path, 3, progress=stop_after(4))
    CHANGES[change](saved, path)
    assert "done before" not in caplog.text
    CHANGES[change](saved, fresh)
    assert_frame_equal(pl.read_parquet(path), pl.read_parquet(fresh))


def test_histories_from_other_events(saved: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    rows = {"user_id": ["new", "ann", "new"], "item_id": ["emma", "dracula", "📚"], "t": [1, 2, 3]}
    for events in (pl.DataFrame(rows), pd.DataFrame(rows)):
        assert saved.export(path, 3, events=events, columns={"time": "t"}) == 2
        lists = pl.read_parquet(path)
        for user, history in (("new", ["emma", "📚"]), ("ann", ["dracula"])):
            expected = saved.recommend(history=history, k=3)["item_id"]
            assert lists.filter(user_id=user)["item_id"].equals(expected)
    with pytest.raises(DataError, match="events: columns are 'a'"):
        saved.export(path, 3, events=pl.DataFrame({"a": [1]}))


def test_what_stands_in_the_way(saved: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    for wrong, words in (
        ({"path": tmp_path / "lists.xlsx"}, "must be .parquet or"),
        ({"k": 0}, "1 or more"),
        ({"diversity": 2}, "diversity"),
    ):
        with pytest.raises(PlanError, match=words):
            saved.export(**{"path": path, **wrong})
    with pytest.raises(PlanError, match="no event log"):
        Recommender(catalog(), blend()).export(path)
    with module._parts(path, {"bundle": None}), pytest.raises(DataError, match="under way"):
        saved.export(path)
    (parts_folder(path) / "job.json").unlink()
    (parts_folder(path) / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="not the work of an export"):
        saved.export(path)
    assert (parts_folder(path) / "mine.txt").read_text() == "precious"


def test_a_missing_part_is_not_passed_over(saved: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    with pytest.raises(Stopped):
        saved.export(path, 3, progress=stop_after(6))
    next(parts_folder(path).glob("000000000002-*")).unlink()
    with pytest.raises(DataError, match="from user 2 on is missing"):
        saved.export(path, 3)


def test_no_more_is_held_than_a_block_of_scores_and_a_part_of_lists(
    saved: Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []
    written: list[int] = []
    score, write = saved.scorer.score, module._write
    monkeypatch.setattr(saved.scorer, "score", lambda h: scored.append(len(h)) or score(h))
    monkeypatch.setattr(module, "_write", lambda *a: written.append(a[1].height) or write(*a))
    monkeypatch.setattr(module, "PART_ROWS", 10)
    saved.export(tmp_path / "lists.csv", 3)
    assert scored == [2, 2, 2, 2, 1]
    assert written == [12, 12, 3]


def test_nobody_and_nothing(tmp_path: Path) -> None:
    empty = Catalog(Ids([], "items"), ())
    none = interactions({})
    none = type(none)(**{**none.__dict__, "n_items": 0})
    recommender = Recommender(empty, Popularity().fit(none, empty), none)
    assert recommender.export(tmp_path / "lists.parquet") == 0
    assert pl.read_parquet(tmp_path / "lists.parquet").columns == [
        "user_id",
        "rank",
        "item_id",
        "score",
        "source",
    ]


def test_a_user_unknown_to_the_scorer_gets_popular_items(tmp_path: Path) -> None:
    blind = shop(popularity=0.0, content=0.0, neighbors=1.0)  # knows nothing of the last item
    events = pl.DataFrame({"user_id": ["u", "v"], "item_id": ["new whale", "emma"]})
    blind.export(tmp_path / "lists.jsonl", 7, events=events)
    rows = [json.loads(line) for line in (tmp_path / "lists.jsonl").read_text().splitlines()]
    expected = blind.recommend(history=["new whale"], k=7)["item_id"].to_list()
    assert [row["item_id"] for row in rows if row["user_id"] == "u"] == expected
    counts = np.append(interactions().counts[:-1], -1)
    assert expected == [IDS[code] for code in np.argsort(-counts, kind="stable")[:7]]


def test_an_export_that_cannot_fit_is_refused_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("pennyweight.machine.forecast.available_memory", lambda: 0)
    with pytest.raises(BudgetError, match=r"recommender .* available; export for some"):
        shop().export(tmp_path / "lists.parquet")
    assert list(tmp_path.iterdir()) == []


def test_the_forecast_grows_with_users_items_and_rows(monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", 1_000_000)
    base = expected(1_000, 1_000, 10).memory
    assert expected(2_000, 1_000, 10).memory["lists"] == 2 * base["lists"]
    assert expected(10**9, 1_000, 10).memory["lists"] == 100 * base["lists"]
    assert expected(1_000, 10**8, 10).memory["scores"] > base["scores"]


@pytest.mark.parametrize("suffix", READ)
def test_similar_items_of_every_item_in_a_file(
    saved: Recommender, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"similar{suffix}"

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        saved.export_similar(path, 3, progress=stop)
    begun: list[int] = []
    assert saved.export_similar(path, 3, progress=lambda done, total: begun.append(total)) == len(
        IDS
    )
    assert begun[0] == len(IDS) - 4
    expected_frame = saved.similar_many(k=3).with_columns(pl.col("score").cast(pl.Float32))
    assert_frame_equal(READ[suffix](path), expected_frame)
    assert not parts_folder(path).exists()


def test_an_export_of_given_items(saved: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    saved.export(path, 3, items=["emma", "dracula"])
    assert set(pl.read_parquet(path)["item_id"]) == {"emma", "dracula"}
