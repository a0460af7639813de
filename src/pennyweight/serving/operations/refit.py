"""Refit: live events and items go into a new bundle, which is judged beside the served one."""

import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from pennyweight.bundle import Bundle, Origin, open_bundle
from pennyweight.bundle.provenance import exported_position
from pennyweight.bundle.reader import package_version
from pennyweight.errors import BusyError, PennyweightError, StoreError
from pennyweight.fitting.job import Job
from pennyweight.formatting import count, size
from pennyweight.machine.machine import matrix_threads
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.progress.update import Progress, ShowProgress
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.protocol import Scorer
from pennyweight.serving.export import ExportSummary, export, served_version
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.exports import exporting
from pennyweight.serving.live.last_runs import REFIT_RUN, LastRun, Outcome, note_run
from pennyweight.serving.live.publishing import TRAFFIC
from pennyweight.serving.live.served_bundle import ServedBundle
from pennyweight.serving.live.task_progress import noted_progress
from pennyweight.serving.live_folder import (
    BUNDLES,
    REFIT,
    STORE,
    check_live_folder,
    discard_refit,
)
from pennyweight.serving.operations.judging import (
    Judgement,
    OfOtherItems,
    judge,
    newest_choices,
)
from pennyweight.serving.operations.new_events import NewEvents, new_events
from pennyweight.serving.operations.refit_fit import BundleFit, refit_plan
from pennyweight.serving.operations.refit_settings import NEW, Mode, PublishIf
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.storage.files import write_atomic
from pennyweight.storage.private import owner_only

__all__ = ["Refit", "RefitResult"]

JUDGED = 0.5  # share of the new events that judge the new bundle; it learns the earlier ones
FRESH = 86_400.0  # seconds for which a refit that died is gone on with
ROOM = 3  # times the size of the served bundle that must be free on the disk
EXPORT, WARM_STAGES = "export", ("fit", "judge", "final")
LOCK = "lock.refit"
TASK, ITEMS, EVENTS = "task.json", "items.parquet", "events.parquet"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefitResult:
    """The result of a refit.

    Attributes
    ----------
    mode
        How it was fitted.
    parent
        Version of the bundle that was served.
    new_events
        Events that the served bundle has not learned from.
    arrived
        Events that came in since the data of the served bundle, whether a fit uses them or not.
    judgement
        None where there are no new events.
    bundle
        The new bundle, None where none was made.
    is_split
        Whether an experiment runs: a publication would end it.
    may_publish
        Whether the judgement allows it, and the traffic is not split.
    seconds, processor_seconds
        Time spent, and processor time of all threads.
    """

    mode: Mode
    parent: str
    new_events: int
    arrived: int
    judgement: Judgement | None
    bundle: Path | None
    is_split: bool
    may_publish: bool
    seconds: float
    processor_seconds: float

    def outcome(self, *, published: bool) -> Outcome:
        """Return how the refit ended, if its bundle was published or not."""
        if self.judgement is None:
            return "nothing-new"
        if published:
            return "published"
        return "saved" if self.may_publish else "not-published"

    def sentence(self) -> str:
        """Return the result in words."""
        if self.judgement is None:
            if not self.arrived:
                return "no event has come in since the served bundle: nothing to judge by"
            return (
                f"none of the {count(self.arrived, 'event')} since the served bundle is new to it: "
                "nothing to judge by (a fit leaves out dislikes, ignored types, unknown items and "
                "repetitions)"
            )
        if self.is_split:
            return f"{self.judgement.sentence()}; an experiment runs, and a refit does not end it"
        return self.judgement.sentence()


