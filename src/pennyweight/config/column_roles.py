"""The roles of columns in items and events, as settings and options name them."""

__all__ = ["COLUMN_ROLES", "EVENT_ROLES"]

EVENT_ROLES = (
    "user",
    "item",
    "time",
    "weight",
    "type",
    "split",
    "quantity",
    "status",
    "order",
    "engagement",
)
COLUMN_ROLES = ("id", "available", *EVENT_ROLES)
