"""Bundles whose files were altered and whose checksums were made anew are refused at load."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import pennyweight
import small_shop
from pennyweight import Recommender
from pennyweight.errors import BundleError
from pennyweight.storage.arrays import read_arrays, write_arrays

EVENTS = "events.safetensors"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("damage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        scorers = ["popularity", "content", "neighbors", "linear", "repeat-consumption"]
        events = small_shop.events()
        made = pennyweight.fit(small_shop.items(), events, encoder="tfidf", scorers=scorers)
        made.save(folder / "bundle")
    return folder / "bundle"


def sign(folder: Path) -> None:
    """Write the checksums anew, as whoever altered the files would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"] = {
        name: {
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
            "bytes": (folder / name).stat().st_size,
        }
        for name in manifest["files"]
    }
    path.write_text(json.dumps(manifest))


def altered(bundle: Path, path: Path, name: str, array: str, change) -> Path:
    shutil.copytree(bundle, path)
    arrays, settings = read_arrays(path / name)
    arrays = {key: value.copy() for key, value in arrays.items()}
    arrays[array] = change(arrays[array])
    write_arrays(path / name, arrays, settings)
    sign(path)
    return path


def first(value):
    def change(array):
        array[0] = value
        return array

    return change


def last(value):
    def change(array):
        array[-1] = value
        return array

    return change


@pytest.mark.parametrize(
    ("array", "change"),
    [
        ("item", first(30)),
        ("item", first(-1)),
        ("item", last(2**31 - 1)),
        ("user", last(60)),
        ("user", first(-1)),
        ("user", lambda users: users[::-1].copy()),
        ("kind", first(200)),
        ("time", first(np.nan)),
        ("weight", first(np.inf)),
        ("item", lambda items: items.astype(np.float32)),
        ("item", lambda items: items.astype(np.int64)),
        ("item", lambda items: items[:-1]),
        ("split", lambda split: np.zeros(3, np.uint8)),
        ("item", lambda items: items.reshape(1, -1)),
    ],
)
def test_events_of_what_there_is_not(bundle, tmp_path, array, change):
    path = altered(bundle, tmp_path / "bad", EVENTS, array, change)
    with pytest.raises(BundleError, match=r"events|damaged"):
        Recommender.load(path)


def test_items_turned_down_that_there_are_not(bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "bad")
    arrays, settings = read_arrays(tmp_path / "bad" / EVENTS)
    negative = {
        "negative_user": np.zeros(1, np.int32),
        "negative_item": np.array([99], np.int32),
        "negative_time": np.zeros(1),
    }
    write_arrays(tmp_path / "bad" / EVENTS, {**arrays, **negative}, settings)
    sign(tmp_path / "bad")
    with pytest.raises(BundleError, match="negative_item goes from 99 to 99"):
        Recommender.load(tmp_path / "bad")


@pytest.mark.parametrize(
    ("part", "array", "change"),
    [
        ("neighbors", "indices", first(30)),
        ("neighbors", "indices", first(-1)),
        ("neighbors", "indices", last(2**30)),
        ("neighbors", "indptr", last(10**6)),
        ("neighbors", "indptr", lambda ends: ends[:-1]),
        ("popularity", "level", lambda level: level[:-1]),
        ("popularity", "level", lambda level: np.append(level, level)),
    ],
)
def test_scorers_of_another_catalog(bundle, tmp_path, part, array, change):
    name = f"scorer/{part}/{part}.safetensors"
    path = altered(bundle, tmp_path / "bad", name, array, change)
    with pytest.raises(BundleError):
        Recommender.load(path)


def test_every_array_of_whole_numbers_is_looked_at(bundle, tmp_path):
    """Whichever array of a scorer it is: a huge code is refused, or changes no list."""
    recommender = Recommender.load(bundle)
    expected = recommender.recommend(user="u1", k=30).drop("score")
    for number, file in enumerate(sorted((bundle / "scorer").rglob("*.safetensors"))):
        name = file.relative_to(bundle).as_posix()
        for array, values in read_arrays(file)[0].items():
            if values.dtype.kind not in "iu" or not values.size or values.dtype.itemsize < 4:
                continue
            path = altered(bundle, tmp_path / f"{number}{array}", name, array, first(2**30))
            try:
                frame = Recommender.load(path).recommend(user="u1", k=30).drop("score")
            except BundleError:
                continue
            assert frame.equals(expected), f"{name}: {array}"


@pytest.mark.parametrize("damage", ["ids twice", "no ids", "a null", "fewer items", "no table"])
def test_tables_that_do_not_fit(bundle, tmp_path, damage):
    shutil.copytree(bundle, tmp_path / "bad")
    path = tmp_path / "bad" / "items.arrow"
    items = pl.read_ipc(path)
    ids = items["id"].to_list()
    if damage == "no table":
        path.write_bytes(b"ARROW1")
    else:
        changed = {
            "ids twice": items.with_columns(pl.Series("id", [ids[0], *ids[:-1]])),
            "no ids": items.drop("id"),
            "a null": items.with_columns(pl.Series("id", [None, *ids[1:]])),
            "fewer items": items.head(5),
        }[damage]
        changed.write_ipc(path, compression="uncompressed")
    sign(tmp_path / "bad")
    with pytest.raises(BundleError):
        Recommender.load(tmp_path / "bad")


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("levels", [80, 900, 100_000])
@pytest.mark.parametrize("key", ["plan", "report", "summary", "files", "fitted_from", "other"])
def test_a_manifest_that_is_nested_deep(bundle, tmp_path, levels, key):
    shutil.copytree(bundle, tmp_path / "bad")
    path = tmp_path / "bad" / "manifest.json"
    text = path.read_text().rstrip().removesuffix("}")
    path.write_text(f'{text}, "{key}": {{"x": {deep(levels)}}}}}')
    with pytest.raises(BundleError):
        Recommender.load(tmp_path / "bad")


@pytest.mark.parametrize("name", ["recommender.json", EVENTS, "scorer/blend.safetensors"])
def test_settings_that_are_nested_deep(bundle, tmp_path, name):
    shutil.copytree(bundle, tmp_path / "bad")
    path, text = tmp_path / "bad" / name, f'{{"repeats": {deep(100_000)}}}'.encode()
    path.write_bytes(text if name.endswith("json") else len(text).to_bytes(8, "little") + text)
    sign(tmp_path / "bad")
    with pytest.raises(BundleError):
        Recommender.load(tmp_path / "bad")


@pytest.mark.parametrize(
    "value",
    [
        {"items": {"branch": "", "seq": 1}},
        {"items": {"branch": "a", "seq": -1}},
        {"events": [1]},
        {"items": {"branch": "a", "seq": True}},
        {"items": {"branch": "a" * 65, "seq": 1}},
        {"newest_event": "yesterday"},
        {"newest_event": 10**400},
        {"events": {"branch": 1, "seq": 1}},
    ],
)
def test_an_origin_that_is_none(bundle, tmp_path, value):
    shutil.copytree(bundle, tmp_path / "bad")
    path = tmp_path / "bad" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"fitted_from": value}))
    with pytest.raises(BundleError, match="fitted_from"):
        Recommender.load(tmp_path / "bad")
