"""A shop that refits every night: simulated days of the demo shop, on a running service.

    python benchmarks/operate.py [--days N] [--first N] [--readers N] [--explore X] [--seed N]
        [--json FILE]

The first part of the demo readers' events is fitted and served by `pennyweight serve`. The rest is
cut into days, of which the first N are simulated; on each, some books are new (their earlier events
are left out). By day, the events
of the day are sent over HTTP, the new books are added as items, and lists are asked for. At night,
`pennyweight backup` copies the folder, and two refits run from the same bundle: a full one and a
warm one. The bundle of the warm one is published unless it is worse; on every seventh night, that
of the full one. Both bundles have to foresee the events of the next day: NDCG@10 of each event from
the history of its user before it, among all books. At the end, the events of the store are compared
with those that were acknowledged. Processor times are those of the whole commands.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import polars as pl

import pennyweight
from pennyweight import Recommender, demo
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.evaluation.bootstrap import paired_tests
from pennyweight.evaluation.measure import measure
from pennyweight.serving.operations.judging import OfOtherItems, newest_choices
from pennyweight.serving.stores.sqlite import SQLiteStore
from rows import tell
from service import running

LEARNED = 0.6  # share of the events in the first fit
WEEK, CLOSE = 7, 0.98  # nights from one full publication to the next; part of the full NDCG@10
BATCH, TIMEOUT, USERS = 500, 60.0, 40
NEW_BOOKS = 3  # a day


@dataclass
class Nights:
    """What happened in all nights.

    Attributes
    ----------
    warm, full
        NDCG@10 of the bundles of each night, by user and choice of the next day.
    spent
        Processor seconds by command, of each night.
    counts
        Lists, failures, new items and the like.
    """

    warm: list[pl.DataFrame] = field(default_factory=list)
    full: list[pl.DataFrame] = field(default_factory=list)
    spent: dict[str, list[float]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def command(nights: Nights, name: str, *words: object) -> int:
    """Run a command of pennyweight and add its processor time; return its exit code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = [sys.executable, "-m", "pennyweight", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    nights.spent.setdefault(name, []).append(spent)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(line)}\n{done.stderr}")
    print(f"  {name}: {spent:.1f} s of processor time; {(done.stdout or '-').splitlines()[0]}")
    return done.returncode


def by_day(
    http: httpx.Client, books: pl.DataFrame, day: pl.DataFrame, known: set[str], nights: Nights
) -> set[str]:
    """Send the events and new books of a day; ask for lists; return the new books."""
    new = set(day["item_id"].to_list()) - known
    for book in books.filter(pl.col("item_id").is_in(list(new))).to_dicts():
        attributes = {k: v for k, v in book.items() if k != "item_id" and v is not None}
        http.put(f"/v1/items/{book['item_id']}", json={"attributes": attributes}).raise_for_status()
    for start in range(0, day.height, BATCH):
        rows = day[start : start + BATCH].to_dicts()
        answer = http.post("/v1/events", json={"events": rows}).raise_for_status().json()
        nights.counts["acknowledged"] += answer["accepted"]
    return new


def with_new_books(
    events: pl.DataFrame, days: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, list[float]]:
    """Return the events without those of new books before their day, and when the days begin."""
    first = int(events.height * LEARNED)
    cuts = np.linspace(first, events.height - 1, days + 2).astype(int)
    begins = events["timestamp"].gather(cuts).cast(pl.Float64).to_list()
    chosen: set[str] = set()
    for begin, end in pairwise(begins[:-1]):
        day = events.filter(pl.col("timestamp").is_between(begin, end, closed="left"))
        names = sorted(set(day["item_id"].to_list()) - chosen)
        new = rng.choice(names, NEW_BOOKS, replace=False).tolist()
        chosen |= set(new)
        events = events.filter(~pl.col("item_id").is_in(new) | (pl.col("timestamp") >= begin))
    return events, begins


