"""Held-out data: the history a recommender may use, and the items it should recommend."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.evidence import MAJORITY
from pennyweight.data.evidence import evidence
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.errors import DataError

__all__ = [
    "CUTS",
    "Cuts",
    "HeldOut",
    "Part",
    "Protocol",
    "Split",
    "default_protocol",
    "parts",
    "split",
]

Protocol = Literal["leave-last-out", "global-time", "given-split"]
Part = NDArray[np.uint8]
_TRAIN, _VALID, _TEST = 0, 1, 2
Cuts = tuple[float, ...]
CUTS = (0.8, 0.9)


@dataclass(frozen=True)
class HeldOut:
    """Users to evaluate on, at one moment.

    Attributes
    ----------
    users
        User codes, ascending, int32 (n,).
    histories
        The history of each user at that moment, n histories (some may be empty).
    targets
        Item codes to recommend, distinct for a user, int32 (n_targets,).
    target_offsets
        User i has ``targets[target_offsets[i]:target_offsets[i + 1]]``, int64 (n + 1,).
    before
        All events known at that moment, of all users.
    target_time
        When each target was first chosen, as in `Interactions.time`, float64 (n_targets,).
    """

    users: NDArray[np.int32]
    histories: Histories
    targets: NDArray[np.int32]
    target_offsets: NDArray[np.int64]
    before: Interactions
    target_time: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: NDArray[np.int64]) -> "HeldOut":
        """Return the users at some positions, ascending, with their targets."""
        ends = self.target_offsets
        spans = [np.arange(ends[row], ends[row + 1]) for row in rows]
        offsets = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64)
        chosen = np.concatenate([np.empty(0, np.int64), *spans])
        time = self.target_time
        return replace(
            self,
            users=self.users[rows],
            histories=self.histories.take(rows),
            targets=self.targets[chosen],
            target_offsets=offsets,
            target_time=None if time is None else time[chosen],
        )


@dataclass(frozen=True)
class Split:
    """Training events, and two held-out parts that follow them.

    Attributes
    ----------
    protocol
        How the data was split.
    train
        The events to learn from (the same as ``valid.before``).
    valid
        For choosing and blending; may have no users.
    test
        For the final measurement; validation events belong to its histories.
    """

    protocol: Protocol
    train: Interactions
    valid: HeldOut
    test: HeldOut


def default_protocol(interactions: Interactions) -> Protocol:
    """Return the protocol that can measure the data.

    Global time where times are dates, unless most of its test users have no history while most
    test users of leave-last-out have one, as with sessions that are counted as users.
    """
    if not interactions.real_time:
        return "leave-last-out"
    try:
        by_time = evidence(interactions, parts(interactions, "global-time")).history_share
    except DataError:  # too few distinct times: equal ones are no order to hold out by either
        return "global-time"
    if by_time >= 1 - MAJORITY:
        return "global-time"
    last = evidence(interactions, _last_out(interactions))
    return "leave-last-out" if last.users and last.history_share > MAJORITY else "global-time"


def split(
    interactions: Interactions,
    protocol: Protocol | None = None,
    *,
    cuts: Cuts = CUTS,
    max_users: int | None = None,
    rng: np.random.Generator | None = None,
) -> Split:
    """Hold out validation and test data.

    Parameters
    ----------
    interactions
        The cleaned events.
    protocol
        ``"leave-last-out"``: each user's last event is the test (from two events on), the
        one before it validation (from three on). ``"global-time"``: events from the second
        quantile of time on are the test, those between the first and the second
        validation. ``"given-split"``: as the split column says. By default
        `default_protocol`.
    cuts
        The two quantiles of event times for ``"global-time"``; events from a third quantile
        on belong to no part.
    max_users
        Evaluate at most this many users a part, drawn at random.
    rng
        Source of that draw; by default a generator seeded with 0.

    Returns
    -------
    Split

    Raises
    ------
    DataError
        When the protocol does not suit the data or leaves no user to test.
    """
    protocol = protocol or default_protocol(interactions)
    part = parts(interactions, protocol, cuts=cuts)
    rng = rng or np.random.default_rng(0)
    valid = _held_out(interactions, part, _VALID, max_users, rng)
    test = _held_out(interactions, part, _TEST, max_users, rng)
    return Split(protocol, valid.before, valid, test)


def parts(interactions: Interactions, protocol: Protocol, *, cuts: Cuts = CUTS) -> Part:
    """Return the part of each event, uint8 (n_events,): 0 train, 1 valid, 2 test, 3 none.

    Arguments and errors are those of `split`.
    """
    if protocol == "leave-last-out":
        part = _last_out(interactions)
    elif protocol == "global-time":
        part = _by_time(interactions, cuts)
    elif protocol == "given-split":
        part = _from_column(interactions)
    else:
        raise DataError(
            f"split: {protocol!r} is no protocol; choose leave-last-out, global-time or given-split"
        )
    for code, purpose in ((_TEST, "to test on"), (_TRAIN, "to learn from")):
        if not (part == code).any():
            raise DataError(
                f"split: {protocol} leaves nothing {purpose}: "
                f"{_remedy(protocol, interactions, code)}"
            )
    return part


def _remedy(protocol: Protocol, interactions: Interactions, code: int) -> str:
    if protocol == "leave-last-out":
        return "every user has one event; bring longer histories, or cut by time or split column"
    if protocol == "given-split":
        name = "test" if code == _TEST else "train"
        return f"no event is marked {name}; mark some, or choose another protocol (--protocol)"
    times = len(np.unique(interactions.time))
    if len(interactions) == 1:
        return "there is one event; bring more"
    return (
        f"too few distinct times, {times:,} among {len(interactions):,} events; choose "
        "another protocol (--protocol leave-last-out)"
    )


def _last_out(interactions: Interactions) -> Part:
    offsets = interactions.offsets
    counts = np.diff(offsets)
    part = np.full(len(interactions), _TRAIN, np.uint8)
    part[offsets[1:][counts >= 2] - 1] = _TEST
    part[offsets[1:][counts >= 3] - 2] = _VALID
    return part


def _by_time(interactions: Interactions, cuts: Cuts) -> Part:
    if not interactions.real_time:
        raise DataError(
            "split: global-time needs dates, but times here are positions within a "
            "history; use leave-last-out or given-split"
        )
    if len(cuts) not in (2, 3) or any(a >= b for a, b in pairwise((0, *cuts, 1))):
        raise DataError(f"split: cuts are {cuts}; they must be 0 < first < second < 1")
    moments = np.quantile(interactions.time, cuts)
    return np.searchsorted(moments, interactions.time, side="right").astype(np.uint8)


def _from_column(interactions: Interactions) -> Part:
    if not len(interactions.split):
        raise DataError(
            "split: given-split needs a column of train, valid and test in the "
            "events (name it with --split-column); or use leave-last-out"
        )
    return interactions.split


def _held_out(
    interactions: Interactions,
    part: Part,
    code: int,
    max_users: int | None,
    rng: np.random.Generator,
) -> HeldOut:
    before = interactions.where(part < code)
    rows = np.flatnonzero(part == code)
    # A pair (user, item) as one number: unique() sorts by user, then item.
    n_items = max(interactions.n_items, 1)
    key = interactions.user[rows].astype(np.int64) * n_items + interactions.item[rows]
    pairs, first = np.unique(key, return_index=True)
    user = (pairs // n_items).astype(np.int32)
    targets = (pairs % n_items).astype(np.int32)
    time = interactions.time[rows][first]
    users, counts = np.unique(user, return_counts=True)
    if max_users is not None and len(users) > max_users:
        sampled = np.sort(rng.choice(len(users), max_users, replace=False))
        chosen = np.zeros(len(users), dtype=bool)
        chosen[sampled] = True
        targets, time = (values[np.repeat(chosen, counts)] for values in (targets, time))
        users, counts = users[chosen], counts[chosen]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return HeldOut(users, before.histories.take(users), targets, offsets, before, time)
