"""Which bundle answers whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pennyweight.errors import PlanError
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["TrafficSplit", "Variant", "checked"]


@dataclass(frozen=True)
class Variant:
    """A bundle and the share of users it answers, from 0 to 1."""

    version: str
    share: float


@dataclass(frozen=True)
class TrafficSplit:
    """One bundle, or two whose users are told apart by their ids.

    Attributes
    ----------
    arms
        Shares add up to 1.
    shelves
        Version -> what is served of it.
    """

    arms: tuple[Variant, ...]
    shelves: Mapping[str, ServedBundle]

    def of(self, name: str) -> ServedBundle:
        """Return what answers a user or a session: always the same for the same shares."""
        if len(self.arms) == 1:
            return self.shelves[self.arms[0].version]
        point = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") / 2**64
        return self.shelves[self.arms[0 if point < self.arms[0].share else 1].version]

    @property
    def first(self) -> ServedBundle:
        """What answers most users, and where items are looked up."""
        return self.shelves[max(self.arms, key=lambda arm: arm.share).version]

    def with_shelves(self, shelves: Mapping[str, ServedBundle]) -> "TrafficSplit":
        """Return the same shares of other shelves."""
        return TrafficSplit(self.arms, dict(shelves))


def checked(arms: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return one or two arms; `PlanError` where the shares are no shares."""
    if len(arms) not in (1, 2):
        raise PlanError(f"{len(arms)} bundles share the users; one or two can")
    if len({arm.version for arm in arms}) < len(arms):
        raise PlanError(f"the bundle {arms[0].version!r} is named twice")
    shares = [arm.share for arm in arms]
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise PlanError(f"shares {', '.join(f'{s:g}' for s in shares)}: they must add up to 1")
    return tuple(arms)
