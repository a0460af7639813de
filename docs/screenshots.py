"""Take the pictures of the dashboard: docs/images/dashboard-*.png.

    python docs/screenshots.py [--shop DIR]

Serves the demo bookshop and a smaller version of it, gives them an hour of made-up traffic
within a minute, and photographs the pages in headless Chromium. Bundles stay in DIR, where one
is named, for the next time.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from pennyweight import Budget, Recommender, compress, demo, fit
from pennyweight.bundle import open_bundle
from pennyweight.cli.report_files import save
from pennyweight.serving.http.app import make_app
from pennyweight.serving.http.rolling_metrics import RollingMetrics
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.served_bundle import epoch
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.stores.sqlite import SQLiteStore

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/serving"), str(ROOT / "tests/browser")]

IMAGES = ROOT / "docs/images"
READERS, MINUTES, WIDTH = 1_500, 60, 1_200
LATER = 2.2 * 86_400  # seconds from the fit to the traffic
NEW = {
    "the-lighthouse-at-noon": "The Lighthouse at Noon",
    "a-ledger-of-small-debts": "A Ledger of Small Debts",
    "letters-to-a-botanist": "Letters to a Botanist",
}
WISHES = ("a sea voyage", "a detective in London", "love and money", "ghosts of an old house")
TALLEST = 2_400  # pixels
SHOTS = {
    "overview": "/",
    "user": "/dashboard/users?id={user}",
    "item": "/dashboard/items?id=dracula",
    "preview": "/dashboard/preview?history=dracula%0Afrankenstein&k_a=8&k_b=8&diversity_b=0.6",
    "bundles": "/dashboard/bundles",
    "quality": "/dashboard/quality?bundle={small}",
}


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def bundles(folder: Path) -> tuple[Path, Path]:
    """Return the bundle of the bookshop and a smaller one, made where they are missing."""
    whole, small = folder / "bookshop", folder / "bookshop-small"
    if not whole.exists():
        items, events = demo.write(folder, readers=READERS)
        save(fit(items, events), whole, overwrite=False, command="pennyweight demo")
    if not small.exists():
        parent = Recommender.load(whole)
        save(
            compress(parent, Budget(max_loss=0.05)),
            small,
            overwrite=False,
            command="compress",
            parent=parent.bundle,
        )
    return whole, small


def traffic(http: httpx.Client, clock: Clock, users: list[str]) -> None:
    """Ask as a shop would, a minute after the other."""
    rng = random.Random(7)
    for minute in range(MINUTES):
        clock.now += 60
        for _ in range(rng.randint(12, 22) + 20 * (20 < minute < 45)):
            chance = rng.random()
            if chance < 0.62:
                user = rng.choice(users) if rng.random() < 0.85 else f"visitor-{minute}"
                shown = http.get(f"/v1/recommend/{user}", params={"k": 5}).json()
                follow(http, shown, user, rng)
            elif chance < 0.8:
                http.get("/v1/similar/dracula", params={"k": 5})
            elif chance < 0.95:
                http.post("/v1/search", json={"query": rng.choice(WISHES), "k": 5})
            elif chance < 0.98:
                http.get("/v1/items/no-such-book")
            else:
                http.post("/v1/recommend", json={"items": ["dracula", "frankenstein"], "k": 5})
        if minute % 17 == 9:
            item, title = list(NEW.items())[minute // 17]
            http.put(f"/v1/items/{item}", json={"attributes": {"title": title, "year": 2026}})


def follow(http: httpx.Client, shown: dict, user: str, rng: random.Random) -> None:
    """View some of the recommended items, and buy some of these."""
    if rng.random() > 0.3:
        return
    event = {
        "user_id": user,
        "item_id": rng.choice(shown["items"])["item_id"],
        "recommendation_id": shown["recommendation_id"],
    }
    http.post("/v1/events", json={**event, "event_type": "view"})
    if rng.random() < 0.4:
        http.post("/v1/events", json={**event, "event_type": "purchase"})


def photograph(address: str, known: dict[str, str]) -> None:
    """Save a picture of each page, and of the first in the dark."""
    import chromium

    with tempfile.TemporaryDirectory() as folder, chromium.chromium(Path(folder)) as driver:
        for name, path in SHOTS.items():
            for dark in (False, True) if name == "overview" else (False,):
                chromium.dark(driver, on=dark)
                chromium.narrow(driver, WIDTH, 600)
                driver.get(address + path.format(**known))
                tall = int(driver.execute_script("return document.documentElement.scrollHeight"))
                chromium.narrow(driver, WIDTH, min(tall, TALLEST))
                driver.save_screenshot(
                    str(IMAGES / f"dashboard-{name}{'-dark' if dark else ''}.png")
                )


def main() -> None:
    """Serve, ask, photograph."""
    import protected_app

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shop", type=Path, metavar="DIR", help="folder of the bundles")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop, live = Path(options.shop or folder).resolve(), Path(folder) / "live"
        shop.mkdir(parents=True, exist_ok=True)
        live.mkdir()
        whole, small = bundles(shop)
        clock = Clock(epoch(open_bundle(small).manifest.created) + LATER)
        engine = Engine(
            SQLiteStore(live / "store.sqlite"), BundleStore(live / "bundles"), clock=clock
        )
        engine.start(whole)
        engine.publishing.add(small, actor="local")
        first, second = (stored.version for stored in engine.publishing.stored_bundles())
        engine.experiments.split([Variant(first, 0.8), Variant(second, 0.2)], actor="local")
        users = quiet(Recommender.load(whole))
        with protected_app.serving(make_app(engine, window=RollingMetrics(clock=clock))) as port:
            address = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=address, timeout=60) as http:
                traffic(http, clock, users)
            time.sleep(1)  # until the lists are on disk
            photograph(address, {"user": users[3], "small": second})
        engine.close()


def quiet(recommender: Recommender) -> list[str]:
    """Return some users with a short history, so that it fits into a picture."""
    log = recommender.interactions
    if log is None:
        raise SystemExit("the bundle has no events")
    few = np.argsort(np.diff(log.offsets), kind="stable")
    return [log.users[code] for code in few[200:1_400:30].tolist()]


if __name__ == "__main__":
    main()
