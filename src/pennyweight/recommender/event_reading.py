"""Reading of further events, by the rules of the log that a recommender was fitted to."""

from collections.abc import Mapping
from dataclasses import replace

from pennyweight.config.plan import DataPlan, Plan
from pennyweight.data.cleaning.event_types import EventTypes
from pennyweight.data.cleaning.feedback import FeedbackRules
from pennyweight.data.dataset import EventReading, read_events
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.data.tables import Source as Table
from pennyweight.errors import PlanError

__all__ = ["check_no_reading", "feedback_rules", "read_histories"]


def feedback_rules(interactions: Interactions | None, plan: Plan | None) -> FeedbackRules:
    """Return the meanings of event types, of a log or else of a plan, for later events."""
    if interactions is not None:
        meanings = EventTypes(interactions.meanings)
        return FeedbackRules(meanings, interactions.liking, later=True)
    data = DataPlan() if plan is None else plan.data
    return FeedbackRules(EventTypes(data.event_types), data.min_rating, later=True)


def check_no_reading(columns: Mapping[str, str | None] | None, reading: EventReading) -> None:
    """Raise `PlanError` where there are options of reading, but no events to read."""
    if columns or any(value is not None for value in reading.values()):
        names = ", ".join(["columns"] * bool(columns) + [*reading])
        raise PlanError(f"{names}: how events are read; give events too")


def read_histories(
    events: Table,
    items: Ids,
    columns: Mapping[str, str | None] | None,
    reading: EventReading,
    *,
    rules: FeedbackRules,
    plan: Plan | None,
) -> Interactions:
    """Return events on known items, read by the plan with `reading` over it."""
    data, types = DataPlan() if plan is None else plan.data, reading.get("event_types") or {}
    if types:
        rules = replace(rules, types=EventTypes.of({**rules.types.chosen, **types}))
    settings = {name: getattr(data, name) for name in EventReading.__annotations__}
    settings |= {name: value for name, value in reading.items() if value is not None}
    settings.pop("event_types")
    seed = 0 if plan is None else plan.evaluate.seed
    return read_events(items, events, columns=columns, rules=rules, seed=seed, **settings)
