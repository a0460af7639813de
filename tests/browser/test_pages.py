"""How pages look and behave in a browser, whoever uses them."""

import time
from urllib.parse import quote

import pytest

pytest.importorskip("selenium", reason="pages are looked at through selenium; make setup-dev")

import chromium
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"
PAGES = [
    "/",
    "/dashboard/users",
    "/dashboard/users?id=u1",
    f"/dashboard/users?id={quote(HOSTILE)}",
    "/dashboard/users/erase?id=u1",
    f"/dashboard/users?id={'x' * 200}",
    "/dashboard/items",
    "/dashboard/items?id=i1",
    f"/dashboard/items?id={quote(HOSTILE)}",
    "/dashboard/items?words=tea&available=yes&filter=price%20%3C%2020",
    "/dashboard/users?order=newest",
    "/dashboard/users?order=active",
    "/dashboard/users?log=bundle&order=active",
    "/dashboard/events",
    "/dashboard/events?type=purchase",
    "/dashboard/events?user=nobody",
    "/dashboard/search?q=tea",
    "/dashboard/preview",
    "/dashboard/preview?user=u1&diversity_b=0.6&filter_b=price%20%3C%2020",
    "/dashboard/preview?history=i1%0Ai2&filter_a=prize%3C2",
    "/dashboard/feedback",
    "/dashboard/feedback?scenario=-",
    "/dashboard/configuration",
    "/dashboard/import",
    "/dashboard/status",
    "/dashboard/bundles",
    "/dashboard/bundles/rollback",
    "/dashboard/experiments",
    "/dashboard/experiments/stop",
    "/dashboard/quality",
    "/dashboard/audit",
    "/playground",
    "/playground?reader=u1",
    "/docs",
]
CONTROLS = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"
# Texts with too low a contrast to their background, by WCAG 2.2.
FAINT = """
const lum = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const rgb = text => text.match(/[\\d.]+/g).map(Number);
function behind(element) {
  for (let e = element; e; e = e.parentElement) {
    const color = rgb(getComputedStyle(e).backgroundColor);
    if (color.length < 4 || color[3] === 1) return color;
  }
  return [255, 255, 255];
}
const found = [];
const walker = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !e.checkVisibility()) continue;
  if (e.closest(".swagger-ui, script, option, svg .mark")) continue;
  const style = getComputedStyle(e), inSvg = e.closest("svg") !== null;
  const back = behind(inSvg ? e.closest("figure") : e);
  const [a, b] = [lum(rgb(inSvg ? style.fill : style.color)), lum(back)];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) found.push([walker.currentNode.textContent, ratio.toFixed(2), style.color]);
}
return found;
"""


def until(driver, condition):
    return WebDriverWait(driver, chromium.PATIENCE).until(condition)


