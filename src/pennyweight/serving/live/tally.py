"""Counts the users who got lists and acted on them, a page of the store at a time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from pennyweight.evaluation.always_valid import lift
from pennyweight.evaluation.user_groups import mean, rate, sample_ratio_test
from pennyweight.serving.live.outcomes import (
    Contrast,
    CountedPeriod,
    HeaviestUser,
    Outcomes,
    Preference,
    TypeOutcome,
    VariantOutcome,
)
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.stores.protocol import AttributedEvent, ListExposure

__all__ = ["Actions", "Tally", "UserTally"]

HEAVY_SHARE, HEAVY_EVENTS = 0.1, 20  # of the events of a variant, from which one user is named


class Actions:
    """The events by which a user acts on a list.

    Parameters
    ----------
    window
        Seconds after a list within which an event counts.
    is_positive
        Whether an event of a type and weight speaks for its item.
    """

    def __init__(self, window: float, is_positive: Callable[[str, float], bool]) -> None:
        self.window = window
        self._is_positive = lru_cache(4_096)(is_positive)

    def includes(self, event: AttributedEvent) -> bool:
        """Whether a user acted by an event."""
        # An event may name another user's list, by mistake or on purpose.
        return (
            event.user == event.list_user
            and event.time - event.list_time < self.window
            and self._is_positive(event.kind, event.weight)
        )


class UserTally:
    """Counts users whichever bundle answered them.

    Attributes
    ----------
    users
        With a list.
    converted
        Who acted on one.
    """

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self.users = 0
        self.converted: set[str] = set()

    def add_users(self, page: Sequence[ListExposure]) -> None:
        """Count users."""
        self.users += len(page)

    def add_events(self, page: Sequence[AttributedEvent]) -> None:
        """Count users who acted."""
        self.converted.update(event.user for event in page if self._actions.includes(event))


class Tally:
    """Counts users and events, a page at a time.

    Parameters
    ----------
    variants
        The bundles that answer now.
    actions
        The events that count.
    label
        What interleaved lists of two bundles have in the place of a bundle.
    """

    def __init__(
        self, variants: Sequence[Variant], actions: Actions, label: str | None = None
    ) -> None:
        self._variants, self._actions, self._label = tuple(variants), actions, label
        self._users: Counter[str] = Counter()
        self._lists: Counter[str] = Counter()
        self._crossed: set[str] = set()
        self._events: dict[str, Counter[str]] = {variant.version: Counter() for variant in variants}
        self._types: dict[tuple[str, str], tuple[int, set[str]]] = {}

    def add_users(self, page: Sequence[ListExposure]) -> None:
        """Count users with their lists; before any events."""
        for exposure in page:
            if exposure.first_version != exposure.last_version:
                self._crossed.add(exposure.user)
            else:
                self._users[exposure.first_version] += 1
                self._lists[exposure.first_version] += exposure.lists

    def add_events(self, page: Sequence[AttributedEvent]) -> None:
        """Count events that name lists."""
        for event in page:
            n, users = self._types.get((event.bundle_version, event.kind), (0, set()))
            users.add(event.user)
            self._types[event.bundle_version, event.kind] = n + 1, users
            if (
                event.bundle_version in self._events
                and event.user not in self._crossed
                and self._actions.includes(event)
            ):
                self._events[event.bundle_version][event.user] += 1

    def outcomes(self, period: CountedPeriod, lists: Mapping[str, int]) -> Outcomes:
        """Return the totals; `lists` is the number of lists by bundle version."""
        if self._label is not None:  # every list is of both
            both = lists.get(self._label, 0)
            lists = {v.version: lists.get(v.version, 0) + both for v in self._variants}
        variants = tuple(self._variant(variant) for variant in self._variants)
        contrasts: tuple[Contrast, ...] = ()
        sample_ratio_p = None
        if self._label is None and len(variants) > 1 and all(variant.users for variant in variants):
            contrasts = _contrasts(variants)
            sample_ratio_p = sample_ratio_test(
                [variant.users for variant in variants], [variant.share for variant in variants]
            )
        types = tuple(
            TypeOutcome(version, kind, lists.get(version, 0), n, len(users))
            for (version, kind), (n, users) in sorted(self._types.items())
        )
        without_events = sorted(lists.keys() - {outcome.version for outcome in types})
        types += tuple(TypeOutcome(version, "", lists[version], 0, 0) for version in without_events)
        return Outcomes(
            period,
            self._actions.window,
            variants,
            types,
            contrasts,
            sample_ratio_p,
            len(self._crossed),
            None if self._label is None else self._preference(),
        )

    def _variant(self, variant: Variant) -> VariantOutcome:
        exposed = self._label or variant.version
        users, counts = self._users[exposed], self._events[variant.version]
        events = counts.total()
        return VariantOutcome(
            variant.version,
            variant.share,
            users,
            self._lists[exposed],
            len(counts),
            events,
            rate(min(len(counts), users), users) if users else None,
            mean(*self._moments(variant.version), users) if users else None,
            _heaviest(counts, events),
        )

    def _preference(self) -> Preference:
        first, second = (variant.version for variant in self._variants)
        a, b = self._events[first], self._events[second]
        users = a.keys() | b.keys()
        wins = sum(a[user] < b[user] for user in users)
        losses = sum(a[user] > b[user] for user in users)
        return Preference(first, second, wins, losses, len(users) - wins - losses)

    def _moments(self, version: str) -> tuple[int, int]:
        counts = self._events[version]
        return counts.total(), sum(n * n for n in counts.values())


def _contrasts(variants: Sequence[VariantOutcome]) -> tuple[Contrast, ...]:
    control, *others = variants
    counts = (control.converted, control.users)
    return tuple(
        Contrast(
            control.version,
            other.version,
            lift(counts, (other.converted, other.users), len(others)),
        )
        for other in others
    )


def _heaviest(counts: Counter[str], events: int) -> HeaviestUser | None:
    if not counts:
        return None
    # Ties go to the first id, so the result does not depend on the order of the pages.
    user, n = min(counts.items(), key=lambda row: (-row[1], row[0]))
    share = n / events
    return HeaviestUser(user, n, share) if n >= HEAVY_EVENTS and share >= HEAVY_SHARE else None
