"""Variants: bundles with shares of the users, and the buckets that assign users to them."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pennyweight.errors import PlanError
from pennyweight.formatting import count

__all__ = ["MAX_VARIANTS", "SHARE_ERROR", "Buckets", "Variant", "checked_variants"]

MAX_VARIANTS = 8
MIN_SHARE = 0.001
SHARE_ERROR = 1e-6  # of the sum of shares, such as thirds
BUCKETS = 1_000_000


@dataclass(frozen=True)
class Variant:
    """A bundle and the share of users it answers, from 0 to 1."""

    version: str
    share: float


@dataclass(frozen=True)
class Buckets:
    """A million buckets of users by a hash of their ids, and the bundle of each.

    Attributes
    ----------
    salt
        Part of the hash: with another salt, users fall into unrelated buckets.
    stops, versions
        Bundle i has the buckets from stop i - 1 until before stop i.
    """

    salt: str
    stops: tuple[int, ...]
    versions: tuple[str, ...]

    @classmethod
    def of(cls, variants: Sequence[Variant], salt: str) -> "Buckets":
        """Assign a range of buckets to each variant, in order."""
        sizes = _sizes(variants)
        return _joined(salt, [(variant.version, sizes[variant.version]) for variant in variants])

    def version_of(self, name: str) -> str:
        """Return the bundle of a user or a session."""
        digest = blake2b(name.encode(), digest_size=8, key=self.salt.encode()).digest()
        bucket = int.from_bytes(digest, "big") * BUCKETS >> 64
        return self._at(bucket)

    def with_shares(self, variants: Sequence[Variant]) -> "Buckets":
        """Return buckets for other shares of the same bundles; as few as possible change hands."""
        sizes = _sizes(variants)
        surplus = {version: n - sizes[version] for version, n in self.sizes().items()}
        taken = [(version, -n) for version, n in surplus.items() if n < 0]
        ranges: list[tuple[str, int]] = []
        for version, size in self._ranges():
            given = min(size, max(0, surplus[version]))
            surplus[version] -= given
            ranges.append((version, size - given))
            while given:
                taker, lacking = taken.pop()
                ranges.append((taker, min(given, lacking)))
                if lacking > given:
                    taken.append((taker, lacking - given))
                given -= min(given, lacking)
        return _joined(self.salt, ranges)

    def sizes(self) -> dict[str, int]:
        """Return the number of buckets of each bundle."""
        sizes = dict.fromkeys(self.versions, 0)
        for version, size in self._ranges():
            sizes[version] += size
        return sizes

    def moved(self, other: "Buckets") -> float:
        """Return the share of users whose bundle differs in other buckets with the same salt."""
        stops = sorted({*self.stops, *other.stops})
        starts = [0, *stops[:-1]]
        ranges = zip(starts, stops, strict=True)
        n = sum(stop - start for start, stop in ranges if self._at(start) != other._at(start))
        return n / BUCKETS

    def _at(self, bucket: int) -> str:
        return self.versions[bisect_right(self.stops, bucket)]

    def _ranges(self) -> list[tuple[str, int]]:
        starts = (0, *self.stops[:-1])
        return [
            (version, stop - start)
            for version, start, stop in zip(self.versions, starts, self.stops, strict=True)
        ]


def _joined(salt: str, ranges: Sequence[tuple[str, int]]) -> Buckets:
    stops: list[int] = []
    versions: list[str] = []
    end = 0
    for version, size in ranges:
        if not size:
            continue
        end += size
        if versions and versions[-1] == version:
            stops[-1] = end
        else:
            stops.append(end)
            versions.append(version)
    return Buckets(salt, tuple(stops), tuple(versions))


def _sizes(variants: Sequence[Variant]) -> Mapping[str, int]:
    """Return the number of buckets by version, rounded so that all have an owner."""
    total = sum(variant.share for variant in variants)
    exact = {variant.version: variant.share / total * BUCKETS for variant in variants}
    sizes = {version: int(size) for version, size in exact.items()}
    by_remainder = sorted(sizes, key=lambda version: sizes[version] - exact[version])
    for version in by_remainder[: BUCKETS - sum(sizes.values())]:
        sizes[version] += 1
    return sizes


def checked_variants(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return the variants of an experiment; `PlanError` where they cannot share the users."""
    if not 2 <= len(variants) <= MAX_VARIANTS:
        raise PlanError(
            f"variants: {count(len(variants), 'bundle')}; an experiment compares 2 to "
            f"{MAX_VARIANTS}, each with its share"
        )
    versions = [variant.version for variant in variants]
    for version in versions:
        if versions.count(version) > 1:
            raise PlanError(f"the bundle {version!r} is named twice; name each once")
    shares = [variant.share for variant in variants]
    if not abs(sum(shares) - 1) <= SHARE_ERROR:  # nor NaN
        raise PlanError(f"shares {', '.join(f'{s:g}' for s in shares)}: they must add up to 1")
    if min(shares) < MIN_SHARE:
        raise PlanError(f"a share of {min(shares):g}; give each variant at least {MIN_SHARE}")
    return tuple(variants)
