"""Real data raises exactly the findings of the guide, with its numbers."""

import re
from pathlib import Path

import pytest

from pennyweight.data.dataset import read
from pennyweight.validation.validate import Validation, validate
from pennyweight.validation.vocabulary import find_tokenizer
from public_datasets import folder_of

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("beauty", "scientific", "lastfm", "microlens")
OF_ENCODER = {"long-texts", "unknown-words"}  # not every machine has the weights


def rows_of_guide(name: str) -> list[tuple[set[str], str, bool]]:
    """Return the kinds of findings of a dataset, their text in the guide, and if a note."""
    guide = (ROOT / "docs/guide-validation.md").read_text(encoding="utf-8")
    table = guide.split("## Findings on public datasets")[1].split("\n\n")[1]
    rows, current = [], ""
    for line in table.splitlines()[2:]:
        data, kinds, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        current = data or current
        if current == name:
            rows.append((set(re.findall(r"`([\w-]+)`", kinds)), " ".join(cells), "(note" in kinds))
    return rows


def numbers(text: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r"\b\d[\d,]*\b", text)]


def validated(name: str) -> Validation:
    folder = folder_of(name)
    items, events = (next(folder.glob(f"{table}.*")) for table in ("items", "events"))
    return validate(read(items, events))


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_warnings_and_numbers_are_those_of_the_guide(name):
    validation = validated(name)
    excluded = OF_ENCODER if find_tokenizer("auto") is None else set()
    rows = [(kinds - excluded, *rest) for kinds, *rest in rows_of_guide(name)]
    warned = {f.kind for f in validation.findings if f.severity == "warning"}
    assert warned == {kind for kinds, _, is_note in rows for kind in kinds if not is_note}
    for kinds, text, is_note in rows:
        meant = [f for f in validation.findings if f.kind in kinds]
        assert {f.kind for f in meant} == kinds
        assert {f.severity for f in meant} <= {"note" if is_note else "warning"}
        assert {f.count for f in meant} <= {*numbers(text)}, (kinds, [f.count for f in meant])
        if total := re.search(r"all (\d+)", text):
            assert int(total[1]) == sum(f.count for f in meant)
