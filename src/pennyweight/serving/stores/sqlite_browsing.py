"""Browsing of an SQLite store: each query walks an index and stops after a number of rows."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from pennyweight.serving.stores.browsing import (
    EventFilter,
    EventPage,
    EventPlace,
    ExplorationFeedback,
    ListFeedback,
    RowCount,
    UserActivity,
    UserPage,
)
from pennyweight.serving.stores.protocol import IMPRESSION, Event, Recommendation
from pennyweight.serving.stores.rows import EXPLORED, MARK, recommendation_of

__all__ = ["SQLiteBrowser"]

DAY = 86_400
SCAN = 2_000  # rows that a page reads at most, where an index does not meet all conditions
COUNTED = 1_000  # events of a user
EVENT = "event_id, user, item, event_type, time, weight, recommendation_id, position, seq"
RECOMMENDATION = "recommendation_id, user, time, bundle_version, scenario, source, items"
NOT_IMPRESSION = f"event_type <> '{IMPRESSION}'"  # as in the index, or it is not used
NEWEST_FIRST = "ORDER BY time DESC, seq DESC"


@dataclass(frozen=True)
class _Walk:
    """A walk along an index, newest events first.

    Attributes
    ----------
    index, where, values
        The index and the conditions that it meets.
    rest, rest_values
        Further conditions, which each row is read for.
    """

    index: str
    where: str
    values: tuple[Any, ...]
    rest: str
    rest_values: tuple[Any, ...]

    def rows(self, columns: str) -> str:
        return f"SELECT {columns} FROM events INDEXED BY {self.index} WHERE {self.where}"


class SQLiteBrowser:
    """Reads events and users in pages.

    Parameters
    ----------
    read
        Returns the rows of a statement with its values.
    """

    def __init__(self, read: Callable[[str, Sequence[Any]], list[Any]]) -> None:
        self._read = read

    def events(self, filter: EventFilter, n: int, after: EventPlace | None = None) -> EventPage:
        """Return up to n events that meet a filter, newest first."""
        rows: list[Event] = []
        stops: list[EventPlace] = []
        for walk in _walks(filter, after):
            found, stop = self._page(walk, n + 1)
            rows += [Event(*row) for row in found]
            stops += [] if stop is None else [stop]
        # Rows beyond a place where one walk stopped belong to a later page.
        stop = max(stops, default=None)
        rows.sort(key=_place, reverse=True)
        rows = [row for row in rows if stop is None or _place(row) >= stop]
        if len(rows) > n:
            return EventPage(rows[:n], _place(rows[n - 1]))
        return EventPage(rows, stop)

    def _page(self, walk: _Walk, n: int) -> tuple[list[Any], EventPlace | None]:
        """Return up to n rows of a walk, and where it stopped early."""
        if not walk.rest:
            sql = f"{walk.rows(EVENT)} {NEWEST_FIRST} LIMIT ?"
            return self._read(sql, (*walk.values, n)), None
        rows = self._read(
            f"SELECT * FROM ({walk.rows(EVENT)} {NEWEST_FIRST} LIMIT ?) WHERE {walk.rest} LIMIT ?",
            (*walk.values, SCAN, *walk.rest_values, n),
        )
        if len(rows) == n:
            return rows, None
        last = self._read(
            f"{walk.rows('time, seq')} {NEWEST_FIRST} LIMIT 1 OFFSET ?", (*walk.values, SCAN - 1)
        )
        return rows, EventPlace(*last[0]) if last else None

    def count_events(self, filter: EventFilter, limit: int) -> RowCount:
        """Return the number of events that meet a filter, counted up to a limit."""
        total, is_exact = 0, True
        for walk in _walks(filter, None):
            scanned = SCAN if walk.rest else limit + 1
            columns = "event_type, item, user" if walk.rest else "1"
            ((n, scanned_rows),) = self._read(
                f"SELECT coalesce(sum({walk.rest or '1'}), 0), count(*) FROM "
                f"({walk.rows(columns)} {NEWEST_FIRST} LIMIT ?)",
                (*walk.rest_values, *walk.values, scanned),
            )
            total += n
            is_exact &= not walk.rest or scanned_rows < SCAN
        return RowCount(min(total, limit), is_exact and total <= limit)

    def event_types(self, n: int) -> list[str]:
        """Return up to n types of events, in order."""
        rows = self._read(
            "WITH RECURSIVE types(kind) AS ("
            "SELECT (SELECT event_type FROM events INDEXED BY typed ORDER BY event_type LIMIT 1) "
            "UNION ALL SELECT (SELECT event_type FROM events INDEXED BY typed "
            "WHERE event_type > kind ORDER BY event_type LIMIT 1) FROM types "
            "WHERE kind IS NOT NULL LIMIT ?) SELECT kind FROM types WHERE kind IS NOT NULL",
            (n,),
        )
        return [row[0] for row in rows]

    def users(self, n: int, prefix: str = "", after: str = "") -> list[UserActivity]:
        """Return up to n users whose ids begin with a prefix, in order, those after one."""
        first, end = max(prefix, f"{after}\0" if after else ""), _end(prefix)
        next_user = (
            f"SELECT user FROM events INDEXED BY history WHERE {NOT_IMPRESSION} "
            "AND user {} AND user < ? ORDER BY user LIMIT 1"
        )
        rows = self._read(
            f"WITH RECURSIVE ids(id) AS (SELECT ({next_user.format('>= ?')}) UNION ALL "
            f"SELECT ({next_user.format('> id')}) FROM ids WHERE id IS NOT NULL LIMIT ?) "
            "SELECT id FROM ids WHERE id IS NOT NULL",
            (first, end, end, n),
        )
        return [self._activity(row[0]) for row in rows]

    def latest_users(self, n: int, after: EventPlace | None = None) -> UserPage:
        """Return up to n users, those with the newest event first."""
        walk = _Walk("happened", *_bounds("", (), EventFilter(), after), NOT_IMPRESSION, ())
        later = (
            "EXISTS (SELECT 1 FROM events l INDEXED BY history WHERE l.user = e.user "
            f"AND l.{NOT_IMPRESSION} AND (l.time, l.seq) > (e.time, e.seq))"
        )
        rows = self._read(
            f"SELECT user, time, seq FROM ({walk.rows('user, time, seq, event_type')} "
            f"{NEWEST_FIRST} LIMIT ?) e WHERE {walk.rest} AND NOT {later} LIMIT ?",
            (*walk.values, SCAN, n + 1),
        )
        users = [self._activity(user) for user, _, _ in rows[:n]]
        if len(rows) > n:
            return UserPage(users, EventPlace(*rows[n - 1][1:]))
        last = self._read(
            f"{walk.rows('time, seq')} {NEWEST_FIRST} LIMIT 1 OFFSET ?", (*walk.values, SCAN - 1)
        )
        return UserPage(users, EventPlace(*last[0]) if last else None)

    def most_active_users(self, n: int, events: int) -> list[UserActivity]:
        """Return up to n users with the most among the newest events, most first."""
        rows = self._read(
            "SELECT user, count(*), max(time) FROM (SELECT user, time FROM events "
            f"INDEXED BY happened WHERE {NOT_IMPRESSION} {NEWEST_FIRST} LIMIT ?) "
            "GROUP BY user ORDER BY 2 DESC, user LIMIT ?",
            (events, n),
        )
        return [UserActivity(user, RowCount(count), newest) for user, count, newest in rows]

    def events_by_day(self, item: str, since: float, n: int) -> dict[int, int]:
        """Return the days since 1970 (UTC) from a time on with their events on an item."""
        rows = self._read(
            f"SELECT CAST(time / {DAY} AS INTEGER), count(*) FROM (SELECT time FROM events "
            f"INDEXED BY item_events WHERE item = ? AND time >= ? {NEWEST_FIRST} LIMIT ?) "
            "GROUP BY 1",
            (item, since, n),
        )
        return dict(rows)

    def lists_with(self, item: str, n: int, newest: int) -> list[Recommendation]:
        """Return up to n lists with an item among the newest lists, newest first."""
        rows = self._read(
            f"SELECT * FROM (SELECT {RECOMMENDATION} FROM recommendations INDEXED BY shown_at "
            "ORDER BY time DESC LIMIT ?) WHERE instr(items, ?) LIMIT ?",
            (newest, f"[{to_json(item).decode()},", n),
        )
        return [recommendation_of(row) for row in rows]

    def lists_to(self, user: str, n: int) -> list[Recommendation]:
        """Return up to n lists served to a user, newest first."""
        rows = self._read(
            f"SELECT {RECOMMENDATION} FROM recommendations INDEXED BY shown_to WHERE user = ? "
            "ORDER BY time DESC LIMIT ?",
            (user, n),
        )
        return [recommendation_of(row) for row in rows]

    def item_exposures(self, since: float, until: float, n: int) -> dict[str, int]:
        """Return the items of the lists from one time until before another, with their lists."""
        return dict(
            self._read(
                "SELECT part.value ->> 0, count(*) FROM (SELECT items FROM recommendations "
                "INDEXED BY shown_at WHERE time >= ? AND time < ? ORDER BY time DESC LIMIT ?) r, "
                "json_each(r.items) part GROUP BY 1",
                (since, until, n),
            )
        )

    def exploration_feedback(self, event_types: Sequence[str], n: int) -> ExplorationFeedback:
        """Return the outcomes of explored items in n lists, the same as of `list_feedback`."""
        acted = (
            "EXISTS (SELECT 1 FROM events e INDEXED BY attributed "
            "WHERE e.recommendation_id = part.list AND e.item = part.item "
            "AND e.event_type IN (SELECT value FROM json_each(?)))"
        )
        rows = self._read(
            "WITH part AS MATERIALIZED (SELECT r.recommendation_id AS list, "
            "part.value ->> 0 AS item, json_array_length(part.value) > ? AS explored, "
            "part.key >= json_array_length(r.items) / 2 AS lower "
            "FROM (SELECT recommendation_id, items FROM recommendations "
            "ORDER BY recommendation_id LIMIT ?) r, json_each(r.items) part "
            "WHERE instr(r.items, ?)) "
            f"SELECT explored, count(*), sum({acted}) FROM part "
            "WHERE lower AND list IN (SELECT list FROM part WHERE explored) GROUP BY 1",
            (EXPLORED, n, MARK, json.dumps(list(event_types))),
        )
        counts = {bool(explored): (positions, acted) for explored, positions, acted in rows}
        return ExplorationFeedback(*counts.get(True, (0, 0)), *counts.get(False, (0, 0)))

    def list_feedback(self, event_types: Sequence[str], n: int) -> list[ListFeedback]:
        """Return the feedback on n lists by day, bundle and scenario."""
        acted = (
            "EXISTS (SELECT 1 FROM events e INDEXED BY attributed "
            "WHERE e.recommendation_id = r.recommendation_id "
            "AND e.event_type IN (SELECT value FROM json_each(?)))"
        )
        rows = self._read(
            f"SELECT CAST(time / {DAY} AS INTEGER), bundle_version, coalesce(scenario, ''), "
            f"count(*), sum({acted}) FROM (SELECT recommendation_id, time, bundle_version, "
            "scenario FROM recommendations ORDER BY recommendation_id LIMIT ?) r "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (json.dumps(list(event_types)), n),
        )
        return [ListFeedback(*row) for row in rows]

    def _activity(self, user: str) -> UserActivity:
        of_user = f"FROM events INDEXED BY history WHERE user = ? AND {NOT_IMPRESSION}"
        ((n, newest),) = self._read(
            f"SELECT (SELECT count(*) FROM (SELECT 1 {of_user} LIMIT ?)), "
            f"(SELECT time {of_user} {NEWEST_FIRST} LIMIT 1)",
            (user, COUNTED + 1, user),
        )
        return UserActivity(user, RowCount(min(n, COUNTED), n <= COUNTED), newest)


def _end(prefix: str) -> str | bytes:
    """Return what follows all texts with a prefix; in SQLite, bytes follow every text."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= sys.maxunicode:
            return prefix[:-1] + chr(0xE000 if last == 0xD800 else last)  # no surrogates
        prefix = prefix[:-1]
    return b""