def ask(http: httpx.Client, users: list[str], explore: float, nights: Nights) -> set[str]:
    """Ask for a list of each user, with exploration of new books; return the books on them."""
    listed: set[str] = set()
    for user in users:
        answer = http.get(f"/v1/recommend/{user}", params={"k": 50, "explore": explore})
        nights.counts["lists"] += 1
        nights.counts["failed lists"] += answer.status_code != 200
        if answer.status_code == 200:
            listed |= {item["item_id"] for item in answer.json()["items"]}
    return listed


def log_of(events: pl.DataFrame, books: pl.DataFrame) -> Interactions:
    """Return events as the evaluation reads them, all books in their order."""
    return pennyweight.read(books, events).interactions


def next_day(bundle: Path, ids: Ids, log: Interactions, since: float) -> pl.DataFrame:
    """Return NDCG@10 of a bundle on each event from a time on, with the user."""
    recommender = Recommender.load(bundle)
    choices = newest_choices(
        log, log.time >= since, repeats="exclude", rng=np.random.default_rng(0)
    )
    scorer = OfOtherItems(recommender.scorer, recommender.catalog.ids, ids)
    values = measure({"it": scorer}, choices, repeats="exclude")["it"].column("ndcg@10")
    users = np.array(list(log.users), object)[choices.users]
    return pl.DataFrame({"user": users.astype(str), "ndcg": values})


def refit_both(live: Path, night: int, folder: Path, nights: Nights) -> tuple[Path, Path]:
    """Refit warm and fully from the served bundle; one of the two may be published."""
    warm, full = folder / f"warm{night}", folder / f"full{night}"
    is_weekly = night % WEEK == WEEK - 1
    kinds = [("warm", warm, "--warm"), ("full", full, "--full")]
    for name, out, option in kinds if is_weekly else reversed(kinds):
        condition = "not-worse" if (name == "full") == is_weekly else "never"
        words = ("refit", live, "--quiet", option, "--out", out, "--publish-if", condition)
        code = command(nights, name, *words)
        nights.counts[f"{name} refits published"] += condition != "never" and code == 0
    return warm, full


@dataclass(frozen=True)
class Settings:
    """The shop and its days.

    Attributes
    ----------
    days, first
        How many days the events are cut into, and how many of them are simulated.
    readers, seed
        Of the demo shop.
    explore
        Largest share of the positions of a list for exploration.
    """

    days: int
    first: int
    readers: int
    explore: float
    seed: int


def rounds(settings: Settings, folder: Path) -> Nights:
    """Serve the shop for some days; return what happened."""
    days, seed = settings.days, settings.seed
    books, events = (
        demo.books(),
        demo.readers(readers=settings.readers, seed=seed).sort("timestamp"),
    )
    events = events.with_columns(pl.Series("event_id", [f"e{n}" for n in range(events.height)]))
    events, begins = with_new_books(events, days, np.random.default_rng(seed))
    cuts = [int((events["timestamp"] < begin).sum()) for begin in begins]
    known = set(events[: cuts[0]]["item_id"].to_list())
    recommender = pennyweight.fit(
        books.filter(pl.col("item_id").is_in(list(known))),
        events[: cuts[0]].drop("event_id"),
        encoder="tfidf",
        progress=False,
    )
    recommender.save(folder / "shop")
    ids, live, nights = Ids(books["item_id"].to_list(), "items"), folder / "live", Nights()
    with running(folder / "shop", live) as service:
        base = f"http://127.0.0.1:{service.port}"
        with httpx.Client(base_url=base, timeout=TIMEOUT) as http:
            for night in range(settings.first):
                day = events[cuts[night] : cuts[night + 1]]
                new = by_day(http, books, day, known, nights)
                users = day["user_id"].unique().sort().to_list()[:USERS]
                listed = ask(http, users, settings.explore, nights)
                known |= new
                nights.counts["new items"] += len(new)
                nights.counts["new items on a list"] += len(new & listed)
                print(f"day {night + 1}: {day.height} events, {len(new)} new books")
                command(nights, "backup", "backup", live, "--out", folder / f"backup{night}")
                warm, full = refit_both(live, night, folder, nights)
                log = log_of(events[: cuts[night + 2]].drop("event_id"), books)
                since = begins[night + 1]
                nights.warm.append(next_day(warm, ids, log, since))
                nights.full.append(next_day(full, ids, log, since))
                means = [_mean(values[-1]) for values in (nights.warm, nights.full)]
                print(f"  NDCG@10 on the next day: warm {means[0]:.4f}, full {means[1]:.4f}")
                nights.counts["new items of the bundle"] += len(
                    new & set(Recommender.load(warm).catalog.ids)
                )
                nights.counts["new items on a list"] += len(
                    (new - listed) & ask(http, users, settings.explore, nights)
                )
    with closing(SQLiteStore(live / "store.sqlite")) as store:
        nights.counts["stored"] = store.counts()["events"]
    return nights


