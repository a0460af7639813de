"""Curves of a training as TensorBoard event files."""

from pathlib import Path
from types import TracebackType
from typing import Self

from pennyweight.errors import MissingExtraError

try:
    from tensorboardX import SummaryWriter
except ImportError as error:
    raise MissingExtraError("event files of a training", "train") from error

__all__ = ["Events"]


class Events:
    """Writes scalars to a folder that ``tensorboard --logdir`` reads.

    Parameters
    ----------
    step
        The step that a training goes on from: what an earlier run wrote after it is hidden.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def write(self, step: int, **values: float) -> None:
        """Write values by name, at a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """Bring what was written to disk."""
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
