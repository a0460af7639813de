"""Leaks: ways in which the data gives the test away, and how much it does."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from pennyweight.config.evidence import Evidence
from pennyweight.data.dataset import Dataset
from pennyweight.data.events import ACROSS_SPLITS
from pennyweight.data.future import new_items
from pennyweight.data.split import Part, Protocol
from pennyweight.validation.findings import Finding, events_at, finding
from pennyweight.validation.histories import newcomers_by_time
from pennyweight.validation.item_order import check_order, orders

__all__ = ["check_answers", "check_leaks"]

REPEATS = 0.01  # share of repeated targets from which on the protocol matters
AFTER = 0.01  # share of known events after the median test event
BLOCK = 20_000
_WORD_EDGES = r"""^[\s.,;:!?"'()\[\]<>]+|[\s.,;:!?"'()\[\]<>]+$"""


def check_leaks(data: Dataset, part: Part, protocol: Protocol) -> list[Finding]:
    """Run every leak check on a dataset and its split."""
    places = orders(data)
    return [
        *_repeated_items(data, part),
        *_split_duplicates(data),
        *_later_events(data, part, protocol),
        *_future_catalog(data, part),
        *check_order(data, part, places),
        *check_answers(data),
    ]


def _repeated_items(data: Dataset, part: Part) -> list[Finding]:
    log = data.interactions
    key = log.user.astype(np.int64) * log.n_items + log.item
    targets, first = np.unique(key[part == 2], return_index=True)
    repeated = np.flatnonzero(part == 2)[first[np.isin(targets, key[part < 2])]]
    return finding(
        "repeated-items",
        "test items that their user's history already holds",
        len(repeated),
        len(targets),
        "test items",
        events_at(data, repeated),
        warn=len(repeated) > REPEATS * len(targets),
    )


def _split_duplicates(data: Dataset) -> list[Finding]:
    entries = [entry for entry in data.log.entries if entry.reason == ACROSS_SPLITS]
    count = sum(entry.count for entry in entries)
    examples = [text for entry in entries for text in entry.examples]
    return finding(
        "split-duplicates",
        "events that also are in another part of the split",
        count,
        data.log.rows_read.get("events", count),
        "events",
        examples,
        warn=True,
    )


def _later_events(data: Dataset, part: Part, protocol: Protocol) -> list[Finding]:
    log, test = data.interactions, part == 2
    first_test = np.full(len(log.users), np.inf)
    np.minimum.at(first_test, log.user[test], log.time[test])
    late_rows = np.flatnonzero(~test & (log.time > first_test[log.user]))
    n_known = int((~test).sum())
    findings = finding(
        "events-after-cut",
        "known events later than a test event of the same user",
        len(late_rows),
        n_known,
        "known events",
        events_at(data, late_rows),
        warn=True,
    )
    if not log.real_time:  # positions of two users cannot be compared
        return findings
    n_later = int((log.time[~test] > np.median(log.time[test])).sum())
    if n_later <= AFTER * n_known:
        return findings
    message = (
        f"known events later than the median test event ({protocol}): what others did next "
        "is learned from"
    )
    newcomers = newcomers_by_time(log)
    if newcomers is None:
        return findings + finding(
            "future-of-others", message, n_later, n_known, "known events", warn=True
        )
    return findings + _unavoidable_future(message, n_later, n_known, newcomers, protocol)


def _unavoidable_future(
    message: str, n_later: int, n_known: int, newcomers: Evidence, protocol: Protocol
) -> list[Finding]:
    """Describe later events of others where a split by time would test newcomers alone."""
    n_without = newcomers.users - newcomers.with_history
    first = "keep leave-last-out" if protocol == "leave-last-out" else "use leave-last-out"
    remedy = (
        f"{first}: these histories are too short for global-time, where {n_without:,} of "
        f"{newcomers.users:,} test users would have none. The figures compare scorers with each "
        "other, and are somewhat too high for what comes next"
    )
    return finding(
        "future-of-others", message, n_later, n_known, "known events", warn=False, remedy=remedy
    )


def _future_catalog(data: Dataset, part: Part) -> list[Finding]:
    new = new_items(data.interactions, part)
    if not new.give_answers:
        return []
    return finding(
        "future-catalog",
        "items without an event before the test that are test items: the catalog knows the future",
        len(new.chosen),
        len(new.items),
        "items without earlier events",
        [data.catalog.ids[code] for code in new.chosen[:3].tolist()],
        warn=True,
    )


def check_answers(data: Dataset) -> list[Finding]:
    """Find items whose text names one of their users, more often than by chance.

    Ids that are common words or small numbers occur in texts by accident; the accidents to
    expect are those of users and items meeting independently, each at its own rate.
    """
    log = data.interactions
    names = pl.DataFrame(
        {
            "user": np.arange(len(log.users), dtype=np.int32),
            "name": _words(pl.Series(list(log.users), dtype=pl.String)),
        }
    )
    names = names.with_columns(pl.col("name").list.len().alias("n"), pl.col("name").list.join(" "))
    names = names.filter(pl.col("n").is_between(1, 3))
    parts = [
        _user_mentions(data.catalog.texts[at : at + BLOCK], at, names)
        for at in range(0, len(data.catalog), BLOCK)
    ]
    pairs = pl.concat(parts).unique(maintain_order=True)
    if not pairs.height:
        return []
    item, user = pairs["item"].to_numpy().astype(np.int64), pairs["user"].to_numpy()
    is_event = np.isin(
        user.astype(np.int64) * log.n_items + item,
        log.user.astype(np.int64) * log.n_items + log.item,
    )
    chance = -np.expm1(-np.diff(log.offsets)[user] * (log.counts[item] / len(log)))
    expected = float(chance.sum())
    if is_event.sum() < 3 + expected + 5 * np.sqrt(expected):
        return []
    items = np.unique(item[is_event])
    examples = [
        f"{data.catalog.ids[i]} names {log.users[u]}: {data.catalog.texts[i]}"
        for i, u in zip(item[is_event][:3].tolist(), user[is_event][:3].tolist(), strict=True)
    ]
    return finding(
        "answer-in-text",
        f"the text of an item names a user who met it ({is_event.sum():,} "
        f"times, {expected:.1f} expected by chance)",
        len(items),
        len(data.catalog),
        "items",
        examples,
        warn=True,
    )


def _words(texts: pl.Series) -> pl.Series:
    """Return the words of each text, lower case, without the marks around them."""
    lists = texts.str.to_lowercase().str.split(" ")
    return lists.list.eval(pl.element().str.replace_all(_WORD_EDGES, "")).list.eval(
        pl.element().filter(pl.element() != "")
    )


def _user_mentions(texts: Sequence[str], start: int, names: pl.DataFrame) -> pl.DataFrame:
    """Return (item, user) for each user whose id is a run of words in a text."""
    block = pl.DataFrame(
        {
            "item": np.arange(start, start + len(texts), dtype=np.int32),
            "name": _words(pl.Series(texts, dtype=pl.String)),
        }
    )
    words = block.explode("name").drop_nulls()
    matches = []
    for n in sorted(names["n"].unique().to_list()):
        run = [pl.col("name").shift(-k).over("item") for k in range(n)]
        grams = words.select("item", pl.concat_str(run, separator=" ").alias("name"))
        ids = names.filter(pl.col("n") == n).select("name", "user")
        matches.append(grams.join(ids, on="name").select("item", "user"))
    return (
        pl.concat(matches)
        if matches
        else block.select("item", pl.col("item").alias("user")).clear()
    )
