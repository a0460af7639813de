"""Commands that are killed at random moments beside a running service lose and leave nothing.

    python benchmarks/operate_kill.py [--kills N] [--only KINDS] [--seed N] [--json FILE]

A small shop is served; events come in and lists are asked for all the time. `export`, `backup`,
`restore`, `publish` and `refit` get SIGKILL, N times each: at a random moment of a run or, in every
second kill, of its writing. Half of the publications are to a folder that no service uses. Then the
same command runs to its end. Its output must equal that of a run that nothing disturbed, no
temporary file may be left, the served bundle must be whole, and the store must hold every event
that was acknowledged, once.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

import pennyweight
from pennyweight.bundle import bundle_faults, open_bundle
from pennyweight.serving.export import export
from pennyweight.serving.live.bundles import VERSION_CHARS, save_copy
from pennyweight.serving.live.publishing import TRAFFIC
from pennyweight.serving.operations.backup import back_up, restore
from pennyweight.serving.operations.refit import Refit, RefitResult
from pennyweight.serving.stores.sqlite import SQLiteStore
from rows import tell
from service import Running, small_shop, start

ITEMS, USERS, NEW = 200, 150, 120
FIRST = 40  # times NEW events before the first kill
TIMEOUT, PAUSE = 60.0, 0.05  # seconds
DAY = timedelta(days=1)
EARLIEST = 0.3  # of the time of a run: before, it reads its own program
LOOK, WRITING = 0.002, 0.1  # seconds from look to look, and of writing
WHOLE = ("backup", "restore")  # their output appears as a whole
FAULTS = {
    "lost": "acknowledged events lost",
    "twice": "events stored twice",
    "failed lists": "lists that failed",
    "torn": "served bundles that are not whole",
    "refused": "commands that failed after a kill",
    "different": "outputs that differ from those of an undisturbed run",
    "left": "temporary files or folders left behind",
}


class Readers(threading.Thread):
    """Asks for lists of a service until it is stopped; counts those that failed."""

    def __init__(self, service: Running, counts: Counter[str]) -> None:
        super().__init__()
        self.base, self.counts = f"http://127.0.0.1:{service.port}", counts
        self.over = threading.Event()

    def run(self) -> None:
        """Ask until the end."""
        with httpx.Client(base_url=self.base, timeout=TIMEOUT) as http:
            number = 0
            while not self.over.wait(PAUSE):
                number += 1
                try:
                    status = http.get(f"/v1/recommend/u{number % USERS}").status_code
                except httpx.HTTPError:
                    status = 0
                self.counts["lists"] += 1
                self.counts["failed lists"] += status != 200


class Shop:
    """A served shop, and what was acknowledged.

    Attributes
    ----------
    folder
        Of all files, with the folder ``live`` of the service.
    counts
        Kills, lists, and faults by kind.
    """

    def __init__(self, folder: Path, bundles: int, seed: int) -> None:
        self.folder, self.live, self.rng = folder, folder / "live", random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.acknowledged: set[str] = set()
        items, log = small_shop(ITEMS, USERS)
        self.items = items["item_id"].to_list()
        recommender = pennyweight.fit(
            items, log, encoder="tfidf", scorers=["popularity", "content", "tower"], progress=False
        )
        self.bundles = [folder / f"bundle{number}" for number in range(bundles)]
        for number, path in enumerate(self.bundles):
            recommender.save(path, created=datetime(2026, 1, 1, tzinfo=UTC) + number * DAY)
        self.open(self.bundles[0])

    def open(self, bundle: Path | None = None) -> None:
        """Start the service and its readers."""
        self.service = start(bundle, self.live)
        self.readers = Readers(self.service, self.counts)
        self.readers.start()

    def close(self) -> None:
        """Stop both."""
        self.readers.over.set()
        self.readers.join()
        self.service.stop()

    def send(self, n: int = NEW) -> None:
        """Send new events; note those that are acknowledged."""
        first = len(self.acknowledged)
        events = [
            {
                "event_id": f"e{number}",
                "user_id": f"u{self.rng.randrange(USERS)}",
                "item_id": self.rng.choice(self.items),
            }
            for number in range(first, first + n)
        ]
        url = f"http://127.0.0.1:{self.service.port}/v1/events"
        httpx.post(url, json={"events": events}, timeout=TIMEOUT).raise_for_status()
        self.acknowledged |= {event["event_id"] for event in events}

    def check(self) -> None:
        """Compare the store with what was acknowledged; look at the served bundle."""
        with closing(SQLiteStore(self.live / "store.sqlite")) as store:
            stored = Counter(event.event_id for event in store.all_events())
            served = [variant["version"] for variant in store.setting(TRAFFIC)]
        self.counts["lost"] += len(self.acknowledged - stored.keys())
        self.counts["twice"] += sum(stored.values()) - len(stored)
        bundles = [self.live / "bundles" / version for version in served]
        self.counts["torn"] += any(not path.is_dir() or bundle_faults(path) for path in bundles)

    def served(self) -> str:
        """Return the version of the bundle that is served."""
        with closing(SQLiteStore(self.live / "store.sqlite")) as store:
            return str(store.setting(TRAFFIC)[0]["version"])

    def unfinished(self) -> list[Path]:
        """Return the files and folders that only a command under way may have."""
        return [*self.folder.rglob(".*"), *(self.live / "refit").glob("*")]


def command(words: Sequence[object]) -> "subprocess.Popen[bytes]":
    """Start a command of pennyweight."""
    line = [sys.executable, "-m", "pennyweight", *map(str, words)]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def complete(words: Sequence[object]) -> tuple[bool, float]:
    """Run a command to its end; return whether it succeeded, and its seconds."""
    began = time.monotonic()
    process = command(words)
    _, errors = process.communicate()
    if process.returncode:
        print(f"{words[0]}: {errors.decode(errors='replace').strip()}", flush=True)
    return process.returncode == 0, time.monotonic() - began


def kill(shop: Shop, words: Sequence[object], lasts: float, *, writing: bool) -> bool:
    """Start a command and kill it at a random moment; return whether it was not over yet."""
    process = command(words)
    if writing:
        while process.poll() is None and not shop.unfinished():
            time.sleep(LOOK)
        delay = WRITING * shop.rng.random() ** 3  # most files are written in a moment
    else:
        delay = shop.rng.uniform(EARLIEST, 1.0) * lasts
    with suppress(subprocess.TimeoutExpired):
        process.wait(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def files(folder: Path, but: str = "") -> dict[str, bytes]:
    """Return the files of a folder, all but those of one name."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != but)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def disturbed(
    shop: Shop,
    words: Sequence[object],
    lasts: float,
    outputs: Sequence[Path],
    prepare: Callable[[], None] = lambda: None,
) -> tuple[bool, float]:
    """Kill a command once, then run it to its end; return whether that succeeded, and its time.

    Where it ended before it was killed, the outputs are deleted, and the next try is prepared anew.
    """
    writing = shop.counts["kills"] % 2 == 1
    while True:
        for path in outputs:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        prepare()
        if kill(shop, words, lasts, writing=writing):
            break
        lasts, writing = 0.8 * lasts, False
    shop.counts["kills"] += 1
    shop.counts["kills while it wrote"] += bool(shop.unfinished())
    shop.check()
    if words[0] in WHOLE and all(path.exists() for path in outputs):
        return True, lasts  # it was over but for its last words; a second run would refuse
    return complete(words)


