"""What people do with the pages."""

from collections.abc import Callable

import pytest

pytest.importorskip("selenium", reason="pages are looked at through selenium; make setup-dev")

import chromium
from chromium import NAMED, PREFIX
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_bundles import traffic

pytestmark = pytest.mark.browser


def press(driver, name: str) -> None:
    """Press the first button of a name; wait for the next page."""
    (button, *_) = [b for b in driver.find_elements(By.TAG_NAME, "button") if b.text == name]
    leaving(driver, button.click)


def enter(driver, element, *keys: str) -> None:
    """Type, and Enter; wait for the next page."""
    leaving(driver, lambda: element.send_keys(*keys, Keys.ENTER))


def leaving(driver, act: Callable[[], None]) -> None:
    page = driver.find_element(By.TAG_NAME, "html")
    act()
    until = WebDriverWait(driver, chromium.PATIENCE).until
    until(lambda d: is_detached(page))
    until(lambda d: d.execute_script("return document.readyState") == "complete")


def is_detached(element) -> bool:
    try:
        element.is_enabled()
    except WebDriverException:  # stale, or of a page that is going this moment
        return True
    return False


def told(driver) -> str:
    return driver.find_element(By.CSS_SELECTOR, ".message").text


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_publishing_comparing_and_rolling_back(alone, bundles, script):
    driver, live = alone.driver, alone.live
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    (first,) = traffic(live)
    alone.at("/dashboard/bundles")
    driver.find_element(By.NAME, "path").send_keys(str(bundles[1]))
    press(driver, "Add")
    assert "Added" in told(driver)
    asked(driver, "Publish")
    assert set(traffic(live)) == {first}
    press(driver, "Publish")
    assert "Published" in told(driver)
    (second,) = traffic(live)
    assert second != first
    asked(driver, "Roll back")
    press(driver, "Roll back")
    assert "Rolled back" in told(driver) and set(traffic(live)) == {first}
    alone.at("/dashboard/experiments")
    field = driver.find_element(By.NAME, "percent1")
    field.clear()
    field.send_keys("30")
    asked(driver, "Start experiment")
    press(driver, "Start experiment")
    assert "Started" in told(driver) and traffic(live) == {first: 0.7, second: 0.3}
    asked(driver, "Stop experiment")
    press(driver, "Stop experiment")
    assert "Stopped" in told(driver) and set(traffic(live)) == {first}
    alone.at("/dashboard/bundles")
    driver.find_element(By.NAME, "path").send_keys("/no/such")
    press(driver, "Add")
    assert "no such bundle" in told(driver).lower()


def asked(driver, name: str) -> None:
    """Press a button that leads to a question."""
    press(driver, name)
    assert driver.find_element(By.TAG_NAME, "h1").text == f"{name}?"
    assert driver.find_element(By.LINK_TEXT, "Cancel")


def test_an_experiment_with_the_keyboard(alone, bundles):
    driver, live = alone.driver, alone.live
    live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
    (first,) = traffic(live)
    alone.at("/dashboard/experiments")
    enter(driver, driver.find_element(By.NAME, "percent1"))
    enter(driver, driver.find_element(By.LINK_TEXT, "Cancel"))
    assert traffic(live) == {first: 1.0}
    enter(driver, driver.find_element(By.NAME, "percent1"))
    (button,) = driver.find_elements(By.CSS_SELECTOR, "main button")
    enter(driver, button)
    assert "Started" in told(driver) and traffic(live)[first] == 0.5


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_below_the_prefix_of_a_proxy(below, bundles, script):
    driver = below.driver
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    below.at(f"{PREFIX}/dashboard/bundles")
    assert driver.current_url.endswith(f"{PREFIX}/login")
    enter(driver, driver.find_element(By.NAME, "key"), below.admin)
    assert driver.find_element(By.TAG_NAME, "h1").text == "Overview"
    driver.get_log("browser")  # its messages about the login are no complaint
    for name in ("Users", "Items", "Search", "Quality", "Audit", "API", "Bundles"):
        link = driver.find_element(By.CSS_SELECTOR, ".masthead nav").find_element(
            By.LINK_TEXT, name
        )
        leaving(driver, link.click)
        assert PREFIX in driver.current_url
        assert driver.find_element(By.CSS_SELECTOR, "[aria-current=page]").text == name
        if name == "API" and script:
            until = WebDriverWait(driver, chromium.PATIENCE).until
            until(lambda d: d.find_elements(By.CSS_SELECTOR, ".opblock"))
            server = driver.find_element(By.CSS_SELECTOR, ".servers")  # there, but not shown
            assert PREFIX in server.get_attribute("textContent")
    driver.find_element(By.NAME, "path").send_keys(str(bundles[1]))
    driver.find_element(By.NAME, "publish").click()
    asked_at = driver.current_url
    press(driver, "Add")
    assert driver.find_element(By.TAG_NAME, "h1").text == "Publish?" and PREFIX in asked_at
    press(driver, "Publish")
    assert "Published" in told(driver) and f"{PREFIX}/dashboard/bundles" in driver.current_url
    if script:
        assert driver.get_log("browser") == []
    press(driver, "Log out")
    assert driver.current_url.endswith(f"{PREFIX}/login")
    below.at(f"{PREFIX}/")
    assert driver.current_url.endswith(f"{PREFIX}/login")


