"""What was measured of a bundle: its quality, what smaller ones are worth, its data."""

import asyncio
from collections.abc import Sequence
from html import escape

from fastapi import APIRouter, Request, Response

from pennyweight.errors import UnknownIdError
from pennyweight.reports.evaluation import evaluation_context
from pennyweight.reports.page import render
from pennyweight.serving.dashboard.bundles import BundleDescription, described
from pennyweight.serving.dashboard.components import link, when
from pennyweight.serving.dashboard.layout import page, page_router
from pennyweight.serving.live.engine import Engine

__all__ = ["quality_routes"]

HERE = "/dashboard/quality"
NOTHING = (
    "The bundle has no report. A fit that evaluates writes one: "
    "<code>pennyweight fit ITEMS EVENTS --out BUNDLE</code>."
)


def quality_routes(engine: Engine) -> APIRouter:
    """Return the route."""
    router = page_router()

    @router.get(HERE)
    async def quality(request: Request, bundle: str = "") -> Response:
        found = await asyncio.to_thread(described, engine)
        one = _chosen(found, bundle)
        turn = _turn(found, one)
        if one.report is None:
            return page(request, "Quality", [turn, f'<p class="note">{NOTHING}</p>'])
        head = f'<p class="note">{escape(one.report.summary())}. Made {when(one.created)}.</p>'
        return page(
            request,
            "Quality",
            [turn, head, render("sections.html", **evaluation_context(one.report))],
        )

    return router


def _chosen(found: Sequence[BundleDescription], version: str) -> BundleDescription:
    if not version:
        return max(found, key=lambda one: one.share)
    for one in found:
        if one.version == version:
            return one
    known = ", ".join(one.version for one in found)
    raise UnknownIdError(f"no bundle {version!r}; there are {known}")


def _turn(found: Sequence[BundleDescription], shown: BundleDescription) -> str:
    rows = []
    for one in found:
        now = ' aria-current="true"' if one is shown else ""
        share = f" ({100 * one.share:.4g} % of users)" if one.share else ""
        at = link(one.version, HERE, {"bundle": one.version})
        rows.append(f"<li{now}>{at}{share}</li>")
    return f'<nav aria-label="Bundles"><ul class="names">{"".join(rows)}</ul></nav>'
