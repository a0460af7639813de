"""`experiment`: plan, start, status, shares, stop and promote, with and without a service."""

import json
from pathlib import Path

import pytest
from protected_app import serving
from running import Cli

import pennyweight
import small_shop
from pennyweight.serving.http.app import make_app
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live_folder import locked_folder, serving_at
from pennyweight.serving.stores.sqlite import SQLiteStore


def engine_in(folder: Path) -> Engine:
    return Engine(SQLiteStore(folder / "store.sqlite"), BundleStore(folder / "bundles"))


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("shops")
    for name in ("a", "b"):
        events = small_shop.events(seed=ord(name))
        pennyweight.fit(
            small_shop.items(), events, encoder="tfidf", scorers=["popularity", "content"]
        ).save(folder / name)
    return [folder / "a", folder / "b"]


@pytest.fixture
def live(shops, tmp_path: Path) -> tuple[Path, str, str]:
    live = tmp_path / "live"
    live.mkdir()
    engine = engine_in(live)
    engine.start(shops[0])
    engine.publishing.add(shops[1], actor="test")
    first, second = (stored.version for stored in engine.publishing.stored_bundles())
    engine.close()
    return live, first, second


def test_an_experiment_in_the_folder_of_a_stopped_service(cli: Cli, live) -> None:
    folder, first, second = live
    assert cli("experiment", "status", folder).err.startswith(f"{folder}: no experiment")
    ran = cli("experiment", "plan", folder, "--days", "7")
    assert ran.code == 0 and ran.out.startswith("The detectable change is unknown")
    ran = cli(
        "experiment", "start", folder, f"{first}=0.6", f"{second}=0.4", "--name", "tea", "--days", 7
    )
    assert ran.code == 0 and ran.out.startswith("tea: running since "), ran.err
    ran = cli("experiment", "shares", folder, f"{first}=0.5", f"{second}=0.5")
    assert ran.code != 0 and "10.0% of the users would get another bundle" in ran.err
    ran = cli("experiment", "shares", folder, f"{first}=0.5", f"{second}=0.5", "--yes")
    assert ran.code == 0, ran.err
    status = json.loads(cli("experiment", "status", folder, "--json").out)
    assert [v["share"] for v in status["experiments"][0]["variants"]] == [0.5, 0.5]
    assert status["outcomes"]["contrasts"] == []
    ran = cli("experiment", "status", folder)
    assert f"  {second}  50.0%  0 of 0 users acted on a list" in ran.out
    assert "has got a list yet" in ran.out and "Warning: Less than a week" in ran.err
    ran = cli("experiment", "stop", folder)
    assert ran.code == 0 and "tea: stopped on" in ran.out
    assert "by command line" in cli("experiment", "status", folder).out


def test_an_experiment_of_a_running_service(cli: Cli, live) -> None:
    folder, first, second = live
    with locked_folder(folder):
        engine = engine_in(folder)
        engine.start(None)
        try:
            with (
                serving(make_app(engine)) as port,
                serving_at(folder, f"http://127.0.0.1:{port}"),
            ):
                assert cli("experiment", "plan", folder, "--shares", "0.2,0.2").code == 0
                cli("experiment", "start", folder, f"{first}=0.5", f"{second}=0.5")
                assert len(engine.traffic.split.variants) == 2
                ran = cli("experiment", "shares", folder, f"{first}=0.9", f"{second}=0.1", "--yes")
                assert ran.code == 0 and engine.traffic.split.variants[1].share == 0.1, ran.err
                assert "not decided" not in cli("experiment", "status", folder).out
                ran = cli("experiment", "promote", folder, second)
                assert ran.code == 0 and f"{second} promoted" in ran.out
                assert "pennyweight rollback" in ran.err
                assert engine.traffic.split.primary.version == second
                ran = cli("experiment", "promote", folder, second)
                assert ran.code != 0 and "no experiment runs" in ran.err
        finally:
            engine.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a"], "give a bundle and its share"),
        (["a=x", "b=0.5"], "'a=x'"),
        (["a=nan", "b=0.5"], "'a=nan': give a bundle and its share, above 0 and below 1"),
        (["a=0.5"], "1 bundle; an experiment compares 2 to 8"),
        (["a=0.5", "a=0.5"], "named twice"),
        (["a=0.5", "b=0.6"], "add up to 1"),
        (["a=0.5", "b=0.5"], "no bundle 'a'"),
        (["a=0.5", "b=0.5", "--days", "0"], "no bundle 'a'"),
    ],
)
def test_what_cannot_be_an_experiment(cli: Cli, live, words, message) -> None:
    ran = cli("experiment", "start", live[0], *words)
    assert ran.code != 0 and message in ran.err
