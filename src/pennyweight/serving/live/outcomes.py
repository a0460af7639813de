"""Which of two bundles does better: users who act on their lists, since the shares last changed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pennyweight.evaluation.bootstrap import Estimate
from pennyweight.evaluation.two_groups import (
    mean,
    mean_difference,
    rate,
    rate_difference,
    rate_test,
    sample_ratio_test,
)
from pennyweight.serving.live.traffic_split import Variant
from pennyweight.serving.stores.protocol import AttributedEvent, ListExposure

__all__ = ["Contrast", "HeaviestUser", "Outcomes", "Tally", "TypeOutcome", "VariantOutcome"]

SIGNIFICANT = 0.05
MISMATCH = 0.001  # p below which users are not as the shares say
HEAVY_SHARE, HEAVY_EVENTS = 0.1, 20  # of the events of a variant, from which one user is named


@dataclass(frozen=True)
class TypeOutcome:
    """Events of one type that name lists of a bundle, including the lists of sessions."""

    version: str
    kind: str
    lists: int
    events: int
    users: int


@dataclass(frozen=True)
class HeaviestUser:
    """A user with a large share of the events of a variant: a program, perhaps."""

    user: str
    events: int
    share: float


@dataclass(frozen=True)
class VariantOutcome:
    """The actions of the users of a bundle.

    Attributes
    ----------
    version, share
        The bundle, and its intended share of the users.
    users, lists
        Users who got a list, and how many they got.
    converted, events
        Users with a positive event that names one of their lists, and the number of such events.
    rate
        Of converted users; None without any list.
    events_per_user
        Mean over all users who got a list.
    heaviest
        The user with the most events, where that is a large share of them.
    """

    version: str
    share: float
    users: int
    lists: int
    converted: int
    events: int
    rate: Estimate | None
    events_per_user: Estimate | None
    heaviest: HeaviestUser | None


@dataclass(frozen=True)
class Contrast:
    """The second bundle less the first.

    Attributes
    ----------
    rate, events_per_user
        Differences with their intervals.
    p
        Of a test that the rates are equal.
    sample_ratio_p
        Of a test that as many users got lists of each as the shares say.
    """

    rate: Estimate
    events_per_user: Estimate
    p: float
    sample_ratio_p: float

    @property
    def is_significant(self) -> bool:
        """Whether test and interval both show a difference."""
        return self.p < SIGNIFICANT and not self.rate.low <= 0 <= self.rate.high

    @property
    def is_mismatched(self) -> bool:
        """Whether the group sizes differ from the traffic split (sample ratio mismatch)."""
        return self.sample_ratio_p < MISMATCH


@dataclass(frozen=True)
class Outcomes:
    """Users and events that followed the lists of each bundle.

    Attributes
    ----------
    since
        Epoch seconds from which lists count: the last change of shares, or as long as lists
        are kept.
    window
        Seconds after a list within which an event counts for a user.
    variants
        The bundles that answer now.
    types
        By bundle and type of event.
    contrast
        Set if two bundles answer and both have given lists.
    crossed
        Users who got lists of more than one bundle; they are excluded.
    """

    since: float
    window: float
    variants: tuple[VariantOutcome, ...]
    types: tuple[TypeOutcome, ...]
    contrast: Contrast | None
    crossed: int

    def summary(self) -> str:
        """Return the result in a sentence or two."""
        if len(self.variants) == 1:
            return _alone(self.variants[0])
        first, second = self.variants
        if self.contrast is None:
            missing = " or ".join(variant.version for variant in self.variants if not variant.users)
            return f"No user of {missing} has got a list yet."
        if not first.converted + second.converted:
            return "No difference shown yet: no user has acted on a list."
        rates = f"{_acted(second)} acted on a list, against {_acted(first)}"
        span = f"{_points(self.contrast.rate)}, p = {_p(self.contrast.p)}"
        if not self.contrast.is_significant:
            return f"No difference shown yet: {rates}; difference {span}."
        better = second if self.contrast.rate.value > 0 else first
        sentence = f"Users of {better.version} act on lists more often: {rates}; difference {span}."
        if self.contrast.is_mismatched:
            sentence += " But the groups are not comparable, see the warning."
        return sentence

    def warnings(self) -> tuple[str, ...]:
        """Return reasons not to trust the figures, a sentence or two each."""
        texts = []
        if self.contrast is not None and self.contrast.is_mismatched:
            users = sum(variant.users for variant in self.variants)
            expected = ", ".join(
                f"{variant.share * users:,.0f} of {variant.version}" for variant in self.variants
            )
            actual = ", ".join(f"{variant.users:,}" for variant in self.variants)
            texts.append(
                f"The users do not divide as the shares say: {expected} were expected, and "
                f"{actual} got lists (p = {_p(self.contrast.sample_ratio_p)}). Find out why before "
                "you trust a difference: a bundle that fails or is slow loses users."
            )
        texts += [
            f"{user.user!r} made {user.events:,} of the {variant.events:,} events of "
            f"{variant.version} ({user.share:.0%}). If that is a program, compare rates, where "
            "each user counts once, and not events."
            for variant in self.variants
            if (user := variant.heaviest) is not None
        ]
        if self.crossed:
            texts.append(
                f"Lists of more than one bundle went to some users ({self.crossed:,}), who count "
                "for none: they asked while the shares changed."
            )
        return tuple(texts)


class Tally:
    """Counts users and events, a page at a time.

    Parameters
    ----------
    variants
        The bundles that answer now.
    window
        Seconds after a list within which an event counts for a user.
    is_positive
        Whether an event of a type and weight speaks for its item.
    """

    def __init__(
        self, variants: Sequence[Variant], window: float, is_positive: Callable[[str, float], bool]
    ) -> None:
        self._variants, self._window = tuple(variants), window
        self._is_positive = lru_cache(4_096)(is_positive)
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
            # An event may name another user's list, by mistake or on purpose.
            if (
                event.user == event.list_user
                and event.bundle_version in self._events
                and event.time - event.list_time < self._window
                and event.user not in self._crossed
                and self._is_positive(event.kind, event.weight)
            ):
                self._events[event.bundle_version][event.user] += 1

    def outcomes(self, since: float, lists: Mapping[str, int]) -> Outcomes:
        """Return the totals; `lists` is the number of lists by bundle version."""
        variants = tuple(self._variant(variant) for variant in self._variants)
        contrast = None
        if len(variants) == 2 and all(variant.users for variant in variants):
            contrast = self._contrast(*variants)
        types = tuple(
            TypeOutcome(version, kind, lists.get(version, 0), n, len(users))
            for (version, kind), (n, users) in sorted(self._types.items())
        )
        without_events = sorted(lists.keys() - {outcome.version for outcome in types})
        types += tuple(TypeOutcome(version, "", lists[version], 0, 0) for version in without_events)
        return Outcomes(since, self._window, variants, types, contrast, len(self._crossed))

    def _variant(self, variant: Variant) -> VariantOutcome:
        users, counts = self._users[variant.version], self._events[variant.version]
        events = counts.total()
        return VariantOutcome(
            variant.version,
            variant.share,
            users,
            self._lists[variant.version],
            len(counts),
            events,
            rate(len(counts), users) if users else None,
            mean(*self._moments(variant.version), users) if users else None,
            _heaviest(counts, events),
        )

    def _moments(self, version: str) -> tuple[int, int]:
        counts = self._events[version]
        return counts.total(), sum(n * n for n in counts.values())

    def _contrast(self, first: VariantOutcome, second: VariantOutcome) -> Contrast:
        a, b = (first.converted, first.users), (second.converted, second.users)
        return Contrast(
            rate_difference(a, b),
            mean_difference(
                (*self._moments(first.version), first.users),
                (*self._moments(second.version), second.users),
            ),
            rate_test(a, b),
            sample_ratio_test([first.users, second.users], [first.share, second.share]),
        )


def _heaviest(counts: Counter[str], events: int) -> HeaviestUser | None:
    if not counts:
        return None
    # Ties go to the first id, so the result does not depend on the order of the pages.
    user, n = min(counts.items(), key=lambda row: (-row[1], row[0]))
    share = n / events
    return HeaviestUser(user, n, share) if n >= HEAVY_EVENTS and share >= HEAVY_SHARE else None


def _alone(variant: VariantOutcome) -> str:
    if not variant.users:
        return f"No user of {variant.version} has got a list yet."
    return f"{_acted(variant)} acted on a list. One bundle answers all users: nothing to compare."


def _acted(variant: VariantOutcome) -> str:
    share = variant.converted / max(1, variant.users)
    return f"{share:.1%} of {variant.users:,} users of {variant.version}"


def _points(difference: Estimate) -> str:
    """Return a difference of rates in percentage points with its interval."""
    value, low, high = (100 * part for part in difference)
    return f"{value:+.1f} percentage points ({low:+.1f} to {high:+.1f})"


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.2g}"
