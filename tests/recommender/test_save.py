import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from polars.testing import assert_frame_equal

from pennyweight import demo
from pennyweight.bundle import MANIFEST, Bundle, open_bundle, write_bundle
from pennyweight.config.plan import Plan, ScorersPlan
from pennyweight.config.report import Cost, Report
from pennyweight.data.catalog import Catalog
from pennyweight.data.dataset import read
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import split
from pennyweight.errors import BundleError, DataError
from pennyweight.recommender import Recommender, storage
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from shop import catalog, interactions, shop

CREATED = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_loaded_recommender_equals_the_saved_one(tmp_path: Path) -> None:
    saved = shop()
    bundle = saved.save(tmp_path / "b", parent="p" * 64)
    loaded = Recommender.load(tmp_path / "b")
    assert loaded.bundle == bundle == saved.bundle
    assert (loaded.plan, loaded.report) == (None, None)
    assert loaded.bundle.manifest.summary == {
        "items": 8,
        "users": 9,
        "events": 20,
        "scorer": "blend",
        "components": ["popularity", "content", "neighbors"],
        "repeats": "exclude",
    }
    assert loaded.recommend_many().equals(saved.recommend_many())
    for wish in ({"user": "ann"}, {"text": "whale"}, {"filter": '"sea" in subjects'}, {}):
        first, second = (r.recommend(**wish, explain=True, diversity=0.3) for r in (loaded, saved))
        assert first.equals(second)
    assert_same(loaded.interactions, saved.interactions)
    assert loaded.catalog.ids == saved.catalog.ids


def test_saving_twice_gives_the_same_files(tmp_path: Path) -> None:
    first = shop().save(tmp_path / "a", created=CREATED)
    again = Recommender.load(tmp_path / "a").save(tmp_path / "b", created=CREATED)
    assert list(again.manifest.files) == list(first.manifest.files)
    for name in first.manifest.files:
        content, other_content = (bundle.file(name).read_bytes() for bundle in (first, again))
        # The safetensors library writes the keys of its metadata in no fixed order.
        assert sorted(content) == sorted(other_content)
        assert content == other_content or name.endswith(".safetensors")


def test_a_recommender_can_be_saved_over_itself(tmp_path: Path) -> None:
    shop().save(tmp_path / "b")
    loaded = Recommender.load(tmp_path / "b")
    before = loaded.recommend_many()
    with pytest.raises(BundleError, match="a bundle is there"):
        loaded.save(tmp_path / "b")
    loaded.save(tmp_path / "b", overwrite=True)
    assert loaded.recommend_many().equals(before)  # its mapped files outlive their names
    assert Recommender.load(tmp_path / "b").recommend_many().equals(before)


def test_without_events_and_with_repeats(tmp_path: Path) -> None:
    items = catalog()
    scorer = Popularity().fit(interactions(), items)
    Recommender(items, scorer, repeats="include").save(tmp_path / "b")
    loaded = Recommender.load(tmp_path / "b")
    assert loaded.interactions is None
    assert loaded.repeats == "include"
    assert loaded.recommend(history=["emma"]).height == 8


def test_a_changed_byte_in_any_file_is_named(tmp_path: Path) -> None:
    bundle = shop().save(tmp_path / "b")
    for name in bundle.manifest.files:
        path = bundle.file(name)
        data = path.read_bytes()
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        with pytest.raises(BundleError, match=f"'{name}' is altered"):
            Recommender.load(tmp_path / "b")
        path.write_bytes(data)
    assert Recommender.load(tmp_path / "b").recommend().height == 8


