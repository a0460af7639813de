"""The log of cleaning: counts of all dropped, changed and doubtful rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

__all__ = [
    "Action",
    "CleaningEntry",
    "CleaningLog",
    "Findings",
    "action_counts",
    "columns_line",
    "row_counts",
    "rows_line",
]

Action = Literal["dropped", "changed", "noted", "added", "merged"]


@dataclass(frozen=True)
class CleaningEntry:
    """One kind of finding in one table.

    Attributes
    ----------
    table
        ``"items"`` or ``"events"``.
    reason
        The finding in words.
    count
        How many rows, fields or ids.
    action
        Whether they were dropped, changed, or only noted; or added, where a row of the
        source holds several events, or merged, where several of its rows are one item.
    examples
        Up to three of them.
    """

    table: str
    reason: str
    count: int
    action: Action
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.table}: {self.count:,} {self.action}: {self.reason}"
        return text + (f" (e.g. {'; '.join(self.examples)})" if self.examples else "")


class _CountedRows(Protocol):
    @property
    def table(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def action(self) -> str: ...


def action_counts(entries: Iterable[_CountedRows], table: str) -> Counter[str]:
    """Return action -> the sum of the counts of the findings about a table."""
    sums: Counter[str] = Counter()
    for entry in entries:
        if entry.table == table:
            sums[entry.action] += entry.count
    return sums


def row_counts(entries: Iterable[_CountedRows], table: str, n_kept: int) -> dict[str, int]:
    """Return the numbers of rows of a table: read, added, kept, dropped and merged."""
    counts = action_counts(entries, table)
    read = n_kept + counts["dropped"] + counts["merged"] - counts["added"]
    return {
        "read": read,
        "added": counts["added"],
        "kept": n_kept,
        "dropped": counts["dropped"],
        "merged": counts["merged"],
    }


def rows_line(table: str, counts: Mapping[str, int]) -> str:
    """Return the numbers of rows of a table before and after cleaning, as one line."""
    before = f"{counts['read']:,} rows read"
    before += f" + {counts['added']:,} added" if counts["added"] else ""
    kept = f"{counts['kept']:,} kept"
    after = [f"{counts[name]:,} {name}" for name in ("dropped", "merged") if counts[name]]
    return f"{table}: {before} = {' + '.join([kept, *after])}"


def columns_line(roles: Mapping[str, str]) -> str:
    """Return the column of each role, as one line."""
    pairs = [f"{role} = {name or 'none'}" for role, name in roles.items()]
    return f"columns: {', '.join(pairs)}"


@dataclass(frozen=True)
class CleaningLog:
    """The findings of cleaning, and the rows read and kept in each table.

    Attributes
    ----------
    entries
        The findings, in the order in which they were made.
    rows_read, rows_kept
        Rows in each table (``"items"``, ``"events"``) before and after:
        rows read + added = rows kept + dropped + merged.
    event_types
        (name, meaning, rows read) of each event type, most rows first.
    """

    entries: tuple[CleaningEntry, ...] = ()
    rows_read: dict[str, int] = field(default_factory=dict)
    rows_kept: dict[str, int] = field(default_factory=dict)
    event_types: tuple[tuple[str, str, int], ...] = ()

    def count(self, words: str) -> int:
        """Return the sum of the counts of all entries whose reason contains `words`."""
        return sum(entry.count for entry in self.entries if words in entry.reason)

    def rows(self, table: str) -> int:
        """Return the rows of a table, each element of a list in a row counted for itself."""
        return self.rows_read.get(table, 0) + action_counts(self.entries, table)["added"]

    def unaccounted(self, table: str) -> int:
        """Return the rows of a table that are in no count: zero, whatever the source."""
        sums = action_counts(self.entries, table)
        rows = self.rows_read[table] + sums["added"] - sums["dropped"] - sums["merged"]
        return rows - self.rows_kept[table]

    def to_dict(self) -> dict[str, object]:
        """Return the log as plain values, ready for JSON or TOML."""
        plain = asdict(self)
        plain["entries"] = [
            entry | {"examples": list(entry["examples"])} for entry in plain["entries"]
        ]
        return plain

    def __str__(self) -> str:
        lines = [
            f"{table}: {read:,} rows read, {self.rows_kept.get(table, 0):,} kept"
            for table, read in self.rows_read.items()
        ]
        return "\n".join(lines + [f"  {entry}" for entry in self.entries])


class Findings:
    """Collects findings while a table is cleaned; counts of zero are left out."""

    def __init__(self) -> None:
        self.entries: list[CleaningEntry] = []
        self.rows_read: dict[str, int] = {}
        self.event_types: tuple[tuple[str, str, int], ...] = ()

    def __str__(self) -> str:
        return "; ".join(map(str, self.entries))

    def add(
        self, table: str, reason: str, count: int, action: Action, examples: Iterable[str] = ()
    ) -> None:
        """Note a finding, unless its count is zero."""
        if count:
            shortened = tuple(text if len(text) <= 120 else text[:117] + "..." for text in examples)
            self.entries.append(CleaningEntry(table, reason, int(count), action, shortened[:3]))

    def account(self, rows_kept: dict[str, int]) -> CleaningLog:
        """Return the log of a cleaning; rows that no finding accounts for are one."""
        for table in rows_kept:
            log = CleaningLog(tuple(self.entries), dict(self.rows_read), rows_kept)
            unaccounted = log.unaccounted(table)
            reason = "rows that no other line counts: a fault in cleaning, please report it"
            self.add(table, reason, max(0, unaccounted), "dropped")
        return CleaningLog(tuple(self.entries), dict(self.rows_read), rows_kept, self.event_types)
