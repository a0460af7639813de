"""Unknown names in a request: refused, with the name that was probably meant."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

__all__ = ["nearest_name", "with_nearest_names"]

LONGEST = 64  # characters of a name that is compared
# Names that other services use, and how a field is called here; the first that a body has.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("n", "limit", "top_k", "topk", "num", "num_results", "numresults", "size",
                     "count", "max_results"), ("k", "limit")),
    **dict.fromkeys(("type", "event", "kind", "action", "feedback_type", "feedbacktype"),
                    ("event_type",)),
    **dict.fromkeys(("user", "userid", "uid", "visitor_id"), ("user_id",)),
    **dict.fromkeys(("item", "id", "itemid", "product_id"), ("item_id",)),
    **dict.fromkeys(("time", "ts", "date", "created_at"), ("timestamp",)),
    **dict.fromkeys(("value", "rating", "score", "strength"), ("weight",)),
    **dict.fromkeys(("model", "model_version", "version", "bundle"), ("bundle_version", "path")),
    **dict.fromkeys(("arms", "models", "bundles", "split"), ("variants",)),
    **dict.fromkeys(("q", "text"), ("query", "text")),
    **dict.fromkeys(("history", "item_ids"), ("items",)),
    **dict.fromkeys(("filters", "where"), ("filter",)),
}  # fmt: skip


def nearest_name(name: str, known: Collection[str]) -> str | None:
    """Return the known name that another stands for or resembles, if there is one."""
    if len(name) > LONGEST:
        return None
    lower = name.lower()
    meant = next((one for one in SYNONYMS.get(lower, ()) if one in known), None)
    return meant or next(iter(get_close_matches(lower, known, n=1)), None)


def with_nearest_names(error: ValidationError, known: Collection[str]) -> ValidationError:
    """Return the error of a model, with the known names that its unknown fields stand for.

    Parameters
    ----------
    known
        The fields of the model.
    """
    details = error.errors(include_url=False)
    if all(row["type"] != "extra_forbidden" or len(row["loc"]) > 1 for row in details):
        return error
    lines = []
    for row in details:
        context = row.get("ctx")
        if row["type"] == "extra_forbidden" and len(row["loc"]) == 1:
            nearest = nearest_name(str(row["loc"][0]), known)
            context = None if nearest is None else {"nearest": nearest}
        kind = PydanticCustomError(row["type"], row["msg"], context)
        lines.append(InitErrorDetails(type=kind, loc=row["loc"], input=row["input"]))
    return ValidationError.from_exception_data(error.title, lines)
