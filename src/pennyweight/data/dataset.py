"""`read`: from two tables to a cleaned `Dataset` with a log of the cleaning."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import polars as pl

from pennyweight.config.column_roles import COLUMN_ROLES
from pennyweight.config.plan import DataPlan
from pennyweight.data.attributes import user_values
from pennyweight.data.catalog import Catalog
from pennyweight.data.cleaning.engagement import engagement_column
from pennyweight.data.cleaning.event_types import EventTypes, Meaning
from pennyweight.data.cleaning.feedback import NOT_LIKING, FeedbackRules
from pennyweight.data.cleaning.hidden_opinions import ask_about_opinions
from pennyweight.data.cleaning.id_roles import catalog_id, id_roles
from pennyweight.data.cleaning.label_column import label_column
from pennyweight.data.cleaning.machine_rows import note_machines
from pennyweight.data.cleaning.quantities import quantity_columns
from pennyweight.data.cleaning.rating_column import rating_roles
from pennyweight.data.cleaning.repeated_items import AGAIN
from pennyweight.data.cleaning.returns import order_roles
from pennyweight.data.cleaning.rival_users import check_rivals
from pennyweight.data.cleaning.row_loss import MAX_DROPPED, refuse_losses
from pennyweight.data.cleaning.side_flags import side_flags
from pennyweight.data.cleaning.signed_columns import note_signed
from pennyweight.data.cleaning.time_column import event_roles
from pennyweight.data.cleaning_log import CleaningLog, Findings
from pennyweight.data.columns import has_role, resolve
from pennyweight.data.display import dataset_html
from pennyweight.data.enriched import joined
from pennyweight.data.events import build_interactions
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.data.items import build_catalog
from pennyweight.data.phrases import FIELDS
from pennyweight.data.readers.python_values import plain_durations
from pennyweight.data.readers.reshape import reshape
from pennyweight.data.readers.schemas import join_spellings, refuse_halves
from pennyweight.data.tables import Source, load_table
from pennyweight.data.times import RowOrder, TimeReading
from pennyweight.errors import DataError, did_you_mean
from pennyweight.formatting import count

__all__ = ["Columns", "Dataset", "EventReading", "read", "read_events", "read_planned"]

_log = logging.getLogger(__name__)


class EventReading(TypedDict, total=False):
    """Arguments of `read` for an event log; None leaves one as it was."""

    event_types: Mapping[str, Meaning] | None
    normalize_ids: bool | None
    missing_ids: Sequence[str] | None
    time_format: str | None
    row_order: RowOrder | None
    max_dropped: float | None


@dataclass(frozen=True)
class Columns:
    """The columns of the roles.

    Attributes
    ----------
    events
        Role (user, item, time, weight, type, split) -> column of the event log; ``clock`` is
        the time of day, if it has its own column.
    id
        The id column of the items table.
    text
        The text columns of the items table, in the order in which they are joined.
    """

    events: dict[str, str]
    id: str
    text: tuple[str, ...]

    @property
    def roles(self) -> dict[str, str]:
        """Role -> column of both tables, for reports; text columns are joined."""
        return {**self.events, "id": self.id, "text": " + ".join(self.text)}

    def __str__(self) -> str:
        events = ", ".join(f"{role} = {column}" for role, column in self.events.items())
        return f"events: {events}\nitems: id = {self.id}, text = {' + '.join(self.text) or 'none'}"


@dataclass(frozen=True)
class Dataset:
    """A cleaned catalog and event log.

    Attributes
    ----------
    catalog
        The items.
    interactions
        The events, sorted by user, then time.
    log
        The rows and values that cleaning dropped or changed, and its findings.
    columns
        The column of each role.
    user_attribute
        One value a user, in code order, where a column was asked for.
    """

    catalog: Catalog
    interactions: Interactions
    log: CleaningLog
    columns: Columns
    user_attribute: pl.Series | None = None

    def __repr__(self) -> str:
        findings = count(len(self.log.entries), "finding")
        return f"Dataset({self.catalog!r}, {self.interactions!r}, {findings} in log)"

    def _repr_html_(self) -> str:
        return dataset_html(self)


def read(
    items: Source,
    events: Source,
    *,
    columns: Mapping[str, str | None] | None = None,
    text_columns: Sequence[str] | None = None,
    user_attribute: str | None = None,
    k_core: int = 0,
    now: float | datetime | None = None,
    strict: bool = False,
    mask_personal: bool = False,
    event_types: Mapping[str, Meaning] | None = None,
    min_rating: float | None = None,
    normalize_ids: bool = False,
    missing_ids: Sequence[str] | None = None,
    time_format: str | None = None,
    row_order: RowOrder | None = None,
    max_dropped: float = MAX_DROPPED,
    seed: int = 0,
) -> Dataset:
    """Read and clean a catalog and an event log.

    Parameters
    ----------
    items, events
        Paths (CSV, TSV, JSON lines, Parquet; also compressed), or tables in memory: polars,
        pandas, Arrow, DuckDB, lists of dictionaries, dictionaries of columns.
    columns
        Role -> column where the names are not recognized: ``id`` (of the items table),
        ``available`` (of the items table), ``user``, ``item``, ``time``, ``weight``,
        ``type``, ``split``, ``quantity``, ``status``, ``order``, ``engagement``; None leaves an
        optional role out.
    text_columns
        Text columns of the items table in joining order; by default all that hold words.
    user_attribute
        Column of the event log with an attribute of users, such as a country or an age, for
        measuring each group; a user has the value that most of his or her events have.
    k_core
        Keep only users and items with at least this many events (repeated until stable).
    now
        Epoch seconds or a datetime; later times are findings. By default the clock.
    strict
        Raise instead of dropping a row that is broken, incomplete or unusable.
    mask_personal
        Replace e-mail addresses, phone, card and account numbers and IP addresses in the
        texts and attributes of items; ids stay unchanged.
    event_types
        Event type -> a weight above 0, ``"negative"`` (the user turned the item down) or
        ``"ignore"``; types that are not named mean what their names usually do.
    min_rating
        The lowest rating that counts as liking; 0: all do. By default 60 % of the top of the
        scale, such as 3 of 5 stars, where the weights are ratings.
    normalize_ids
        Take ids of events as equal to ids of items, and ids of users as equal to each other,
        that differ only in leading zeros, a trailing ``.0``, spaces, capitals or Unicode
        forms. The spelling of the catalog stays.
    missing_ids
        More ids that stand for a missing user or item, such as ``["guest", "0"]``; an empty
        list takes no word, such as ``NULL``, for missing.
    time_format
        How times are written where they can be read in several ways: a pattern such as
        ``"%d/%m/%Y %H:%M"`` (strptime), or ``day-first``, ``month-first``, ``year-first``,
        ``epoch-s``, ``epoch-ms``, ``epoch-us``, ``epoch-ns``, ``excel``, ``positions``, ``iso``.
    row_order
        ``"oldest-first"`` or ``"newest-first"``: the order of the rows where there is no time.
    max_dropped
        The share of the rows of a table that one cause may drop, such as rows without a user;
        beyond it reading stops. 1: read whatever is left.
    seed
        Of the draw that orders events of one user at one moment.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        When a file, column or value cannot be used; the message names the remedy.
    """
    overrides = _column_overrides(columns)
    findings = Findings()
    item_rows, item_source = _load(items, "items", strict, findings, overrides)
    event_rows, event_source = _load(events, "events", strict, findings, overrides)
    _refuse_swapped(item_rows, item_source, event_rows, event_source, overrides)
    overrides.update(id_roles(item_rows.to_dict(), event_rows, overrides, findings))
    reading = TimeReading(_seconds(now), time_format, row_order, seed)
    roles = _event_roles(event_rows, overrides, reading, event_source, findings)
    # Of several possible id columns the one of the events is right.
    if roles["item"] in item_rows.columns:
        overrides.setdefault("id", roles["item"])
    elif "id" not in overrides:
        named = catalog_id(item_rows.to_dict(), event_rows[roles["item"]])
        overrides |= {} if named is None else {"id": named}
    id_column = resolve(item_rows.columns, "items", overrides, source=item_source)["id"]
    catalog = build_catalog(
        item_rows,
        id_column,
        text_columns=text_columns,
        findings=findings,
        source=item_source,
        available=_available(overrides),
        missing=missing_ids,
        now=reading.now,
    )
    # In a log that serves as the catalog, items repeat by nature.
    repeats = [AGAIN] if has_role(item_rows.columns, "user") else []
    refuse_losses(findings, "items", item_source, max_dropped, repeats)
    if mask_personal:
        from pennyweight.data.personal import mask_catalog  # its patterns take 50 ms to compile

        catalog = mask_catalog(catalog, findings)
    rules = _rules(event_types, min_rating, roles, event_source)
    interactions = build_interactions(
        event_rows,
        roles,
        catalog.ids,
        reading=reading,
        k_core=k_core,
        findings=findings,
        source=event_source,
        rules=rules,
        normalize_ids=normalize_ids,
        missing=missing_ids,
        max_dropped=max_dropped,
    )
    if strict:
        _refuse(findings)
    counts = {"items": len(catalog), "events": len(interactions)}
    log = findings.account(counts)
    _log.info("read %s, %d users", counts, len(interactions.users))
    values = None
    if user_attribute is not None:
        values = user_values(
            event_rows, roles["user"], user_attribute, interactions.users, source=event_source
        )
    return Dataset(
        catalog, interactions, log, Columns(roles, id_column, catalog.text_columns), values
    )


def read_planned(
    items: Source,
    events: Source,
    plan: DataPlan,
    *,
    user_attribute: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Read as a plan says; arguments, result and errors are otherwise those of `read`."""
    data = read(
        items,
        events,
        columns=plan.columns or None,
        text_columns=plan.text_columns,
        user_attribute=user_attribute,
        k_core=plan.k_core,
        strict=plan.strict,
        mask_personal=plan.mask_personal,
        event_types=plan.event_types,
        min_rating=plan.min_rating,
        normalize_ids=plan.normalize_ids,
        missing_ids=plan.missing_ids,
        time_format=plan.time_format,
        row_order=plan.row_order,
        max_dropped=plan.max_dropped,
        seed=seed,
    )
    if plan.enriched is None:
        return data
    fields = plan.enriched_fields or FIELDS
    return replace(data, catalog=joined(data.catalog, Path(plan.enriched), fields))


