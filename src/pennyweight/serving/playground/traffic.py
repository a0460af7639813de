"""Simulated readers who ask a running service for lists, and choose from them by their taste."""

import logging
import threading
from collections.abc import Sequence

import numpy as np
import polars as pl

from pennyweight.client import Client, ClientError
from pennyweight.demo.readers import EVENTS, INCLINED, Inclinations, reader_name
from pennyweight.demo.world import NO_BOOK

__all__ = ["SimulatedReaders"]

SCENARIO = "simulated"
LISTED = 10  # books of a list
# Chance of a reader to choose nothing, beside the chances of the books that are shown.
NOTHING = 0.15
ALONE = 0.2  # chance of a reader who chose nothing to find a book without the list
IDLE = 0.2  # events for which a visit without one counts, so that visits are bounded too
PAUSE = 1.0  # seconds after an error of the service
PATIENCE = 3  # errors in a row before one is logged

_log = logging.getLogger(__name__)


class SimulatedReaders:
    """Readers of the demo shop who visit a service, one after the other.

    A reader gets a list and chooses one of its books with a chance in proportion to its own
    inclination, or nothing. So a bundle that ranks better gets more events for its lists.

    Parameters
    ----------
    client
        Of the service.
    books
        The catalog of the demo shop.
    log
        The events that the readers begin with; columns user_id and item_id, in order of time.
    readers, seed
        As of the log; the seed also draws the visits.
    rate
        Events a second, on average.
    """

    def __init__(
        self,
        client: Client,
        books: pl.DataFrame,
        log: pl.DataFrame,
        *,
        readers: int,
        seed: int,
        rate: float,
    ) -> None:
        self._client, self._rate, self._readers = client, rate, readers
        self._ids: list[str] = books["item_id"].to_list()
        self._rows = {item: row for row, item in enumerate(self._ids)}
        self._inclinations = Inclinations(books, readers=readers, seed=seed)
        self._met: dict[str, list[int]] = {}
        for user, item in log.select("user_id", "item_id").iter_rows():
            self._met.setdefault(user, []).append(self._rows[item])
        self._rng = np.random.default_rng((seed, 1))
        self.visits = self.events = 0

    def run(self, stopping: threading.Event) -> None:
        """Visit until stopped; a service that fails is visited again after a pause."""
        failures = 0
        while not stopping.is_set():
            try:
                n = self.visit()
            except ClientError as error:
                failures += 1
                if failures == PATIENCE:  # fewer are the end of the service
                    _log.warning("the service fails for simulated readers: %s", error)
                stopping.wait(PAUSE)
                continue
            failures = 0
            stopping.wait(float(self._rng.exponential(max(n, IDLE) / self._rate)))

    def visit(self) -> int:
        """Let one reader visit; return the number of events, 0 or 1."""
        reader = int(self._rng.integers(self._readers))
        user = reader_name(reader)
        listed = self._client.recommend(user, k=LISTED, scenario=SCENARIO)
        met = self._met.setdefault(user, [])
        chances = self._inclinations.of(reader, met, met[-1] if met else NO_BOOK)
        shown = [self._rows[item.item_id] for item in listed.items if item.item_id in self._rows]
        book = self._draw([*chances[shown], NOTHING], [*shown, NO_BOOK])
        origin: str | None = listed.recommendation_id
        if book == NO_BOOK and chances.any() and self._rng.random() < ALONE:
            book, origin = self._draw(chances, range(len(chances))), None
        self.visits += 1
        if book == NO_BOOK:
            return 0
        kind = str(self._rng.choice(EVENTS, p=INCLINED))
        self._client.send_event(user, self._ids[book], kind, recommendation_id=origin)
        met.append(book)
        self.events += 1
        return 1

    def _draw(self, chances: Sequence[float] | np.ndarray, rows: Sequence[int]) -> int:
        weights = np.asarray(chances, np.float64)
        return int(self._rng.choice(rows, p=weights / weights.sum()))
