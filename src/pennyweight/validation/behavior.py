"""The events: bots, implausible times, sparsity, the long tail, and new items over time."""

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.frozen import FrozenModel
from pennyweight.data.dataset import Dataset
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import Part
from pennyweight.validation.findings import Finding, finding

__all__ = ["Period", "check_behavior", "periods", "tail"]

# Unit: seconds, and the events a person hardly exceeds in them.
RATES = {"minute": (60, 30), "day": (86_400, 300)}
OUTLIER_DEVIATIONS = 6.0  # robust standard deviations of the logarithm of the rates
# A user is reported above this share of all events, this multiple of the median, and this count.
MAX_SHARE, MAX_TIMES_MEDIAN, MIN_EVENTS = 0.01, 20, 100
PERIODS = 12
_1990 = 631_152_000.0


class Period(FrozenModel):
    """A stretch of time, its events, and the share of them on items not seen before it."""

    start: str
    events: int
    cold: float | None


def check_behavior(data: Dataset, part: Part | None, by_period: list[Period]) -> list[Finding]:
    """Find bots and implausible times, and report how sparse the data is."""
    log = data.interactions
    findings = _bots(log)
    if log.real_time:
        findings += _implausible_times(log)
    return findings + _sparsity(log) + _cold_share(log, part, by_period)


def _bots(log: Interactions) -> list[Finding]:
    counts = np.diff(log.offsets)
    n_users, user_ids = len(log.users), log.users
    findings: list[Finding] = []
    for unit, (seconds, floor) in RATES.items() if log.real_time else ():
        busiest = _busiest(log, seconds)
        middle = np.median(np.log(busiest))
        spread = 1.4826 * np.median(np.abs(np.log(busiest) - middle))
        limit = max(floor, float(np.exp(middle + OUTLIER_DEVIATIONS * spread)))
        fast = np.flatnonzero(busiest > limit)
        fast = fast[np.argsort(-busiest[fast], kind="stable")]
        examples = [f"{user_ids[u]}: {busiest[u]:,} in one {unit}" for u in fast[:3].tolist()]
        part = counts[fast].sum() / len(log)
        findings += finding(
            "bot-rate",
            f"more than {limit:.0f} events in a {unit}, {100 * part:.1f} % of all events",
            len(fast),
            n_users,
            "users",
            examples,
            warn=True,
        )
    limit = max(MAX_SHARE * len(log), MAX_TIMES_MEDIAN * float(np.median(counts)), MIN_EVENTS)
    large = np.flatnonzero(counts > limit)
    large = large[np.argsort(-counts[large], kind="stable")]
    examples = [f"{user_ids[u]}: {counts[u]:,} events" for u in large[:3].tolist()]
    part = counts[large].sum() / len(log)
    return findings + finding(
        "bot-share",
        f"a user alone has over 1 % of all events, together {100 * part:.1f} %",
        len(large),
        n_users,
        "users",
        examples,
        warn=True,
    )


def _busiest(log: Interactions, seconds: int) -> NDArray[np.int64]:
    """Return each user's events in their busiest `seconds`, int64 (n_users,)."""
    times = np.maximum(log.time, -(2**33))  # an absurd year must not burst the key
    since = (times - times.min()).astype(np.int64)
    key = log.user * (since.max() + seconds + 1) + since  # ascending: user, then time
    within = np.searchsorted(key, key + seconds) - np.arange(len(key))
    return np.asarray(np.maximum.reduceat(within, log.offsets[:-1]))


def _implausible_times(log: Interactions) -> list[Finding]:
    early_rows = np.flatnonzero(log.time < _1990)
    findings = finding(
        "early-times",
        "before 1990",
        len(early_rows),
        len(log),
        "events",
        [f"{log.users[log.user[e]]}: {date(log.time[e])}" for e in early_rows[:3]],
        warn=True,
    )
    times, counts = np.unique(log.time, return_counts=True)
    top = int(counts.argmax())
    if counts[top] >= max(2, 0.5 * len(log)):
        findings += finding(
            "equal-times",
            "at one and the same moment",
            int(counts[top]),
            len(log),
            "events",
            [date(times[top])],
            warn=True,
        )
    at_midnight = int(counts[times % 86_400 == 0].sum())
    if at_midnight >= 0.99 * len(log):
        findings += finding(
            "midnight-times",
            "times are dates without a time of day",
            at_midnight,
            len(log),
            "events",
            map(date, times[:3]),
            warn=False,
        )
    return findings


def _sparsity(log: Interactions) -> list[Finding]:
    lengths, counts = np.diff(log.offsets), log.counts
    single = np.flatnonzero(lengths == 1)
    unused = int((counts == 0).sum())
    findings = finding(
        "single-event-users",
        "users with one event",
        len(single),
        len(lengths),
        "users",
        [log.users[u] for u in single[:3].tolist()],
        warn=len(single) > 0.5 * len(lengths),
    )
    findings += finding(
        "unused-items",
        "items without an event",
        unused,
        len(counts),
        "items",
        warn=unused > 0.5 * len(counts),
    )
    head = max(1, len(counts) // 100)
    head_events = int(np.sort(counts)[::-1][:head].sum())
    if len(counts) >= 100 and head_events > 0.5 * len(log):
        findings += finding(
            "long-tail",
            f"on the {head:,} most popular items (1 %)",
            head_events,
            len(log),
            "events",
            warn=False,
        )
    return findings


def _cold_share(log: Interactions, part: Part | None, by_period: list[Period]) -> list[Finding]:
    if part is not None:
        train_counts = np.bincount(log.item[part < 2], minlength=log.n_items)
        test = part == 2
        cold, total = int((train_counts[log.item[test]] == 0).sum()), int(test.sum())
        where = "test events on items without an earlier event"
    elif len(by_period) > 1 and by_period[-1].cold is not None:
        total, where = by_period[-1].events, "events of the last period on items not seen before it"
        cold = round(by_period[-1].cold * total)
    else:
        return []
    return finding("cold-share", where, cold, total, "events", warn=cold > 0.2 * total)


def periods(log: Interactions) -> list[Period]:
    """Cut the log into stretches of equal length; empty where times are no dates."""
    start, end = float(log.time.min()), float(log.time.max())
    if not log.real_time or start == end:
        return []
    edges = np.linspace(start, end, PERIODS + 1)
    period = np.clip(np.searchsorted(edges, log.time, side="right") - 1, 0, PERIODS - 1)
    first = np.full(log.n_items, PERIODS)
    np.minimum.at(first, log.item, period)
    events = np.bincount(period, minlength=PERIODS)
    cold = np.bincount(period[first[log.item] == period], minlength=PERIODS)
    return [
        Period(
            start=date(edges[p])[:10],
            events=int(events[p]),
            cold=cold[p] / events[p] if p and events[p] else None,
        )
        for p in range(PERIODS)
    ]


def tail(log: Interactions) -> list[tuple[str, float]]:
    """Return the share of events on the most popular 1 %, 5 %, ... of the items."""
    ranked = np.cumsum(np.sort(log.counts)[::-1]) / len(log)
    shares = (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    return [(f"{100 * s:.0f} %", float(ranked[max(1, round(s * log.n_items)) - 1])) for s in shares]


def date(seconds: float) -> str:
    """Return epoch seconds as ISO 8601 to the second."""
    return str(np.datetime64(int(seconds), "s")).replace("T", " ")  # any year, unlike datetime
