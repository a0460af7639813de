"""How often experiments that are looked at every day call equal bundles different.

    python benchmarks/experiments.py [--experiments N] [--days N] [--seed N] [--json FILE]

Counted outcomes are simulated, and the tests are those of the service. New users come every day
and are divided between the bundles; a user who will act does so after a delay that is geometric
in days, so rates rise during the experiment, as they do in a shop. Each experiment is looked at
once a day; it is called different if any look decides. The usual test for one look (z-test at 5 %)
is applied to the same looks.
"""

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.evaluation.always_valid import detectable_lift, lift, share_of_wins
from rows import tell

Counts = NDArray[np.int64]  # (days, bundles)
Z = 1.959964


@dataclass(frozen=True)
class Case:
    """Experiments of one kind.

    Attributes
    ----------
    rate, change
        Of users of the control who act in the end, and the relative change of the last bundle.
    users
        That come a day.
    shares
        The control first.
    delay
        Mean days until a user acts.
    """

    name: str
    rate: float
    users: int
    shares: tuple[float, ...]
    change: float = 0.0
    delay: float = 1.5


CASES = (
    Case("A/A, 1,000 users a day, 10 % act", 0.1, 1_000, (0.5, 0.5)),
    Case("A/A, 100 users a day, 10 % act", 0.1, 100, (0.5, 0.5)),
    Case("A/A, 200 users a day, 1 % act", 0.01, 200, (0.5, 0.5)),
    Case("A/A, 1,000 users a day, 60 % act", 0.6, 1_000, (0.5, 0.5)),
    Case("A/A, shares of 95 % and 5 %", 0.1, 1_000, (0.95, 0.05)),
    Case("A/A/A/A, four bundles", 0.1, 1_000, (0.25, 0.25, 0.25, 0.25)),
    Case("+10 %, 1,000 users a day, 10 % act", 0.1, 1_000, (0.5, 0.5), 0.1),
    Case("+10 %, 2,000 users a day, 10 % act", 0.1, 2_000, (0.5, 0.5), 0.1),
    Case("+10 %, 4,000 users a day, 10 % act", 0.1, 4_000, (0.5, 0.5), 0.1),
)


def simulated(case: Case, days: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Return the users with a list and those who have acted, at the end of each day."""
    coming = rng.poisson(np.array(case.shares) * case.users, (days, len(case.shares)))
    rates = np.full(len(case.shares), case.rate)
    rates[-1] *= 1 + case.change
    acted = np.zeros_like(coming)
    for day in range(days):
        waiting = rng.binomial(coming[day], rates)
        for later in range(day, days):
            now = rng.binomial(waiting, 1 / case.delay if case.delay > 1 else 1.0)
            acted[later] += now
            waiting -= now
    return coming.cumsum(axis=0), acted.cumsum(axis=0)


def looks(users: Counts, acted: Counts) -> tuple[list[bool], list[bool]]:
    """Return for each day whether the service decides, and whether the test for one look does."""
    decided, naive = [], []
    for n, x in zip(users.tolist(), acted.tolist(), strict=True):
        others = range(1, len(n))
        usable = min(n) > 0
        decided.append(
            usable and any(lift((x[0], n[0]), (x[i], n[i]), len(others)).is_decided for i in others)
        )
        naive.append(usable and any(one_look((x[0], n[0]), (x[i], n[i])) for i in others))
    return decided, naive


def one_look(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Return whether a pooled z-test rejects equal rates."""
    pooled = (a[0] + b[0]) / (a[1] + b[1])
    spread = math.sqrt(pooled * (1 - pooled) * (1 / a[1] + 1 / b[1]))
    return spread > 0 and abs(b[0] / b[1] - a[0] / a[1]) > Z * spread


def measured(case: Case, experiments: int, days: int, seed: int) -> list[dict[str, object]]:
    """Return the rows of a case."""
    rng = np.random.default_rng(seed)
    called, naive, first, tested = 0, 0, [], 0.0
    for _ in range(experiments):
        users, acted = simulated(case, days, rng)
        at = time.perf_counter()
        decided, once = looks(users, acted)
        tested += time.perf_counter() - at
        called += any(decided)
        naive += any(once)
        if any(decided):
            first.append(decided.index(True) + 1)

    def row(name: str, value: float, unit: str, bar: str | None = None) -> dict[str, object]:
        return {"name": f"{case.name}: {name}", "value": value, "unit": unit, "bar": bar}

    def share(n: int) -> float:
        return round(100 * n / experiments, 2)

    rows = [row("decided", share(called), "%", None if case.change else "at most 5")]
    if case.change:
        control, *others = case.shares
        end = case.users * days
        sizes = control * end, min(others) * end
        change = detectable_lift(case.rate, *sizes, len(others))
        rows.append(row("detectable", round(100 * change, 2), "%"))
        rows.append(row("median day", float(np.median(first)) if first else -1, ""))
    else:
        rows.append(row("z-test each day", share(naive), "%"))
    rows.append(row("time of a look", round(1e3 * tested / experiments / days, 4), "ms"))
    return rows


def interleaved(share: float, users: int, experiments: int, days: int, seed: int) -> float:
    """Return how often interleaving is decided in percent.

    Parameters
    ----------
    share
        Of the users with a preference who prefer the second bundle.
    users
        With a preference, new ones each day.
    """
    rng, decided = np.random.default_rng(seed), 0
    for _ in range(experiments):
        wins = rng.binomial(users, share, days).cumsum().tolist()
        for day, won in enumerate(wins, 1):
            estimate, _ = share_of_wins(won, users * day - won)
            if not estimate.low <= 0.5 <= estimate.high:
                decided += 1
                break
    return round(100 * decided / experiments, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--experiments", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for number, case in enumerate(CASES):
        rows += measured(case, options.experiments, options.days, options.seed + number)
    for share, users in ((0.5, 100), (0.5, 1_000), (0.55, 100)):
        value = interleaved(share, users, options.experiments, options.days, options.seed)
        name = f"interleaving, {share:.0%} prefer B, {users:,} users a day: decided"
        bar = "at most 5" if share == 0.5 else None
        rows.append({"name": name, "value": value, "unit": "%", "bar": bar})
    tell(rows, options.json)


if __name__ == "__main__":
    main()
