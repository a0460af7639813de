"""Whether the service can do its work, and the reason where it cannot."""

from typing import NamedTuple

from pennyweight.serving.backlog import STUCK_SECONDS
from pennyweight.serving.http.admission import Admission
from pennyweight.serving.live.engine import Engine

__all__ = ["Readiness", "readiness"]


class Readiness(NamedTuple):
    """Whether requests should be sent here.

    Attributes
    ----------
    status
        ``ready``, ``loading``, ``damaged``, ``stuck`` or ``full``.
    reason
        A sentence without names of files; also on requests that are refused while others are
        answered.
    """

    status: str
    reason: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether lists can be given."""
        return self.status == "ready"


def readiness(engine: Engine, admission: Admission | None = None) -> Readiness:
    """Return whether a service is ready; costs nothing and never waits."""
    if not engine.is_ready:
        return Readiness("loading", "No bundle is loaded yet.")
    if engine.store.integrity.damage is not None:
        return Readiness(
            "damaged",
            "The store is damaged; the log says how. Stop the service "
            "and put back a copy of the store.",
        )
    for name, backlog in (
        ("scoring", engine.lists.batching.backlog),
        ("writing", engine.store.writer.backlog),
    ):
        if (seconds := backlog.stuck_for) > STUCK_SECONDS:
            return Readiness(
                "stuck",
                f"A thread has been {name} the same for {seconds:.0f} s; "
                "if that lasts, start the service again.",
            )
    if admission is not None and admission.is_full:
        return Readiness("full", "More requests come than can be answered in time.")
    for backlog in (engine.lists.batching.backlog, engine.store.writer.backlog):
        if (refusal := backlog.refusal(urgent=True)) is not None:
            return Readiness("full", f"The queue is full: {refusal}.")
    if engine.store.refusal is not None:
        return Readiness("ready", f"Lists are given; events are refused: {engine.store.refusal}.")
    return Readiness("ready")
