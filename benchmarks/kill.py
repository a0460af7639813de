"""A service that is killed under load loses nothing that it acknowledged.

    python benchmarks/kill.py [--kills N] [--seed N] [--json FILE]

A small shop is served; several clients send batches of events and items. At a random moment the
process gets SIGKILL; it is started again on the same folder, and so on. In the end every event
and item that was answered with 2xx must be there, once, and the store must be whole.
"""

import argparse
import random
import tempfile
import threading
import time
from pathlib import Path

import httpx

import pennyweight
from pennyweight.serving.stores.sqlite import SQLiteStore
from rows import tell
from service import Running, small_shop, start

CLIENTS = 4


class Client(threading.Thread):
    """Sends until the service is gone; notes acknowledged changes."""

    def __init__(self, service: Running, name: str, ids: list[str]) -> None:
        super().__init__()
        self.service, self.label, self.ids = service, name, ids
        self.events: dict[str, list[str]] = {}
        self.items: list[str] = []

    def run(self) -> None:
        """Send until the service is gone."""
        rng = random.Random(self.label)
        base = f"http://127.0.0.1:{self.service.port}"
        number = 0
        with httpx.Client(base_url=base, timeout=10) as http:
            while True:
                number += 1
                user = f"{self.label}-{rng.randrange(10)}"
                names = [f"{self.label}-{number}-{i}" for i in range(rng.randrange(1, 20))]
                batch = [
                    {"event_id": name, "user_id": user, "item_id": rng.choice(self.ids)}
                    for name in names
                ]
                item = f"new-{self.label}-{number}"
                try:
                    if http.post("/v1/events", json={"events": batch}).status_code == 200:
                        self.events.setdefault(user, []).extend(names)
                    if number % 5 == 0:
                        body = {"attributes": {"title": f"tea {item}"}}
                        if http.put(f"/v1/items/{item}", json=body).status_code == 200:
                            self.items.append(item)
                except httpx.HTTPError:
                    return


def main() -> None:
    """Kill, start again, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    items, log = small_shop()
    clients: list[Client] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pennyweight.fit(items, log, encoder="tfidf").save(folder / "bundle")
        for kill in range(options.kills):
            service = start(folder / "bundle", folder / "live")
            started = [
                Client(service, f"{kill}.{i}", items["item_id"].to_list()) for i in range(CLIENTS)
            ]
            for client in started:
                client.start()
            time.sleep(rng.uniform(0.02, 0.6))
            service.kill()
            for client in started:
                client.join()
            clients += started
            if (kill + 1) % 20 == 0:
                n_events = sum(len(names) for c in clients for names in c.events.values())
                print(f"{kill + 1} kills, {n_events:,} events acknowledged", flush=True)
        events_lost, twice, items_lost, wrong = compare(clients, folder / "live" / "store.sqlite")
    tell(
        [
            {
                "name": f"kills: events lost in {options.kills} kills",
                "value": events_lost,
                "unit": "",
                "bar": 0,
                "better": "lower",
            },
            {
                "name": "kills: events stored twice",
                "value": twice,
                "unit": "",
                "bar": 0,
                "better": "lower",
            },
            {
                "name": "kills: items lost",
                "value": items_lost,
                "unit": "",
                "bar": 0,
                "better": "lower",
            },
            {
                "name": "kills: faults found by the check of the store",
                "value": wrong,
                "unit": "",
                "bar": 0,
                "better": "lower",
            },
        ],
        options.json,
    )


def compare(clients: list[Client], path: Path) -> tuple[int, int, int, int]:
    """Return events lost, events twice, items lost, and faults of the file."""
    store = SQLiteStore(path)
    events_lost = twice = 0
    for client in clients:
        for user, names in client.events.items():
            stored = [event.event_id for event in store.events_of(user)]
            events_lost += len(set(names) - set(stored))
            twice += len(stored) - len(set(stored))
    items_lost = sum(store.item(item) is None for client in clients for item in client.items)
    wrong = len(store.check())
    store.close()
    return events_lost, twice, items_lost, wrong


if __name__ == "__main__":
    main()
