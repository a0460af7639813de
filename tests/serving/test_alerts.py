"""The alert rules for Prometheus name metrics that the service exposes."""

import re
from importlib import resources

import pytest
import yaml
from live import Service

TEXT = resources.files("pennyweight.serving").joinpath("alerts.yml").read_text("utf-8")
(GROUP,) = yaml.safe_load(TEXT)["groups"]
RULES = GROUP["rules"]
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum")}


def series(live: Service) -> dict[str, set[str]]:
    """Return the labels of each series in the output of the service."""
    text = live.http.get("/metrics").text
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    names = {name + suffix for name, kind in kinds for suffix in SUFFIXES.get(kind, ("",))}
    labels: dict[str, set[str]] = {name: {"instance"} for name in names}
    for name, given in re.findall(r"^(\w+)\{(.*)\} ", text, re.MULTILINE):
        labels[name] |= set(re.findall(r"(\w+)=", given))
    return labels


def test_rules_are_whole():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "action"}
        for opening, closing in ("()", "{}", "[]"):
            assert rule["expr"].count(opening) == rule["expr"].count(closing)
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))


def test_rules_name_metrics_and_labels_of_the_service(live):
    live.ids("/v1/recommend/u1")  # a histogram has labels once something was measured
    by_name = series(live)
    for rule in RULES:
        names = re.findall(r"pennyweight_\w+", rule["expr"])
        assert names, rule["alert"]
        for name in names:
            assert name in by_name, (rule["alert"], name)
        for name, given in re.findall(r"(pennyweight_\w+)\{([^}]*)\}", rule["expr"]):
            assert set(re.findall(r"(\w+)=", given)) <= by_name[name]


@pytest.mark.parametrize("period", ["day", "weeks"])
def test_values_of_labels_are_those_of_the_service(live, period):
    text = live.http.get("/metrics").text
    assert f'pennyweight_online_rate{{period="{period}"}}' in text
    for outcome in re.findall(r'outcome="([^"]*)"', TEXT):
        assert f'pennyweight_last_refit_outcome{{outcome="{outcome}"}}' in text
