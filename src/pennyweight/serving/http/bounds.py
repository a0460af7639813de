"""Bounds of what a body may hold, which are looked at before its values are."""

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
STRANGE = 10  # unknown names of an object that are told one by one


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


def check_names(value: object, known: int) -> None:
    """Raise pydantic's error where an object has far more names than are known."""
    if isinstance(value, dict) and len(value) > known + STRANGE:
        told = {"n": len(value), "known": known}
        raise PydanticCustomError("names", "has {n} names, of which {known} are known", told)


def check_length(value: list[Any] | dict[str, Any], most: int) -> None:
    """Raise pydantic's error where a value has too many values itself."""
    if len(value) > most:
        kind = "Dictionary" if isinstance(value, dict) else "List"
        told = {"field_type": kind, "max_length": most, "actual_length": len(value)}
        raise PydanticKnownError("too_long", told)


def _bounded(value: object) -> object:
    """Return JSON of which no part is too large; looked through without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            if isinstance(one, str):
                if len(one) > MAX_TEXT:
                    raise PydanticKnownError("string_too_long", {"max_length": MAX_TEXT})
            elif isinstance(one, list | dict):
                check_length(one, MAX_LENGTH)
                below.extend(one.values() if isinstance(one, dict) else one)
            elif isinstance(one, float) and not isfinite(one):
                raise PydanticKnownError("finite_number")
        if not below:
            return value
        level = below
    raise PydanticCustomError("depth", "is nested too deeply")


AnyJSON = Annotated[Any, AfterValidator(_bounded), WithJsonSchema({})]
Attributes = Annotated[
    dict[Annotated[str, Field(max_length=MAX_NAME)], AnyJSON], AtMost(MAX_ATTRIBUTES)
]
