"""Counts outcomes in the store, page by page, while the service goes on."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.experiment_plan import ExperimentPlan, RecentUsers
from pennyweight.serving.live.outcomes import CountedPeriod, Outcomes
from pennyweight.serving.live.publishing import SINCE
from pennyweight.serving.live.tally import Actions, Tally, UserTally
from pennyweight.serving.live.traffic_split import TrafficSplit
from pennyweight.serving.stores.protocol import Store

__all__ = ["DAY", "WINDOW", "OutcomeCounter"]

DAY = 86_400.0
WINDOW = 7 * DAY
PAGE = 5_000  # rows read at once: others read in between
AUDITS = 1_000  # audit entries to search if the store has no time of the last change of shares
REST = 10  # a result is reused for this multiple of the seconds that counting took


@dataclass(frozen=True)
class _CachedOutcomes:
    outcomes: Outcomes
    split: TrafficSplit
    until: float


@dataclass(frozen=True)
class _CachedUsers:
    recent: RecentUsers
    until: float


class OutcomeCounter:
    """Counts the outcomes of lists since the shares last changed.

    A result is reused for ten times as long as counting took, so that repeated requests
    keep only a small part of one processor busy.

    Parameters
    ----------
    engine
        Whose store is read, a page at a time.
    timer
        Seconds that only go forward.
    """

    def __init__(self, engine: Engine, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._timer = engine, timer
        self._counted: dict[float, _CachedOutcomes] = {}
        self._recent: dict[int, _CachedUsers] = {}
        self._lock = asyncio.Lock()

    async def outcomes(self, window: float = WINDOW) -> Outcomes:
        """Return outcomes; events count for a user within some seconds after a list."""
        async with self._lock:
            start, split = self._timer(), self._engine.traffic.split
            cached = self._counted.get(window)
            if cached and _is_same(cached.split, split) and start < cached.until:
                return cached.outcomes
            outcomes = await self._count(split, window)
            end = self._timer()
            unexpired = {key: row for key, row in self._counted.items() if row.until > end}
            counted = _CachedOutcomes(outcomes, split, end + REST * (end - start))
            self._counted = {**unexpired, window: counted}
            return outcomes

    async def _count(self, split: TrafficSplit, window: float) -> Outcomes:
        engine, now = self._engine, self._engine.clock()
        changed, kept = await engine.store.read(_shares_since), now - engine.limits.keep_lists
        since, experiment = max(changed, kept), split.experiment
        ends = None if experiment is None else experiment.ends
        period = CountedPeriod(since, now, ends, is_cut=kept > changed)
        label = None if experiment is None else experiment.label
        tally = Tally(split.variants, _actions(split, window), label)
        await self._read_pages(tally, since)
        return tally.outcomes(period, await self._lists_by_bundle(since, now))

    async def plan(self, shares: tuple[float, ...], days: int) -> ExperimentPlan:
        """Return what an experiment with these shares can detect after some days."""
        async with self._lock:
            start, cached = self._timer(), self._recent.get(days)
            if cached is None or start >= cached.until:
                recent, end = await self._count_recent(days), self._timer()
                cached = self._recent[days] = _CachedUsers(recent, end + REST * (end - start))
            return ExperimentPlan(days, shares, cached.recent)

    async def _count_recent(self, days: int) -> RecentUsers:
        now, tally = self._engine.clock(), UserTally(_actions(self._engine.traffic.split, WINDOW))
        await self._read_pages(tally, now - days * DAY)
        counted = min(1, tally.users)  # a list of this moment, or of a clock that was set back
        for age in range(1, days + 1):  # from the first day with lists on
            if await self._engine.store.read(partial(_lists_of_a_day, now - age * DAY)):
                counted = age
        return RecentUsers(counted, tally.users, len(tally.converted))

    async def _read_pages(self, tally: Tally | UserTally, since: float) -> None:
        user: str | None = ""
        while user is not None:
            user = await self._engine.store.read(partial(_add_users, tally, since, user))
        last: tuple[str, int] | None = ("", 0)
        while last is not None:
            last = await self._engine.store.read(partial(_add_events, tally, since, last))

    async def _lists_by_bundle(self, since: float, now: float) -> Counter[str]:
        lists: Counter[str] = Counter()
        while since <= now:
            lists.update(await self._engine.store.read(partial(_lists_of_a_day, since)))
            since += DAY
        return lists


def _actions(split: TrafficSplit, window: float) -> Actions:
    strength = split.primary.rules.strength
    return Actions(window, lambda kind, weight: (strength(kind, weight) or 0) > 0)


def _is_same(split: TrafficSplit, other: TrafficSplit) -> bool:
    return split.variants == other.variants and split.experiment == other.experiment


def _shares_since(store: Store) -> float:
    """Return since when the bundles answer that do now, with their shares (epoch seconds)."""
    since = store.setting(SINCE)
    if since is not None:
        return float(since)
    # A store of an earlier version has no note.
    return next((audit.time for audit in store.audits(AUDITS) if audit.action == "publish"), 0.0)


def _add_users(tally: Tally | UserTally, since: float, after: str, store: Store) -> str | None:
    """Count a page of users; return the last, after which the next page begins, if any."""
    page = store.exposures(since, PAGE, after)
    tally.add_users(page)
    return page[-1].user if len(page) == PAGE else None


def _add_events(
    tally: Tally | UserTally, since: float, after: tuple[str, int], store: Store
) -> tuple[str, int] | None:
    """Count a page of events; return where the next page begins, if there is one."""
    page = store.attributed(since, PAGE, after)
    tally.add_events(page)
    return (page[-1].recommendation_id, page[-1].seq) if len(page) == PAGE else None


def _lists_of_a_day(since: float, store: Store) -> dict[str, int]:
    return store.list_counts(since, since + DAY)
