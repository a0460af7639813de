"""A browser, and services for it to look at; skips with a message where there is no browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from live import TIMEOUT, Service, service, two_bundles
from protected_app import make_key

from pennyweight.serving.http.app import AccessPolicy
from pennyweight.serving.http.proxies import Proxies
from pennyweight.serving.security.keyring import KeyRing


@dataclass
class Looked:
    """A browser at a service."""

    driver: object
    live: Service
    admin: str = ""

    def at(self, path: str, host: str = "127.0.0.1") -> None:
        """Load a page; earlier console messages are dropped."""
        self.driver.get_log("browser")
        self.driver.get(f"http://{host}:{self.live.port}{path}")


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> Iterator[object]:
    pytest.importorskip("selenium", reason="pages are looked at through selenium; make setup-dev")
    import chromium

    if lacking := chromium.missing():
        pytest.skip(lacking)
    with chromium.chromium(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> tuple[Path, Path]:
    return two_bundles(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def fresh(driver) -> object:
    """The browser as a new person has it."""
    import chromium

    driver.delete_all_cookies()
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.dark(driver, on=False)
    return driver


@pytest.fixture(scope="session")
def busy(bundles, tmp_path_factory) -> Iterator[Service]:
    """A service with something on every page, which tests do not change."""
    with service(bundles[0], tmp_path_factory.mktemp("busy"), storefront=True) as live:
        for user in range(20):
            recommendation = live.get(f"/v1/recommend/u{user}", k=3)
            event = {"user_id": f"u{user}", "item_id": f"i{user}", "event_type": "purchase"}
            live.post(
                "/v1/events", event | {"recommendation_id": recommendation["recommendation_id"]}
            )
        live.post("/v1/search", {"query": "tea"})
        live.http.get("/v1/items/nope")
        live.http.put("/v1/items/new", json={"attributes": {"title": "tea blend"}})
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
        shares = [{"bundle_version": first, "share": 0.5}, {"bundle_version": second, "share": 0.5}]
        live.http.put("/v1/bundles/traffic-split", json={"variants": shares})
        for user in range(20, 40):
            recommendation = live.get(f"/v1/recommend/u{user}", k=3)
            event = {"user_id": f"u{user}", "item_id": f"i{user - 20}", "event_type": "purchase"}
            if user % 3:
                live.post(
                    "/v1/events", event | {"recommendation_id": recommendation["recommendation_id"]}
                )
        for name in ("<img src=x onerror=alert(1)>", "x" * 200):
            live.post("/v1/events", {"user_id": name, "item_id": name})
        yield live


@pytest.fixture
def look(fresh, busy) -> Looked:
    return Looked(fresh, busy)


@pytest.fixture
def alone(fresh, bundles, tmp_path) -> Iterator[Looked]:
    """A service that a test may change."""
    with service(bundles[0], tmp_path / "live") as live:
        yield Looked(fresh, live)


@pytest.fixture
def guarded(fresh, bundles, tmp_path) -> Iterator[Looked]:
    """A service with keys."""
    path = tmp_path / "keys.json"
    admin, _ = make_key(path, "admin", "admin")
    with service(
        bundles[0], tmp_path / "live", access=AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT)
    ) as live:
        yield Looked(fresh, live, admin)


@pytest.fixture
def below(fresh, bundles, tmp_path) -> Iterator[Looked]:
    """A service with keys, below the prefix of a proxy."""
    from chromium import PREFIX

    path = tmp_path / "keys.json"
    admin, _ = make_key(path, "admin", "admin")
    access, proxies = AccessPolicy(keys=KeyRing(path), timeout=TIMEOUT), Proxies(root_path=PREFIX)
    with service(bundles[0], tmp_path / "live", access=access, proxies=proxies) as live:
        yield Looked(fresh, live, admin)
