import json
import re
from importlib import resources
from itertools import combinations

import pytest

from pennyweight.serving.http.metrics import Metrics

TEXT = resources.files("pennyweight.serving").joinpath("grafana.json").read_text("utf-8")
BOARD = json.loads(TEXT)
EXPRESSIONS = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
QUERIES = [v["query"] for v in BOARD["templating"]["list"]]
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum")}
NAME = re.compile(r"pennyweight_\w+")


def series() -> dict[str, str]:
    """Return the metric of each name that the service exposes."""
    text = Metrics().exposition().decode()
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    return {name + suffix: name for name, kind in kinds for suffix in SUFFIXES.get(kind, ("",))}


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *QUERIES[1:]])
def test_expressions_name_existing_metrics(expression):
    names = NAME.findall(expression)
    assert names and set(names) <= series().keys()
    assert expression.count("(") == expression.count(")")


def test_every_metric_is_on_the_board():
    by_series = series()
    on_board = {by_series[name] for expression in EXPRESSIONS for name in NAME.findall(expression)}
    assert on_board == set(by_series.values())


def test_labels_are_those_of_the_metrics():
    metrics = Metrics()
    labels = {
        f"pennyweight_{name}": set(labels)
        for name, labels in {
            "request_seconds": ("route", "method", "status", "le"),
            "refused_requests_total": ("status",),
            "recommendations_total": ("source", "bundle_version"),
            "fallbacks_total": ("reason",),
            "events_total": ("result",),
            "remote_queries_total": ("result",),
            "queue_depth": ("queue",),
            "online_rate": ("period",),
            "rated_lists": ("period",),
            "last_refit_outcome": ("outcome",),
        }.items()
    }
    for collector in metrics._registry._collector_to_names:
        family = next(iter(collector.collect()))
        name = family.name + ("_total" if family.type == "counter" else "")
        assert set(collector._labelnames) == labels.get(name, set()) - {"le"}
    for expression in EXPRESSIONS:
        metric = series()[NAME.findall(expression)[0]]
        by = {
            label
            for part in re.findall(r"by \(([^)]*)\)", expression)
            for label in part.split(", ")
        }
        assert by <= labels.get(metric, set()) | {"le", "instance"}


def test_panels_have_places_and_names_of_their_own():
    for key in ("id", "title"):
        assert len({panel[key] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    for place, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        is_disjoint = (
            place["x"] + place["w"] <= other["x"]
            or other["x"] + other["w"] <= place["x"]
            or place["y"] + place["h"] <= other["y"]
            or other["y"] + other["h"] <= place["y"]
        )
        assert is_disjoint
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in BOARD["panels"])
    assert set(re.findall(r"\$\w+|\$\{\w+\}", TEXT)) <= {
        "${datasource}",
        "$instance",
        "$__rate_interval",
        "$__all",
    }
