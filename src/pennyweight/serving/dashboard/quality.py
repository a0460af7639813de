"""Bundles with their reports: descriptions, comparability, and the page of quality."""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from pennyweight.bundle import open_bundle
from pennyweight.config.report import Measurement, Report
from pennyweight.errors import BundleError, UnknownIdError
from pennyweight.recommender.storage import EVENTS, USERS, read_spec
from pennyweight.reports.evaluation import evaluation_context
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.live.bundles import StoredBundle
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.served_bundle import epoch
from pennyweight.serving.operations.judging import lineage_sentence

__all__ = [
    "BundleDescription",
    "are_comparable",
    "comparable_groups",
    "describe_bundles",
    "quality_routes",
]


@dataclass(frozen=True)
class BundleDescription:
    """A bundle: its source, its share of the users, and its report.

    Attributes
    ----------
    stored
        Version, source, and when it was added.
    share
        Share of the users it answers, from 0 to 1.
    created
        Epoch seconds; None where the bundle cannot be read.
    nbytes
        On disk.
    report
        Of its fit, if it has one.
    events_sha256
        Of its event log and of the ids of its users, where it has them.
    lineage
        How a refit made and judged it, in words; empty without one.
    """

    stored: StoredBundle
    share: float
    created: float | None = None
    nbytes: int = 0
    report: Report | None = None
    events_sha256: tuple[str, ...] = ()
    lineage: str = ""

    @property
    def version(self) -> str:
        """The version of the bundle."""
        return self.stored.version

    @property
    def quality(self) -> Measurement | None:
        """NDCG@10 of the blend or the best scorer, where it was measured."""
        if self.report is None or not self.report.scorers:
            return None
        scorers = self.report.scorers
        name = "blend" if "blend" in scorers else self.report.ranking()[0]
        return scorers[name].get("ndcg@10")

    @property
    def measured_on(self) -> Hashable:
        """Data and method of its measurement: equal for bundles whose quality is comparable.

        A report of an earlier version does not name the data; the log of the bundle does.
        """
        report = self.report
        if report is None:
            return None
        return (
            self.events_sha256 if report.data is None else report.data,
            (report.users, report.items, report.events),
            (report.protocol, report.repeats, report.seed, report.evaluated_users),
        )


def describe_bundles(engine: Engine) -> list[BundleDescription]:
    """Return the bundles in order of arrival."""
    shares = {variant.version: variant.share for variant in engine.traffic.split.variants}
    return [
        _describe(engine, stored, shares.get(stored.version, 0.0))
        for stored in engine.publishing.stored_bundles()
    ]


def _describe(engine: Engine, stored: StoredBundle, share: float) -> BundleDescription:
    try:
        bundle = open_bundle(engine.publishing.bundles.path(stored.version), verify=False)
        manifest = bundle.manifest
        report = read_spec(bundle, manifest.report, Report)
    except (BundleError, UnknownIdError):
        return BundleDescription(stored, share)  # publishing it reports the error
    nbytes = sum(entry.bytes for entry in manifest.files.values())
    log = tuple(manifest.files[name].sha256 for name in (EVENTS, USERS) if name in manifest.files)
    lineage = lineage_sentence((manifest.fitted_from or {}).get("refit"))
    created = epoch(manifest.created)
    return BundleDescription(stored, share, created, nbytes, report, log, lineage)


def comparable_groups(bundles: Sequence[BundleDescription]) -> list[list[BundleDescription]]:
    """Return the bundles with a known quality, grouped by data and method of measurement."""
    groups: dict[Hashable, list[BundleDescription]] = {}
    for bundle in bundles:
        if bundle.quality is not None:
            groups.setdefault(bundle.measured_on, []).append(bundle)
    return list(groups.values())


def are_comparable(bundles: Sequence[BundleDescription]) -> bool:
    """Return whether every known quality was measured on the same data in the same way."""
    return len(comparable_groups(bundles)) < 2


def quality_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get("/dashboard/quality")
    async def quality(request: Request, bundle: str = "") -> Response:
        bundles = await asyncio.to_thread(describe_bundles, engine)
        chosen = _chosen(bundles, bundle)
        context: Mapping[str, object] = {"report": None}
        if chosen.report is not None:
            context = evaluation_context(chosen.report)
        return page(request, "quality.html", {"bundles": bundles, "chosen": chosen, **context})

    return router


def _chosen(bundles: Sequence[BundleDescription], version: str) -> BundleDescription:
    if not version:
        return max(bundles, key=lambda bundle: bundle.share)
    for bundle in bundles:
        if bundle.version == version:
            return bundle
    versions = ", ".join(bundle.version for bundle in bundles)
    raise UnknownIdError(f"no bundle {version!r}; there are {versions}")