def _place(event: Event) -> EventPlace:
    return EventPlace(event.time, event.seq)


def _walks(filter: EventFilter, after: EventPlace | None) -> list[_Walk]:
    """Return the walks that together come to all events of a filter."""
    conditions = {"user": filter.user, "item": filter.item, "event_type": filter.kind}
    given = {name: value for name, value in conditions.items() if value is not None}
    if "user" in given:
        user, kind = given.pop("user"), given.get("event_type")
        indices = {"history": NOT_IMPRESSION, "impressed": f"event_type = '{IMPRESSION}'"}
        if kind is not None:
            name = "impressed" if kind == IMPRESSION else "history"
            indices = {name: indices[name]}
            if kind == IMPRESSION:
                del given["event_type"]
        return [
            _walk(index, f"user = ? AND {condition}", (user,), given, filter, after)
            for index, condition in indices.items()
        ]
    for name, index in (("item", "item_events"), ("event_type", "typed")):
        if name in given:
            value = given.pop(name)
            return [_walk(index, f"{name} = ?", (value,), given, filter, after)]
    return [_walk("happened", "", (), given, filter, after)]


def _walk(
    index: str,
    where: str,
    values: tuple[Any, ...],
    rest: dict[str, str],
    filter: EventFilter,
    after: EventPlace | None,
) -> _Walk:
    terms = " AND ".join(f"{name} = ?" for name in rest)
    return _Walk(index, *_bounds(where, values, filter, after), terms, tuple(rest.values()))


def _bounds(
    where: str, values: tuple[Any, ...], filter: EventFilter, after: EventPlace | None
) -> tuple[str, tuple[Any, ...]]:
    """Return conditions with those on the time and the place."""
    terms = [where] if where else []
    if filter.since is not None:
        terms.append("time >= ?")
        values += (filter.since,)
    last = None if filter.until is None else EventPlace(filter.until, 0)  # a seq is 1 or more
    if after is not None:
        last = after if last is None else min(last, after)
    if last is not None:
        terms.append("(time, seq) < (?, ?)")
        values += tuple(last)
    return " AND ".join(terms) or "1", values
