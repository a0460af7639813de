"""The events of a log that the served bundle has not learned from, by their position in the store.

Times do not decide: an event may be uploaded late, or come from a clock that ran fast.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.serving.live_folder import STORE
from pennyweight.serving.stores.protocol import IMPRESSION, Event
from pennyweight.serving.stores.sqlite import SQLiteStore

__all__ = ["NewEvents", "new_events"]

PAGE = 50_000  # events read together
COLUMNS = {"user": pl.String, "item": pl.String, "time": pl.Float64}

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class NewEvents:
    """The new events of a log.

    Attributes
    ----------
    log
        The events.
    new, new_negative
        Which events, and which items turned down, the served bundle has not learned from.
    arrived
        Events that the store got since the served bundle, whether a fit uses them or not.
    """

    log: Interactions
    new: Mask
    new_negative: Mask
    arrived: int

    def __len__(self) -> int:
        return int(self.new.sum())

    def newest(self, share: float) -> float:
        """Return the time from which on the newest new events are, epoch seconds."""
        return float(np.quantile(self.log.time[self.new], 1 - share, method="higher"))

    def since(self, time: float) -> Mask:
        """Return which events are new and not before a time."""
        return self.new & (self.log.time >= time)

    def negative_since(self, time: float) -> Mask:
        """Return which items turned down are new and not before a time."""
        return self.new_negative & (self.log.negative.time >= time)


def new_events(
    folder: Path,
    positions: range,
    log: Interactions,
    catalog: Catalog,
    learned: tuple[Interactions | None, Catalog],
) -> NewEvents:
    """Return which events of a log came to a store at some positions, and were not learned.

    Parameters
    ----------
    folder
        Of the service.
    positions
        Numbers of the events in its store.
    log, catalog
        The events, and their items.
    learned
        The events and items of the served bundle. An event that is among them is not new, such as
        one that the store got after it was in the data of the first fit.
    """

    def coded(frame: pl.DataFrame) -> pl.DataFrame:
        users = pl.Series(log.users.codes(frame["user"].to_list()), dtype=pl.Int64)
        items = pl.Series(catalog.ids.codes(frame["item"].to_list()), dtype=pl.Int64)
        known = frame.with_columns(users.alias("user"), items.alias("item"))
        return known.filter((pl.col("user") >= 0) & (pl.col("item") >= 0)).unique()

    with closing(SQLiteStore(folder / STORE)) as store:
        pages = [_frame(page) for page in _pages(store.events_after, positions)]
    came = pl.concat([pl.DataFrame(schema=COLUMNS), *pages])
    fresh = coded(came)
    learned_log, learned_catalog = learned
    if learned_log is not None:
        fresh = fresh.join(
            coded(_named(learned_log, learned_catalog)), on=list(COLUMNS), how="anti"
        )
    negative = log.negative
    return NewEvents(
        log,
        _among(log.user, log.item, log.time, fresh),
        _among(negative.user, negative.item, negative.time, fresh),
        came.height,
    )


def _pages(read: Callable[[int, int], list[Event]], positions: range) -> Iterator[list[Event]]:
    after = positions.start - 1
    while events := read(after, PAGE):
        after = events[-1].seq
        yield [e for e in events if e.seq < positions.stop and e.kind != IMPRESSION]
        if after >= positions.stop - 1:
            return


def _frame(events: list[Event]) -> pl.DataFrame:
    return pl.DataFrame([(e.user, e.item, e.time) for e in events], COLUMNS, orient="row")


def _named(log: Interactions, catalog: Catalog) -> pl.DataFrame:
    users, items = np.array(list(log.users), object), np.array(list(catalog.ids), object)
    return pl.DataFrame(
        {"user": users[log.user], "item": items[log.item], "time": log.time},
        schema_overrides=COLUMNS,
    )


def _among(
    user: NDArray[np.int32], item: NDArray[np.int32], time: NDArray[np.float64], keys: pl.DataFrame
) -> Mask:
    rows = pl.DataFrame({"user": user, "item": item, "time": time}).with_columns(
        pl.col("user", "item").cast(pl.Int64)
    )
    mark = keys.with_columns(pl.lit(True).alias("new"))
    joined = rows.join(mark, on=list(COLUMNS), how="left", maintain_order="left")
    return joined["new"].fill_null(False).to_numpy().astype(np.bool_)
