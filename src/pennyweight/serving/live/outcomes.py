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
from pennyweight.serving.stores.protocol import Attributed, ListExposure

__all__ = ["Contrast", "Heaviest", "Outcomes", "Tally", "TypeOutcome", "VariantOutcome"]

SIGNIFICANT = 0.05
MISMATCH = 0.001  # p below which users are not as the shares say
HEAVY_SHARE, HEAVY_EVENTS = 0.1, 20  # of the events of a variant, from which one user is named


@dataclass(frozen=True)
class TypeOutcome:
    """What came of all lists of a bundle, those of sessions too: events of one type name them."""

    version: str
    kind: str
    lists: int
    events: int
    users: int


@dataclass(frozen=True)
class Heaviest:
    """A user with a large share of the events of a variant: a program, perhaps."""

    user: str
    events: int
    share: float


@dataclass(frozen=True)
class VariantOutcome:
    """What the users of a bundle did.

    Attributes
    ----------
    version, share
        The bundle, and the share of users it is to answer.
    users, lists
        Users who got a list, and how many they got.
    converted, events
        Users with a positive event that names one of their lists, and all such events.
    rate
        Of converted users; None where nobody got a list.
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
    heaviest: Heaviest | None


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
        """Whether the groups differ in size from what the shares say."""
        return self.sample_ratio_p < MISMATCH


@dataclass(frozen=True)
class Outcomes:
    """What came of lists.

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
        Where two bundles answer and users got lists of both.
    crossed
        Users who got lists of more than one bundle, who count for none.
    """

    since: float
    window: float
    variants: tuple[VariantOutcome, ...]
    types: tuple[TypeOutcome, ...]
    contrast: Contrast | None
    crossed: int

    def summary(self) -> str:
        """Return what is known in a sentence or two."""
        if len(self.variants) == 1:
            return _alone(self.variants[0])
        one, other = self.variants
        if self.contrast is None:
            missing = " or ".join(variant.version for variant in self.variants if not variant.users)
            return f"No user of {missing} has got a list yet."
        if not one.converted + other.converted:
            return "No difference shown yet: nobody has acted on a list."
        found = f"{_acted(other)} acted on a list, against {_acted(one)}"
        span = f"{_points(self.contrast.rate)}, p = {_p(self.contrast.p)}"
        if not self.contrast.is_significant:
            return f"No difference shown yet: {found}; difference {span}."
        better = other if self.contrast.rate.value > 0 else one
        told = f"Users of {better.version} act on lists more often: {found}; difference {span}."
        if self.contrast.is_mismatched:
            told += " But the groups are not comparable, see the warning."
        return told

    def warnings(self) -> tuple[str, ...]:
        """Return what speaks against trusting the figures, a sentence or two each."""
        told = []
        if self.contrast is not None and self.contrast.is_mismatched:
            users = sum(variant.users for variant in self.variants)
            expected = ", ".join(
                f"{variant.share * users:,.0f} of {variant.version}" for variant in self.variants
            )
            found = ", ".join(f"{variant.users:,}" for variant in self.variants)
            told.append(
                f"The users do not divide as the shares say: {expected} were expected, and "
                f"{found} got lists (p = {_p(self.contrast.sample_ratio_p)}). Find out why before "
                "you trust a difference: a bundle that fails or is slow loses users."
            )
        told += [
            f"{one.heaviest.user!r} made {one.heaviest.events:,} of the {one.events:,} events of "
            f"{one.version} ({one.heaviest.share:.0%}). If that is a program, compare rates, where "
            "each user counts once, and not events."
            for one in self.variants
            if one.heaviest is not None
        ]
        if self.crossed:
            told.append(
                f"Lists of more than one bundle went to some users ({self.crossed:,}), who count "
                "for none: they asked while the shares changed."
            )
        return tuple(told)


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
        for one in page:
            if one.first_version != one.last_version:
                self._crossed.add(one.user)
            else:
                self._users[one.first_version] += 1
                self._lists[one.first_version] += one.lists

    def add_events(self, page: Sequence[Attributed]) -> None:
        """Count events that name lists."""
        for one in page:
            n, who = self._types.get((one.bundle_version, one.kind), (0, set()))
            who.add(one.user)
            self._types[one.bundle_version, one.kind] = n + 1, who
            # An event may name the list of somebody else, by mistake or on purpose.
            if (
                one.user == one.list_user
                and one.bundle_version in self._events
                and one.time - one.list_time < self._window
                and one.user not in self._crossed
                and self._is_positive(one.kind, one.weight)
            ):
                self._events[one.bundle_version][one.user] += 1

    def outcomes(self, since: float, given: Mapping[str, int]) -> Outcomes:
        """Return what was counted; `given` has the lists of each bundle."""
        variants = tuple(self._variant(variant) for variant in self._variants)
        contrast = None
        if len(variants) == 2 and all(variant.users for variant in variants):
            contrast = self._contrast(*variants)
        types = tuple(
            TypeOutcome(version, kind, given.get(version, 0), n, len(who))
            for (version, kind), (n, who) in sorted(self._types.items())
        )
        silent = sorted(given.keys() - {one.version for one in types})
        types += tuple(TypeOutcome(version, "", given[version], 0, 0) for version in silent)
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

    def _contrast(self, one: VariantOutcome, other: VariantOutcome) -> Contrast:
        a, b = (one.converted, one.users), (other.converted, other.users)
        return Contrast(
            rate_difference(a, b),
            mean_difference(
                (*self._moments(one.version), one.users),
                (*self._moments(other.version), other.users),
            ),
            rate_test(a, b),
            sample_ratio_test([one.users, other.users], [one.share, other.share]),
        )


def _heaviest(counts: Counter[str], events: int) -> Heaviest | None:
    if not counts:
        return None
    # The first by id of those with as many: the same whatever order they came in.
    user, most = min(counts.items(), key=lambda row: (-row[1], row[0]))
    share = most / events
    return Heaviest(user, most, share) if most >= HEAVY_EVENTS and share >= HEAVY_SHARE else None


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
