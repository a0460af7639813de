"""Outcomes as JSON."""

from collections.abc import Callable
from typing import Any

from pennyweight.evaluation.bootstrap import Estimate
from pennyweight.serving.live.outcomes import Contrast, Outcomes, VariantOutcome

__all__ = ["outcomes_out"]


def outcomes_out(found: Outcomes, meaning: Callable[[str], str]) -> dict[str, Any]:
    """Return what `FeedbackOut` describes; `meaning` says what a type of events means."""
    types = [
        {
            "bundle_version": one.version,
            "event_type": one.kind,
            "meaning": meaning(one.kind) if one.kind else "",
            "lists": one.lists,
            "events": one.events,
            "users": one.users,
            "rate": one.events / max(1, one.lists),
        }
        for one in found.types
    ]
    return {
        "outcomes": types,
        "since": found.since,
        "window": found.window,
        "variants": [_variant(one) for one in found.variants],
        "contrast": None if found.contrast is None else _contrast(found.contrast),
        "crossed_users": found.crossed,
        "summary": found.summary(),
        "warnings": list(found.warnings()),
    }


def _variant(variant: VariantOutcome) -> dict[str, Any]:
    heaviest = variant.heaviest
    return {
        "bundle_version": variant.version,
        "share": variant.share,
        "users": variant.users,
        "lists": variant.lists,
        "converted": variant.converted,
        "events": variant.events,
        "rate": _interval(variant.rate),
        "events_per_user": _interval(variant.events_per_user),
        "heaviest_user": None
        if heaviest is None
        else {"user_id": heaviest.user, "events": heaviest.events, "share": heaviest.share},
    }


def _contrast(contrast: Contrast) -> dict[str, Any]:
    return {
        "rate": _interval(contrast.rate),
        "events_per_user": _interval(contrast.events_per_user),
        "p": contrast.p,
        "significant": contrast.is_significant and not contrast.is_mismatched,
        "sample_ratio_p": contrast.sample_ratio_p,
    }


def _interval(found: Estimate | None) -> dict[str, float] | None:
    return None if found is None else found._asdict()
