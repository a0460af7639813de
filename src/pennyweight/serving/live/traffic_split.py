"""The traffic split: which bundle serves a user."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pennyweight.errors import PlanError
from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["Traffic", "TrafficSplit", "Variant", "checked_variants"]


@dataclass(frozen=True)
class Variant:
    """A bundle and the share of users it answers, from 0 to 1."""

    version: str
    share: float


@dataclass(frozen=True)
class TrafficSplit:
    """One bundle, or two that share the users by a hash of their ids.

    Attributes
    ----------
    variants
        Shares add up to 1.
    bundles
        Version -> served bundle.
    """

    variants: tuple[Variant, ...]
    bundles: Mapping[str, ServedBundle]

    def bundle_for(self, name: str) -> ServedBundle:
        """Return the bundle of a user or a session: always the same for the same shares."""
        if len(self.variants) == 1:
            return self.bundles[self.variants[0].version]
        point = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") / 2**64
        return self.bundles[self.variants[0 if point < self.variants[0].share else 1].version]

    @property
    def primary(self) -> ServedBundle:
        """The bundle of most users, which is also used to look up items."""
        return self.bundles[max(self.variants, key=lambda variant: variant.share).version]

    def with_bundles(self, bundles: Mapping[str, ServedBundle]) -> "TrafficSplit":
        """Return the same shares of other bundles."""
        return TrafficSplit(self.variants, dict(bundles))


class Traffic:
    """The traffic split that counts now.

    Attributes
    ----------
    lock
        Held for a moment, while the split is replaced.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._split: TrafficSplit | None = None

    @property
    def is_split(self) -> bool:
        """Whether any bundle is served."""
        return self._split is not None

    @property
    def split(self) -> TrafficSplit:
        """The bundles that are served; `PlanError` before any is."""
        if self._split is None:
            raise PlanError("no bundle is published yet")
        return self._split

    @property
    def bundles(self) -> Mapping[str, ServedBundle]:
        """Version -> bundle of those that are served, if any."""
        return {} if self._split is None else self._split.bundles

    def replace(self, variants: Sequence[Variant], bundles: Mapping[str, ServedBundle]) -> None:
        """Serve other variants from now on."""
        with self.lock:
            chosen = {variant.version: bundles[variant.version] for variant in variants}
            self._split = TrafficSplit(tuple(variants), chosen)

    def replace_bundles(
        self, change: Callable[[Mapping[str, ServedBundle]], Mapping[str, ServedBundle]]
    ) -> None:
        """Serve the same variants from changed bundles."""
        with self.lock:
            self._split = self.split.with_bundles(change(self.split.bundles))


def checked_variants(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return one or two variants; `PlanError` where the shares are no shares."""
    if len(variants) not in (1, 2):
        raise PlanError(f"{len(variants)} bundles in the traffic split; one or two are allowed")
    if len({variant.version for variant in variants}) < len(variants):
        raise PlanError(f"the bundle {variants[0].version!r} is named twice")
    shares = [variant.share for variant in variants]
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise PlanError(f"shares {', '.join(f'{s:g}' for s in shares)}: they must add up to 1")
    return tuple(variants)
