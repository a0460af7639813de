"""The options of `serve` for refits."""

import re
from datetime import time
from typing import TYPE_CHECKING, get_args

from pennyweight.errors import PlanError

if TYPE_CHECKING:
    from pennyweight.serving.operations.schedule import RefitTimes

__all__ = ["refit_times"]

SECONDS = {"m": 60.0, "h": 3_600.0, "d": 86_400.0}
SHORTEST = 60.0  # seconds


def refit_times(
    every: str | None,
    at: str | None,
    full_every: str | None,
    publish_if: str,
    memory: str | None,
    keep: int | None = None,
) -> "RefitTimes | None":
    """Return the times of refits, None for no refits; `PlanError` names a bad option."""
    from pennyweight.config.budget import parse_bytes
    from pennyweight.machine.machine import total_memory
    from pennyweight.serving.operations.refit_settings import PublishIf
    from pennyweight.serving.operations.schedule import KEPT, RefitTimes

    if every is None:
        given = {
            "--refit-at": at,
            "--refit-full-every": full_every,
            "--refit-memory": memory,
            "--refit-keep": keep,
        }
        for option, value in given.items():
            if value is not None:
                raise PlanError(f"{option} needs --refit-every, such as --refit-every 24h")
        return None
    conditions: dict[str, PublishIf] = {name: name for name in get_args(PublishIf)}
    if publish_if not in conditions:
        raise PlanError(f"--refit-publish-if {publish_if!r}: one of {', '.join(conditions)}")
    nbytes = total_memory() // 2 if memory is None else parse_bytes(memory)
    assert isinstance(nbytes, int)
    return RefitTimes(
        _seconds(every, "--refit-every"),
        None if at is None else _time_of_day(at),
        None if full_every is None else _seconds(full_every, "--refit-full-every"),
        conditions[publish_if],
        nbytes,
        KEPT if keep is None else keep,
    )


def _seconds(text: str, option: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhd])\s*", text)
    seconds = float(match[1]) * SECONDS[match[2]] if match else 0.0
    if seconds < SHORTEST:
        raise PlanError(
            f"{option} {text!r}: a time from 1m on with its unit, such as 30m, 24h or 7d"
        )
    return seconds


def _time_of_day(text: str) -> time:
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip())
    if match is None:
        raise PlanError(f"--refit-at {text!r}: a time of day such as 03:00")
    return time(int(match[1]), int(match[2]))
