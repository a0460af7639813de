"""`export`: from a service to the files of the next fit."""

from pathlib import Path

import polars as pl
import pytest
from running import Cli
from small import FAST as FASTEST

from pennyweight import Recommender
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore


def test_exported_data_can_be_fitted_again(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    live, items, events = tmp_path / "live", tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    live.mkdir()
    engine = Engine(SQLiteStore(live / "store.sqlite"), BundleStore(live / "bundles"))
    engine.start(bundle)
    bundle = engine.traffic.split.primary
    old_log, book = bundle.recommender.interactions, bundle.catalog.ids[0]
    engine.store.writer.submit(
        lambda store: store.add_events([Event("e", "somebody", book, "view", 1.76e9)])
    ).result()
    engine.close()
    ran = cli("export", live, "--items", items, "--events", events)
    assert ran.code == 0, ran.err
    assert f"{len(bundle.catalog):,} items" in ran.out
    assert f"pennyweight fit {items} {events} --out BUNDLE" in ran.err
    written = pl.read_ndjson(events)
    assert written.height == len(old_log) + len(old_log.negative) + 1
    assert written.filter(pl.col("user_id") == "somebody")["item_id"].to_list() == [book]
    options = ran.err.partition("--out BUNDLE")[2].split()
    again = cli("fit", items, events, "--out", tmp_path / "again", "--quiet", *options, *FASTEST)
    assert again.code == 0, again.err
    fitted = Recommender.load(tmp_path / "again")
    assert fitted.origin.events.seq == 1
    assert len(fitted.interactions.users) >= len(old_log.users)
    assert list(fitted.catalog.ids) == list(bundle.catalog.ids)


def test_a_folder_of_no_service(cli: Cli, tmp_path: Path) -> None:
    items, events = tmp_path / "items.jsonl", tmp_path / "events.jsonl"
    ran = cli("export", tmp_path, "--items", items, "--events", events)
    assert ran.code == 2 and "not a folder of a service" in ran.err
    assert not items.exists() and not events.exists()


@pytest.mark.parametrize("end", ["csv", "CSV", "parquet", "json"])
def test_the_end_of_the_name_gives_the_format(
    cli: Cli, bundle: Path, tmp_path: Path, end: str
) -> None:
    live, items, events = tmp_path / "live", tmp_path / f"items.{end}", tmp_path / f"events.{end}"
    live.mkdir()
    engine = Engine(SQLiteStore(live / "store.sqlite"), BundleStore(live / "bundles"))
    engine.start(bundle)
    name = 'a "quoted", long\nname'
    event = Event("e", name, engine.traffic.split.primary.catalog.ids[0], "view", 1.76e9 + 1 / 3)
    engine.store.writer.submit(lambda store: store.add_events([event])).result()
    engine.close()
    options = ("--items", tmp_path / "items.jsonl", "--events", events)
    ran = cli("export", live, *options)
    assert ran.code == 0, ran.err
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_ndjson}[end.lower()]
    (row,) = read(events).filter(pl.col("user_id") == name).to_dicts()
    assert (row["item_id"], row["timestamp"]) == (event.item, event.time)
    ran = cli("export", live, "--items", items, "--events", events)
    if end.lower() == "csv":  # its items have lists
        assert ran.code == 2 and "CSV cannot hold the lists" in ran.err and not items.exists()
    else:
        assert ran.code == 0 and items.exists()


def test_an_unknown_format_is_refused(cli: Cli, tmp_path: Path) -> None:
    options = ("--items", tmp_path / "items.jsonl", "--events", tmp_path / "events.xlsx")
    ran = cli("export", tmp_path / "live", *options)
    assert ran.code == 2 and "events.xlsx" in ran.err and ".csv (CSV)" in ran.err