def export_once(shop: Shop, lasts: float) -> float:
    """Kill an export; compare its files with those of another export."""
    shop.send()
    mine, other = ([shop.folder / f"{n}-{k}.parquet" for k in "ie"] for n in ("mine", "other"))
    words = ["export", shop.live, "--items", mine[0], "--events", mine[1]]
    done, seconds = disturbed(shop, words, lasts, mine)
    shop.counts["refused"] += not done
    export(shop.live, other[0], other[1])
    shop.counts["different"] += [p.read_bytes() for p in mine] != [p.read_bytes() for p in other]
    return seconds


def _events(folder: Path, ids: set[str]) -> list[object]:
    with closing(SQLiteStore(folder / "store.sqlite")) as store:
        events = (event for event in store.all_events() if event.event_id in ids)
        return [(event.seq, event.event_id, event.user, event.item) for event in events]


def backup_once(shop: Shop, lasts: float) -> float:
    """Kill a backup; compare the restored events and bundles with those of another backup."""
    shop.send()
    mine, other = shop.folder / "mine", shop.folder / "other"
    done, seconds = disturbed(shop, ["backup", shop.live, "--out", mine], lasts, [mine])
    shop.counts["refused"] += not done
    back_up(shop.live, other)
    restored = [shop.folder / f"{path.name}-restored" for path in (mine, other)]
    for backup, place in zip((mine, other), restored, strict=True):
        restore(backup, place)
    ours, theirs = (_events(place, shop.acknowledged) for place in restored)
    is_same = files(mine / "bundles") == files(other / "bundles") and ours == theirs
    shop.counts["different"] += not (is_same and len(ours) == len(shop.acknowledged))
    for path in (mine, other, *restored):
        shutil.rmtree(path)
    return seconds


