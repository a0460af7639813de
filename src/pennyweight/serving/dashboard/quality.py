"""The report of a bundle: its quality, smaller versions, its data."""

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from pennyweight.errors import UnknownIdError
from pennyweight.reports.evaluation import evaluation_context
from pennyweight.serving.dashboard.descriptions import BundleDescription, describe_bundles
from pennyweight.serving.dashboard.page import page, page_router
from pennyweight.serving.live.engine import Engine

__all__ = ["quality_routes"]


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
