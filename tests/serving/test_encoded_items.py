"""Encoded live items on disk, for the next start."""

import numpy as np
import polars as pl
import pytest
from live import service

from pennyweight import Recommender
from pennyweight.errors import DataError
from pennyweight.serving.live.encoded_item_files import MANY, EncodedItemFiles
from pennyweight.serving.live.encoded_items import latest
from pennyweight.serving.live.histories import HistoryCache
from pennyweight.serving.live.lists import ListRequest, rank_lists
from pennyweight.serving.live.restoring import restore_items
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.stores.protocol import StoredItem
from pennyweight.serving.stores.sqlite import SQLiteStore

KINDS = ("tea", "coffee", "mate")


@pytest.fixture(scope="module")
def bundle(bundles) -> ServedBundle:
    return ServedBundle.of("v", Recommender.load(bundles[0]))


@pytest.fixture
def store(tmp_path) -> SQLiteStore:
    store = SQLiteStore(tmp_path / "store.sqlite")
    yield store
    store.close()


@pytest.fixture
def texts_read(monkeypatch) -> list[str]:
    """Texts that scorers were asked to read."""
    encoded: list[str] = []
    real = Recommender.encode_texts

    def counted(self: Recommender, texts: list[str]):
        encoded.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(Recommender, "encode_texts", counted)
    return encoded


def new(number: int, **more) -> StoredItem:
    title = f"{KINDS[number % 3]} blend no{number} fresh"
    values = {
        "document": {"title": title, "price": float(number)},
        "available": number % 7 != 0,
        "published": 1.8e9,
        "changed": 4e9,
    }
    return StoredItem(f"new{number}", **(values | more))


def put(store: SQLiteStore, items: list[StoredItem]) -> list[StoredItem]:
    store.put_items(items)
    return store.items_named([item.item_id for item in items])


def tell(
    bundle: ServedBundle, files: EncodedItemFiles, items: list[StoredItem], step: int
) -> ServedBundle:
    for start in range(0, len(items), step):
        block = items[start : start + step]
        encoded = bundle.encode(block)
        files.queue(bundle.version, encoded)
        bundle = bundle.with_encoded(encoded).with_availability(block)
    return bundle


def again(bundle: ServedBundle, folder, store: SQLiteStore) -> ServedBundle:
    return restore_items(bundle, EncodedItemFiles(folder), lambda job: job(store)).bundle


def lists(bundle: ServedBundle, store: SQLiteStore) -> list[dict[str, float]]:
    requests = [
        ListRequest(k=200),
        ListRequest(history=("i1", "i2"), k=200),
        ListRequest(history=("new4", "i2", "new9"), k=200),
        ListRequest(text="mate blend", k=200),
        ListRequest(history=("i3",), k=200, filter="price > 30", freshness=0.5),
    ]
    results = rank_lists(bundle, requests, HistoryCache(), store, 1.8e9)
    return [dict(result.items) for result in results]


def check_equal(bundle: ServedBundle, other: ServedBundle, store: SQLiteStore) -> None:
    for mine, its in zip(lists(bundle, store), lists(other, store), strict=True):
        assert mine.keys() == its.keys()
        assert mine == pytest.approx(its, rel=1e-5, abs=1e-6)
    codes = other.catalog.ids.codes(bundle.catalog.ids)
    assert sorted(codes.tolist()) == list(range(len(bundle.catalog)))
    assert bundle.open.tolist() == other.open[codes].tolist()
    np.testing.assert_array_equal(bundle.published, other.published[codes])
    assert bundle.catalog.attributes.equals(other.catalog.attributes[codes])
    assert list(bundle.catalog.texts) == [other.catalog.texts[code] for code in codes]


@pytest.mark.parametrize("step", [1, 7, 60])
def test_told_in_steps_and_after_a_restart_is_as_told_at_once(bundle, store, tmp_path, step):
    items = put(store, [new(number) for number in range(60)])
    expected = bundle.with_items(items)
    files = EncodedItemFiles(tmp_path / "encoded-items")
    grown = tell(bundle, files, items, step)
    check_equal(grown, expected, store)
    check_equal(
        again(bundle, tmp_path / "encoded-items", store), expected, store
    )  # none was kept yet
    files.flush()
    check_equal(again(bundle, tmp_path / "encoded-items", store), expected, store)


def test_nothing_is_read_twice(bundle, store, tmp_path, texts_read):
    files = EncodedItemFiles(tmp_path / "encoded-items")
    items = put(store, [new(number) for number in range(20)])
    grown = tell(bundle, files, items, 5)
    files.flush()
    assert len(texts_read) == 20
    # A price changes, a text changes, one goes, and a bundle's own item gets another price.
    cheap = new(3, document={**new(3).document, "price": 1.0})
    other = new(4, document={"title": "coffee dark roast", "price": 4.0})
    own = StoredItem("i1", {**bundle.document("i1"), "price": 9.0}, True, None, 4e9)
    last = put(store, [cheap, other, new(5, removed=True), own])
    grown = tell(grown, files, last, 5)
    files.flush()
    assert len(texts_read) == 21  # but for one text nothing new
    reloaded = again(bundle, tmp_path / "encoded-items", store)
    assert len(texts_read) == 21
    check_equal(reloaded, grown, store)


