"""Outcomes as JSON."""

from collections.abc import Callable
from typing import Any

from pennyweight.evaluation.bootstrap import Estimate
from pennyweight.serving.live.outcomes import Contrast, Outcomes, Preference, VariantOutcome

__all__ = ["outcomes_out"]


def outcomes_out(outcomes: Outcomes, meaning: Callable[[str], str]) -> dict[str, Any]:
    """Return the fields of `OutcomeReport`; `meaning` returns the meaning of an event type."""
    types = [
        {
            "bundle_version": outcome.version,
            "event_type": outcome.kind,
            "meaning": meaning(outcome.kind) if outcome.kind else "",
            "lists": outcome.lists,
            "events": outcome.events,
            "users": outcome.users,
            "rate": outcome.events / max(1, outcome.lists),
        }
        for outcome in outcomes.types
    ]
    return {
        "outcomes": types,
        "since": outcomes.period.since,
        "window": outcomes.window,
        "variants": [_variant(outcome) for outcome in outcomes.variants],
        "contrasts": [_contrast(contrast) for contrast in outcomes.contrasts],
        "preference": None if outcomes.preference is None else _preference(outcomes.preference),
        "sample_ratio_p": outcomes.sample_ratio_p,
        "crossed_users": outcomes.crossed,
        "summary": outcomes.summary(),
        "warnings": list(outcomes.warnings()),
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
        "control": contrast.control,
        "bundle_version": contrast.version,
        "lift": _interval(contrast.lift.ratio),
        "p": contrast.lift.p,
        "decided": contrast.lift.is_decided,
    }


def _preference(preference: Preference) -> dict[str, Any]:
    estimate, p = preference.estimate or (None, None)
    return {
        "control": preference.control,
        "bundle_version": preference.version,
        "wins": preference.wins,
        "losses": preference.losses,
        "ties": preference.ties,
        "share": _interval(estimate),
        "p": p,
        "decided": preference.is_decided,
    }


def _interval(estimate: Estimate | None) -> dict[str, float] | None:
    return None if estimate is None else estimate._asdict()
