"""Export of a service: the items and events of its bundle and the live ones, for the next fit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from pennyweight.bundle import Bundle, Position, open_bundle
from pennyweight.bundle.provenance import forget_position, note_position
from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.event_types import NO_TYPE, EventTypes, Meaning
from pennyweight.data.cleaning.feedback import FeedbackRules
from pennyweight.data.documents import documents
from pennyweight.data.interactions import Interactions
from pennyweight.errors import DataError, StoreError
from pennyweight.recommender.storage import read_catalog, read_interactions
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.exports import exporting
from pennyweight.serving.live.item_changes import document_over
from pennyweight.serving.live.publication import with_published
from pennyweight.serving.live.publishing import TRAFFIC
from pennyweight.serving.live.registry import BundleRegistry
from pennyweight.serving.live.served_bundle import CoveredPositions, known_columns
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.live_folder import BUNDLES, STORE, check_live_folder
from pennyweight.serving.stores.protocol import IMPRESSION, Event, Store, StoredItem
from pennyweight.serving.stores.sqlite import SQLiteStore
from pennyweight.storage.files import replacing_private

__all__ = ["FORMATS", "ExportSummary", "check_format", "export", "served_version"]

CSV, JSON_LINES, PARQUET = "CSV", "JSON lines", "Parquet"
FORMATS = {
    ".csv": CSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": JSON_LINES,
    ".parquet": PARQUET,
}

AVAILABLE = ("available", "is_available", "in_stock")  # names that `fit` knows
AGAINST = "dislike"  # the type of events of which a bundle notes only that they were negative


@dataclass(frozen=True)
class ExportSummary:
    """The result of an export.

    Attributes
    ----------
    version
        The bundle whose items and events it begins with.
    items, events
        How many.
    position
        Of the store: all its events up to there are in.
    min_rating, event_types
        How `fit` must read the events, where it would not do so by itself.
    skipped
        Items that do not suit the columns of the catalog, which were left out.
    """

    version: str
    items: int
    events: int
    position: Position
    min_rating: float | None
    event_types: Mapping[str, Meaning]
    skipped: tuple[str, ...]

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the command `fit` that keep the meaning of the events."""
        options = []
        if self.min_rating is not None:
            options.append(f"--min-rating {self.min_rating:g}")
        if self.event_types:
            types = ",".join(f"{name}={meaning}" for name, meaning in self.event_types.items())
            options.append(f"--event-types {json.dumps(types)}")
        return tuple(options)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self) | {"position": self.position.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        position = Position.from_json(value["position"])
        return cls(**(dict(value) | {"position": position, "skipped": tuple(value["skipped"])}))


def export(folder: Path, items: Path, events: Path, *, since: float | None = None) -> ExportSummary:
    """Write the items and events that a service knows, each with its position beside it.

    The end of a name gives the format, see `FORMATS`. The service may run
    meanwhile: both are of one moment. An erasure waits until the files are written; users who were
    erased before are in neither.

    Parameters
    ----------
    since
        Only events of this time or later, epoch seconds. Such a file does not stand for a
        position, and gets none beside it.

    Raises
    ------
    DataError
        The folder is none of a service, or its events cannot be put in order; or a name has
        another end, or a CSV file would hold lists.
    StoreError, BundleError
        The store or the bundle cannot be read.
    """
    for path in (items, events):
        check_format(path)
    check_live_folder(folder)
    if items.resolve() == events.resolve():
        raise DataError(f"{items}: named for items and for events; give each a file")
    place, bundles = folder / STORE, folder / BUNDLES
    with exporting(folder):
        store = SQLiteStore(place)
        try:
            with (
                store.transaction()
            ):  # reads are of one moment, and soon over: erasures wait for them
                version, covered = served_version(store, BundleStore(bundles))
                live_items, live_events = store.items(), list(_live(store))
                positions = store.position("items"), store.position("events")
            bundle = open_bundle(bundles / version)
            catalog, log = read_catalog(bundle), read_interactions(bundle)
            rows, skipped = _items(catalog, live_items, covered)
            log_rows, min_rating, event_types = _events(live_events, bundle, catalog, log, covered)
            erased = store.erased(log_rows["user_id"].unique().to_list())  # meanwhile
        finally:
            store.close()
        log_rows = log_rows.filter(~pl.col("user_id").is_in(list(erased)))
        if since is not None:
            log_rows = log_rows.filter(pl.col("timestamp") >= since)
        for path, frame, position in zip((items, events), (rows, log_rows), positions, strict=True):
            _write(path, frame)
            if path == events and since is not None:
                forget_position(path)
            else:
                note_position(path, position)
        return ExportSummary(
            version,
            rows.height,
            log_rows.height,
            positions[1],
            min_rating,
            event_types,
            tuple(skipped),
        )


def check_format(path: Path) -> None:
    """Raise `DataError` where the name of a file ends in no format of exports."""
    if path.suffix.lower() not in FORMATS:
        names = [f"{end} ({name})" for end, name in FORMATS.items()]
        raise DataError(f"{path}: no format of exports; end the name in {', '.join(names)}")


def served_version(store: Store, bundles: BundleStore) -> tuple[str, CoveredPositions]:
    """Return the bundle of most users, and the changes in the store that it covers."""
    variants = [Variant(**variant) for variant in store.setting(TRAFFIC) or ()]
    if not variants:
        raise DataError(f"{bundles.folder}: no bundle has been published there; serve one first")
    version = max(variants, key=lambda variant: variant.share).version
    registry = BundleRegistry(bundles, lambda job: job(store), lambda settings, entry: None)
    covered = {stored.version: stored.covered for stored in registry.stored_bundles()}
    if version not in covered:
        raise StoreError(f"{bundles.folder}: the bundle {version!r} that is served is missing")
    return version, covered[version]


def _items(
    catalog: Catalog, live: Sequence[StoredItem], covered: CoveredPositions
) -> tuple[pl.DataFrame, list[str]]:
    """Return the current items without deleted ones, and ids that do not suit the catalog."""
    live = [i for i in live if i.seq > covered.items or i.item_id not in catalog.ids]
    skipped = []
    usable: dict[str, dict[str, Any]] = {}
    for item in live:
        columns = document_over(item, catalog, covered.items)
        if columns is not None and not item.removed:
            document = known_columns(columns, catalog)
            try:
                documents({item.item_id: document}, catalog)
                usable[item.item_id] = document
            except DataError:
                skipped.append(item.item_id)
    n_own = len(catalog)
    if usable:
        catalog, _ = catalog.with_items(documents(usable, catalog))
    open_, removed = catalog.available.copy(), np.zeros(len(catalog), bool)
    published = np.full(len(catalog), np.nan)
    for item, code in zip(live, catalog.ids.codes([i.item_id for i in live]), strict=True):
        if code >= 0:
            removed[code] = item.removed
            if code >= n_own or item.changed_after("available", covered.items):
                open_[code] = item.available and not item.removed
            if item.published is not None and (
                code >= n_own or item.changed_after("published", covered.items)
            ):
                published[code] = item.published
    frame = with_published(_with_availability(catalog, open_), published)
    ids = pl.Series("item_id", list(catalog.ids), pl.String)
    return frame.insert_column(0, ids).filter(pl.Series(~removed)), skipped


def _with_availability(catalog: Catalog, open_: np.ndarray[Any, Any]) -> pl.DataFrame:
    """Return the columns of items, so that they call available those that are open."""
    frame = catalog.attributes
    if not frame.width:
        frame = pl.DataFrame({"text": pl.Series(catalog.texts, dtype=pl.String)})
    if (catalog.available == open_).all():
        return frame
    # Columns that mark an available item as unavailable are blanked; another column decides.
    contradicts = pl.Series(open_ & ~catalog.available)
    frame = frame.with_columns(
        pl.when(contradicts).then(None).otherwise(pl.col(name)).alias(name)
        for name in catalog.availability
    )
    free = [name for name in AVAILABLE if name not in frame.columns]
    own = [
        name
        for name in AVAILABLE
        if name in catalog.availability and frame[name].dtype == pl.Boolean
    ]
    if not (own or free):
        raise DataError(
            f"the catalog has columns {', '.join(AVAILABLE)} of other meanings; rename "
            "one and fit again"
        )
    return frame.with_columns(pl.Series((own or free)[0], open_))


def _events(
    events: Sequence[Event],
    bundle: Bundle,
    catalog: Catalog,
    log: Interactions | None,
    covered: CoveredPositions,
) -> tuple[pl.DataFrame, float | None, dict[str, Meaning]]:
    """Return the events of the bundle and of the store, each once, and how to read them."""
    columns = {
        "user_id": pl.String,
        "item_id": pl.String,
        "event_type": pl.String,
        "timestamp": pl.Float64,
        "weight": pl.Float64,
    }
    live = [(e.user, e.item, e.kind, e.time, e.weight, e.seq) for e in events]
    new_events = pl.DataFrame(live, columns | {"seq": pl.Int64}, orient="row")
    if log is None or not len(log):
        return new_events.select(*columns), None, {}
    if not log.real_time and len(new_events):
        raise DataError(
            f"{bundle.path}: its events have no dates but live events do, so they cannot be put in "
            "order: fit from a log with dates"
        )
    types = EventTypes(log.meanings)
    rules = FeedbackRules(types, log.liking, later=True)
    old = _of_bundle(catalog, log, types)
    signs = [(rules.strength(kind, weight) or 0) < 0 for _, _, kind, _, weight, _ in live]
    new_events = new_events.with_columns(pl.Series("against", signs, pl.Boolean))
    new_events = new_events.join(old, on=["user_id", "item_id", "timestamp", "against"], how="anti")
    held = (pl.col("seq") <= covered.events) & pl.lit(covered.events > 0)
    same = new_events.filter(held).join(old, on=["user_id", "item_id", "against"], how="anti")
    new_events = pl.concat([same, new_events.filter(~held)])
    frame = pl.concat([old.select(*columns), new_events.select(*columns)])
    return frame.sort("timestamp", maintain_order=True), *_reading(frame, log, types)


def _live(store: Store) -> Iterator[Event]:
    return (event for event in store.all_events() if event.kind != IMPRESSION)


def _of_bundle(catalog: Catalog, log: Interactions, types: EventTypes) -> pl.DataFrame:
    kinds = log.kinds or (NO_TYPE,)
    meanings = [types.clear_meaning(kind) for kind in kinds]
    factor = np.array([1.0 if isinstance(m, str) or m is None else m for m in meanings])
    users, ids = np.array(list(log.users), object), np.array(list(catalog.ids), object)
    negative = log.negative
    return pl.DataFrame(
        {
            "user_id": [*users[log.user], *users[negative.user]],
            "item_id": [*ids[log.item], *ids[negative.item]],
            "event_type": [*np.array(kinds, object)[log.kind], *[AGAINST] * len(negative)],
            "timestamp": np.concatenate([log.time, negative.time]),
            "weight": np.concatenate([log.weight / factor[log.kind], np.ones(len(negative))]),
            "against": np.repeat([False, True], [len(log), len(negative)]),
        },
        schema_overrides={name: pl.String for name in ("user_id", "item_id", "event_type")},
    )


def _reading(
    frame: pl.DataFrame, log: Interactions, types: EventTypes
) -> tuple[float | None, dict[str, Meaning]]:
    """Return the least liked rating and the meanings that `fit` would not know by itself."""
    min_rating = None
    if (frame["weight"] != 1).any():
        min_rating = 0.0 if log.liking is None else log.liking
    usual = EventTypes()
    meanings = {name: types.clear_meaning(name) for name in frame["event_type"].unique().sort()}
    chosen = {
        name: meaning
        for name, meaning in meanings.items()
        if meaning is not None and meaning != usual.clear_meaning(name)
    }
    return min_rating, chosen


def _write(path: Path, frame: pl.DataFrame) -> None:
    format_name = FORMATS[path.suffix.lower()]
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    if format_name == CSV and nested:
        raise DataError(
            f"{path}: CSV cannot hold the lists of the columns {', '.join(nested)}; export to "
            f"{path.stem}.jsonl or {path.stem}.parquet"
        )
    with replacing_private(path) as new:
        if format_name == PARQUET:
            frame.write_parquet(new)
        elif format_name == CSV:
            frame.write_csv(new)
        else:
            frame.write_ndjson(new)