def _event_roles(
    frame: pl.DataFrame,
    overrides: Mapping[str, str | None],
    reading: TimeReading,
    source: str,
    findings: Findings,
) -> dict[str, str]:
    """Return the column of each role; a column of 0 and 1 may stand for event types."""
    roles = event_roles(frame, overrides, reading, source=source, findings=findings)
    refuse_halves(frame, roles, overrides, source)
    frame = plain_durations(frame, roles.get("time"))
    check_rivals(frame, roles, overrides, source, findings)
    roles = order_roles(frame, roles, overrides, source=source, findings=findings)
    if "type" not in roles and "type" not in overrides:
        flags = side_flags(frame, roles, findings)
        label = label_column(frame, roles, source, findings, excluded=flags)
        roles = roles if label is None else {**roles, "type": label}
    if "engagement" not in overrides:
        engagement = engagement_column(frame, roles, roles.pop("engagement", None))
        roles = roles if engagement is None else {**roles, "engagement": engagement}
    roles = rating_roles(frame, roles, overrides, source, findings)
    ask_about_opinions(frame, roles, overrides, source)
    note_machines(frame, roles, findings)
    if "quantity" not in overrides:
        note_signed(frame, roles, quantity_columns(frame, roles), findings)
    return roles


def _rules(
    event_types: Mapping[str, Meaning] | None,
    min_rating: float | None,
    roles: Mapping[str, str],
    source: str,
) -> FeedbackRules:
    types = EventTypes.of(event_types or {})
    if types.chosen and "type" not in roles:
        raise DataError(
            f"{source}: event_types gives {next(iter(types.chosen))!r} a meaning, but "
            "there is no column of event types. Name it with --type-column NAME, "
            "columns={'type': NAME}, or leave event_types out"
        )
    if min_rating and "weight" not in roles:
        raise DataError(
            f"{source}: min_rating is {min_rating:g}, but there is no column of "
            "ratings. Name it with --weight-column NAME, columns={'weight': NAME}, "
            "or leave min_rating out"
        )
    return FeedbackRules(types, min_rating)


