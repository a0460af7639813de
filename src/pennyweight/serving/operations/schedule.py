"""The times of refits, and a thread of the service that runs them in a separate process."""

import json
import logging
import subprocess
import threading
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from pennyweight.errors import PennyweightError
from pennyweight.formatting import count
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.operations.refit_settings import (
    Mode,
    ProcessSettings,
    PublishIf,
    is_refit,
)

__all__ = ["KEPT", "RefitSchedule", "RefitTimes", "next_refit"]

DAY = 86_400.0
KEPT = 5  # bundles of refits, by default
SLACK = 3_600.0  # seconds by which a refit may come early: clocks change, and refits take long
LAST, LAST_FULL = "last refit", "last full refit"  # settings of the store, epoch seconds
ACTOR = "refit"
ENDING = 10.0  # seconds for the process to end

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefitTimes:
    """When a service refits, and how.

    Attributes
    ----------
    every
        Seconds between refits.
    at
        Local time of day, if any: of the refits, or of the first of several a day.
    full_every
        Seconds between full refits; None: all are warm.
    publish_if
        When a bundle is published.
    memory
        Bytes that the process may hold; None for no limit.
    keep
        How many bundles of refits are kept; older ones are deleted.
    """

    every: float
    at: time | None = None
    full_every: float | None = None
    publish_if: PublishIf = "not-worse"
    memory: int | None = None
    keep: int = KEPT


def next_refit(times: RefitTimes, now: float, last: float) -> float:
    """Return when the next refit begins, epoch seconds.

    Parameters
    ----------
    last
        When the last one began, or the service if there was none.
    """
    if times.at is None:
        return max(now, last + times.every)
    slack = min(SLACK, times.every / 2)
    day = datetime.fromtimestamp(now).date() - timedelta(days=1)
    while True:
        anchor = datetime.combine(day, times.at).astimezone().timestamp()
        moment = anchor
        while moment < anchor + DAY - slack:
            if moment > now and moment >= last + times.every - slack:
                return moment
            moment += times.every
        day += timedelta(days=1)


class RefitSchedule:
    """Refits at its times, until it is closed.

    The result is in the log; where nothing was published or the refit failed, a note tells
    operators.

    Parameters
    ----------
    engine
        The running service, which publishes the bundles.
    folder
        Its folder.
    """

    def __init__(self, engine: Engine, folder: Path, times: RefitTimes) -> None:
        self._engine, self._folder, self._times = engine, folder, times
        self._stopping = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._run, name="pennyweight-refit", daemon=True)
        self._began = engine.clock()

    def begin(self) -> None:
        """Wait for the first refit in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop; a refit under way ends, and the next one goes on with its work."""
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()
        self._thread.join()

    def _run(self) -> None:
        while True:
            clock = self._engine.clock
            last = max(self._began, float(self._engine.store.setting(LAST) or 0))
            wait = next_refit(self._times, clock(), last) - clock()
            if self._stopping.wait(max(0.0, wait)):
                return
            try:
                self.refit()
            except (OSError, ValueError, PennyweightError) as error:
                self._note(f"the refit failed: {error}")

    def refit(self) -> None:
        """Refit now, and publish the bundle if it may be."""
        now = self._engine.clock()
        mode = self._mode(now)
        settings = {LAST: now} | ({LAST_FULL: now} if mode == "full" else {})
        self._engine.store.save_settings(settings)
        command = ProcessSettings(mode, self._times.publish_if, self._times.memory)
        with subprocess.Popen(
            command.command(self._folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the service, which ends it
        ) as process:
            self._process = process
            try:
                self._serve(process, mode)
            finally:
                self._process = None
                process.terminate()
        if process.returncode and not self._stopping.is_set():
            self._note(f"the {mode} refit ended with code {process.returncode}")

    def _serve(self, process: "subprocess.Popen[str]", mode: Mode) -> None:
        """Read the result of the process, and publish its bundle."""
        assert process.stdin is not None and process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait()
            return
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            self._note(f"the {mode} refit failed: {answer['error']}")
        elif not answer["may_publish"]:
            if answer["new_events"]:
                self._note(f"the bundle of a {mode} refit was not published: {answer['result']}")
        elif self._engine.experiments.running() is not None:  # since the judgement
            self._note(f"the bundle of a {mode} refit was not published: an experiment runs")
            process.stdin.close()
            process.stdout.read()  # its error, that nothing was published
        else:
            publishing = self._engine.publishing
            publishing.publish(answer["bundle"], actor=ACTOR)
            process.stdin.write("published\n")
            process.stdin.flush()
            _log.warning("the bundle of a %s refit was published: %s", mode, answer["result"])
            self._engine.notes.pop(ACTOR, None)
            self._prune()
        process.wait(ENDING)

    def _prune(self) -> None:
        try:
            dropped = self._engine.publishing.prune(
                self._times.keep, actor=ACTOR, among=lambda stored: is_refit(stored, self._folder)
            )
        except PennyweightError as error:
            self._note(f"old bundles of refits cannot be deleted: {error}")
            return
        if dropped:
            kept = count(self._times.keep, "bundle")
            _log.warning("deleted %s: %s of refits are kept", ", ".join(dropped), kept)

    def _mode(self, now: float) -> Mode:
        every = self._times.full_every
        if every is None:
            return "warm"
        last = self._engine.store.setting(LAST_FULL)
        return "full" if last is None or now - float(last) >= every - SLACK else "warm"

    def _note(self, text: str) -> None:
        self._engine.notes.add(ACTOR, text)
