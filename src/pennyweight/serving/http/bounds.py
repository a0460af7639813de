"""Bounds on the size of a body, checked before its values are."""

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, cast

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

__all__ = ["MAX_ATTRIBUTES", "MAX_TEXT", "AtMost", "Attributes", "check_names"]

MAX_ATTRIBUTES = 1_000  # of an item
MAX_NAME = 512  # characters of the name of an attribute
MAX_TEXT = 20_000  # characters of a text in an attribute
MAX_LENGTH = 1_000  # values in a list of an attribute
MAX_DEPTH = 8  # lists within lists of an attribute
STRANGE = 10  # unknown names of an object that are listed one by one


@dataclass(frozen=True)
class AtMost:
    """The most values of a list or object: counted first, then read up to the first wrong one.

    Pydantic by itself counts a list after it has validated it, and keeps every error.
    """

    n: int

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Return the schema of a list or an object with the bound."""
        schema = cast("dict[str, Any]", handler(source))
        if schema["type"] not in ("list", "dict"):
            raise TypeError(f"AtMost is for lists and objects, not for {schema['type']}")
        bounded = cast("CoreSchema", schema | {"max_length": self.n, "fail_fast": True})
        return core_schema.no_info_before_validator_function(self._counted, bounded)

    def _counted(self, value: object) -> object:
        if isinstance(value, list | dict):
            check_length(value, self.n)
        return value


def check_names(value: object, n_known: int) -> None:
    """Raise pydantic's error if an object has far more names than the `n_known` of its model."""
    if isinstance(value, dict) and len(value) > n_known + STRANGE:
        context = {"n": len(value), "known": n_known}
        raise PydanticCustomError("names", "has {n} names, of which {known} are known", context)


def check_length(value: list[Any] | dict[str, Any], limit: int) -> None:
    """Raise pydantic's error if a list or an object is too long."""
    if len(value) > limit:
        kind = "Dictionary" if isinstance(value, dict) else "List"
        context = {"field_type": kind, "max_length": limit, "actual_length": len(value)}
        raise PydanticKnownError("too_long", context)


def _bounded(value: object) -> object:
    """Return JSON of which no part is too large; checked without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for part in level:
            if isinstance(part, str):
                if len(part) > MAX_TEXT:
                    raise PydanticKnownError("string_too_long", {"max_length": MAX_TEXT})
            elif isinstance(part, list | dict):
                check_length(part, MAX_LENGTH)
                below.extend(part.values() if isinstance(part, dict) else part)
            elif isinstance(part, float) and not isfinite(part):
                raise PydanticKnownError("finite_number")
        if not below:
            return value
        level = below
    raise PydanticCustomError("depth", "is nested too deeply")


AnyJSON = Annotated[Any, AfterValidator(_bounded), WithJsonSchema({})]
Attributes = Annotated[
    dict[Annotated[str, Field(max_length=MAX_NAME)], AnyJSON], AtMost(MAX_ATTRIBUTES)
]