def _refuse_swapped(
    items: pl.DataFrame,
    item_source: str,
    events: pl.DataFrame,
    event_source: str,
    overrides: Mapping[str, str | None],
) -> None:
    user = overrides.get("user")
    in_items, in_events = (
        user in frame.columns if user else has_role(frame.columns, "user")
        for frame in (items, events)
    )
    if in_items and not in_events:
        raise DataError(
            f"{event_source}: no column of users, but {item_source} has one. The "
            "catalog comes first, then the events: are they swapped?"
        )


def read_items(
    items: Source, *, id_column: str | None = None, text_columns: Sequence[str] | None = None
) -> Catalog:
    """Read a catalog alone; arguments and errors are those of `read`."""
    overrides: dict[str, str | None] = {} if id_column is None else {"id": id_column}
    findings = Findings()
    rows, source = _load(items, "items", False, findings, overrides)
    column = resolve(rows.columns, "items", overrides, source=source)["id"]
    return build_catalog(rows, column, text_columns=text_columns, findings=findings, source=source)


def read_events(
    items: Ids,
    events: Source,
    *,
    columns: Mapping[str, str | None] | None = None,
    rules: FeedbackRules | None = None,
    normalize_ids: bool = False,
    missing_ids: Sequence[str] | None = None,
    time_format: str | None = None,
    row_order: RowOrder | None = None,
    max_dropped: float = MAX_DROPPED,
    seed: int = 0,
) -> Interactions:
    """Read and clean an event log about known items; arguments and errors are those of `read`.

    In place of the catalog it takes its ids, and in place of `event_types` and `min_rating` the
    rules that an earlier log made of them.

    The findings of cleaning are logged as warnings.
    """
    findings = Findings()
    overrides = _column_overrides(columns)
    rows, source = _load(events, "events", False, findings, overrides)
    catalog = {"id": pl.Series(list(items), dtype=pl.String)}
    overrides.update(id_roles(catalog, rows, overrides, findings))
    reading = TimeReading(_seconds(None), time_format, row_order, seed)
    roles = _event_roles(rows, overrides, reading, source, findings)
    interactions = build_interactions(
        rows,
        roles,
        items,
        reading=reading,
        k_core=0,
        findings=findings,
        source=source,
        rules=rules,
        normalize_ids=normalize_ids,
        missing=missing_ids,
        max_dropped=max_dropped,
        whole_catalog=False,
    )
    for entry in findings.entries:
        _log.warning("%s", entry)
    return interactions


