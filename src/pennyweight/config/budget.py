"""A budget of resources, of loss in quality, and the tasks that it is measured on."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError

from pennyweight.config.frozen import FrozenModel, refusal
from pennyweight.errors import PlanError, did_you_mean

__all__ = ["TASKS", "Budget", "Task", "parse_bytes", "parse_share", "parse_tasks"]

Task = Literal["lists", "search", "new-items"]
TASKS: tuple[Task, ...] = ("lists", "search", "new-items")

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


def parse_tasks(value: object) -> object:
    """Return tasks such as ``"lists,search"`` or ``["lists", "search"]`` as a tuple of names.

    Raises
    ------
    PlanError
        When a name is unknown, given twice, or none is given.
    """
    if isinstance(value, str):
        value = re.split(r"[,+]", value)
    if not isinstance(value, list | tuple):
        return value
    names = [str(name).strip() for name in value]
    for name in names:
        if name not in TASKS:
            raise PlanError(
                f"tasks: {name!r} is not one of {', '.join(TASKS)}{did_you_mean(name, TASKS)}"
            )
    if not names or len(set(names)) < len(names):
        raise PlanError("tasks: name one task or more, each once")
    return tuple(names)


Bytes = Annotated[int, Field(gt=0), BeforeValidator(parse_bytes)]
Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(parse_share)]
Rate = Annotated[float, Field(gt=0)]
Tasks = Annotated[tuple[Task, ...], BeforeValidator(parse_tasks)]


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
        Share of the quality of each task that may be lost, 0 to 1.
    memory_bytes
        Peak resident memory of the process.
    tasks
        The tasks that `max_loss` applies to: ``lists``, ``search`` (by categories and for known
        items) and ``new-items``; None for all that the recommender serves.
    """

    max_encoder_bytes: Bytes | None = None
    max_index_bytes: Bytes | None = None
    max_ms_per_text: Rate | None = None
    min_texts_per_second: Rate | None = None
    max_loss: Share | None = None
    memory_bytes: Bytes | None = None
    tasks: Tasks | None = None

    @property
    def unlimited(self) -> bool:
        """Whether nothing is limited."""
        return self == Budget(tasks=self.tasks)

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> "Budget":
        """Read limits by name: sizes such as ``"25MB"``, shares such as ``"1%"``, and tasks.

        Raises
        ------
        PlanError
            When a name is unknown or a value is no size, share, task or positive number.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise PlanError(refusal(error, cls, "budget")) from None
