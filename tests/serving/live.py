"""A small shop, served over a real socket."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import polars as pl
import pytest
from protected_app import PATIENCE, serving

import pennyweight
import small_shop
from pennyweight import Recommender
from pennyweight.serving.http.app import AccessPolicy, make_app
from pennyweight.serving.http.proxies import Proxies
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine, Limits
from pennyweight.serving.live.remote_queries import RemoteQueries
from pennyweight.serving.stores.protocol import Recommendation
from pennyweight.serving.stores.sqlite import SQLiteStore

KINDS = small_shop.KINDS
TIMEOUT = 20.0  # seconds; a busy machine may stand still for longer than a client waits
ACCESS = AccessPolicy(timeout=TIMEOUT)


def shop(*, seed: int = 0, encoder: str = "tfidf") -> Recommender:
    """Return a fitted shop with a price and an `available` column."""
    items = small_shop.items()
    items = items.with_columns(
        pl.Series("price", [float(i) for i in range(items.height)]),
        pl.Series("available", [i != 29 for i in range(items.height)]),
    )
    scorers = ["popularity", "content", "neighbors"]
    return pennyweight.fit(items, small_shop.events(seed=seed), encoder=encoder, scorers=scorers)


class Service:
    """A running service and how to talk to it."""

    def __init__(self, engine: Engine, port: int, folder: Path) -> None:
        self.engine, self.port, self.folder = engine, port, folder
        address = f"http://127.0.0.1:{port}"  # no TLS, so no certificates to load
        self.http = httpx.Client(base_url=address, timeout=3 * TIMEOUT, verify=False)

    def get(self, path: str, **params: object) -> dict:
        return json_of(self.http.get(path, params=params))

    def post(self, path: str, body: object) -> dict:
        return json_of(self.http.post(path, json=body))

    def ids(self, path: str, **params: object) -> list[str]:
        return [item["item_id"] for item in self.get(path, **params)["items"]]

    def stored_list(self, recommendation_id: str) -> Recommendation:
        """Return a list from the store, where it is written a moment after the answer."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            read = self.engine.store.read_now
            stored = read(lambda store: store.recommendation(recommendation_id))
            if stored is not None:
                return stored
            time.sleep(0.01)
        raise AssertionError(f"the list {recommendation_id} was not written")

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = self.http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def json_of(response: httpx.Response) -> dict:
    assert response.status_code == 200, response.text
    body: dict = response.json()
    return body


@contextmanager
def service(
    bundle: Path | None,
    folder: Path,
    *,
    access: AccessPolicy = ACCESS,
    limits: Limits = Limits(),  # noqa: B008
    queries: RemoteQueries | None = None,
    proxies: Proxies = Proxies(),  # noqa: B008
    storefront: bool = False,
) -> Iterator[Service]:
    """Serve a bundle; the store stays in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    store = SQLiteStore(folder / "store.sqlite")
    engine = Engine(store, BundleStore(folder / "bundles"), limits, queries=queries)
    try:
        engine.start(bundle)
        with serving(make_app(engine, access, proxies=proxies, storefront=storefront)) as port:
            running = Service(engine, port, folder)
            try:
                yield running
            finally:
                running.http.close()
    finally:
        engine.close()


def two_bundles(folder: Path) -> tuple[Path, Path]:
    """Save two bundles of one shop, fitted to different events."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENNYWEIGHT_CACHE", str(folder / "cache"))
        for seed, name in enumerate("ab"):
            shop(seed=seed).save(folder / name)
    return folder / "a", folder / "b"
