"""A service that is killed while bundles are published leaves nothing behind.

    python benchmarks/publish_kill.py [--kills N] [--seed N] [--json FILE]

Several clients publish, share, roll back and drop bundles of one shop at the same time, and one
erases a user of all the bundles. At a random moment the process gets SIGKILL and is started
again on the same folder. Then no folder may be half made or unknown to the service, every bundle
that was acknowledged must be there, lists must be given, and once the user is erased again, no
byte of the folder may hold the id.
"""

import argparse
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import polars as pl

import pennyweight
from rows import tell
from service import Running, small_shop, start

CLIENTS, BUNDLES, USERS = 4, 6, 200
TIMEOUT = 60  # seconds


def person(number: int) -> str:
    """Return an id that is found in bytes by chance nowhere."""
    return f"person-{number:04d}-of-the-shop"


def make_bundles(folder: Path) -> list[Path]:
    """Save one recommender several times, each of another version."""
    items, log = small_shop(100, USERS)
    names = {f"u{number}": person(number) for number in range(USERS)}
    log = log.with_columns(pl.col("user_id").replace(names))
    recommender = pennyweight.fit(items, log, encoder="tfidf", scorers=["popularity", "content"])
    paths = [folder / f"bundle{number}" for number in range(BUNDLES)]
    for number, path in enumerate(paths):
        recommender.save(path, created=datetime(2026, 1, 1 + number, tzinfo=UTC))
    return paths


class Client(threading.Thread):
    """Changes the traffic split until the service is gone; notes acknowledged changes."""

    def __init__(self, service: Running, bundles: list[Path], rng: random.Random) -> None:
        super().__init__()
        self.service, self.bundles, self.rng = service, bundles, rng
        self.added: set[str] = set()
        self.dropped: set[str] = set()
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        """Send until the service is gone."""
        base = f"http://127.0.0.1:{self.service.port}"
        with httpx.Client(base_url=base, timeout=TIMEOUT) as http:
            try:
                while True:
                    self.statuses[self.send(http).status_code] += 1
            except httpx.HTTPError:
                return

    def send(self, http: httpx.Client) -> httpx.Response:
        """Send one request."""
        choice = self.rng.random()
        if choice < 0.6:
            path = self.rng.choice(self.bundles)
            response = http.post("/v1/bundles", json={"path": str(path), "publish": choice < 0.4})
            if response.status_code == 200:
                bundles = response.json()["bundles"]
                self.added |= {m["bundle_version"] for m in bundles if m["source"] == str(path)}
            return response
        versions = [m["bundle_version"] for m in http.get("/v1/bundles").json()["bundles"]]
        if choice < 0.8:
            version = self.rng.choice(versions)
            self.dropped.add(version)  # it may be deleted, with or without an answer
            return http.delete(f"/v1/bundles/{version}")
        if choice < 0.9:
            return http.post("/v1/bundles/rollback", json={})
        chosen = self.rng.sample(versions, min(2, len(versions)))
        variants = [{"bundle_version": version, "share": 1 / len(chosen)} for version in chosen]
        return http.put("/v1/bundles/traffic-split", json={"variants": variants})


class Eraser(threading.Thread):
    """Erases a user again and again."""

    def __init__(self, service: Running, user: str) -> None:
        super().__init__()
        self.service, self.user = service, user

    def run(self) -> None:
        """Send until the service is gone."""
        base = f"http://127.0.0.1:{self.service.port}"
        with httpx.Client(base_url=base, timeout=TIMEOUT) as http:
            try:
                while True:
                    event = {"user_id": self.user, "item_id": "i1"}
                    http.post("/v1/events", json=event)
                    http.delete(f"/v1/users/{self.user}")
            except httpx.HTTPError:
                return


def leftovers(folder: Path, versions: set[str]) -> list[str]:
    """Return the names in the folder of bundles that the service does not list."""
    return [path.name for path in folder.iterdir() if path.name not in versions]


def holding(folder: Path, text: str) -> list[str]:
    """Return the files that hold a text."""
    data = text.encode()
    return [str(p) for p in folder.rglob("*") if p.is_file() and data in p.read_bytes()]


def check(service: Running, live: Path, user: str | None, clients: list[Client]) -> Counter[str]:
    """Return the number of faults after a start, by kind."""
    faults: Counter[str] = Counter()
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=TIMEOUT) as http:
        versions = {m["bundle_version"] for m in http.get("/v1/bundles").json()["bundles"]}
        faults["orphans"] += len(leftovers(live / "bundles", versions))
        added = {version for client in clients for version in client.added}
        dropped = {version for client in clients for version in client.dropped}
        faults["lost"] += len(added - dropped - versions)
        served = [m for m in http.get("/v1/bundles").json()["bundles"] if m["share"]]
        rows = http.get("/v1/experiments").json()["experiments"]
        running = [row for row in rows if row["state"] == "running"]
        faults["torn"] += len(running) != (len(served) > 1)
        faults["silent"] += http.get("/v1/recommend/nobody").status_code != 200
        if user is not None:
            faults["refused"] += http.delete(f"/v1/users/{user}").status_code != 200
            faults["held"] += len(holding(live, user))
    return faults


def rounds(
    kills: int, seed: int, say: Callable[[str], None] = print, longest: float = 2.5
) -> Counter[str]:
    """Kill and start again; return the faults by kind and the number of answered requests."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder, live = Path(temporary), Path(temporary) / "live"
        bundles = make_bundles(folder)
        clients: list[Client] = []
        user = None
        for kill in range(kills + 1):
            service = start(bundles[0], live)
            counts += check(service, live, user, clients)
            if kill == kills:
                service.stop()
                break
            user = person(kill % USERS)
            clients = [
                Client(service, bundles, random.Random(rng.random())) for _ in range(CLIENTS)
            ]
            threads = [*clients, Eraser(service, user)]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.02, longest))
            service.kill()
            for thread in threads:
                thread.join()
            statuses = sum((client.statuses for client in clients), Counter())
            counts["answered"] += sum(statuses.values())
            counts["failed"] += statuses[500]
            if (kill + 1) % 20 == 0:
                say(f"{kill + 1} kills, {counts['answered']:,} changes of bundles answered")
    return counts


def main() -> None:
    """Kill, start again, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    counts = rounds(options.kills, options.seed)
    named = {
        "orphans": "unknown folders",
        "held": "files with an erased id",
        "lost": "acknowledged bundles lost",
        "refused": "erasures refused after the start",
        "silent": "starts without lists",
        "torn": "experiments that disagree with what is served",
        "failed": "responses with status 500",
    }
    rows = [
        {
            "name": f"publishing killed: changes answered in {options.kills} kills",
            "value": counts["answered"],
            "unit": "",
            "bar": None,
            "better": "higher",
        }
    ]
    rows += [
        {
            "name": f"publishing killed: {name}",
            "value": counts[kind],
            "unit": "",
            "bar": 0,
            "better": "lower",
        }
        for kind, name in named.items()
    ]
    tell(rows, options.json)


if __name__ == "__main__":
    main()