def summary(nights: Nights) -> list[dict[str, object]]:
    """Return what happened in all nights."""
    counts, spent = nights.counts, {n: float(np.mean(s)) for n, s in nights.spent.items()}
    warm, full = pl.concat(nights.warm), pl.concat(nights.full)
    pairs = zip(nights.warm, nights.full, strict=True)
    ratios = [_mean(ours) / _mean(theirs) for ours, theirs in pairs]
    lead = warm.with_columns(ndcg=warm["ndcg"] - full["ndcg"])
    by_user = lead.group_by("user").mean().sort("user")
    ((difference, _),) = paired_tests(by_user["ndcg"].to_numpy()[:, None])
    return [
        _row("events lost", counts["acknowledged"] - counts["stored"], "", 0),
        _row("failed lists", counts["failed lists"], "", 0),
        _row("lists", counts["lists"], "", None),
        _row("warm refits published", counts["warm refits published"], "", None),
        _row("full refits published", counts["full refits published"], "", None),
        _row("choices on the next days", len(warm), "", None),
        _row("NDCG@10 on the next day, warm refit", round(_mean(warm), 4), "", None),
        _row("NDCG@10 on the next day, full refit", round(_mean(full), 4), "", None),
        _row("warm minus full, by user", round(difference.value, 4), "", None),
        _row("warm minus full, low end of 95 %", round(difference.low, 4), "", None),
        _row("warm minus full, high end of 95 %", round(difference.high, 4), "", None),
        _row("warm to full, all nights", round(_mean(warm) / _mean(full), 3), "", CLOSE),
        _row("warm to full, worst night", round(min(ratios), 3), "", CLOSE),
        _row("nights below .98 of full", sum(ratio < CLOSE for ratio in ratios), "", 0),
        _row("processor time of a warm refit", round(spent["warm"], 2), "s", None),
        _row("processor time of a full refit", round(spent["full"], 2), "s", None),
        _row("processor time, warm to full", round(spent["warm"] / spent["full"], 3), "", 0.25),
        _row("new books", counts["new items"], "", None),
        _row("new books on a list within a day", counts["new items on a list"], "", None),
        _row("new books in the bundle of the night", counts["new items of the bundle"], "", None),
    ]


def main() -> None:
    """Serve, refit, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--first", type=int, help="simulate only so many of the days")
    parser.add_argument("--readers", type=int, default=1_000)
    parser.add_argument("--explore", type=float, default=0.0, help="share of a list for new books")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    first = options.first or options.days
    settings = Settings(options.days, first, options.readers, options.explore, options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        nights = rounds(settings, Path(temporary))
    tell(summary(nights), options.json)


def _mean(values: pl.DataFrame) -> float:
    return float(values["ndcg"].to_numpy().mean())


def _row(name: str, value: float, unit: str, bar: float | None) -> dict[str, object]:
    lower = name.startswith(("events lost", "failed", "processor", "nights"))
    better = "lower" if lower else "higher"
    return {
        "name": f"operation: {name}",
        "value": value,
        "unit": unit,
        "bar": bar,
        "better": better,
    }


if __name__ == "__main__":
    main()
