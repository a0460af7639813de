"""The facts of drift, refits and backups on the overview."""

import math

from pennyweight.html.figures import Fact
from pennyweight.serving.dashboard.page import age
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.last_runs import LastRun

__all__ = ["drift_facts"]

OUTCOMES = {
    "published": "published",
    "not-published": "not published",
    "nothing-new": "no new events",
    "saved": "saved",
    "failed": "failed",
}


def drift_facts(engine: Engine) -> list[Fact]:
    """Return the last measurement of drift."""
    state, now = engine.drift.state, engine.clock()
    weeks = f"{_percent(state.weeks.share)} in the four weeks before"
    return [
        Fact("New items", _percent(state.new_items), "of the recommended ones, since the fit"),
        Fact("Events since the fit", f"{state.events:,}", _note(state.new_item_events)),
        Fact("Unknown words", _percent(state.unknown_words), "in texts of new items"),
        Fact("Newest event", _age(now - state.newest_event)),
        Fact("Lists acted on", _percent(state.day.share), f"in a day; {weeks}"),
        Fact("Last refit", *_run(state.refit, now)),
        Fact("Last backup", *_run(state.backup, now)),
    ]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"


def _note(share: float) -> str:
    return "" if math.isnan(share) else f"{_percent(share)} on new items"


def _age(seconds: float) -> str:
    return "-" if math.isnan(seconds) else age(seconds)


def _run(run: LastRun | None, now: float) -> tuple[str, str]:
    return ("never", "") if run is None else (age(now - run.time), OUTCOMES[run.outcome])
