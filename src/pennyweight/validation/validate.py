"""`validate`: every check on a catalog and an event log, without any training."""

from itertools import groupby

import numpy as np

from pennyweight.config.frozen import FrozenModel
from pennyweight.data.cleaning.feedback import NOT_LIKING
from pennyweight.data.cleaning_log import CleaningEntry, columns_line, row_counts, rows_line
from pennyweight.data.dataset import Dataset
from pennyweight.data.events import ACROSS_SPLITS
from pennyweight.data.gini import gini
from pennyweight.data.input_size import volume
from pennyweight.data.split import Part, Protocol, default_protocol, parts
from pennyweight.encoders.tokens import READ_TOKENS
from pennyweight.errors import DataError
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.progress.update import Progress
from pennyweight.validation.behavior import Period, check_behavior, periods, tail
from pennyweight.validation.columns import ColumnProfile, check_columns, length_bins
from pennyweight.validation.duplicates import check_duplicates
from pennyweight.validation.findings import Finding, finding
from pennyweight.validation.forecast import stages
from pennyweight.validation.histories import check_histories
from pennyweight.validation.language import check_script
from pennyweight.validation.leaks import check_leaks
from pennyweight.validation.privacy import check_personal, check_user_ids
from pennyweight.validation.vocabulary import find_tokenizer

__all__ = ["Validation", "event_findings", "validate"]

# Words in a reason of cleaning -> the kind of finding.
_KINDS = (
    ("in the future", "future-times"),
    (" of several (", "partial-file"),
    ("% of all events (the median", "crowded-id"),
    ("would agree without", "id-forms"),
    ("user id differs from another", "id-forms"),
    ("not available (column", "unavailable-items"),
    ("stay text, which filters do not order", "unread-numbers"),
)
_AREAS = ("leak", "personal", "events", "items")


class Validation(FrozenModel):
    """A description of the data, and the findings.

    Attributes
    ----------
    protocol
        How events were held out for the leak checks; None where nothing can be.
    facts
        Name -> number: sizes, density, Gini coefficient.
    findings
        Warnings first, then by area.
    columns
        The columns of the items table.
    periods
        Events over time; empty where times are no dates.
    tail
        (share of the items, most popular first, share of the events on them).
    lengths
        (characters, items with a text so long).
    roles
        Role -> the column it was read from.
    rows
        Table -> the numbers of its rows: read, added, kept, dropped and merged.
    event_types
        (name, meaning, rows) of each event type, most rows first.
    """

    protocol: Protocol | None
    facts: dict[str, float]
    findings: tuple[Finding, ...]
    columns: tuple[ColumnProfile, ...]
    periods: tuple[Period, ...]
    tail: tuple[tuple[str, float], ...]
    lengths: tuple[tuple[str, int], ...]
    roles: dict[str, str]
    rows: dict[str, dict[str, int]]
    event_types: tuple[tuple[str, str, int], ...] = ()

    def leaks(self) -> tuple[Finding, ...]:
        """Return the leaks with severity ``warning``."""
        return tuple(f for f in self.findings if f.area == "leak" and f.severity == "warning")

    def table(self) -> str:
        """Return facts, columns and findings as plain text."""
        facts = ", ".join(f"{name} {_number(value)}" for name, value in self.facts.items())
        lines = [facts, f"protocol: {self.protocol or 'none possible'}", columns_line(self.roles)]
        lines += [*(rows_line(table, counts) for table, counts in self.rows.items()), ""]
        for column in self.columns:
            details = [f"{column.filled:,} of {column.of:,} filled", column.language or column.role]
            if column.length:
                details.append("{:,} / {:,} / {:,} / {:,} characters".format(*column.length))
            if column.pieces_per_word is not None and column.unknown is not None:
                details.append(
                    f"{column.pieces_per_word:.2f} pieces a word, "
                    f"{100 * column.unknown:.2g} % unknown"
                )
            lines.append(f"{column.name}: {', '.join(details)}")
        for name, meaning, rows in self.event_types:
            lines.append(f"event type {name}: {meaning}, {rows:,} rows")
        for area, group in groupby(self.findings, key=lambda f: f"{f.area}, {f.severity}s"):
            lines += ["", area, *map(str, group)]
        return "\n".join(lines if self.findings else [*lines, "", "nothing found"])


