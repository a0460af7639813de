"""Everything of a user: handed out, and taken away from every byte on disk."""

import asyncio
from pathlib import Path

import pytest
from live import service

from pennyweight.errors import StoreError
from pennyweight.serving.live import user_export

USER = "Erika Mustermann 0815"


def holding(folder: Path, text: str) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_users_are_listed_in_pages(live):
    for user in ("b", "a", "c"):
        live.post("/v1/events", {"user_id": user, "item_id": "i1"})
    assert live.get("/v1/users", limit=2) == {"users": ["a", "b"], "next": "b"}
    assert live.get("/v1/users", limit=2, after="b") == {"users": ["c"], "next": None}


def test_all_of_a_user_is_handed_out(live):
    recommendation = live.get("/v1/recommend/u5", k=2)
    live.post("/v1/events", {"user_id": "u5", "item_id": "i1", "event_id": "e"})
    live.stored_list(recommendation["recommendation_id"])
    data = live.get("/v1/users/u5")
    live_events = [e for e in data["events"] if e["source"] == "live"]
    assert [e["event_id"] for e in live_events] == ["e"]
    assert len(data["events"]) > 4  # and those of the bundle
    assert data["recommendations"][0]["recommendation_id"] == recommendation["recommendation_id"]
    version = recommendation["bundle_version"]
    assert data["trained_on"][0]["bundle_version"] == version
    assert live.get("/v1/users/nobody")["events"] == []


def test_data_sent_in_pieces_is_complete(live, monkeypatch):
    events = [{"user_id": "u5", "item_id": f"i{n % 9}", "event_id": f"e{n}"} for n in range(7)]
    live.post("/v1/events", {"events": events})
    for _ in range(3):
        live.get("/v1/recommend/u5", k=1)
    live.engine.lists.log.close()
    data = live.get("/v1/users/u5")
    assert [e["event_id"] for e in data["events"]][:7] == [f"e{n}" for n in range(7)]
    for piece in (1, 2, 3, 7):
        monkeypatch.setattr(user_export, "PIECE", piece)
        assert live.get("/v1/users/u5") == data
        assert live.http.get("/dashboard/users/export?id=u5").json() == data
    question = live.http.get("/dashboard/users/erase?id=u5").text
    assert f"{len(data['events'])} events and 3 lists" in question


def test_who_is_erased_meanwhile_is_not_handed_out(live, monkeypatch):
    monkeypatch.setattr(user_export, "PIECE", 2)
    events = [{"user_id": "u5", "item_id": f"i{n}", "event_id": f"e{n}"} for n in range(7)]
    live.post("/v1/events", {"events": events})

    async def pieces():
        found = [piece async for piece in await user_export.export_user(live.engine, "u5")]
        assert b"".join(found).count(b"event_id") > 7
        export = await user_export.export_user(live.engine, "u5")
        first = [await anext(export), await anext(export)]
        assert live.http.delete("/v1/users/u5").status_code == 200
        with pytest.raises(StoreError, match="erased while"):
            await anext(export)
        return first

    assert b"e1" in asyncio.run(pieces())[1]


def test_a_reader_of_an_export_keeps_nobody_waiting(live):
    """Neither events nor lists wait for a client that reads slowly."""
    events = [{"user_id": "u5", "item_id": f"i{n % 9}", "event_id": f"e{n}"} for n in range(3_000)]
    for start in range(0, 3_000, 1_000):
        live.post("/v1/events", {"events": events[start : start + 1_000]})

    async def begun():
        export = await user_export.export_user(live.engine, "u5")
        await anext(export), await anext(export)
        assert live.get("/v1/recommend/u7")["source"] == "history"
        assert live.post("/v1/events", {"user_id": "u5", "item_id": "i1"})["accepted"] == 1
        return [piece async for piece in export]

    assert b"".join(asyncio.run(begun())).count(b"event_id") > 2_000


def test_an_erased_user_is_in_no_byte_on_disk(tmp_path):
    import polars as pl

    import pennyweight
    import small_shop

    events = small_shop.events().with_columns(
        pl.when(pl.col("user_id") == "u5").then(pl.lit(USER)).otherwise("user_id").alias("user_id")
    )
    made = pennyweight.fit(small_shop.items(), events, encoder="tfidf")
    made.save(tmp_path / "bundle")
    with service(tmp_path / "bundle", tmp_path / "live") as live:
        others = live.ids("/v1/recommend/u6", k=9)
        for number in range(30):
            live.post("/v1/events", {"user_id": USER, "item_id": f"i{number % 9}"})
            live.get(f"/v1/recommend/{USER}")
        assert holding(tmp_path / "live", USER)
        erasure = live.http.delete(f"/v1/users/{USER}").json()
        assert erasure["events"] == 30
        assert erasure["recommendations"] == 30
        assert erasure["bundle_events"] >= 5
        assert erasure["trained_on"][0]["source"] == str(tmp_path / "bundle")
        assert holding(tmp_path / "live", USER) == []
        assert live.get(f"/v1/recommend/{USER}")["source"] == "popularity"
        assert live.ids("/v1/recommend/u6", k=9) == others
        again = live.http.delete(f"/v1/users/{USER}").json()
        assert (again["events"], again["bundle_events"], again["trained_on"]) == (0, 0, [])
        assert live.get("/v1/audit")["entries"][0]["action"] == "erase user"
    assert holding(tmp_path / "live", USER) == []  # nor written again at the end
    with service(None, tmp_path / "live") as live:
        assert live.get(f"/v1/recommend/{USER}")["source"] in ("popularity",)
        assert live.ids("/v1/recommend/u6", k=9) == others
