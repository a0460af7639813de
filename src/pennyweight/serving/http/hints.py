"""Hints for refused requests: the name or number that was probably meant."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

__all__ = ["nearest_name", "number_range", "with_hints"]

HINTED = ("extra_forbidden", "finite_number")
LONGEST = 64  # characters of a name that is compared
# Names that other services use, and how a field is called here; the first that a body has.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "n",
            "limit",
            "top_k",
            "topk",
            "num",
            "num_results",
            "numresults",
            "size",
            "count",
            "max_results",
        ),
        ("k", "limit"),
    ),
    **dict.fromkeys(
        ("type", "event", "kind", "action", "feedback_type", "feedbacktype"), ("event_type",)
    ),
    **dict.fromkeys(("user", "userid", "uid", "visitor_id"), ("user_id",)),
    **dict.fromkeys(("item", "id", "itemid", "product_id"), ("item_id",)),
    **dict.fromkeys(("time", "ts", "date", "created_at"), ("timestamp",)),
    **dict.fromkeys(("value", "rating", "score", "strength"), ("weight",)),
    **dict.fromkeys(("model", "model_version", "version", "bundle"), ("bundle_version", "path")),
    **dict.fromkeys(("arms", "models", "bundles", "split"), ("variants",)),
    **dict.fromkeys(("q", "text"), ("query", "text")),
    **dict.fromkeys(("history", "item_ids"), ("items",)),
    **dict.fromkeys(("filters", "where"), ("filter",)),
}


def nearest_name(name: str, known_names: Collection[str]) -> str | None:
    """Return the known name that another stands for or resembles, if there is one."""
    if len(name) > LONGEST:
        return None
    lower = name.lower()
    field = next((name for name in SYNONYMS.get(lower, ()) if name in known_names), None)
    return field or next(iter(get_close_matches(lower, known_names, n=1)), None)


def number_range(field: FieldInfo) -> str:
    """Return the bounds of a number in words, such as ``above 0 and at most 1``."""
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    bounds = [
        f"{word} {getattr(rule, bound):,.12g}"
        for bound, word in words.items()
        for rule in field.metadata
        if hasattr(rule, bound)
    ]
    return " and ".join(bounds)


def with_hints(error: ValidationError, fields: Mapping[str, FieldInfo]) -> ValidationError:
    """Return the error of a model, with known names for unknown ones, and ranges of numbers.

    Parameters
    ----------
    fields
        Those of the model.
    """
    details = error.errors(include_url=False)
    if all(row["type"] not in HINTED or len(row["loc"]) > 1 for row in details):
        return error
    lines = []
    for row in details:
        context = row.get("ctx")
        name = str(row["loc"][0]) if len(row["loc"]) == 1 else ""
        if row["type"] == "extra_forbidden" and name:
            nearest = nearest_name(name, fields)
            context = None if nearest is None else {"nearest": nearest}
        elif row["type"] == "finite_number" and name in fields:
            context = {"range": number_range(fields[name])}
        kind = PydanticCustomError(row["type"], row["msg"], context)
        lines.append(InitErrorDetails(type=kind, loc=row["loc"], input=row["input"]))
    return ValidationError.from_exception_data(error.title, lines)
