"""Bundles of another catalog or of an older log: refused or noted, wherever they are published."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from live import service

import pennyweight
import small_shop
from pennyweight.bundle import open_bundle
from pennyweight.errors import PlanError
from pennyweight.serving.operations.bundle_changes import listed_bundles, publish, roll_back

DAY = 86_400.0


def save(folder: Path, name: str, items: pl.DataFrame, events: pl.DataFrame) -> Path:
    scorers = ["popularity", "content"]
    pennyweight.fit(items, events, encoder="tfidf", scorers=scorers).save(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> dict[str, Path]:
    """A shop; another shop; half of the shop's catalog; the shop with an older log."""
    folder = tmp_path_factory.mktemp("shops")
    items, events = small_shop.items(), small_shop.events().drop("split")
    other = pl.format("other-{}", "item_id").alias("item_id")
    half = items[: items.height // 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        return {
            "shop": save(folder, "shop", items, events),
            "foreign": save(
                folder, "foreign", items.with_columns(other), events.with_columns(other)
            ),
            "half": save(
                folder,
                "half",
                half,
                events.filter(pl.col("item_id").is_in(half["item_id"].implode())),
            ),
            "old": save(folder, "old", items, events.with_columns(pl.col("timestamp") - 30 * DAY)),
        }


def version(bundle: Path) -> str:
    return open_bundle(bundle).sha256[:12]


@pytest.fixture
def folder(shops, tmp_path) -> Path:
    with service(shops["shop"], tmp_path / "live"):
        pass
    return tmp_path / "live"


def test_a_bundle_of_another_catalog_is_refused_unless_forced(shops, folder):
    with pytest.raises(PlanError, match=r"none of the items .* of another catalog; .*--force"):
        publish(folder, shops["foreign"])
    listed = listed_bundles(folder)
    assert listed.served == {version(shops["shop"]): 1.0}
    assert [stored.version for stored in listed.stored] == [version(shops["shop"])]
    (note,) = publish(folder, shops["foreign"], force=True)
    assert "of another catalog" in note
    assert listed_bundles(folder).served == {version(shops["foreign"]): 1.0}
    assert roll_back(folder) == ()  # to go back is never refused
    assert listed_bundles(folder).served == {version(shops["shop"]): 1.0}


def test_lost_items_and_an_older_log_are_noted(shops, folder):
    n = small_shop.N_ITEMS
    (note,) = publish(folder, shops["half"])
    assert f"has {n // 2} of the {n} items that {version(shops['shop'])} recommends" in note
    assert publish(folder, shops["shop"]) == ()
    (note,) = publish(folder, shops["old"])
    newest = max(small_shop.events()["timestamp"])
    then, now = (datetime.fromtimestamp(t, UTC) for t in (newest - 30 * DAY, newest))
    assert f"is of {then:%Y-%m-%d %H:%M} UTC" in note and f"of {now:%Y-%m-%d %H:%M} UTC:" in note


def test_items_that_come_live_are_not_lost(shops, tmp_path):
    with service(shops["half"], tmp_path / "live") as live:
        rows = small_shop.items()[small_shop.N_ITEMS // 2 :]
        for item_id, title in rows.select("item_id", "title").iter_rows():
            live.http.put(f"/v1/items/{item_id}", json={"attributes": {"title": title}})
    assert publish(tmp_path / "live", shops["shop"]) == ()
    notes = publish(tmp_path / "live", shops["half"])
    assert not any("recommends" in note for note in notes)


def test_over_http_and_on_the_dashboard(shops, tmp_path):
    with service(shops["shop"], tmp_path / "live") as live:
        body = {"path": str(shops["foreign"])}
        refused = live.http.post("/v1/bundles", json=body)
        assert refused.status_code == 422 and "another catalog" in refused.json()["detail"]
        live.post("/v1/bundles", body | {"publish": False})
        foreign = version(shops["foreign"])
        split = {"variants": [{"bundle_version": foreign, "share": 1}]}
        refused = live.http.put("/v1/bundles/traffic-split", json=split)
        assert refused.status_code == 422 and "another catalog" in refused.json()["detail"]
        page = live.http.get("/dashboard/bundles/publish", params={"version": foreign}).text
        assert "none of the items of the served bundle" in page and "Publish all the same" in page
        form = {"version": foreign, "now": f"{version(shops['shop'])}:1"}
        refused = live.http.post("/dashboard/bundles/publish", data=form)
        assert refused.status_code == 422
        answer = live.http.post("/dashboard/bundles/publish", data=form | {"force": "yes"})
        assert answer.status_code == 303
        assert live.engine.traffic.split.primary.version == foreign
        assert "of another catalog" in " ".join(live.get("/v1/bundles")["notes"])
        assert "of another catalog" in live.http.get("/dashboard/bundles").text
        assert live.post("/v1/bundles/rollback", {})["notes"] == []
        now = live.post("/v1/bundles", {"path": str(shops["half"])})
        assert "recommends" in " ".join(now["notes"])
