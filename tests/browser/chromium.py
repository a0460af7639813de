"""Headless Chromium, driven as a person would use it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

NAMED = "recommender.test"  # leads to this machine; browsers trust it less than the loopback
PREFIX = "/shop/books"  # of a proxy
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1280,900",
    "--lang=en",
    f"--host-resolver-rules=MAP {NAMED} 127.0.0.1",
)
PATIENCE = 60  # seconds, where something should happen at once


def missing() -> str:
    """Return the reason why this machine cannot run a browser, if any."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(lacking)}: apt-get install chromium chromium-driver" * bool(
        lacking
    )


@contextmanager
def chromium(folder: Path) -> Iterator[webdriver.Chrome]:
    """Start a browser that keeps its things in a folder."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (*ARGUMENTS, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


def dark(driver: webdriver.Chrome, *, on: bool) -> None:
    """Prefer dark colors, or light ones."""
    prefer("prefers-color-scheme", "dark" if on else "light", driver)


def prefer(feature: str, value: str, driver: webdriver.Chrome) -> None:
    """Set a media feature, such as a preference for dark colors."""
    features = {"features": [{"name": feature, "value": value}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)


def narrow(driver: webdriver.Chrome, width: int, height: int = 900) -> None:
    """Give the page a width in CSS pixels, which a window may be too wide for."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
