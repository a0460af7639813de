"""Gauges of drift, refits and backups for Prometheus."""

import math
from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from pennyweight.serving.live.drift import DriftState
from pennyweight.serving.live.last_runs import OUTCOMES, LastRun, Outcome

__all__ = ["DriftGauges"]

State = Callable[[], DriftState]


class DriftGauges:
    """Gauges that show the last measurement of drift.

    Parameters
    ----------
    registry
        Of the service.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"pennyweight_{name}", help_text, labels, registry=registry)

        self._new_items = gauge(
            "new_items_share", "Share of recommended items that the bundle did not learn from"
        )
        self._events = gauge("events_since_fit", "Events since the data of the bundle")
        self._new_item_events = gauge(
            "new_item_events_share", "Share of events since the fit on items new to the bundle"
        )
        self._unknown_words = gauge(
            "unknown_words_share", "Share of the words of new items that the bundle does not know"
        )
        self._newest_event = gauge("newest_event_age_seconds", "Since the newest event")
        self._rate = gauge(
            "online_rate",
            "Share of lists with a positive event: one day, the weeks before",
            "period",
        )
        self._lists = gauge("rated_lists", "Lists that the online rate is of", "period")
        self._refit = gauge("last_refit_age_seconds", "Since the last refit; NaN without any")
        self._outcome = gauge(
            "last_refit_outcome", "1 for the outcome of the last refit", "outcome"
        )
        self._backup = gauge("last_backup_age_seconds", "Since the last backup; +Inf without any")

    def watch(self, state: State, clock: Callable[[], float]) -> None:
        """Read a measurement whenever metrics are requested."""

        def since(run: LastRun | None, never: float) -> float:
            return never if run is None else clock() - run.time

        self._new_items.set_function(lambda: state().new_items)
        self._events.set_function(lambda: float(state().events))
        self._new_item_events.set_function(lambda: state().new_item_events)
        self._unknown_words.set_function(lambda: state().unknown_words)
        self._newest_event.set_function(lambda: clock() - state().newest_event)
        self._rate.labels("day").set_function(lambda: state().day.share)
        self._rate.labels("weeks").set_function(lambda: state().weeks.share)
        self._lists.labels("day").set_function(lambda: float(state().day.lists))
        self._lists.labels("weeks").set_function(lambda: float(state().weeks.lists))
        self._refit.set_function(lambda: since(state().refit, math.nan))
        self._backup.set_function(lambda: since(state().backup, math.inf))
        for outcome in OUTCOMES:
            self._outcome.labels(outcome).set_function(partial(_is_outcome, state, outcome))


def _is_outcome(state: State, outcome: Outcome) -> float:
    refit = state().refit
    return float(refit is not None and refit.outcome == outcome)