class Refit:
    """A refit of the bundle that a service serves; the service may run meanwhile.

    Work lies in the folder ``refit`` of the service until it is delivered. A refit that died goes
    on where its last stage ended, if it has the same settings and parent and is not older than a
    day. The served bundle and the store are only read.

    Parameters
    ----------
    folder
        The folder of the service.
    mode
        ``full`` measures and chooses anew, by the plan of the served bundle. ``warm`` keeps
        choices and weights, and goes on from its vectors.
    publish_if
        When the new bundle may be published.
    """

    def __init__(
        self, folder: Path, *, mode: Mode = "warm", publish_if: PublishIf = "not-worse"
    ) -> None:
        self.folder, self.work = folder, folder / REFIT
        self.mode, self.publish_if = mode, publish_if

    def run(
        self,
        deliver: Callable[[RefitResult], bool],
        *,
        keep: bool = False,
        progress: Progress = False,
    ) -> RefitResult:
        """Fit, judge, and hand the result to `deliver`; then the work is deleted.

        Parameters
        ----------
        deliver
            Publishes or copies the bundle, and returns whether it was published; called while it
            exists.
        keep
            Make a bundle even if it may not be published.

        Raises
        ------
        BusyError
            Another refit of this folder is under way.
        DataError, PlanError, BundleError, StoreError, BudgetError
            The data or the served bundle cannot be used, or the machine is too small.
        """
        check_live_folder(self.folder)
        with owner_only():
            self.work.mkdir(mode=0o700, exist_ok=True)
            with (
                _alone(self.folder),
                _noted(self.folder) as note,
                noted_progress(self.folder, "refit") as show,
            ):
                result = self._made() or self._fit(keep, progress, show)
                published = deliver(result)
                discard_refit(self.folder)
                note(result.outcome(published=published))
        return result

    def _made(self) -> RefitResult | None:
        """Return the result of a refit that died after its bundle was saved."""
        parent = _parent(self.folder)
        if not self._is_same_task(parent) or not (self.work / NEW).exists():
            return None
        bundle, is_split = open_bundle(self.work / NEW), _is_split(self.folder)
        lineage = (bundle.manifest.fitted_from or {}).get("refit") or {}
        judgement = Judgement.from_json(lineage["judgement"])
        _log.warning("%s: goes on with the bundle that an earlier refit made", self.folder)
        return RefitResult(
            self.mode,
            parent.path.name,
            int(lineage["new_events"]),
            int(lineage["new_events"]),
            judgement,
            bundle.path,
            is_split,
            judgement.allows(self.publish_if) and not is_split,
            0.0,
            0.0,
        )

    def _task(self, parent: Bundle) -> dict[str, Any]:
        return {"mode": self.mode, "parent": parent.sha256, "pennyweight": package_version()}

    def _is_same_task(self, parent: Bundle) -> bool:
        path = self.work / TASK
        try:
            task = json.loads(path.read_bytes())
            age = time.time() - path.stat().st_mtime
        except (OSError, ValueError):
            return False
        settings = {name: task.get(name) for name in self._task(parent)}
        return settings == self._task(parent) and 0 <= age < FRESH

    def _fit(self, keep: bool, progress: Progress, show: ShowProgress) -> RefitResult:
        began, processor = time.monotonic(), time.process_time()
        parent = _parent(self.folder)
        _check_room(self.folder, parent)
        # A warm refit leaves the other cores to the service: its matrix products are small.
        threads = 1 if self.mode == "warm" else matrix_threads()
        with tracked(progress, show) as tracker, threadpool_limits(threads):
            if self.mode == "warm":
                tracker.expect(map(ExpectedStage, (EXPORT, "read", *WARM_STAGES)))
            tracker(EXPORT)
            summary = self._exported(parent)
            served = _served(self.folder, parent.path.name)
            plan = refit_plan(served.recommender, summary)
            job = Job(
                self.work / ITEMS, self.work / EVENTS, plan, tracker, final=True, whole=self._stages
            )
            new = self._new_events(job, served, summary)
            judgement, path, may_publish = None, None, False
            is_split = _is_split(self.folder)
            if len(new):
                fit = BundleFit(job, self.mode, served.recommender, parent.path)
                scorer, judgement = self._judged(fit, served, new)
                may_publish = judgement.allows(self.publish_if) and not is_split
                if may_publish or keep:
                    path = self._saved(fit.final(scorer), job.origin, judgement, len(new), parent)
        return RefitResult(
            self.mode,
            parent.path.name,
            len(new),
            new.arrived,
            judgement,
            path,
            is_split,
            may_publish,
            time.monotonic() - began,
            time.process_time() - processor,
        )

    def _stages(self, fit: Sequence[ExpectedStage]) -> Sequence[ExpectedStage]:
        """Return the stages of the refit, from those of a fit."""
        if self.mode == "warm":
            return [*fit[:1], *map(ExpectedStage, WARM_STAGES)]
        final = [stage for stage in fit if stage.name.startswith("final ")]
        return [*fit, ExpectedStage("judge"), *final]

    def _new_events(self, job: Job, served: ServedBundle, exported: ExportSummary) -> NewEvents:
        data, learned = job.data, served.recommender.interactions
        return new_events(
            self.folder,
            range(served.covered.events + 1, exported.position.seq + 1),
            data.interactions,
            data.catalog,
            (learned, served.catalog),
        )

    def _judged(
        self, fit: BundleFit, served: ServedBundle, new: NewEvents
    ) -> tuple[Scorer, Judgement]:
        """Fit to all events but the newest new ones, and judge by these."""
        since = new.newest(JUDGED)
        judged = new.since(since)
        scorer, job = fit.without(judged, new.negative_since(since)), fit.job
        with job.stages.stage("judge"):
            rng = np.random.default_rng(job.seed)
            listed = fit.as_listed(served.recommender.scorer)
            judgement = judge(
                OfOtherItems(listed, served.catalog.ids, fit.data.catalog.ids),
                fit.as_listed(scorer),
                newest_choices(fit.data.interactions, judged, repeats=fit.repeats, rng=rng),
                repeats=fit.repeats,
                seed=job.seed,
            )
        return scorer, judgement

    def _exported(self, parent: Bundle) -> ExportSummary:
        """Export items and events, or return what a refit that died has exported."""
        files = self.work / ITEMS, self.work / EVENTS
        if self._is_same_task(parent) and all(map(exported_position, files)):
            _log.warning("%s: goes on with the data that an earlier refit exported", self.folder)
            return ExportSummary.from_json(json.loads((self.work / TASK).read_bytes())["export"])
        discard_refit(self.folder)
        summary = export(self.folder, *files)
        task = self._task(parent) | {"export": summary.to_json()}
        write_atomic(self.work / TASK, json.dumps(task).encode())
        return summary

    def _saved(
        self,
        recommender: Recommender,
        origin: Origin,
        judgement: Judgement,
        new_events: int,
        parent: Bundle,
    ) -> Path:
        """Save the new bundle with its lineage, without users who were erased meanwhile."""
        lineage = {
            "mode": self.mode,
            "parent": parent.sha256,
            "new_events": new_events,
            "judgement": judgement.to_json(),
        }
        recommender.origin = replace(origin, refit=lineage)
        log = recommender.interactions
        with exporting(self.folder), closing(SQLiteStore(self.folder / STORE)) as store:
            erased = () if log is None else store.erased(list(log.users))
            if log is not None and erased:
                recommender.interactions = log.without_users(erased)
            recommender.save(self.work / NEW, overwrite=True, parent=parent.sha256)
        return self.work / NEW


