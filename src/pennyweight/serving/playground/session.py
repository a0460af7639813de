"""A session of the playground: the simulated readers beside a service, until it stops."""

import os
import signal
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pennyweight.client import Client, ClientError, Retries
from pennyweight.serving.playground.storefront import SHOP
from pennyweight.serving.playground.traffic import SimulatedReaders

__all__ = ["PlaygroundSession"]

EXPERIMENT = "playground"
PATIENCE = 5.0  # seconds of a failure, before a visit is given up


@dataclass(frozen=True)
class PlaygroundSession:
    """What a playground does while its service runs.

    Attributes
    ----------
    books, log
        The demo shop.
    readers, seed, rate
        As of `SimulatedReaders`.
    rival
        A bundle that an experiment compares with the served one.
    key
        Of the service, if it has keys.
    seconds
        After which the service is stopped; None: never.
    browse
        Whether to open the shop in a browser.
    tell
        Called with notes for the user.
    """

    books: pl.DataFrame
    log: pl.DataFrame
    readers: int
    seed: int
    rate: float
    rival: Path
    key: str | None = None
    seconds: float | None = None
    browse: bool = False
    tell: Callable[[str], None] = lambda text: None

    def begin(self, address: str, stopping: threading.Event) -> threading.Thread:
        """Start the readers at a service that listens; return their thread, to be joined."""
        thread = threading.Thread(
            target=self._run, args=(address, stopping), name="pennyweight-playground", daemon=True
        )
        thread.start()
        return thread

    def _run(self, address: str, stopping: threading.Event) -> None:
        end = threading.Timer(self.seconds or 0.0, os.kill, (os.getpid(), signal.SIGINT))
        end.daemon = True
        if self.seconds is not None:
            end.start()
        try:
            self._visit(address, stopping)
        finally:
            end.cancel()

    def _visit(self, address: str, stopping: threading.Event) -> None:
        with Client(address, key=self.key, retries=Retries(patience=PATIENCE)) as client:
            try:
                self._compare(client)
            except ClientError as error:
                self.tell(f"no experiment: {error}")
            if self.browse and not webbrowser.open(f"{address}{SHOP}"):
                self.tell(f"no browser was found: open {address}{SHOP}")
            readers = SimulatedReaders(
                client,
                self.books,
                self.log,
                readers=self.readers,
                seed=self.seed,
                rate=self.rate,
            )
            readers.run(stopping)
        self.tell(f"{readers.visits:,} visits of simulated readers, {readers.events:,} events")

    def _compare(self, client: Client) -> None:
        """Start an experiment against the rival, unless one was started before."""
        if client.list_experiments().experiments:
            return
        before = client.list_bundles()
        (control,) = (one.bundle_version for one in before.bundles if one.share == 1)
        after = client.add_bundle(str(self.rival.absolute()), publish=False)
        known = {one.bundle_version for one in before.bundles}
        (rival,) = (one.bundle_version for one in after.bundles if one.bundle_version not in known)
        client.start_experiment({control: 0.5, rival: 0.5}, name=EXPERIMENT)