def settled(look, path: str) -> None:
    look.at(path)
    if path.startswith("/docs"):
        until(look.driver, lambda d: d.find_elements(By.CSS_SELECTOR, ".opblock"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_complained_of_and_all_can_be_read(look, path, dark):
    chromium.dark(look.driver, on=dark)
    settled(look, path)
    complaints = look.driver.get_log("browser")
    if f"items?id={quote(HOSTILE)}" in path:  # the page is told as not found, which is right
        complaints = [c for c in complaints if "404 (Not Found)" not in c["message"]]
    assert complaints == []
    assert look.driver.execute_script(FAINT) == []
    paper = look.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is not dark


def test_a_complaint_would_be_seen(look):
    look.at("/dashboard/audit")
    inline = "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: #999\">faint</p>')"
    look.driver.execute_script(inline)
    (complaint,) = look.driver.get_log("browser")
    assert "Content Security Policy" in complaint["message"]
    look.driver.execute_script("document.querySelector('footer').style.color = '#aaa'")
    assert look.driver.execute_script(FAINT)


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_screen_is_not_scrolled_sideways(look, path):
    chromium.narrow(look.driver, 360)
    settled(look, path)
    wide = "return [document.documentElement.scrollWidth, innerWidth]"
    assert look.driver.execute_script(wide) == [360, 360]


@pytest.mark.parametrize("path", PAGES[:-1])
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(look, path):
    chromium.prefer("prefers-reduced-motion", "reduce", look.driver)  # nothing is loaded again
    look.at(path)
    driver = look.driver
    there = [e for e in driver.find_elements(By.CSS_SELECTOR, CONTROLS) if e.is_displayed()]
    reached = []
    for _ in range(len(there) + 3):
        ActionChains(driver).send_keys(Keys.TAB).perform()  # keys sent to a file field are a path
        now = driver.switch_to.active_element
        if now.tag_name == "body" or now in reached:
            break
        outline = (
            "const s = getComputedStyle(arguments[0]); return [s.outlineStyle, s.outlineWidth]"
        )
        style, width = driver.execute_script(outline, now)
        assert style != "none" and float(width.removesuffix("px")) >= 1, now.text
        reached.append(now)
    missed = [e.get_attribute("outerHTML")[:200] for e in there if e not in reached]
    assert missed == []
    assert reached[0].get_attribute("class") == "skip"


def test_the_skip_link_leads_to_the_content(look):
    look.at("/dashboard/items?id=i1")
    driver = look.driver
    driver.switch_to.active_element.send_keys(Keys.TAB)
    link = driver.switch_to.active_element
    assert link.is_displayed() and link.rect["y"] >= 0
    link.send_keys(Keys.ENTER)
    assert driver.switch_to.active_element.get_attribute("id") == "main"
    driver.switch_to.active_element.send_keys(Keys.TAB)
    assert driver.switch_to.active_element.get_attribute("name") == "id"


@pytest.mark.parametrize("path", ["/", "/dashboard/experiments", "/dashboard/quality"])
def test_each_chart_has_a_name_and_a_table(look, path):
    look.at(path)
    charts = look.driver.find_elements(By.CSS_SELECTOR, "svg[role=img]")
    assert charts
    for chart in charts:
        name = chart.find_element(By.CSS_SELECTOR, "title").get_attribute("textContent")
        beside = "return arguments[0].closest('.pair, section').querySelectorAll('table tbody tr')"
        assert name and look.driver.execute_script(beside, chart), name


@pytest.mark.parametrize("path", PAGES)
def test_all_is_there_without_a_script(look, path):
    look.at(path)
    script = "return document.querySelector('main').innerText.length"
    with_script = look.driver.execute_script(script)
    look.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    look.at(path)
    assert look.driver.execute_script(script) >= min(with_script - 20, 1_500)
    assert not look.driver.find_elements(By.CSS_SELECTOR, "#updated button, .opblock")
    if path == "/docs":
        text = look.driver.find_element(By.ID, "swagger").text
        assert "GET /v1/recommend/{user_id}" in text and "Recommend to a user" in text


def test_a_hostile_id_runs_nothing(look):
    for page in ("users", "items", "search"):
        name = "q" if page == "search" else "id"
        look.at(f"/dashboard/{page}?{name}={quote(HOSTILE)}")
        assert look.driver.find_elements(By.CSS_SELECTOR, "main img") == []
        field = look.driver.find_element(By.NAME, name)
        assert field.get_attribute("value") == HOSTILE


def test_a_link_to_a_problem_shows_it(look):
    settled(look, "/docs#store")
    there = look.driver.find_element(By.ID, "store")
    place = "const r = arguments[0].getBoundingClientRect(); return [r.top, r.bottom, innerHeight]"
    top, bottom, height = look.driver.execute_script(place, there)
    assert 0 <= top < bottom <= height and "disk" in there.text


def test_the_documentation_sends_a_request(look):
    settled(look, "/docs")
    driver = look.driver
    driver.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
    field = "input[placeholder=user_id]"
    until(driver, lambda d: d.find_elements(By.CSS_SELECTOR, field))
    driver.find_element(By.CSS_SELECTOR, field).send_keys("u1")
    driver.find_element(By.CSS_SELECTOR, ".btn.execute").click()
    body = ".responses-table.live-responses-table .highlight-code"
    (shown,) = until(driver, lambda d: d.find_elements(By.CSS_SELECTOR, body))
    assert '"recommendation_id"' in shown.text and '"history"' in shown.text
    assert driver.get_log("browser") == []


def test_the_numbers_are_loaded_again(look):
    look.at("/")
    driver = look.driver

    def requests(d) -> int:
        # In one step: the page may replace the element meanwhile.
        text = d.execute_script("return document.querySelector('#now dd').innerText")
        return int(text.split()[0].replace(",", ""))

    before = requests(driver)
    driver.execute_script("document.querySelector('#traffic details').open = true")
    look.live.get("/v1/recommend/u1")
    until(driver, lambda d: requests(d) == before + 1)
    assert driver.find_element(By.CSS_SELECTOR, "#traffic details").get_attribute("open")
    button = driver.find_element(By.CSS_SELECTOR, "#updated button")
    button.send_keys(Keys.ENTER)
    assert button.text == "Refresh every 5 s"
    look.live.get("/v1/recommend/u1")
    time.sleep(6)
    assert requests(driver) == before + 1 and driver.get_log("browser") == []


def test_nothing_moves_for_those_who_want_it_still(look):
    chromium.prefer("prefers-reduced-motion", "reduce", look.driver)
    look.at("/")
    button = look.driver.find_element(By.CSS_SELECTOR, "#updated button")
    assert button.text == "Refresh every 5 s"
