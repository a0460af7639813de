"""Experiments of a running service: start, shares, stop, promotion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pennyweight.errors import PlanError
from pennyweight.serving.live.experiment import Experiment, Kind, running
from pennyweight.serving.live.publishing import Publishing
from pennyweight.serving.live.variants import SHARE_ERROR, Buckets, Variant, checked_variants

__all__ = ["ExperimentRunsError", "Experiments", "NewExperiment", "NoExperimentError"]

DAY = 86_400.0


class ExperimentRunsError(PlanError):
    """An experiment runs; another one cannot start before it ends."""


class NoExperimentError(PlanError):
    """No experiment runs, so none can be changed or ended."""


@dataclass(frozen=True)
class NewExperiment:
    """An experiment to start.

    Attributes
    ----------
    variants
        The control first.
    name
        None: "experiment" with a number.
    ends
        The planned end, epoch seconds, if any.
    kind
        ``interleave`` merges the lists of two bundles with equal shares.
    """

    variants: tuple[Variant, ...]
    name: str | None = None
    ends: float | None = None
    kind: Kind = "split"


class Experiments:
    """Starts, changes and ends experiments; each change is in the audit.

    Parameters
    ----------
    make_id
        Gives the salt of each experiment.
    keep
        Seconds for which served lists are stored: no experiment can count more.
    """

    def __init__(
        self,
        publishing: Publishing,
        *,
        clock: Callable[[], float],
        make_id: Callable[[], str],
        keep: float,
    ) -> None:
        self._publishing, self._clock = publishing, clock
        self._make_id, self._keep = make_id, keep

    def all(self) -> list[Experiment]:
        """Return all experiments, the oldest first."""
        return self._publishing.experiments()

    def running(self) -> Experiment | None:
        """Return the experiment that runs, if any."""
        return running(self.all())

    def current(self) -> Experiment:
        """Return the experiment that runs; `NoExperimentError` where none does."""
        experiments = self.all()
        last = running(experiments)
        if last is None:
            past = f" ({experiments[-1].sentence()})" if experiments else ""
            raise NoExperimentError(f"no experiment runs{past}; start one, or publish a bundle")
        return last

    def check(self, new: NewExperiment) -> Experiment:
        """Return an experiment as it would start; `PlanError` where it cannot."""
        experiments, now = self.all(), self._clock()
        last = running(experiments)
        if last is not None:
            raise ExperimentRunsError(
                f"the experiment {last.name!r} runs; stop it or promote one of its bundles first"
            )
        variants = checked_variants(new.variants)
        self._check_bundles(variants)
        if new.kind == "interleave" and [variant.share for variant in variants] != [0.5, 0.5]:
            raise PlanError(
                "kind: interleave needs two bundles with a share of 0.5 each, for all users get "
                "items of both; choose split for other shares"
            )
        name = new.name or _free_name(experiments)
        if any(experiment.name == name for experiment in experiments):
            raise PlanError(f"name: there was an experiment {name!r} already; choose another name")
        if new.ends is not None and not now < new.ends <= now + self._keep:
            raise PlanError(
                f"ends: {new.ends:.0f} is not within {self._keep / DAY:g} days from now "
                f"({now:.0f}), for which lists are kept to count outcomes; choose an end in them"
            )
        buckets = Buckets.of(variants, self._make_id())
        return Experiment(name, variants, buckets, now, "", new.ends, kind=new.kind)

    def start(self, new: NewExperiment, *, actor: str, force: bool = False) -> Experiment:
        """Divide the users between bundles; errors change nothing.

        Parameters
        ----------
        force
            Serve a bundle even if it has no item of the served one.

        Raises
        ------
        PlanError
            Shares that do not add up, an end that has passed, a name that was used, an experiment
            that runs.
        UnknownIdError, BundleError
            A bundle that is missing or damaged.
        """
        with self._publishing.lock:
            checked = self.check(new)
            doubts = self._publishing.checked_doubts(checked.variants, force=force)
            previous = self._publishing.previous()
            before = previous[0].version if previous else None
            experiment = replace(checked, started_by=actor, before=before)
            detail = f"{experiment.name}: {_shares(experiment.variants)}"
            self._publishing.change(
                experiment.variants, actor, "start experiment", detail, experiment, doubts
            )
            return experiment

    def check_shares(self, variants: Sequence[Variant]) -> Experiment:
        """Return the experiment with other shares; `PlanError` where it cannot have them."""
        return self.current().with_shares(checked_variants(variants))

    def change_shares(self, variants: Sequence[Variant], *, actor: str) -> float:
        """Change the shares of the bundles, and count anew; return the share of users who move.

        No more users move than the change of shares demands.
        """
        with self._publishing.lock:
            now, then = self.current(), self.check_shares(variants)
            if now.variants == then.variants:
                return 0.0
            moved = now.buckets.moved(then.buckets)
            detail = f"{then.name}: {_shares(then.variants)}"
            self._publishing.change(then.variants, actor, "change shares", detail, then)
            return moved

    def split(self, variants: Sequence[Variant], *, actor: str, force: bool = False) -> None:
        """Serve one bundle to all users, or start an experiment or change its shares."""
        with self._publishing.lock:
            if len(variants) == 1:
                if abs(variants[0].share - 1) > SHARE_ERROR:
                    raise PlanError(f"a share of {variants[0].share:g}: shares must add up to 1")
                self._publishing.serve(variants[0].version, actor=actor, force=force)
                return
            last = self.running()
            versions = {variant.version for variant in variants}
            if last is not None and {variant.version for variant in last.variants} == versions:
                self.change_shares(variants, actor=actor)
            else:
                self.start(NewExperiment(tuple(variants)), actor=actor, force=force)

    def stop(self, *, actor: str) -> Experiment:
        """Serve the control to all users."""
        with self._publishing.lock:
            experiment = self.current().finished(self._clock(), actor)
            return self._end(experiment, experiment.control, actor, "stop experiment")

    def promote(self, version: str, *, actor: str) -> Experiment:
        """Serve one bundle of the experiment to all users."""
        with self._publishing.lock:
            last = self.current()
            last.member(version)
            experiment = last.finished(self._clock(), actor, version)
            return self._end(experiment, version, actor, "promote")

    def _end(self, experiment: Experiment, version: str, actor: str, action: str) -> Experiment:
        detail = f"{experiment.name}: {version} 1"
        self._publishing.change([Variant(version, 1.0)], actor, action, detail, experiment)
        return experiment

    def _check_bundles(self, variants: Sequence[Variant]) -> None:
        for variant in variants:
            self._publishing.bundles.path(variant.version)


def _free_name(experiments: Sequence[Experiment]) -> str:
    names, n = {experiment.name for experiment in experiments}, len(experiments) + 1
    while f"experiment {n}" in names:
        n += 1
    return f"experiment {n}"


def _shares(variants: Sequence[Variant]) -> str:
    return ", ".join(f"{variant.version} {variant.share:g}" for variant in variants)
