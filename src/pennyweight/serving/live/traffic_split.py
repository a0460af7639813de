"""The traffic split: which bundle serves a user."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pennyweight.errors import PlanError
from pennyweight.serving.live.experiment import Experiment
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.variants import Variant

__all__ = ["Traffic", "TrafficSplit"]


@dataclass(frozen=True)
class TrafficSplit:
    """One bundle for all users, or those of an experiment for a share each.

    Attributes
    ----------
    variants
        Shares add up to 1.
    bundles
        Version -> served bundle.
    experiment
        Set if there is more than one bundle.
    """

    variants: tuple[Variant, ...]
    bundles: Mapping[str, ServedBundle]
    experiment: Experiment | None = None

    def bundle_for(self, name: str) -> ServedBundle:
        """Return the bundle of a user or a session: always the same for the same shares."""
        if self.experiment is None:
            return self.bundles[self.variants[0].version]
        return self.bundles[self.experiment.buckets.version_of(name)]

    @property
    def primary(self) -> ServedBundle:
        """The bundle of most users, which is also used to look up items."""
        return self.bundles[max(self.variants, key=lambda variant: variant.share).version]

    def with_bundles(self, bundles: Mapping[str, ServedBundle]) -> "TrafficSplit":
        """Return the same shares of other bundles."""
        return replace(self, bundles=dict(bundles))


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

    def replace(
        self,
        variants: Sequence[Variant],
        bundles: Mapping[str, ServedBundle],
        experiment: Experiment | None,
    ) -> None:
        """Serve other variants from now on."""
        with self.lock:
            chosen = {variant.version: bundles[variant.version] for variant in variants}
            self._split = TrafficSplit(tuple(variants), chosen, experiment)

    def replace_bundles(
        self, change: Callable[[Mapping[str, ServedBundle]], Mapping[str, ServedBundle]]
    ) -> None:
        """Serve the same variants from changed bundles."""
        with self.lock:
            self._split = self.split.with_bundles(change(self.split.bundles))
