"""Counts outcomes in the store, page by page, while the service goes on."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.outcomes import Outcomes, Tally
from pennyweight.serving.live.publishing import SINCE
from pennyweight.serving.live.traffic_split import TrafficSplit
from pennyweight.serving.stores.protocol import Store

__all__ = ["DAY", "WINDOW", "OutcomeCounter"]

DAY = 86_400.0
WINDOW = 7 * DAY
PAGE = 5_000  # rows read at once: others read in between
AUDITS = 1_000  # looked through where no change of shares is noted
REST = 10  # times as long as counting took, for which its result stays


@dataclass(frozen=True)
class _Counted:
    outcomes: Outcomes
    split: TrafficSplit
    until: float


class OutcomeCounter:
    """Counts what came of lists since the shares last changed.

    A result stays for ten times as long as counting took, so that whoever looks again and
    again keeps a small part of one processor busy.

    Parameters
    ----------
    engine
        Whose store is read, a page at a time.
    timer
        Seconds that only go forward.
    """

    def __init__(self, engine: Engine, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._timer = engine, timer
        self._counted: dict[float, _Counted] = {}
        self._lock = asyncio.Lock()

    async def outcomes(self, window: float = WINDOW) -> Outcomes:
        """Return outcomes; events count for a user within so many seconds after a list."""
        async with self._lock:
            start, split = self._timer(), self._engine.traffic_split
            known = self._counted.get(window)
            if known is not None and known.split.variants == split.variants and start < known.until:
                return known.outcomes
            found = await self._count(split, window)
            end = self._timer()
            self._counted = {key: one for key, one in self._counted.items() if one.until > end} | {
                window: _Counted(found, split, end + REST * (end - start))
            }
            return found

    async def _count(self, split: TrafficSplit, window: float) -> Outcomes:
        engine, now = self._engine, self._engine.clock()
        since = max(await engine.store.read(_shares_since), now - engine.limits.keep_lists)
        strength = split.primary.rules.strength
        tally = Tally(
            split.variants, window, lambda kind, weight: (strength(kind, weight) or 0) > 0
        )

        user: str | None = ""
        while user is not None:
            user = await engine.store.read(partial(_add_users, tally, since, user))
        last: tuple[str, int] | None = ("", 0)
        while last is not None:
            last = await engine.store.read(partial(_add_events, tally, since, last))
        return tally.outcomes(since, await self._given(since, now))

    async def _given(self, since: float, now: float) -> Counter[str]:
        given: Counter[str] = Counter()
        while since <= now:
            given.update(await self._engine.store.read(partial(_lists_of_a_day, since)))
            since += DAY
        return given


def _shares_since(store: Store) -> float:
    """Return since when the bundles answer that do now, with their shares (epoch seconds)."""
    noted = store.noted(SINCE)
    if noted is not None:
        return float(noted)
    # A store of an earlier version has no note.
    return next((one.time for one in store.audits(AUDITS) if one.action == "publish"), 0.0)


def _add_users(tally: Tally, since: float, after: str, store: Store) -> str | None:
    """Count a page of users; return the last, after which the next page begins, if any."""
    page = store.exposures(since, PAGE, after)
    tally.add_users(page)
    return page[-1].user if len(page) == PAGE else None


def _add_events(
    tally: Tally, since: float, after: tuple[str, int], store: Store
) -> tuple[str, int] | None:
    """Count a page of events; return where the next page begins, if there is one."""
    page = store.attributed(since, PAGE, after)
    tally.add_events(page)
    return (page[-1].recommendation_id, page[-1].seq) if len(page) == PAGE else None


def _lists_of_a_day(since: float, store: Store) -> dict[str, int]:
    return store.lists_given(since, since + DAY)
