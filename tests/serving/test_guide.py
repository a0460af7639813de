"""The guide tells of what there is."""

import re
from pathlib import Path

from pennyweight.serving.http.body import BODY_BYTES, BODY_SECONDS
from pennyweight.serving.http.bounded_protocol import BoundedProtocol
from pennyweight.serving.http.metrics import REFUSALS, Metrics
from pennyweight.serving.security.scopes import EXACT, HEALTH, OPEN, RULES
from pennyweight.serving.security.sessions import SECONDS

PAGE = (Path(__file__).resolve().parents[2] / "docs/guide-serving.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_metric_is_in_the_table_with_its_kind():
    text = Metrics().exposition().decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    rows = re.findall(r"^\| `(pennyweight_\w+)` \| (\w+) \|", section("Metrics"), re.MULTILINE)
    assert dict(rows) == kinds


def test_every_rule_is_in_the_row_of_its_scope():
    rows = dict(re.findall(r"^\| `?(\w+)`? \| (.*) \|$", section("Protection"), re.MULTILINE))
    for path, rule in (*EXACT.items(), *RULES.items()):
        (scope,) = set(rule.values())
        assert re.search(rf"{re.escape(path)}`", rows[scope]), path
    for path in HEALTH | OPEN:
        assert f"`{path}`" in rows["none"]


def test_the_numbers_are_those_of_the_service():
    text = section("Protection")
    assert (
        f"above {BODY_BYTES >> 20} MiB" in text and f"incomplete {BODY_SECONDS:g} s after" in text
    )
    assert f"for {SECONDS / 3600:g} hours" in text
    assert f"above {BoundedProtocol.head_bytes >> 10} KiB" in text
    assert f"incomplete after {BoundedProtocol.head_seconds:g} s" in text
    for status in REFUSALS:
        assert f"| {status}" in text
