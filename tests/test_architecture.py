"""The pictures and names of docs/architecture.md and CONTRIBUTING.md are those of the code."""

import importlib
import re
import sys
from functools import reduce
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))
import diagrams

ROOT = Path(__file__).resolve().parents[1]
PATHS = re.compile(r"`((?:\w+/)+(?:\w+\.py)?)`")


@pytest.mark.parametrize("name", diagrams.PICTURES)
def test_pictures_are_of_this_code(name: str) -> None:
    made = diagrams.PICTURES[name]()
    assert (ROOT / "docs" / "images" / name).read_text(encoding="utf-8") == made, (
        "draw it again: python docs/diagrams.py"
    )
    ElementTree.fromstring(made)


@pytest.mark.parametrize("step", [*diagrams.EVENT, *diagrams.LIST])
def test_steps_name_code_and_fit_their_boxes(step: diagrams.Step) -> None:
    module, _, name = step.code.partition(":")
    found = importlib.import_module(f"pennyweight.{module}")
    assert not name or reduce(getattr, name.split("."), found)
    assert len(step.text) <= 60 and len(step.code) <= 56


def test_every_package_has_a_description_in_its_box() -> None:
    for layer in diagrams.layers():
        for name in layer:
            words = diagrams.description(name)
            assert words and "`" not in words, name


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_files_that_pages_name_exist(page: str) -> None:
    named = PATHS.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) >= 5
    missing = [
        path
        for path in named
        if not ((ROOT / path).exists() or (ROOT / "src" / "pennyweight" / path).exists())
    ]
    assert missing == []