def restore_once(shop: Shop, lasts: float) -> float:
    """Kill a restoration; compare its folder with the backup, file by file."""
    backup, mine = shop.folder / "backup", shop.folder / "mine"
    if not backup.exists():
        back_up(shop.live, backup)
    done, seconds = disturbed(shop, ["restore", backup, "--to", mine], lasts, [mine])
    shop.counts["refused"] += not done
    shop.counts["different"] += files(mine) != files(backup, but="backup.json")
    shutil.rmtree(mine)
    return seconds


def publish_once(shop: Shop, lasts: float) -> float:
    """Kill a publication; afterwards, the bundle must be served."""
    bundle = next(path for path in shop.bundles if _version(path) != shop.served())
    done, seconds = disturbed(shop, ["publish", shop.live, bundle], lasts, [])
    shop.counts["refused"] += not done
    kept = files(shop.live / "bundles" / _version(bundle))
    shop.counts["different"] += shop.served() != _version(bundle) or kept != files(bundle)
    shop.bundles.append(shop.bundles.pop(0))
    return seconds


def _version(bundle: Path) -> str:
    return open_bundle(bundle, verify=False).sha256[:VERSION_CHARS]


def refit_once(shop: Shop, lasts: float) -> float:
    """Kill a refit; compare its bundle with that of a refit of a copy of the folder."""
    mine, other, copy, before = (shop.folder / n for n in ("mine", "other", "copy", "before"))

    def prepare() -> None:
        for path in (copy, before):
            shutil.rmtree(path, ignore_errors=True)
        shop.send()
        back_up(shop.live, before)
        restore(before, copy)

    publish = ["refit", shop.live, "--out", mine, "--publish-if", "always", "--overwrite"]
    done, seconds = disturbed(shop, publish, lasts, [mine], prepare)
    # A refit that was killed after it had published has nothing left to do.
    done = done or (mine.is_dir() and shop.served() == _version(mine))
    shop.counts["refused"] += not done

    def deliver(result: RefitResult) -> bool:
        assert result.bundle is not None
        save_copy(result.bundle, other)
        return False

    Refit(copy).run(deliver, keep=True)
    is_same = files(mine, but="manifest.json") == files(other, but="manifest.json")
    shop.counts["different"] += not (is_same and shop.served() == _version(mine))
    for path in (mine, other, copy, before):
        shutil.rmtree(path, ignore_errors=True)
    return seconds


KINDS: dict[str, Callable[[Shop, float], float]] = {
    "export": export_once,
    "backup": backup_once,
    "restore": restore_once,
    "publish": publish_once,
    "refit": refit_once,
}


def rounds(kills: int, seed: int, folder: Path, kinds: Sequence[str] = tuple(KINDS)) -> Shop:
    """Kill each command some times, the last half of `publish` without a service."""
    shop = Shop(folder, kills + 1, seed)
    for _ in range(FIRST):
        shop.send()
    _, start_up = complete(["--version"])
    for kind in kinds:
        lasts = 4 * start_up
        for number in range(kills):
            if kind == "publish" and number == kills // 2:
                shop.close()
            lasts = KINDS[kind](shop, lasts)
            shop.check()
            shop.counts["left"] += len(shop.unfinished())
        if kind == "publish" and kills:
            shop.open()
        said = {name: shop.counts[name] for name in ("kills", "kills while it wrote", *FAULTS)}
        print(f"{kind}: {said}", flush=True)
    shop.close()
    return shop


def main() -> None:
    """Kill, run again, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        counts = rounds(options.kills, options.seed, folder, options.only).counts
    rows = [_row(name, counts[name], None) for name in ("kills", "kills while it wrote", "lists")]
    tell([*rows, *(_row(name, counts[kind], 0) for kind, name in FAULTS.items())], options.json)


def _row(name: str, value: int, bar: int | None) -> dict[str, object]:
    better = "higher" if bar is None else "lower"
    return {"name": f"commands killed: {name}", "value": value, "unit": "", "bar": bar} | {
        "better": better
    }


if __name__ == "__main__":
    main()
