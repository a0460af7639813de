"""Templates escape everything but the charts."""

import re
from pathlib import Path

import pennyweight

SOURCE = Path(pennyweight.__file__).parent
TEMPLATES = sorted(SOURCE.rglob("templates/*.html"))


def test_no_template_turns_escaping_off():
    assert len(TEMPLATES) > 20
    for path in TEMPLATES:
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", path.read_text()), path


def test_only_charts_are_marked_as_html():
    marking = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(r"Markup\(|__html__", path.read_text())
    }
    assert marking == {"html/charts.py"}


def test_no_python_module_writes_html():
    tag = re.compile(r"(?<!P)<(?:p|div|table|tr|td|th|h[1-6]|ul|li|form|section|a)(?: [^>]*)?>")
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if tag.search(path.read_text())
    }
    assert found == set()
