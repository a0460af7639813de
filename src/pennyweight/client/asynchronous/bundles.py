"""Calls about bundles, their outcomes, and the state of the service."""

from collections.abc import Mapping

from pennyweight.client.asynchronous.connection import AsyncConnection
from pennyweight.client.calls import LONG, Call, path_of
from pennyweight.records import given
from pennyweight.responses import (
    AuditLog,
    BundleOverview,
    Health,
    OutcomeReport,
    ServiceStatus,
    ServiceVersion,
)

__all__ = ["AsyncBundleCalls"]


class AsyncBundleCalls(AsyncConnection):
    """Bundles, outcomes of lists, audit, health. Changes of bundles are not retried."""

    async def list_bundles(self) -> BundleOverview:
        """List the available and the served bundles."""
        return await self._read(BundleOverview, Call("GET", "/v1/bundles"))

    async def add_bundle(self, path: str, *, publish: bool = True) -> BundleOverview:
        """Add a bundle from a directory of the server and, by default, serve it."""
        return await self._change("POST", "/v1/bundles", {"path": path, "publish": publish})

    async def split_traffic(self, shares: Mapping[str, float]) -> BundleOverview:
        """Serve one bundle to all users, or two to a share each: version -> share."""
        variants = [{"bundle_version": name, "share": share} for name, share in shares.items()]
        return await self._change("PUT", "/v1/bundles/traffic-split", {"variants": variants})

    async def delete_bundle(self, bundle_version: str) -> BundleOverview:
        """Delete a bundle that is neither served nor the previous one."""
        return await self._change("DELETE", path_of("/v1/bundles", bundle_version), None)

    async def roll_back(self) -> BundleOverview:
        """Serve the previous bundles again."""
        return await self._change("POST", "/v1/bundles/rollback", None)

    async def feedback(self, *, window: float | None = None) -> OutcomeReport:
        """Report the outcomes of lists since the last change of the traffic split."""
        return await self._read(OutcomeReport, Call("GET", "/v1/feedback", given(window=window)))

    async def audit(self, *, limit: int = 100) -> AuditLog:
        """List the actions of administrators, newest first."""
        return await self._read(AuditLog, Call("GET", "/v1/audit", {"limit": limit}))

    async def live(self) -> Health:
        """Return the status as long as the process responds."""
        return await self._read(Health, Call("GET", "/health/live"))

    async def ready(self) -> Health:
        """Return the status, and the reason if clients should not send requests now."""
        return await self._read(Health, Call("GET", "/health/ready", expected=(503,)))

    async def metrics(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        return (await self._send(Call("GET", "/metrics"))).text

    async def status(self) -> ServiceStatus:
        """Return the state of store and disk, and the tasks with their progress."""
        return await self._read(ServiceStatus, Call("GET", "/v1/status"))

    async def version(self) -> ServiceVersion:
        """Return the version of the package and of the bundles."""
        return await self._read(ServiceVersion, Call("GET", "/v1/version"))

    async def _change(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> BundleOverview:
        call = Call(method, path, body=body, is_safe=False, timeout=LONG)
        return await self._read(BundleOverview, call)
