"""Vectors of searches from the server of an encoder, fetched before the lists are ranked."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pennyweight.serving.live.served_bundle import ServedBundle

__all__ = ["RemoteQueries"]

_log = logging.getLogger(__name__)

THREADS = 8  # requests to a server at a time
GRACE = 0.1  # seconds beyond the time limit of a request


class RemoteQueries:
    """Searches that a bundle's encoder cannot encode here.

    A search waits for its vector no longer than the time limit, and no other list waits for it.
    Without the vector, the other scorers answer.

    Parameters
    ----------
    host
        The host that may be asked, such as ``api.openai.com``; None for none. A bundle names the
        server of its encoder; where that is another one, no request is sent.
    timeout
        Seconds.

    Attributes
    ----------
    on_prepared
        Called for each search with whether its vectors are there.
    """

    def __init__(self, host: str | None = None, *, timeout: float = 0.3) -> None:
        self.host, self.timeout = host, timeout
        self.on_prepared: Callable[[bool], None] = lambda success: None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="pennyweight-queries")
        self._pending = 0

    def admit(self, bundle: ServedBundle) -> None:
        """Let the encoders of a bundle that was loaded ask the host, or none."""
        hosts = {encoder.settings.client.host for encoder in bundle.remote_encoders}
        if self.host is not None and self.host.lower() not in hosts:
            _log.warning(
                "--remote-queries %s: no encoder of the bundle %s is there, so it is not asked",
                self.host,
                bundle.version,
            )
        for encoder in bundle.remote_encoders:
            host = encoder.settings.client.host
            allowed = self.host is not None and host == self.host.lower()
            encoder.serve(query_timeout=self.timeout if allowed else None)
            if not allowed:
                _log.warning(
                    "bundle %s: searches and new items do without %s at %s; "
                    "--remote-queries %s allows requests",
                    bundle.version,
                    encoder.name,
                    host,
                    host,
                )

    async def prepare(self, bundle: ServedBundle, text: str | None) -> None:
        """Wait for the vectors of a search, as long as it may."""
        if not text or self.host is None:
            return
        for encoder in bundle.remote_encoders:
            if not encoder.may_ask:
                continue
            success = self._pending < THREADS and await self._fetch(encoder.prepare_queries, text)
            self.on_prepared(success)

    async def _fetch(self, prepare: Callable[[list[str]], bool], text: str) -> bool:
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, prepare, [text])
        future.add_done_callback(self._finished)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.timeout + GRACE)
        except TimeoutError:
            return False

    def _finished(self, future: "asyncio.Future[bool]") -> None:
        self._pending -= 1
        if not future.cancelled() and future.exception() is not None:
            _log.error("a search could not be prepared", exc_info=future.exception())

    def close(self) -> None:
        """Begin no further request."""
        self._pool.shutdown(wait=False, cancel_futures=True)
