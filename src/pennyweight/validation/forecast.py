"""Forecast of the memory and time of `validate`, from the size of the data."""

from collections.abc import Iterator

from pennyweight.data.input_size import Volume
from pennyweight.machine.forecast import Forecast, speed
from pennyweight.progress.tracker import ExpectedStage

__all__ = ["REMEDY", "forecast", "stages"]

REMEDY = (
    "free memory, or check a part of the data: some months of events, some columns of the items"
)
PROGRAM = 165 << 20  # interpreter, libraries and tokenizer
EVENT_BYTES, ITEM_COPIES = 82, 12  # bytes of an event; copies of the items in memory
START_WORK, EVENT_WORK, BYTE_WORK = 1e11, 2.5e5, 4e4  # operations: for all, an event, a byte


# Shares of the work as measured on the demo shop; the rest is reading.
STAGES = {
    "columns": 0.4,
    "near-duplicates": 0.3,
    "personal data": 0.1,
    "behavior": 0.02,
    "leaks": 0.03,
}


def forecast(data: Volume, speed: float) -> Forecast:
    """Return the memory and the time of `validate`; `speed` in operations a second."""
    memory = {
        "program": PROGRAM,
        "events": EVENT_BYTES * data.events,
        "items": ITEM_COPIES * data.item_bytes,
    }
    work = START_WORK + EVENT_WORK * data.events + BYTE_WORK * data.item_bytes
    return Forecast(memory, work / speed)


def stages(data: Volume) -> Iterator[ExpectedStage]:
    """Yield the stages of checks on data that is read."""
    seconds = forecast(data, speed()).seconds
    for name, share in STAGES.items():
        yield ExpectedStage(name, share * seconds)