def test_the_overview_is_refreshed_below_a_prefix(below):
    driver, live = below.driver, below.live
    below.at(f"{PREFIX}/login")
    enter(driver, driver.find_element(By.NAME, "key"), below.admin)
    below.at(f"{PREFIX}/")
    before = driver.find_element(By.ID, "as-of").text
    live.http.get("/v1/recommend/u1", headers={"x-api-key": below.admin})
    until = WebDriverWait(driver, chromium.PATIENCE).until
    until(lambda d: d.find_element(By.ID, "as-of").text != before)
    assert driver.get_log("browser") == []


def test_erasing_a_user_with_the_keyboard(alone):
    driver, live = alone.driver, alone.live
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    alone.at("/dashboard/users")
    enter(driver, driver.find_element(By.NAME, "id"), "u1")
    heading = driver.find_element(By.TAG_NAME, "h1")
    assert heading.text == "User u1"
    enter(driver, driver.find_element(By.PARTIAL_LINK_TEXT, "Erase"))
    assert driver.find_element(By.TAG_NAME, "h1").text == "Erase u1?"
    assert live.get("/v1/users/u1")["events"]
    (button,) = driver.find_elements(By.CSS_SELECTOR, "button.danger")
    enter(driver, button)
    assert "Erased" in told(driver) and "u1" not in driver.current_url
    assert live.get("/v1/users/u1")["events"] == []


@pytest.mark.parametrize("host", ["127.0.0.1", NAMED])
def test_logging_in_by_a_key(guarded, bundles, host):
    # By another name than the loopback's a browser does not say which site asks but in Origin.
    driver = guarded.driver
    guarded.at("/dashboard/bundles", host)
    assert driver.current_url.endswith("/login")
    chromium.narrow(driver, 360)
    assert driver.execute_script("return document.documentElement.scrollWidth") == 360
    assert driver.switch_to.active_element.get_attribute("name") == "key"
    enter(driver, driver.switch_to.active_element, "pw_wrong")
    assert told(driver) == "Unknown key."
    enter(driver, driver.find_element(By.NAME, "key"), guarded.admin)
    assert driver.find_element(By.TAG_NAME, "h1").text == "Overview"
    guarded.at("/dashboard/bundles", host)
    driver.find_element(By.NAME, "path").send_keys(str(bundles[1]))
    driver.find_element(By.NAME, "publish").click()
    press(driver, "Add")
    press(driver, "Publish")
    assert "Published" in told(driver)
    guarded.at("/docs", host)
    until = WebDriverWait(driver, chromium.PATIENCE).until
    until(lambda d: d.find_elements(By.CSS_SELECTOR, ".opblock"))
    assert driver.get_log("browser") == []
    press(driver, "Log out")
    assert driver.current_url.endswith("/login")
    guarded.at("/", host)
    assert driver.current_url.endswith("/login")


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_a_click_in_the_shop_of_the_playground(look, script):
    driver = look.driver
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    reader = f"reader-000{int(script)}"
    look.at("/playground")
    leaving(driver, driver.find_element(By.LINK_TEXT, reader).click)
    title = driver.find_element(By.CSS_SELECTOR, ".shelf h2").text
    press(driver, "Like")
    assert told(driver) == "Sent: like. The list counts it."
    assert title in driver.find_element(By.CSS_SELECTOR, "tbody").text
    assert title not in [e.text for e in driver.find_elements(By.CSS_SELECTOR, ".shelf h2")]


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_a_file_is_imported(alone, tmp_path, script):
    driver, live = alone.driver, alone.live
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    path = tmp_path / "log.csv"
    path.write_text("user,item,timestamp\nann,i1,1700000000\n,i2,1700000001\n")
    alone.at("/dashboard/import")
    driver.find_element(By.NAME, "file").send_keys(str(path))
    press(driver, "Read the file")
    pressed_when_there(driver, "Store 1 event")
    reload_until(driver, lambda: "1 event stored" in driver.find_element(By.ID, "state").text)
    assert live.metric("pennyweight_events_total") == 1 and driver.get_log("browser") == []


def pressed_when_there(driver, name: str) -> None:
    """Press a button once a page has it; load the page again until then."""
    names = lambda: [b.text for b in driver.find_elements(By.TAG_NAME, "button")]  # noqa: E731
    reload_until(driver, lambda: name in names())
    press(driver, name)


def reload_until(driver, condition: Callable[[], bool]) -> None:
    for _ in range(chromium.PATIENCE):  # each load waits for the work on the file
        if condition():
            return
        driver.refresh()
    raise AssertionError(driver.page_source)
