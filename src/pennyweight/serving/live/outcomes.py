"""Which bundle does better: users who act on their lists, since the shares last changed."""

from dataclasses import dataclass

from pennyweight.evaluation.always_valid import RelativeLift, share_of_wins
from pennyweight.evaluation.bootstrap import Estimate

__all__ = [
    "Contrast",
    "CountedPeriod",
    "HeaviestUser",
    "Outcomes",
    "Preference",
    "TypeOutcome",
    "VariantOutcome",
]

DAY = 86_400.0
WEEK = 7 * DAY
LARGEST = 10.0  # a lift above it is said to be larger
MISMATCH = 0.001  # p below which users are not as the shares say


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
    """A bundle of an experiment compared with the control.

    Attributes
    ----------
    control, version
        The bundles.
    lift
        By how much more users act on a list of the bundle.
    """

    control: str
    version: str
    lift: RelativeLift

    @property
    def result(self) -> str:
        """Whether the interval excludes equal rates, in words."""
        return "decided" if self.lift.is_decided else "not decided yet"

    @property
    def interval(self) -> str:
        """The interval in percent."""
        return f"{_percent(self.lift.ratio.low)} to {_percent(self.lift.ratio.high)}"

    def sentence(self) -> str:
        """Return the comparison in words."""
        change = self.lift.ratio.value
        return (
            f"{self.version} makes {abs(change):.1%} {'fewer' if change < 0 else 'more'} users act "
            f"on a list than {self.control} ({self.interval}); {self.result}."
        )


@dataclass(frozen=True)
class Preference:
    """Users whose events credit one of two interleaved bundles more often.

    Attributes
    ----------
    control, version
        The bundles.
    wins, losses, ties
        Users who acted more on items of the version, of the control, and as often on both.
    """

    control: str
    version: str
    wins: int
    losses: int
    ties: int

    @property
    def estimate(self) -> tuple[Estimate, float] | None:
        """The share of wins with its interval, and the p-value of one half; None without users."""
        return share_of_wins(self.wins, self.losses) if self.wins + self.losses else None

    @property
    def is_decided(self) -> bool:
        """Whether the interval excludes one half."""
        return self.estimate is not None and not (
            self.estimate[0].low <= 0.5 <= self.estimate[0].high
        )

    def sentence(self) -> str:
        """Return the preference in words."""
        if self.estimate is None:
            return "No user has acted more often on the items of one bundle yet."
        share, low, high = self.estimate[0]
        result = "decided" if self.is_decided else "not decided yet"
        return (
            f"{share:.1%} of {self.wins + self.losses:,} users with a preference act more often on "
            f"items of {self.version} than of {self.control} ({low:.1%} to {high:.1%}; 50 % if "
            f"neither is better); {result}."
        )


@dataclass(frozen=True)
class CountedPeriod:
    """The time that counts, epoch seconds.

    Attributes
    ----------
    since
        From which lists count: the last change of shares, or as long as lists are kept.
    now
        When they were counted.
    ends
        The planned end, if any.
    is_cut
        Whether lists since the last change of shares were deleted because of their age.
    """

    since: float
    now: float
    ends: float | None = None
    is_cut: bool = False

    def warnings(self) -> list[str]:
        """Return reasons not to decide yet, or no longer."""
        texts = []
        seconds = self.now - self.since
        if seconds < 0:
            texts.append(
                "The clock of this machine is before the start: it was set back, and nothing "
                "counts until it has passed the start. Set it right."
            )
        elif seconds < WEEK:
            texts.append(
                f"Less than a week has been counted ({seconds / DAY:.1f} days): people act "
                "differently on weekends, so let it run for full weeks."
            )
        if self.is_cut:
            texts.append(
                "Lists older than this are deleted and count no more: daily looks at a moving "
                "period find differences that do not exist. Stop, or promote a bundle."
            )
        if self.ends is not None and self.now >= self.ends:
            texts.append("The planned end has passed: stop, or promote a bundle.")
        return texts


@dataclass(frozen=True)
class Outcomes:
    """Users and events that followed the lists of each bundle.

    Attributes
    ----------
    period
        The time that counts.
    window
        Seconds after a list within which an event counts for a user.
    variants
        The bundles that answer now, the control first.
    types
        By bundle and type of event.
    contrasts
        Each bundle with the control; empty until all have given lists to users.
    sample_ratio_p
        Of a test that as many users got lists of each as the shares say; None as above.
    crossed
        Users who got lists of more than one bundle; they are excluded.
    preference
        Set if the lists of two bundles are interleaved.
    """

    period: CountedPeriod
    window: float
    variants: tuple[VariantOutcome, ...]
    types: tuple[TypeOutcome, ...]
    contrasts: tuple[Contrast, ...]
    sample_ratio_p: float | None
    crossed: int
    preference: Preference | None = None

    @property
    def is_mismatched(self) -> bool:
        """Whether the group sizes differ from the traffic split (sample ratio mismatch)."""
        return self.sample_ratio_p is not None and self.sample_ratio_p < MISMATCH

    def summary(self) -> str:
        """Return the result in a sentence or two."""
        if len(self.variants) == 1:
            return _alone(self.variants[0])
        if self.preference is not None:
            return self.preference.sentence()
        if not self.contrasts:
            missing = " or ".join(variant.version for variant in self.variants if not variant.users)
            return f"No user of {missing} has got a list yet."
        if not any(variant.converted for variant in self.variants):
            return "No difference shown yet: no user has acted on a list."
        sentence = " ".join(contrast.sentence() for contrast in self.contrasts)
        if self.is_mismatched and any(contrast.lift.is_decided for contrast in self.contrasts):
            sentence += " But the groups are not comparable, see the warning."
        return sentence

    def warnings(self) -> tuple[str, ...]:
        """Return reasons not to trust the figures, a sentence or two each."""
        texts = self.period.warnings() if len(self.variants) > 1 else []
        if self.is_mismatched:
            users = sum(variant.users for variant in self.variants)
            expected = ", ".join(
                f"{variant.share * users:,.0f} of {variant.version}" for variant in self.variants
            )
            actual = ", ".join(f"{variant.users:,}" for variant in self.variants)
            texts.append(
                f"The users do not divide as the shares say: {expected} were expected, and "
                f"{actual} got lists (p = {_p(self.sample_ratio_p or 0.0)}). Find out why before "
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


def _alone(variant: VariantOutcome) -> str:
    if not variant.users:
        return f"No user of {variant.version} has got a list yet."
    acted = f"{variant.converted / variant.users:.1%} of {variant.users:,} users"
    return (
        f"{acted} of {variant.version} acted on a list. One bundle answers all users: nothing to "
        "compare."
    )


def _percent(ratio: float) -> str:
    return f"more than +{LARGEST:.0%}" if ratio > LARGEST else f"{ratio:+.1%}"


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.2g}"
