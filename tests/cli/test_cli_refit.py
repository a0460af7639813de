"""`refit`, `bundles`, `publish` and `rollback`."""

import json
from pathlib import Path

import pytest
from protected_app import serving
from running import Cli

import pennyweight
import small_shop
from pennyweight.bundle import open_bundle
from pennyweight.serving.http.app import AccessPolicy, make_app
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live_folder import locked_folder, serving_at
from pennyweight.serving.security.keyring import KeyRing
from pennyweight.serving.stores.protocol import Event
from pennyweight.serving.stores.sqlite import SQLiteStore


@pytest.fixture
def live(tmp_path: Path) -> Path:
    events = small_shop.events(users=200).drop("split").sort("timestamp", maintain_order=True)
    half = events.height // 2
    scorers = ["popularity", "content", "neighbors"]
    shop = pennyweight.fit(small_shop.items(), events[:half], encoder="tfidf", scorers=scorers)
    shop.save(tmp_path / "shop")
    live = tmp_path / "live"
    live.mkdir()
    engine = Engine(SQLiteStore(live / "store.sqlite"), BundleStore(live / "bundles"))
    engine.start(tmp_path / "shop")
    rows = [
        Event(f"e{n}", user, item, "view", float(time))
        for n, (user, item, time) in enumerate(events[half:].iter_rows())
    ]
    engine.store.writer.submit(lambda store: store.add_events(rows)).result()
    engine.close()
    return live


def test_a_refit_is_published_and_rolled_back(cli: Cli, live: Path, tmp_path: Path) -> None:
    first = open_bundle(tmp_path / "shop").sha256[:12]
    ran = cli("refit", live, "--out", tmp_path / "new", "--publish-if", "always")
    assert ran.code == 0, ran.err
    assert "NDCG@10 on " in ran.out and "published; " in ran.out and f"saved {tmp_path}" in ran.out
    second = open_bundle(tmp_path / "new").sha256[:12]
    rows = json.loads(cli("bundles", live, "--json").out)
    assert [(row["bundle_version"], row["share"]) for row in rows] == [(first, 0), (second, 1)]
    assert [row["previous"] for row in rows] == [True, False]
    assert [(row["source_exists"], row["refit"]) for row in rows] == [(True, False), (False, True)]
    lines = cli("bundles", live).out.splitlines()
    assert "serves 100%" in lines[1] and lines[1].endswith("  refit")
    (tmp_path / "shop").rename(tmp_path / "moved")
    assert cli("bundles", live).out.splitlines()[0].endswith("shop (no longer there)")
    ran = cli("rollback", live)
    assert ran.code == 0 and ran.out == f"{live} serves {first}\n" and second in ran.err
    ran = cli("publish", live, tmp_path / "new")
    assert ran.code == 0 and ran.out == f"{live} serves {second}\n"
    ran = cli("refit", live)
    assert ran.code == 0 and "nothing to judge by" in ran.out
    ran = cli("bundles", live, "--keep", 1)
    assert ran.code == 0 and "deleted 0 bundles" in ran.err  # one serves, one is for a rollback
    assert len(ran.out.splitlines()) == 2


def test_a_refit_that_is_not_published(cli: Cli, live: Path, tmp_path: Path) -> None:
    ran = cli("refit", live, "--publish-if", "never")
    assert ran.code == 2 and "--out" in ran.err
    ran = cli(
        "refit", live, "--publish-if", "never", "--out", tmp_path / "new", "--full", "--quiet"
    )
    assert ran.code == 0, ran.err
    assert open_bundle(tmp_path / "new").manifest.fitted_from["refit"]["mode"] == "full"
    assert len(json.loads(cli("bundles", live, "--json").out)) == 1
    ran = cli("refit", live, "--out", tmp_path / "new")
    assert ran.code == 2 and "a bundle is there" in ran.err and "--overwrite" in ran.err
    first = open_bundle(tmp_path / "new").sha256
    ran = cli("refit", live, "--out", tmp_path / "new", "--overwrite", "--publish-if", "never")
    assert ran.code == 0, ran.err
    assert open_bundle(tmp_path / "new").sha256 != first


def test_a_refit_asks_first_whether_its_key_may_publish(
    cli: Cli, live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.json"
    secret = cli("keys", "create", "--keys", keys, "--scope", "read", "--name", "shop").out.split()[
        0
    ]
    access = AccessPolicy(KeyRing(keys))
    engine = Engine(SQLiteStore(live / "store.sqlite"), BundleStore(live / "bundles"))
    with locked_folder(live):
        engine.start(None)
        try:
            with (
                serving(make_app(engine, access)) as port,
                serving_at(live, f"http://127.0.0.1:{port}"),
            ):
                monkeypatch.setenv("PENNYWEIGHT_KEY", secret)
                ran = cli("refit", live)
                assert ran.code == 2 and "lacks the scope 'admin'" in ran.err
                assert "PENNYWEIGHT_KEY" in ran.err and not (live / "refit").exists()
                ran = cli("refit", live, "--publish-if", "never", "--out", tmp_path / "new")
                assert ran.code == 0, ran.err
        finally:
            engine.close()