@contextmanager
def _noted(folder: Path) -> Iterator[Callable[[Outcome], None]]:
    """Note in the folder of the service how a refit ended."""

    def note(outcome: Outcome) -> None:
        note_run(folder, REFIT_RUN, LastRun(time.time(), outcome))

    try:
        yield note
    except (PennyweightError, MemoryError, OSError):
        note("failed")
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other refits of a folder out; `BusyError` where one is under way."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(f"{folder}: another refit is under way; wait for its end") from None
        yield
    finally:
        os.close(handle)


def _parent(folder: Path) -> Bundle:
    """Return the bundle that is served to most users, as its service has it."""
    with closing(SQLiteStore(folder / STORE)) as store:
        version, _ = served_version(store, BundleStore(folder / BUNDLES))
    return open_bundle(folder / BUNDLES / version, verify=False)


def _is_split(folder: Path) -> bool:
    """Return whether an experiment divides the users between bundles."""
    with closing(SQLiteStore(folder / STORE)) as store:
        return len(store.setting(TRAFFIC) or ()) > 1


def _served(folder: Path, version: str) -> ServedBundle:
    """Return a bundle with the live items, as it is served."""
    bundles = BundleStore(folder / BUNDLES)
    with closing(SQLiteStore(folder / STORE)) as store:
        name, covered = served_version(store, bundles)
        if name != version:
            raise StoreError(f"{folder}: another bundle was published meanwhile; refit again")
        items = store.items()
    return bundles.load(version, covered).with_items(items)


def _check_room(folder: Path, parent: Bundle) -> None:
    needed = ROOM * parent.nbytes + (folder / STORE).stat().st_size
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreError(
            f"{folder}: a refit needs {size(needed)} of the disk, and {size(free)} are free; make "
            "room, or delete bundles that are not served"
        )
