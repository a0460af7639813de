"""The recipes of the data guide, each run on a made-up sample in the layout it is for."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from recipe_samples import CLOSED, EVENTS, ITEMS, SAMPLES

from pennyweight.cli import app as cli_app
from pennyweight.cli.options import Options
from pennyweight.data.dataset import read_planned

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide-data.md"
ROW = re.compile(r"^\| ([^|]+) \| ((?:`(?:pennyweight|python|iconv|cat|\().+`)) \|$", re.MULTILINE)
RECIPES = {
    name: re.findall(r"`(.+?)`(?:<br>|$)", cell)
    for name, cell in ROW.findall(GUIDE.read_text(encoding="utf-8"))
}
# Sets without texts, or without times, or whose times are days or positions.
NO_TEXT = {"Taobao UserBehavior", "Yoochoose", "Otto"}
NO_DATES = {
    "Steam (playtimes)",
    "Last.fm 360K",
    "Last.fm of HetRec 2011",
    "Instacart",
    "Dunnhumby, The Complete Journey",
}


# Samples that say which items are not available; those with an event that is taken back.
CLOSING = {"Yelp", "Shopify (Admin API)", "WooCommerce (REST API)"}
UNDOING = {"Snowplow (e-commerce)"}


def test_every_recipe_has_a_sample():
    assert list(RECIPES) == list(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recipe_reads_its_sample(name, tmp_path, monkeypatch):
    SAMPLES[name](tmp_path)
    monkeypatch.chdir(tmp_path)
    *before, fit = [command.replace("\\|", "|") for command in RECIPES[name]]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in before:
        subprocess.run(["bash", "-euo", "pipefail", "-c", command], check=True, env=environment)
    data = fitted(fit)
    assert (len(data.catalog), len(data.interactions)) == (len(ITEMS), len(EVENTS))
    assert data.log.unaccounted("items") == data.log.unaccounted("events") == 0
    if name not in NO_TEXT:
        assert all(re.search("red kettle", text, re.IGNORECASE) for text in data.catalog.texts[:1])
    available = [name not in CLOSING or i not in CLOSED for i, _ in ITEMS]
    assert data.catalog.available.tolist() == available
    assert len(data.interactions.negative.item) == (name in UNDOING)
    assert name not in UNDOING or "quantity" not in data.columns.events
    assert data.interactions.real_time == (name not in NO_DATES)
    if data.interactions.real_time:
        days = sorted(int(t) // 86_400 for t in data.interactions.time)
        assert days == [t // 86_400 for _, _, t in EVENTS]


def fitted(command):
    """Return the data that `fit` reads, with the options of the real command line."""
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("pennyweight", "fit")
    context = typer.main.get_command(cli_app.app).commands["fit"].make_context("fit", arguments)
    fields = Options.__dataclass_fields__
    settings = Options(**{key: value for key, value in context.params.items() if key in fields})
    items, events = context.params["items"], context.params["events"]
    return read_planned(items, events, settings.to_plan().data)