def _column_overrides(columns: Mapping[str, str | None] | None) -> dict[str, str | None]:
    unknown = sorted(set(columns or {}) - set(COLUMN_ROLES))
    if unknown:
        raise DataError(
            f"columns: {unknown[0]!r} is no role{did_you_mean(unknown[0], COLUMN_ROLES)} "
            f"Roles are {', '.join(COLUMN_ROLES)} (id, available: of the items)"
        )
    return dict(columns or {})


def _available(overrides: Mapping[str, str | None]) -> str | None:
    """Return the column chosen for availability, empty for none; None without a choice."""
    return (overrides["available"] or "") if "available" in overrides else None


def _load(
    source: Source,
    table: str,
    strict: bool,
    findings: Findings,
    columns: dict[str, str | None],
) -> tuple[pl.DataFrame, str]:
    """Return a table and its name in messages: its path, or "items" or "events".

    Adds the roles of fields in nested objects to `columns`.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else table
    loaded = reshape(load_table(source, table=table, strict=strict), table, columns, name)
    findings.entries.extend(loaded.findings.entries)
    findings.rows_read[table] = loaded.rows_read
    columns.update(loaded.roles)
    if table == "events":
        loaded.frame = join_spellings(loaded.frame, columns, name, findings)
    names = loaded.frame.columns
    time = columns.get("time") or next((n for n in names if has_role([n], "time")), None)
    return plain_durations(loaded.frame, time), name


def _seconds(now: float | datetime | None) -> float:
    if now is None:
        return time.time()
    return now.timestamp() if isinstance(now, datetime) else float(now)


def _refuse(findings: Findings) -> None:
    bad = [
        e
        for e in findings.entries
        if e.action == "dropped" and "-core" not in e.reason and e.reason not in NOT_LIKING
    ]
    if bad:
        raise DataError(
            "strict reading found rows to drop: "
            + "; ".join(map(str, bad))
            + ". Mend them, or read without strict to drop and count them"
        )
