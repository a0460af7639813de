"""On real data there are no leaks and no warnings but those that the guide explains.

The vocabulary of an encoder is left out: not every machine has the weights.
"""

from pathlib import Path

import pytest

from pennyweight.data.dataset import read
from pennyweight.validation.validate import validate

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
EXPLAINED = {
    "beauty": {"near-duplicates": 123},
    "scientific": {"near-duplicates": 440, "personal-text": 23},
    "lastfm": {"bot-share": 2},
    "microlens": {"cold-share": 18_812, "future-catalog": 1_005, "personal-text": 1},
}


@pytest.mark.data
@pytest.mark.parametrize("name", EXPLAINED)
def test_warnings_are_those_of_the_guide(name):
    if not (DATA / name).is_dir():
        pytest.skip(f"wants the real dataset in {DATA / name}")
    items, events = (next((DATA / name).glob(f"{table}.*")) for table in ("items", "events"))
    found = validate(read(items, events), encoder="tfidf")
    assert {leak.kind for leak in found.leaks()} <= EXPLAINED[name].keys()
    sizes: dict[str, int] = {}
    for f in found.findings:
        if f.severity == "warning":
            sizes[f.kind] = sizes.get(f.kind, 0) + f.count
    assert sizes == EXPLAINED[name]
    guide = (ROOT / "docs/guide-validation.md").read_text(encoding="utf-8")
    table = guide.split("## What public datasets raise")[1]
    assert not [kind for kind in EXPLAINED[name] if f"`{kind}`" not in table]
