"""`enrich`: phrases for each item of a catalog; those that are there already stay."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pennyweight.data.catalog import Catalog
from pennyweight.data.enriched import EnrichedItem, read_enriched, write_enriched
from pennyweight.data.phrases import CheckedPhrases, check_phrases
from pennyweight.enrichment.messages import VERSION, checked_answer
from pennyweight.enrichment.writers import GenerativeModel
from pennyweight.errors import BudgetError, EndpointError
from pennyweight.formatting import count
from pennyweight.storage.files import cache_folder, digest

__all__ = ["Enrichment", "enrich"]


@dataclass
class Enrichment:
    """The result of a run.

    Attributes
    ----------
    items
        Item id -> phrases, in the order of the catalog.
    written, cached, unchanged
        Items whose phrases were written now, were in the cache, or were in the file already.
    without
        Items that have no phrase.
    unreadable
        Items whose answer held no JSON object. They are not in the file; the next run asks again.
    dropped
        Why phrases were dropped -> how many.
    """

    items: dict[str, EnrichedItem] = field(default_factory=dict)
    written: int = 0
    cached: int = 0
    unchanged: int = 0
    without: int = 0
    unreadable: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """Return the result in lines."""
        lines = [
            f"{count(len(self.items), 'item')}: {self.written:,} written, {self.cached:,} from the "
            f"cache, {self.unchanged:,} unchanged in the file; {self.without:,} without a phrase"
        ]
        if self.unreadable:
            lines.append(
                f"{count(self.unreadable, 'answer')} could not be read and left out: run the same "
                "command again, or take a model that was tuned for instructions"
            )
        if self.dropped:
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in self.dropped.most_common())
            lines.append(f"dropped by the check: {reasons}")
        return "\n".join(lines)


def enrich(
    catalog: Catalog,
    writer: GenerativeModel,
    out: Path,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Enrichment:
    """Write phrases for each item to a file.

    Items whose text has not changed since keep their lines of the file, edits included. Answers are
    kept in the cache folder, so an interrupted run goes on where it was.

    Parameters
    ----------
    out
        CSV by its ending, otherwise JSON lines.
    limit
        Only the first items.
    progress
        Called with (items done, items).

    Raises
    ------
    BudgetError, EndpointError
        The run stopped; the file has the items that were done, and the message says how many.
    """
    there = read_enriched(out) if out.exists() else {}
    cache = _AnswerCache(digest(writer.fingerprint, VERSION))
    result, total = Enrichment(), min(limit or len(catalog), len(catalog))
    texts = islice(zip(catalog.ids, catalog.texts, strict=True), total)
    try:
        for done, (item_id, text) in enumerate(texts, start=1):
            item = _item(there.get(item_id), text, writer, cache, result)
            if item is not None:
                result.items[item_id] = item
            if progress is not None:
                progress(done, total)
    except (BudgetError, EndpointError) as error:
        raise type(error)(
            f"{error}. {len(result.items):,} of {total:,} items are done and in {out}: run "
            "the same command again to go on, nothing is paid for twice"
        ) from error
    finally:
        cache.close()
        if result.items:
            left = {name: item for name, item in there.items() if name not in result.items}
            write_enriched(out, {**result.items, **left})
    if result.unreadable and not result.items:
        raise EndpointError(
            f"none of {count(result.unreadable, 'answer')} could be read as JSON: check the model "
            "and its address, or take a model that was tuned for instructions"
        )
    return result


def _item(
    there: EnrichedItem | None,
    text: str,
    writer: GenerativeModel,
    cache: "_AnswerCache",
    result: Enrichment,
) -> EnrichedItem | None:
    """Return the phrases of an item; None where the answer could not be read."""
    source = digest(text)
    if there is not None and there.source in (source, ""):
        result.unchanged += 1
        result.without += not there.fields
        return there
    checked = cache.get(source)
    if checked is not None:
        result.cached += 1
    elif any(map(str.isalnum, text)):
        checked = checked_answer(writer.write(text))
        result.dropped += checked.dropped
        if checked.unreadable:
            result.unreadable += 1
            return None
        cache.put(source, checked)
        result.written += 1
        result.without += not checked.fields
        return EnrichedItem(checked.fields, source)
    else:
        checked = CheckedPhrases({})
    result.dropped += checked.dropped
    result.without += not checked.fields
    return EnrichedItem(checked.fields, source)


class _AnswerCache:
    """Checked answers of one model by the digest of the text: a file that only grows."""

    def __init__(self, name: str) -> None:
        path = cache_folder() / "enriched" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._answers: dict[str, CheckedPhrases] = {}
        self._file = path.open("ab+")
        self._file.seek(0)
        data = self._file.read()
        for line in data.split(b"\n"):
            try:
                row = json.loads(line)
                checked = check_phrases(row["fields"])
                self._answers[str(row["key"])] = CheckedPhrases(
                    checked.fields, Counter(_counts(row["dropped"]))
                )
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a run that was killed, or a damaged one
        if data and not data.endswith(b"\n"):
            self._file.write(b"\n")

    def get(self, key: str) -> CheckedPhrases | None:
        return self._answers.get(key)

    def put(self, key: str, checked: CheckedPhrases) -> None:
        self._answers[key] = checked
        row = {"key": key, "fields": dict(checked.fields), "dropped": dict(checked.dropped)}
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _counts(row: Mapping[str, int]) -> dict[str, int]:
    return {str(reason): int(n) for reason, n in row.items()}
