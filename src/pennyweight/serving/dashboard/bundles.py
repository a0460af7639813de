"""The bundles that can be served, as pages tell of them."""

from collections.abc import Hashable
from dataclasses import dataclass

from pennyweight.bundle import open_bundle
from pennyweight.config.report import Measured, Report
from pennyweight.errors import BundleError, UnknownIdError
from pennyweight.recommender.storage import EVENTS, USERS, read_spec
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.served_bundle import epoch

__all__ = ["BundleDescription", "described"]


@dataclass(frozen=True)
class BundleDescription:
    """A bundle: where it came from, what it answers now, and what was measured of it.

    Attributes
    ----------
    stored
        Version, source, and when it was added.
    share
        Of the users it answers, from 0 to 1.
    created
        Epoch seconds; None where the bundle cannot be read.
    nbytes
        On disk.
    report
        What its fit measured, if anything.
    events_sha256
        Of its event log and of the ids of its users, where it has them.
    """

    stored: StoredBundle
    share: float
    created: float | None = None
    nbytes: int = 0
    report: Report | None = None
    events_sha256: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return self.stored.version

    @property
    def quality(self) -> Measured | None:
        """NDCG@10 of what is recommended with, where it was measured."""
        if self.report is None or not self.report.scorers:
            return None
        scorers = self.report.scorers
        name = "blend" if "blend" in scorers else self.report.ranking()[0]
        return scorers[name].get("ndcg@10")

    @property
    def measured_on(self) -> Hashable:
        """The data and the way in which its quality was measured: equal where they were the same.

        A report of an earlier version does not tell the data; the log of the bundle does.
        """
        report = self.report
        if report is None:
            return None
        return (
            self.events_sha256 if report.data is None else report.data,
            (report.users, report.items, report.events),
            (report.protocol, report.repeats, report.seed, report.evaluated_users),
        )


def described(engine: Engine) -> list[BundleDescription]:
    """Return the bundles, in the order in which they came."""
    shares = {variant.version: variant.share for variant in engine.traffic_split.variants}
    return [_one(engine, stored, shares.get(stored.version, 0.0)) for stored in engine.known()]


def _one(engine: Engine, stored: StoredBundle, share: float) -> BundleDescription:
    try:
        bundle = open_bundle(engine.bundles.path(stored.version), verify=False)
        manifest = bundle.manifest
        report = read_spec(bundle, manifest.report, Report)
    except (BundleError, UnknownIdError):
        return BundleDescription(stored, share)  # damaged or gone: publishing it says what is wrong
    nbytes = sum(entry.bytes for entry in manifest.files.values())
    log = tuple(manifest.files[name].sha256 for name in (EVENTS, USERS) if name in manifest.files)
    return BundleDescription(stored, share, epoch(manifest.created), nbytes, report, log)