def test_a_bundle_of_something_else_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", lambda folder: (folder / "x").touch(), created=CREATED)
    with pytest.raises(BundleError, match=r"has no 'recommender\.json'"):
        Recommender.load(tmp_path / "b")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"repeats": "maybe"}', '{"repeats": "inc'])
def test_settings_of_another_shape_are_refused_by_name(tmp_path: Path, text: str) -> None:
    def fill(folder: Path) -> None:
        (folder / "recommender.json").write_text(text)

    write_bundle(tmp_path / "b", fill, created=CREATED)
    with pytest.raises(BundleError, match=r"recommender\.json: does not say how repeats"):
        Recommender.load(tmp_path / "b")


def test_plan_and_report_are_kept(tmp_path: Path) -> None:
    saved = shop()
    saved.plan = Plan(scorers=ScorersPlan(names=("content",)))
    saved.report = Report(
        protocol="given-split",
        users=1,
        items=2,
        events=3,
        scorers={},
        cost=Cost(seconds={"fit": 1}),
    )
    saved.save(tmp_path / "b")
    loaded = Recommender.load(tmp_path / "b")
    assert (loaded.plan, loaded.report) == (saved.plan, saved.report)
    path = tmp_path / "b" / MANIFEST
    path.write_text(path.read_text().replace('"given-split"', "5"))
    with pytest.raises(BundleError, match=r"manifest\.json: report: protocol = 5"):
        Recommender.load(tmp_path / "b")


def test_python_objects_are_refused_by_name(tmp_path: Path) -> None:
    odd = pl.DataFrame({"thing": pl.Series([object()], dtype=pl.Object)})
    items = Catalog(Ids("a", "items"), ("x",), odd)
    with pytest.raises(DataError, match="'thing' holds Python objects"):
        Recommender(items, Popularity()).save(tmp_path / "b")
    items = Catalog(Ids("\ud800", "items"), ("x",))
    with pytest.raises(DataError, match="not Unicode"):
        Recommender(items, Popularity()).save(tmp_path / "b")
    assert os.listdir(tmp_path) == []


def saved(folder: Path, n: int) -> Path:
    """Save a recommender of n items and of three customers for each."""
    rng = np.random.default_rng(0)
    users, events = 3 * n, 30 * n
    items = Catalog(
        Ids([f"item {i}" for i in range(n)], "items"),
        tuple(f"a description of item {i}" for i in range(n)),
        pl.DataFrame({"title": [f"title {i}" for i in range(n)], "price": rng.random(n)}),
    )
    log = Interactions(
        Ids([f"user {i}" for i in range(users)], "users"),
        n,
        np.repeat(np.arange(users, dtype=np.int32), 10),
        rng.integers(0, n, events).astype(np.int32),
        np.arange(events, dtype=np.float64),
        np.ones(events, np.float32),
        np.zeros(events, np.uint8),
        ("view",),
        np.zeros(0, np.uint8),
        True,
    )
    Recommender(items, Popularity().fit(log, items), log).save(folder)
    return folder


def calls_to_load(folder: Path) -> int:
    """Return how many Python functions a load calls in this thread."""
    n = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal n
        n += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        Recommender.load(folder)
    finally:
        sys.setprofile(before)
    return n


def test_the_work_of_a_load_is_a_few_calls_an_item_and_none_an_event(tmp_path: Path) -> None:
    few, many = saved(tmp_path / "few", 100), saved(tmp_path / "many", 1_100)
    Recommender.load(few)  # imports, and what is made once
    more = calls_to_load(many) - calls_to_load(few)
    assert more < 10 * 1_000  # and 30 events an item


def assert_same(first: Interactions, second: Interactions) -> None:
    assert (first.users, first.n_items, first.kinds, first.real_time) == (
        second.users,
        second.n_items,
        second.kinds,
        second.real_time,
    )
    for name in storage.COLUMNS:
        column, other_column = getattr(first, name), getattr(second, name)
        assert column.dtype == other_column.dtype
        np.testing.assert_array_equal(column, other_column)


WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
CELLS = {
    "text": (pl.String, WORD),
    "whole": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "real": (pl.Float64, st.floats()),
    "truth": (pl.Boolean, st.booleans()),
    "list": (pl.List(pl.String), st.lists(WORD, max_size=2)),
    "moment": (pl.Datetime("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    "box": (pl.Struct({"a": pl.Int8}), st.fixed_dictionaries({"a": st.integers(-9, 9)})),
}


@st.composite
def catalogs(draw) -> Catalog:
    names = draw(st.lists(WORD, unique=True, max_size=5))
    n = len(names)
    columns = {
        name: pl.Series(draw(st.lists(st.none() | cell, min_size=n, max_size=n)), dtype=dtype)
        for name, (dtype, cell) in CELLS.items()
        if draw(st.booleans())
    }
    texts = draw(st.lists(WORD, min_size=n, max_size=n))
    return Catalog(Ids(names, "items"), tuple(texts), pl.DataFrame(columns))


def stored(folder: Path, write, value: Catalog | Interactions) -> Bundle:
    write_bundle(folder / "b", lambda inner: write(inner, value), created=CREATED)
    return open_bundle(folder / "b")


@settings(max_examples=40)
@given(items=catalogs())
def test_any_catalog_comes_back(tmp_path_factory, items: Catalog) -> None:
    bundle = stored(tmp_path_factory.mktemp("c"), storage.write_catalog, items)
    catalog = storage.read_catalog(bundle)
    assert (catalog.ids, catalog.texts) == (items.ids, items.texts)
    assert_frame_equal(catalog.attributes, items.attributes, check_exact=True)


@settings(max_examples=25)
@given(
    users=st.lists(WORD, unique=True, min_size=1),
    n=st.integers(0, 6),
    has_split=st.booleans(),
    real=st.booleans(),
    data=st.data(),
)
def test_any_event_log_comes_back(tmp_path_factory, users, n, has_split, real, data) -> None:
    def codes(dtype: str, below: int, size: int = n) -> np.ndarray:
        return data.draw(hnp.arrays(dtype, size, elements=st.integers(0, below - 1)))

    def numbers(dtype: str) -> np.ndarray:
        width = 8 * np.dtype(dtype).itemsize
        finite = st.floats(allow_nan=False, allow_infinity=False, width=width)
        return data.draw(hnp.arrays(dtype, n, elements=finite))

    split = codes("u1", 3, n if has_split else 0)
    log = Interactions(
        Ids(users, "users"),
        7,
        np.sort(codes("i4", len(users))),
        codes("i4", 7),
        numbers("f8"),
        numbers("f4"),
        codes("u1", 2),
        ("view", "🛒"),
        split,
        real,
    )
    bundle = stored(tmp_path_factory.mktemp("i"), storage.write_interactions, log)
    assert_same(storage.read_interactions(bundle), log)


def test_a_blend_learned_on_the_demo_shop(tmp_path: Path) -> None:
    dataset = read(demo.books(), demo.readers(readers=300))
    parts = {"popularity": Popularity(), "content": Content(), "neighbors": Neighbors()}
    blend = Blend(parts)
    parted = split(dataset.interactions)
    blend.fit(parted.train, dataset.catalog).learn(parted.valid, rng=np.random.default_rng(0))
    blend.fit(dataset.interactions, dataset.catalog)
    saved = Recommender(dataset.catalog, blend, dataset.interactions)
    saved.save(tmp_path / "b")
    loaded = Recommender.load(tmp_path / "b")
    assert loaded.recommend_many(k=5).equals(saved.recommend_many(k=5))
    user = dataset.interactions.users[0]
    frame = loaded.recommend(user=user, explain=True, diversity=0.2, filter="year < 1900")
    assert frame.height == 10
    assert frame["reason"].str.contains("because of|popular|new").all()
    emma = loaded.similar("emma", 5, explain=True)
    assert emma["reason"].str.contains("austen").any()
