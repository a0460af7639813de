"""From rows of a file to events, by columns as `fit` finds them."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pennyweight.data.cleaning.rating_names import is_rating_name
from pennyweight.data.columns import name_key, resolve
from pennyweight.data.times import SMALLEST_DATE
from pennyweight.errors import DataError
from pennyweight.ingestion.raw_rows import RawRow
from pennyweight.ingestion.times import time_of
from pennyweight.records import EventRecord
from pennyweight.storage.files import digest

__all__ = ["DELIMITERS", "EventMapping", "RefusedRow", "delimiter_of"]

DELIMITERS = ",\t;|"
SENT = ("user", "item", "time", "weight", "type")  # roles that an event of the service has
NAMED = ("eventid", "recommendationid")  # columns of these names, however they are spelled
ID_LENGTH = 24


class RefusedRow(Exception):
    """A row that is no event; says why."""


@dataclass
class EventMapping:
    """Reads rows as events.

    Attributes
    ----------
    source
        The file, for messages.
    overrides
        Role -> column, as for `fit`.
    time_format
        See `parse_times`; None: epochs and ISO 8601.
    event_type
        Of rows without one; None: ``rating`` where the weights are ratings, else ``view``.
    delimiter, header
        Of a CSV file; None for JSON lines.
    salt
        Distinguishes files in the ids of events, see `event_id`.
    """

    source: str
    overrides: Mapping[str, str | None] = field(default_factory=dict)
    time_format: str | None = None
    event_type: str | None = None
    delimiter: str | None = None
    header: Sequence[str] | None = None
    salt: str = ""
    _roles: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def roles(self, columns: Sequence[str]) -> dict[str, str]:
        """Return role -> column; `DataError` where user or item is not found."""
        key = tuple(columns)
        if key not in self._roles:
            self._roles[key] = resolve(columns, "events", self.overrides, source=self.source)
        return self._roles[key]

    def sentence(self, row: RawRow) -> str:
        """Return which columns of a row are sent, and which have a meaning and are not."""
        columns = list(self._fields(row))
        roles = self.roles(columns)
        sent = ", ".join(f"{role} = {roles[role]}" for role in SENT if role in roles)
        rest = ", ".join(f"{column} ({role})" for role, column in roles.items() if role not in SENT)
        times = "" if "time" in roles else "; without a time column, the arrival counts as the time"
        if times and NAMED[0] not in map(name_key, columns):
            times += "; without an event_id too, equal rows of another file or pipe count once"
        return f"columns: {sent}{times}" + (f"; not sent: {rest}" if rest else "")

    def event(self, row: RawRow) -> EventRecord:
        """Return the event of a row.

        Raises
        ------
        RefusedRow
            It is none.
        """
        fields = self._fields(row)
        try:
            roles = self.roles(list(fields))
        except DataError as error:
            raise RefusedRow(str(error)) from None
        values = {role: fields[column] for role, column in roles.items() if role in SENT}
        named = {name_key(column): value for column, value in fields.items()}
        ids = {key: _id(named[key], key) for key in NAMED if named.get(key) not in (None, "")}
        weight = _number(values.get("weight"))
        return EventRecord(
            _id(values["user"], "user"),
            _id(values["item"], "item"),
            event_type=str(values.get("type") or self._default_type(roles)),
            timestamp=self._time(values["time"]) if "time" in values else None,
            weight=1.0 if weight is None else weight,
            event_id=ids.get("eventid") or self.event_id(row),
            recommendation_id=ids.get("recommendationid"),
        )

    def event_id(self, row: RawRow) -> str:
        """Return the id of a row without one, from its file, place and content."""
        return digest(self.salt, str(row.start), row.data)[:ID_LENGTH]

    def _default_type(self, roles: Mapping[str, str]) -> str:
        if self.event_type is not None:
            return self.event_type
        return "rating" if "weight" in roles and is_rating_name(roles["weight"]) else "view"

    def _fields(self, row: RawRow) -> dict[str, Any]:
        try:
            text = row.data.decode("utf-8-sig" if row.start == 0 else "utf-8")
        except UnicodeDecodeError:
            raise RefusedRow("is not UTF-8") from None
        if self.header is not None:
            return self._cells(text, self.header)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise RefusedRow("is not JSON") from None
        if not isinstance(value, dict):
            raise RefusedRow("is not a JSON object")
        return value

    def _cells(self, text: str, header: Sequence[str]) -> dict[str, Any]:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter or ","))
        except csv.Error as error:
            raise RefusedRow(f"is not CSV ({error})") from None
        if len(rows) != 1 or len(rows[0]) != len(header):
            n = len(rows[0]) if rows else 0
            raise RefusedRow(f"has {n} cells, and the header has {len(header)}")
        return dict(zip(header, rows[0], strict=True))

    def _time(self, value: Any) -> float:  # noqa: ANN401
        if value is None or value == "" or isinstance(value, bool | list | dict):
            raise RefusedRow("has no time")
        try:
            seconds = time_of(value if isinstance(value, str) else repr(value), self.time_format)
        except DataError as error:
            raise RefusedRow(str(error)) from None
        if math.isnan(seconds) or seconds < SMALLEST_DATE:
            raise RefusedRow(f"time {value!r:.40} is no date after March 1973")
        return seconds


def delimiter_of(header: str) -> str:
    """Return the delimiter of a CSV file, by its first line."""
    return max(DELIMITERS, key=header.count)


def _id(value: Any, role: str) -> str:  # noqa: ANN401
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool | float | list | dict) or value is None or not str(value).strip():
        raise RefusedRow(f"has no {role}" if value in (None, "") else f"{role} is no id")
    return str(value).strip()


def _number(value: Any) -> float | None:  # noqa: ANN401
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise RefusedRow(f"weight {value!r:.40} is no number")
    return number
