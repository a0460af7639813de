"""Curves of a training as TensorBoard event files."""

import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pennyweight.errors import MissingExtraError

try:
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.summary import scalar
except ImportError as error:
    raise MissingExtraError("event files of a training", "train") from error

__all__ = ["Events"]


class Events:
    """Writes scalars to a folder that ``tensorboard --logdir`` reads.

    The writer below tensorboardX's usual one: that has a thread of its own, and a kill would
    lose the steps not yet written, behind a checkpoint that is on disk already.

    Parameters
    ----------
    step
        The step that a training goes on from: later entries of an earlier run are hidden.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Its own name has whole seconds: a run that goes on at once would write over the last.
        self._writer = EventsWriter(str(folder / "events"), f".{time.time_ns()}")
        if step:
            self._write(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        self._writer.write_event(event)

    def write(self, step: int, **values: float) -> None:
        """Write values by name, at a step."""
        for name, value in values.items():
            self._write(Event(step=step, summary=scalar(name, value)))

    def flush(self) -> None:
        """Flush the file to disk."""
        self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
