"""Calls about bundles, their outcomes, and the state of the service."""

from collections.abc import Mapping

from pennyweight.client.calls import LONG, Call, path_of
from pennyweight.client.synchronous.connection import Connection
from pennyweight.records import given
from pennyweight.responses import (
    AuditLog,
    BundleOverview,
    Health,
    OutcomeReport,
    ServiceStatus,
    ServiceVersion,
)

__all__ = ["BundleCalls"]


class BundleCalls(Connection):
    """Bundles, outcomes of lists, audit, health. Changes of bundles are not retried."""

    def list_bundles(self) -> BundleOverview:
        """List the available and the served bundles."""
        return self._read(BundleOverview, Call("GET", "/v1/bundles"))

    def add_bundle(self, path: str, *, publish: bool = True) -> BundleOverview:
        """Add a bundle from a directory of the server and, by default, serve it."""
        return self._change("POST", "/v1/bundles", {"path": path, "publish": publish})

    def split_traffic(self, shares: Mapping[str, float]) -> BundleOverview:
        """Serve one bundle to all users, or two to a share each: version -> share."""
        variants = [{"bundle_version": name, "share": share} for name, share in shares.items()]
        return self._change("PUT", "/v1/bundles/traffic-split", {"variants": variants})

    def delete_bundle(self, bundle_version: str) -> BundleOverview:
        """Delete a bundle that is neither served nor the previous one."""
        return self._change("DELETE", path_of("/v1/bundles", bundle_version), None)

    def roll_back(self) -> BundleOverview:
        """Serve the previous bundles again."""
        return self._change("POST", "/v1/bundles/rollback", None)

    def feedback(self, *, window: float | None = None) -> OutcomeReport:
        """Report the outcomes of lists since the last change of the traffic split."""
        return self._read(OutcomeReport, Call("GET", "/v1/feedback", given(window=window)))

    def audit(self, *, limit: int = 100) -> AuditLog:
        """List the actions of administrators, newest first."""
        return self._read(AuditLog, Call("GET", "/v1/audit", {"limit": limit}))

    def live(self) -> Health:
        """Return the status as long as the process responds."""
        return self._read(Health, Call("GET", "/health/live"))

    def ready(self) -> Health:
        """Return the status, and the reason if clients should not send requests now."""
        return self._read(Health, Call("GET", "/health/ready", expected=(503,)))

    def metrics(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        return (self._send(Call("GET", "/metrics"))).text

    def status(self) -> ServiceStatus:
        """Return the state of store and disk, and the tasks with their progress."""
        return self._read(ServiceStatus, Call("GET", "/v1/status"))

    def version(self) -> ServiceVersion:
        """Return the version of the package and of the bundles."""
        return self._read(ServiceVersion, Call("GET", "/v1/version"))

    def _change(self, method: str, path: str, body: Mapping[str, object] | None) -> BundleOverview:
        call = Call(method, path, body=body, is_safe=False, timeout=LONG)
        return self._read(BundleOverview, call)