def test_items_lost_in_a_kill_are_encoded_again(bundle, store, tmp_path, texts_read):
    files = EncodedItemFiles(tmp_path / "encoded-items")
    items = put(store, [new(number) for number in range(12)])
    grown = tell(bundle, files, items[:8], 4)
    files.flush()
    grown = tell(grown, files, items[8:], 4)  # not flushed
    texts_read.clear()
    check_equal(again(bundle, tmp_path / "encoded-items", store), grown, store)
    assert len(texts_read) == 4
    again(bundle, tmp_path / "encoded-items", store)
    assert len(texts_read) == 4  # kept this time


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_a_damaged_file_is_made_anew(bundle, store, tmp_path, texts_read, damage):
    files = EncodedItemFiles(tmp_path / "encoded-items")
    items = put(store, [new(number) for number in range(9)])
    grown = tell(bundle, files, items, 9)
    files.flush()
    (path,) = (tmp_path / "encoded-items" / "v").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data) if damage is None else damage)
    texts_read.clear()
    check_equal(again(bundle, tmp_path / "encoded-items", store), grown, store)
    assert len(texts_read) == 9
    texts_read.clear()
    check_equal(again(bundle, tmp_path / "encoded-items", store), grown, store)
    assert not texts_read


def test_files_of_other_columns_or_versions_are_read_anew(bundle, store, tmp_path, monkeypatch):
    files = EncodedItemFiles(tmp_path / "encoded-items")
    items = put(store, [new(number) for number in range(3)])
    tell(bundle, files, items, 3)
    files.flush()
    like = bundle.catalog
    other = like.attributes.rename({"price": "cost"})
    assert len(files.load("v", like)) == 1
    monkeypatch.setattr("pennyweight.serving.live.encoded_items.version_of", lambda name: "0.0.0")
    assert files.load("v", like) == []
    monkeypatch.undo()
    tell(bundle, files, items, 3)
    files.flush()
    assert isinstance(other, pl.DataFrame)
    from dataclasses import replace

    assert files.load("v", replace(like, attributes=other)) == []
    assert files.count("v") == 0


def test_many_files_become_one(bundle, store, tmp_path):
    files, grown = EncodedItemFiles(tmp_path / "encoded-items"), bundle
    items = put(store, [new(number) for number in range(MANY - 1)])
    items += put(store, [new(3, document={**new(3).document, "price": 1.0})])
    for number, item in enumerate(items, 1):
        grown = tell(grown, files, [item], 1)
        files.flush()
        assert files.count("v") == number
    grown = tell(grown, files, put(store, [new(99)]), 1)
    files.flush()
    assert files.count("v") == 1
    check_equal(again(bundle, tmp_path / "encoded-items", store), grown, store)


def test_of_an_item_that_waits_twice_the_last_is_kept(bundle):
    first, second = (bundle.encode([new(1, seq=seq), new(seq, seq=seq + 1)]) for seq in (2, 4))
    merged = latest([first, second])
    assert dict(zip(merged.items.ids, merged.seq.tolist(), strict=True)) == {
        "new2": 3,
        "new1": 4,
        "new4": 5,
    }


def test_the_same_version_may_wait_twice(bundle, store, tmp_path):
    files = EncodedItemFiles(tmp_path / "encoded-items")
    items = put(store, [new(number) for number in range(6)])
    grown = tell(bundle, files, items, 6)
    tell(bundle, files, items[:2], 1)  # as by the stock thread while a bundle is loaded
    files.flush()
    check_equal(again(bundle, tmp_path / "encoded-items", store), grown, store)


def test_one_that_the_bundle_cannot_read_keeps_no_other_away(bundle, store, tmp_path, monkeypatch):
    put(store, [new(number) for number in range(1, 41)])
    sizes, real = [], ServedBundle.encode

    def read(self: ServedBundle, items: list[StoredItem]):
        sizes.append(len(items))
        if any(item.item_id == "new2" for item in items):
            raise DataError("cannot be read")
        return real(self, items)

    monkeypatch.setattr(ServedBundle, "encode", read)
    restoration = restore_items(
        bundle, EncodedItemFiles(tmp_path / "encoded-items"), lambda job: job(store)
    )
    assert restoration.failed == {"new2": "cannot be read"}
    assert restoration.bundle.is_open("new1") and restoration.bundle.is_open("new40")
    assert restoration.seq == 40
    assert len(sizes) < 15  # halved until it is found


def test_values_of_another_type_than_their_column_are_left_out(bundle, store, tmp_path):
    odd = {"title": "mate blend", "price": "much", "color": "red", "available": "perhaps"}
    put(store, [new(1, document=odd), new(2)])
    restoration = restore_items(
        bundle, EncodedItemFiles(tmp_path / "encoded-items"), lambda job: job(store)
    )
    assert not restoration.failed
    assert restoration.bundle.document("new1") == {"title": "mate blend"}


def test_a_disk_that_takes_nothing_costs_time_only(bundle, store, tmp_path):
    (tmp_path / "encoded-items").write_text("a file in the way")
    files = EncodedItemFiles(tmp_path / "encoded-items")
    tell(bundle, files, put(store, [new(1)]), 1)
    files.flush()
    assert again(bundle, tmp_path / "encoded-items", store).is_open("new1")


def test_a_service_reads_items_once(bundles, tmp_path, texts_read):
    items = [{"item_id": f"n{i}", "attributes": {"title": f"mate blend no{i}"}} for i in range(50)]
    with service(bundles[0], tmp_path) as live:
        assert live.post("/v1/items", {"items": items})["recommendable"] == 50
        before = live.get("/v1/similar/n7", k=20)["items"]
    assert len(texts_read) == 50
    with service(None, tmp_path) as live:
        assert live.get("/v1/similar/n7", k=20)["items"] == before
        assert "n49" in live.ids("/v1/recommend/nobody", k=200)
    assert len(texts_read) == 50
