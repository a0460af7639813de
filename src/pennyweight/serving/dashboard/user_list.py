"""Users with live events, and users in the log of a bundle, in pages."""

import heapq
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.interactions import Interactions
from pennyweight.serving.dashboard.browse_query import place, place_text
from pennyweight.serving.stores.browsing import RowCount, UserActivity
from pennyweight.serving.stores.protocol import Store

__all__ = ["ORDERS", "RECENT", "UserList", "bundle_users", "live_users"]

RECENT = 20_000  # newest events, of which the most active users are counted
ORDERS = {"id": "id", "newest": "newest event", "active": "number of events"}
ERASED = "\0"  # begins the name of an erased user in the log of a bundle


@dataclass(frozen=True)
class UserList:
    """Users of a page, and the text after which the next page goes on; empty on the last."""

    users: tuple[UserActivity, ...] = ()
    next: str = ""


def live_users(store: Store, order: str, prefix: str, n: int, after: str) -> UserList:
    """Return up to n users with live events.

    A prefix of the id counts in the order of ids alone; the most active are one page.
    """
    if order == "newest":
        found = store.browser.latest_users(n, place(after))
        return UserList(tuple(found.users), place_text(found.next))
    if order == "active":
        return UserList(tuple(store.browser.most_active_users(n, RECENT)))
    users = store.browser.users(n + 1, prefix, after)
    return UserList(tuple(users[:n]), users[n - 1].user if len(users) > n else "")


def bundle_users(log: Interactions | None, order: str, prefix: str, n: int, after: str) -> UserList:
    """Return up to n users of an event log, those after one."""
    if log is None:
        return UserList()
    if order == "id":
        names = (u for u in log.users if u.startswith(prefix) and u > after and u[:1] != ERASED)
        page = heapq.nsmallest(n + 1, names)
    else:
        ordered = np.argsort(-_keys(log, order), kind="stable")
        names = (log.users[code] for code in _following(log, ordered, after).tolist())
        names = (u for u in names if u.startswith(prefix) and u[:1] != ERASED)
        page = list(islice(names, n + 1))
    users = tuple(_activity(log, int(code)) for code in log.users.codes(page[:n]))
    return UserList(users, page[n - 1] if len(page) > n else "")


def _keys(log: Interactions, order: str) -> NDArray[np.float64]:
    """Return for each user the number of events, or the time of the newest one."""
    if order == "active":
        return np.diff(log.offsets).astype(np.float64)
    newest = np.full(len(log.users), -np.inf)
    has_events = np.diff(log.offsets) > 0
    newest[has_events] = log.time[log.offsets[1:][has_events] - 1]
    return newest


def _following(log: Interactions, ordered: NDArray[np.int64], after: str) -> NDArray[np.int64]:
    code = int(log.users.codes([after])[0]) if after else -1
    return ordered if code < 0 else ordered[int(np.flatnonzero(ordered == code)[0]) + 1 :]


def _activity(log: Interactions, code: int) -> UserActivity:
    first, end = int(log.offsets[code]), int(log.offsets[code + 1])
    newest = float(log.time[end - 1]) if end > first and log.real_time else float("nan")
    return UserActivity(log.users[code], RowCount(end - first), newest)
