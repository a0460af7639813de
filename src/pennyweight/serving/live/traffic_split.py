"""Which bundle answers whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pennyweight.errors import PlanError
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["TrafficSplit", "Variant", "checked_variants"]


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
    variants
        Shares add up to 1.
    bundles
        Version -> what is served of it.
    """

    variants: tuple[Variant, ...]
    bundles: Mapping[str, ServedBundle]

    def bundle_for(self, name: str) -> ServedBundle:
        """Return what answers a user or a session: always the same for the same shares."""
        if len(self.variants) == 1:
            return self.bundles[self.variants[0].version]
        point = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") / 2**64
        return self.bundles[self.variants[0 if point < self.variants[0].share else 1].version]

    @property
    def primary(self) -> ServedBundle:
        """What answers most users, and where items are looked up."""
        return self.bundles[max(self.variants, key=lambda variant: variant.share).version]

    def with_bundles(self, bundles: Mapping[str, ServedBundle]) -> "TrafficSplit":
        """Return the same shares of other bundles."""
        return TrafficSplit(self.variants, dict(bundles))


def checked_variants(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return one or two variants; `PlanError` where the shares are no shares."""
    if len(variants) not in (1, 2):
        raise PlanError(f"{len(variants)} bundles share the users; one or two can")
    if len({variant.version for variant in variants}) < len(variants):
        raise PlanError(f"the bundle {variants[0].version!r} is named twice")
    shares = [variant.share for variant in variants]
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise PlanError(f"shares {', '.join(f'{s:g}' for s in shares)}: they must add up to 1")
    return tuple(variants)
