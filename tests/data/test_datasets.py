"""The real datasets, read from files as their owners wrote them."""

import pytest

from pennyweight.data.dataset import read
from pennyweight.data.split import split
from public_datasets import folder_of

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("name", "suffix", "users", "items", "events", "test_users"),
    [
        ("beauty", "csv", 22_363, 12_101, 198_502, 22_363),
        ("scientific", "csv", 8_442, 4_385, 59_384, 8_442),
        ("lastfm", "jsonl", 1_090, 3_646, 52_551, 1_090),
        ("microlens", "parquet", 49_887, 19_217, 359_048, 20_748),
    ],
)
def test_counts(name, suffix, users, items, events, test_users):
    folder = folder_of(name)
    data = read(folder / f"items.{suffix}", folder / f"events.{suffix}")
    got = data.interactions
    assert (len(got.users), len(data.catalog), len(got)) == (users, items, events)
    assert not got.real_time
    assert not [entry for entry in data.log.entries if entry.action == "dropped"]
    assert all(data.catalog.texts) and not any("&amp;" in text for text in data.catalog.texts)
    parts = split(got, "given-split" if name == "microlens" else "leave-last-out")
    assert len(parts.test) == test_users
    if name == "microlens":
        new = parts.train.counts[parts.test.targets] == 0
        assert 0.75 < new.mean() < 0.77
