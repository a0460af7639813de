"""The record of an experiment: two or more bundles that share the users for a time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pennyweight.errors import PlanError
from pennyweight.serving.live.variants import Buckets, Variant

__all__ = ["EXPERIMENTS", "Experiment", "Kind", "State", "replaced", "running"]

EXPERIMENTS = "experiments"  # a setting in the store: all of them, the oldest first

State = Literal["running", "stopped", "promoted"]
Kind = Literal["split", "interleave"]


@dataclass(frozen=True)
class Experiment:
    """Bundles that share the users, from a start until it is stopped or a bundle is promoted.

    Attributes
    ----------
    name
        Unique.
    variants
        The first is the control, which all users get when the experiment is stopped.
    buckets
        Which users get which bundle.
    started, started_by
        Epoch seconds, and the name of a key.
    ends
        The planned end, epoch seconds, if any.
    state, ended, ended_by
        What became of it, when (epoch seconds), and by whom.
    promoted
        The bundle that all users got at the end.
    before
        The bundle that a rollback would have served before the start, if any.
    kind
        ``split`` gives each user one of the bundles, ``interleave`` merges the lists of two.
    """

    name: str
    variants: tuple[Variant, ...]
    buckets: Buckets
    started: float
    started_by: str
    ends: float | None = None
    state: State = "running"
    ended: float | None = None
    ended_by: str | None = None
    promoted: str | None = None
    before: str | None = None
    kind: Kind = "split"

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Experiment":
        """Return the experiment of a setting."""
        buckets = row["buckets"]
        return cls(
            **{
                **row,
                "variants": tuple(Variant(**variant) for variant in row["variants"]),
                "buckets": Buckets(
                    buckets["salt"], tuple(buckets["stops"]), tuple(buckets["versions"])
                ),
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return the experiment as JSON values."""
        return asdict(self)

    @property
    def control(self) -> str:
        """The bundle that the others are compared with."""
        return self.variants[0].version

    @property
    def label(self) -> str | None:
        """What interleaved lists have in the place of a bundle; None for other experiments."""
        if self.kind == "split":
            return None
        return "+".join(variant.version for variant in self.variants)

    def member(self, version: str) -> str:
        """Return the version of one of the bundles; `PlanError` for another one."""
        versions = [variant.version for variant in self.variants]
        if version not in versions:
            raise PlanError(
                f"the experiment {self.name!r} has no bundle {version!r}; choose one of "
                f"{', '.join(versions)}"
            )
        return version

    def with_shares(self, variants: tuple[Variant, ...]) -> "Experiment":
        """Return the experiment with other shares; `PlanError` where the bundles differ."""
        versions = [variant.version for variant in self.variants]
        if self.kind == "interleave":
            raise PlanError(f"{self.name!r} interleaves lists for all users; it has no shares")
        if {variant.version for variant in variants} != set(versions):
            raise PlanError(
                f"the experiment {self.name!r} has the bundles {', '.join(versions)}; give a share "
                "to each of these, or stop it and start another one"
            )
        ordered = sorted(variants, key=lambda variant: versions.index(variant.version))
        return replace(self, variants=tuple(ordered), buckets=self.buckets.with_shares(ordered))

    def finished(self, now: float, actor: str, promoted: str | None = None) -> "Experiment":
        """Return the experiment with its end; a clock that was set back ends it at its start."""
        return replace(
            self,
            state="stopped" if promoted is None else "promoted",
            ended=max(now, self.started),
            ended_by=actor,
            promoted=promoted,
        )

    def sentence(self) -> str:
        """Return the state in words."""
        if self.state == "running":
            act = "running" if self.kind == "split" else "interleaving"
            end = "" if self.ends is None else f", planned until {_date(self.ends)}"
            return f"{self.name}: {act} since {_date(self.started)}{end}"
        act = "stopped" if self.promoted is None else f"{self.promoted} promoted"
        return f"{self.name}: {act} on {_date(self.ended or self.started)} by {self.ended_by}"


def running(experiments: Sequence[Experiment]) -> Experiment | None:
    """Return the experiment that runs: the last one or none."""
    last = experiments[-1] if experiments else None
    return last if last is not None and last.state == "running" else None


def replaced(experiments: Sequence[Experiment], last: Experiment) -> list[dict[str, Any]]:
    """Return the value of the setting, with another version of the last experiment."""
    return [experiment.to_json() for experiment in (*experiments[:-1], last)]


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