def validate(
    data: Dataset,
    *,
    protocol: Protocol | None = None,
    encoder: str = "auto",
    max_tokens: int = READ_TOKENS,
    seed: int = 0,
    progress: Progress = True,
) -> Validation:
    """Check the data for flaws that spoil a recommender or its evaluation.

    Parameters
    ----------
    data
        A dataset, as `read` returns it.
    protocol
        The split to look for leaks in; by default a given one where there is a split column,
        else that of `default_protocol`.
    encoder, max_tokens
        The encoder whose vocabulary is compared with the texts, and its limit of tokens.
    seed
        Seed of the sampled texts and hash functions.
    progress
        True for a bar in terminals and notebooks, False for none, or a function that is called
        with each `ProgressUpdate`.

    Raises
    ------
    DataError
        The encoder is not found, or the requested protocol does not suit the data.
    """
    with tracked(progress) as tracker:
        return _validated(data, protocol, encoder, max_tokens, seed, tracker)


def _validated(
    data: Dataset,
    protocol: Protocol | None,
    encoder: str,
    max_tokens: int,
    seed: int,
    tracker: ProgressTracker,
) -> Validation:
    rng = np.random.default_rng(seed)
    log = data.interactions
    tracker.expect(stages(volume(data, None)))
    findings = _cleaning_findings(data)
    tracker("columns")
    tokenizer = find_tokenizer(encoder)
    columns, column_findings = check_columns(data, tokenizer, max_tokens, rng)
    findings += column_findings
    if tokenizer is not None:
        findings += check_script(data.catalog.texts, encoder)
    tracker("near-duplicates")
    findings += check_duplicates(data.catalog, rng)
    tracker("personal data")
    findings += check_personal(data)
    tracker("behavior")
    split_protocol, part = _part(data, protocol)
    by_period = periods(log)
    findings += check_behavior(data, part, by_period)
    if split_protocol is not None and part is not None:
        tracker("leaks")
        leaks = check_leaks(data, part, split_protocol)
        findings += leaks
        if split_protocol != "leave-last-out" or all(f.kind != "future-of-others" for f in leaks):
            findings += check_histories(log, part, split_protocol)
    findings.sort(key=lambda f: (f.severity != "warning", _AREAS.index(f.area), -f.share))
    return Validation(
        protocol=split_protocol,
        facts=_facts(data),
        findings=tuple(findings),
        columns=tuple(columns),
        periods=tuple(by_period),
        tail=tuple(tail(log)),
        lengths=tuple(length_bins(data.catalog.texts)),
        roles=data.columns.roles,
        event_types=data.log.event_types,
        rows={
            table: row_counts(data.log.entries, table, n_kept)
            for table, n_kept in data.log.rows_kept.items()
        },
    )


def event_findings(data: Dataset) -> list[Finding]:
    """Find flaws of the events alone, for a log that is added to a known catalog."""
    findings = [found for found in _cleaning_findings(data) if found.area == "events"]
    findings += check_behavior(data, None, periods(data.interactions))
    findings += check_user_ids(data)
    return sorted(findings, key=lambda found: (found.severity != "warning", -found.share))


def _part(data: Dataset, protocol: Protocol | None) -> tuple[Protocol | None, Part | None]:
    log = data.interactions
    delivered: Protocol | None = (
        "given-split" if len(log.split) and (log.split == 2).any() else None
    )
    chosen = protocol or delivered or default_protocol(log)
    try:
        return chosen, parts(log, chosen)
    except DataError:
        if protocol is not None:
            raise
        return None, None


def _cleaning_findings(data: Dataset) -> list[Finding]:
    """Turn the entries of the cleaning log into findings."""
    findings: list[Finding] = []
    for entry in data.log.entries:
        if entry.reason == ACROSS_SPLITS:  # reported as a leak
            continue
        if "before 1970" in entry.reason:
            continue  # reported with the times before 1990
        kind = next((kind for words, kind in _KINDS if words in entry.reason), "cleaning")
        total, unit = _rows(data, entry)
        findings += finding(
            kind,
            f"{entry.reason}, {entry.action}",
            entry.count,
            total,
            unit,
            entry.examples,
            area="items" if entry.table == "items" else "events",
            warn=kind in ("future-times", "crowded-id", "partial-file")
            or (
                entry.action == "dropped"
                and entry.count > 0.01 * total
                and entry.reason not in NOT_LIKING
            ),
        )
    return findings


def _rows(data: Dataset, entry: CleaningEntry) -> tuple[int, str]:
    """Return the total that a cleaning entry refers to: rows read, or items, with its unit."""
    rows, items = data.log.rows(entry.table) or entry.count, len(data.catalog)
    if entry.table == "events":
        return rows, "events"
    of_rows = entry.action in ("dropped", "merged", "added") or entry.count > items
    return (rows, "rows") if of_rows else (items, "items")


def _facts(data: Dataset) -> dict[str, float]:
    log, counts = data.interactions, data.interactions.counts
    users, items = len(log.users), len(data.catalog)
    return {
        "users": users,
        "items": items,
        "events": len(log),
        "events a user (median)": float(np.median(np.diff(log.offsets))),
        "density": len(log) / (users * items),
        "Gini of items": round(gini(counts), 4),
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"
