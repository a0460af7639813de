"""Calls about experiments."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pennyweight.client.calls import LONG, Call
from pennyweight.client.synchronous.connection import Connection
from pennyweight.records import Time, given
from pennyweight.responses import (
    DetectableChange,
    ExperimentHistory,
    ExperimentStatus,
    SharesChange,
)

__all__ = ["ExperimentCalls"]

PATH = "/v1/experiments"


class ExperimentCalls(Connection):
    """Experiments: start, shares, stop, promotion. None of these changes is retried."""

    def list_experiments(self) -> ExperimentHistory:
        """List the experiments, the newest first."""
        return self._read(ExperimentHistory, Call("GET", PATH))

    def plan_experiment(
        self, *, days: int = 14, shares: Sequence[float] = (0.5,)
    ) -> DetectableChange:
        """Report the smallest change that an experiment can detect, from the users so far.

        `shares` are those of the bundles other than the control.
        """
        query = {"days": days, "shares": ",".join(map(str, shares))}
        return self._read(DetectableChange, Call("GET", f"{PATH}/plan", query))

    def start_experiment(
        self,
        shares: Mapping[str, float],
        *,
        kind: Literal["split", "interleave"] = "split",
        name: str | None = None,
        ends: Time | None = None,
    ) -> ExperimentStatus:
        """Divide the users between bundles (version -> share, the control first).

        With the kind `interleave`, the lists of two bundles are merged for all users.
        """
        body = {"variants": _variants(shares), "kind": kind} | given(name=name, ends=ends)
        return self._read(ExperimentStatus, _change("POST", PATH, body))

    def change_shares(self, shares: Mapping[str, float]) -> SharesChange:
        """Change the shares; as few users as possible move, and counting restarts."""
        call = _change("PUT", f"{PATH}/shares", {"variants": _variants(shares)})
        return self._read(SharesChange, call)

    def stop_experiment(self) -> ExperimentStatus:
        """Serve the control to all users."""
        return self._read(ExperimentStatus, _change("POST", f"{PATH}/stop", None))

    def promote_bundle(self, bundle_version: str) -> ExperimentStatus:
        """Serve one bundle of the experiment to all users; `roll_back` serves the former one."""
        call = _change("POST", f"{PATH}/promote", {"bundle_version": bundle_version})
        return self._read(ExperimentStatus, call)


def _change(method: str, path: str, body: Mapping[str, object] | None) -> Call:
    return Call(method, path, body=body, is_safe=False, timeout=LONG)


def _variants(shares: Mapping[str, float]) -> list[dict[str, object]]:
    return [{"bundle_version": name, "share": share} for name, share in shares.items()]
