import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from golden_shop import GOLDEN, save
from pennyweight.bundle import MANIFEST, open_bundle
from pennyweight.errors import BundleError
from pennyweight.recommender import Recommender
from pennyweight.storage.arrays import read_arrays
from shop import catalog, interactions


def test_a_bundle_of_version_3_still_opens_and_recommends() -> None:
    bundle = open_bundle(GOLDEN)
    assert bundle.manifest.created == "2026-01-02T03:04:05+00:00"
    assert bundle.manifest.parent == "0" * 64
    loaded = Recommender.load(GOLDEN)
    assert loaded.plan.scorers.names == ("popularity",)
    assert loaded.report.scorers["blend"]["ndcg@10"].value == 0.3
    assert loaded.catalog.ids == catalog().ids
    assert loaded.catalog.texts == catalog().texts
    assert_frame_equal(loaded.catalog.attributes, catalog().attributes)
    np.testing.assert_array_equal(loaded.interactions.item, interactions().item)
    assert loaded.recommend(user="ann", k=2)["item_id"].to_list() == ["a/b", "📚"]


@pytest.mark.parametrize("version", [1, 2])
def test_a_bundle_of_an_older_version_is_refused_with_a_remedy(
    tmp_path: Path, version: int
) -> None:
    save(tmp_path / "old")
    manifest = tmp_path / "old" / MANIFEST
    text = manifest.read_text()
    manifest.write_text(text.replace('"format_version": 3', f'"format_version": {version}', 1))
    with pytest.raises(BundleError, match=rf"format version {version}.* version 3: .*fit again"):
        Recommender.load(tmp_path / "old")


def shape(path: Path) -> object:
    """Return names and types of everything that is in a bundle, without the values."""
    manifest = json.loads((path / MANIFEST).read_text())
    kinds: dict[str, object] = {}
    for name in manifest["files"]:
        if name.endswith(".arrow"):
            kinds[name] = dict(pl.read_ipc(path / name).schema)
        elif name.endswith(".safetensors"):
            arrays, settings = read_arrays(path / name)
            kinds[name] = ({k: (a.dtype, a.ndim) for k, a in arrays.items()}, sorted(settings))
        else:
            kinds[name] = sorted(json.loads((path / name).read_text()))
    head = {key: manifest[key] for key in ("format", "format_version", "summary")}
    entries = {tuple(entry) for entry in manifest["files"].values()}
    return head, list(manifest), entries, kinds


def test_a_new_bundle_has_the_same_form(tmp_path: Path) -> None:
    save(tmp_path / "new")
    assert shape(tmp_path / "new") == shape(GOLDEN)
