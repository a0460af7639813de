"""`export`: from a service to the files of the next fit."""

from pathlib import Path

import polars as pl
from running import FAST, Cli

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
    again = cli("fit", items, events, "--out", tmp_path / "again", "--quiet", *options, *FAST)
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
