"""The page on scorers names every setting with the default it has."""

import inspect
import re
from pathlib import Path

import pytest

from pennyweight.fitting.components import DEFAULT
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.blend_weights import CANDIDATES, MIN_NEW
from pennyweight.scorers.conditional_logit import FOLDS, HISTORY_LENGTHS, PRIOR, PULL, SHRINK, SURE
from pennyweight.scorers.decay import DECAYS
from pennyweight.scorers.new_items import PLACES, STAND_INS
from pennyweight.scorers.registry import SCORERS, scorer_type
from pennyweight.scorers.sequence import SequenceSettings
from pennyweight.scorers.two_tower_training import TwoTowerSettings

PAGE = (Path(__file__).parents[2] / "docs" / "method-scorers.md").read_text(encoding="utf-8")
NAMES = ("popularity", "novelty", "repeat-consumption", "content", "neighbors", "linear")
TRAINED = {"tower": TwoTowerSettings, "sequence": SequenceSettings}
SETTINGS = {**{name: scorer_type(name) for name in NAMES}, **TRAINED, "blend": Blend}
ROW = re.compile(r"^\| `(\w+)` \| (\S+) \|", re.MULTILINE)


def section(name: str) -> str:
    return PAGE.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_and_defaults(name):
    parameters = inspect.signature(SETTINGS[name]).parameters
    expected = {key: p.default for key, p in parameters.items() if p.default is not p.empty}
    stated = {key: eval(default) for key, default in ROW.findall(section(name))}
    assert stated == expected


def test_numbers_that_are_no_settings():
    assert str(list(DECAYS))[1:-1].replace(", 0.97", " and 0.97") in PAGE
    assert f"the {CANDIDATES} best items of each component" in PAGE
    assert f"p_s = {SHRINK} + {PRIOR:.0f} / (2 * choices)" in PAGE
    sentence = re.search(r"The default weights, .* are (.*)\.\n", PAGE)[1]
    for name in SCORERS.built_in:
        weight = scorer_type(name).default_weight
        assert re.search(rf"\b{name}\b[a-z ]* {weight:g}(,|$)", sentence), name
    assert f"at least {MIN_NEW} of them are of items without events" in PAGE
    assert f"or {100 * PLACES:.0f} % of the places" in PAGE
    assert f"a twentieth of them, {STAND_INS} at most" in PAGE
    starts = ", ".join(map(str, HISTORY_LENGTHS[:-1]))
    assert f"from {starts} and {HISTORY_LENGTHS[-1]} events on" in PAGE
    assert f"{PULL:g} more choices" in PAGE
    assert f"{FOLDS} parts of the users" in PAGE
    assert f"{SURE:g} standard errors" in PAGE


def test_which_scorers_are_default():
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (\S[^|]*) \|$", PAGE.split("## Notation")[0], re.M)
    stated = dict(rows)
    assert set(SETTINGS) <= set(stated)
    assert {name for name, answer in rows if answer == "yes"} == set(DEFAULT)
