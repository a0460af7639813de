"""No page has a fault that axe-core finds, by the rules of WCAG 2.2 and by its best practices."""

from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="pages are looked at through selenium; make setup-dev")

from test_pages import PAGES, settled

pytestmark = pytest.mark.browser

RUN = """
const done = arguments[arguments.length - 1];
axe.run({exclude: [[".swagger-ui"]]}).then(found => done(found.violations.map(
  rule => [rule.id, rule.help, rule.nodes.map(node => node.html.slice(0, 200)).slice(0, 3)])));
"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    spec = find_spec("axe_playwright_python")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no axe-playwright-python, which has axe-core; make setup-dev")
    return (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text()


def faults(driver, axe: str) -> list:
    driver.execute_script(axe)
    return driver.execute_async_script(RUN)


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(look, axe, path):
    settled(look, path)
    assert faults(look.driver, axe) == []


def test_axe_would_find_a_fault(look, axe):
    look.at("/dashboard/items?id=i1")
    look.driver.execute_script("document.querySelector('label').remove()")
    assert "label" in [rule for rule, *_ in faults(look.driver, axe)]


def test_axe_finds_nothing_on_the_page_to_log_in(guarded, axe):
    guarded.at("/login")
    assert faults(guarded.driver, axe) == []


def test_axe_finds_nothing_on_the_report_of_a_file(look, axe):
    rows = b"user,item,timestamp\nann,i1,1700000000\nbob,nowhere,1700000000\n,i2,1700000001\n"
    sent = look.live.http.post(
        "/dashboard/import",
        data={"kind": "events"},
        files={"file": ("<i>log.csv", rows)},
        headers={"sec-fetch-site": "same-origin"},
    )
    for _ in range(60):  # each load waits for the work on the file
        look.at(sent.headers["location"])
        if "Store 2 events" in look.driver.page_source:
            break
    assert "Store 2 events" in look.driver.page_source
    assert faults(look.driver, axe) == [] and look.driver.get_log("browser") == []
