"""A budget of resources and of loss in quality."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError

from pennyweight.config.frozen import FrozenModel, refusal
from pennyweight.errors import PlanError

__all__ = ["Budget", "parse_bytes", "parse_share"]

_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z%]*)\s*", re.IGNORECASE)
_UNITS = {
    f"{letter}{infix}b": base**power
    for power, letter in enumerate(("", "k", "m", "g", "t"))
    for infix, base in (("", 1_000), ("i", 1_024))
    if letter or not infix
} | {"": 1}


def parse_bytes(value: object) -> object:
    """Return a size such as ``"25MB"``, ``"1.5 GiB"`` or ``"800"`` in whole bytes.

    MB is 1,000,000 bytes, MiB 1,048,576; numbers pass unchanged.

    Raises
    ------
    PlanError
        When text is not a size.
    """
    if not isinstance(value, str):
        return value
    match = _NUMBER.fullmatch(value)
    if match is None or (unit := match[2].lower()) not in _UNITS:
        raise PlanError(f"{value!r} is not a size; write 25MB, 3GiB or a number of bytes")
    return round(float(match[1]) * _UNITS[unit])


def parse_share(value: object) -> object:
    """Return a share such as ``"1%"`` or ``"0.01"`` as a number; numbers pass unchanged.

    Raises
    ------
    PlanError
        When text is not a share.
    """
    if not isinstance(value, str):
        return value
    match = _NUMBER.fullmatch(value)
    if match is None or match[2] not in {"", "%"}:
        raise PlanError(f"{value!r} is not a share; write 1% or 0.01")
    return float(match[1]) / (100 if match[2] else 1)


Bytes = Annotated[int, Field(gt=0), BeforeValidator(parse_bytes)]
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(parse_share)]
Rate = Annotated[float, Field(gt=0)]


class Budget(FrozenModel):
    """Limits; None is no limit.

    Attributes
    ----------
    max_encoder_bytes
        The encoder on disk.
    max_index_bytes
        The item vectors in memory.
    max_ms_per_text
        Milliseconds to encode one text alone.
    min_texts_per_second
        Texts encoded a second in batches.
    max_loss
        Share of NDCG@10 one may lose against the best, 0 to 1.
    memory_bytes
        Peak resident memory of the process.
    """

    max_encoder_bytes: Bytes | None = None
    max_index_bytes: Bytes | None = None
    max_ms_per_text: Rate | None = None
    min_texts_per_second: Rate | None = None
    max_loss: Share | None = None
    memory_bytes: Bytes | None = None

    @property
    def unlimited(self) -> bool:
        """Whether nothing is limited."""
        return self == Budget()

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> "Budget":
        """Read limits by name, sizes as ``"25MB"`` and shares as ``"1%"`` if one likes.

        Raises
        ------
        PlanError
            When a name is unknown or a value is no size, share or positive number.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise PlanError(refusal(error, cls, "budget")) from None
