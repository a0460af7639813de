"""The finding: one kind of trouble in the data, its size, examples, and the remedy."""

from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pennyweight.config.frozen import FrozenModel
from pennyweight.data.dataset import Dataset
from pennyweight.data.personal import mask

__all__ = ["KINDS", "Finding", "events_at", "finding", "percent"]

Area = Literal["leak", "personal", "events", "items"]
Severity = Literal["warning", "note"]
Count = Annotated[int, Field(ge=0)]

# Kind -> its area, and the remedy. Each has a row in the guide.
KINDS: dict[str, tuple[Area, str]] = {
    "repeated-items": (
        "leak",
        "with --repeats exclude they count as misses of every scorer; use "
        "--repeats include (repeats='include') where people come back to items, "
        "the default where they are more than half",
    ),
    "split-duplicates": (
        "leak",
        "they were dropped, the first row stayed; remove duplicates before splitting",
    ),
    "events-after-cut": ("leak", "split by time, or let pennyweight split (--protocol)"),
    "future-of-others": ("leak", "use --protocol global-time, or a split by one moment for all"),
    "future-catalog": (
        "leak",
        "measure without novelty and popularity (--scorers "
        "content,neighbors,tower), or with the catalog as it was before the "
        "test",
    ),
    "id-order": (
        "leak",
        "no scorer of pennyweight uses the order and ties are drawn at random; "
        "shuffle the catalog and replace its ids before using tools that do",
    ),
    "answer-in-text": (
        "leak",
        "remove reviewers and buyers from the texts, or leave the column out with --text-columns",
    ),
    "personal-text": (
        "personal",
        "fit with --mask-personal (data.mask_personal in the plan) so "
        "that no encoder reads it, or remove it at the source",
    ),
    "personal-id": (
        "personal",
        "ids cannot be masked without losing the users they name; replace them "
        "by keyed hashes before giving the files",
    ),
    "bot-rate": ("events", "remove these users from the events, unless they are people"),
    "bot-share": ("events", "remove these users, or check that they are not many under one id"),
    "crowded-id": (
        "events",
        "where the id stands for many people, drop it with --missing-ids ID, "
        "missing_ids=['ID'] or data.missing_ids of the plan",
    ),
    "id-forms": (
        "events",
        "if they are the same, use --normalize-ids, normalize_ids=True or "
        "data.normalize_ids of the plan; better, export ids as text",
    ),
    "future-times": ("events", "mend the clock or the time zone of the source"),
    "early-times": ("events", "usually a missing time written as zero; remove or mend them"),
    "equal-times": (
        "events",
        "usually a default or the date of an import; bring real times, or "
        "leave the column out (--time-column ''; where the newest rows come first, "
        "with --row-order newest-first)",
    ),
    "midnight-times": ("events", "order within a day is drawn at random; bring the time of day"),
    "single-event-users": (
        "events",
        "they teach nothing about what follows what, and cannot be "
        "tested by leave-last-out; more events a user help most",
    ),
    "few-histories": (
        "events",
        "such a test says how newcomers are served; --protocol "
        "leave-last-out (protocol='leave-last-out'), the default where most users "
        "have a history then, says how histories are used",
    ),
    "long-tail": (
        "events",
        "compare with the popularity scorer and look at coverage; rare items need text",
    ),
    "unused-items": ("events", "only novelty and scorers that read text can recommend them"),
    "cold-share": ("events", "only novelty and scorers that read text can find them; refit often"),
    "partial-file": ("events", "fetch all pages, and write them one after the other into the file"),
    "cleaning": ("events", "see the guide to data for what cleaning does; --strict of fit refuses"),
    "unavailable-items": (
        "items",
        "they are learned from, and no list has them; where the column "
        "means something else, use --available-column ''",
    ),
    "unread-numbers": (
        "items",
        "write the column in one way, such as 1299.00, so that filters can compare it",
    ),
    "empty-column": ("items", "fill the column, or leave it out with --text-columns"),
    "near-duplicates": (
        "items",
        "merge those that are one thing, or they split its events; "
        "variants, such as sizes and colors, may stay",
    ),
    "mixed-scripts": (
        "items",
        "an encoder of one language cannot read them; translate them, or "
        "choose a multilingual encoder",
    ),
    "unread-script": (
        "items",
        "use --encoder tfidf (encoder='tfidf'), which reads every script, "
        "or name the folder of a multilingual model (--encoder FOLDER)",
    ),
    "unknown-words": ("items", "choose an encoder of the texts' language, or --encoder tfidf"),
    "fragmented-words": (
        "items",
        "words in many pieces carry little meaning: choose an encoder of "
        "the texts' language, or --encoder tfidf",
    ),
    "long-texts": (
        "items",
        "what comes after is not read; put what matters first (--text-columns sets the order)",
    ),
}


class Finding(FrozenModel):
    """One kind of trouble.

    Attributes
    ----------
    area
        ``leak``, ``personal``, ``events`` or ``items``.
    kind
        Its name in the guide, such as ``repeated-items``.
    severity
        ``warning`` asks for action, ``note`` informs.
    message
        Description of the trouble.
    count, of, unit
        Affected rows, all rows, and their unit (``items``, ``events``, ``users`` ...).
    examples
        Up to three; personal data in them is masked.
    remedy
        The action taken, or the one to take.
    """

    area: Area
    kind: str
    severity: Severity
    message: str
    count: Count
    of: Count
    unit: str
    examples: tuple[str, ...] = ()
    remedy: str

    @property
    def share(self) -> float:
        """Return count over of, 0 where there is nothing."""
        return self.count / self.of if self.of else 0.0

    def __str__(self) -> str:
        size = f"{self.count:,} of {self.of:,} {self.unit} ({percent(self.share)})"
        lines = [f"{self.severity}: {self.message}: {size} [{self.kind}]"]
        lines += [f"    e.g. {example}" for example in self.examples]
        return "\n".join([*lines, f"    {self.remedy}"])


def events_at(data: Dataset, rows: NDArray[np.int64]) -> list[str]:
    """Format the first three of the events in these rows as user and item."""
    log, ids = data.interactions, data.catalog.ids
    return [f"{log.users[log.user[r]]}: {ids[log.item[r]]}" for r in rows[:3].tolist()]


def percent(share: float) -> str:
    """Format a share in percent; a small one does not become zero."""
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def finding(
    kind: str,
    message: str,
    count: int,
    of: int,
    unit: str,
    examples: Iterable[str] = (),
    *,
    warn: bool,
    area: Area | None = None,
    remedy: str = "",
) -> list[Finding]:
    """Return the finding in a list, empty where the count is zero."""
    if not count:
        return []
    default_area, default_remedy = KINDS[kind]
    masked = [mask(text) for text, _ in zip(examples, range(3), strict=False)]
    shortened = tuple(text if len(text) <= 160 else text[:157] + "…" for text in masked)
    severity: Severity = "warning" if warn else "note"
    return [
        Finding(
            area=area or default_area,
            kind=kind,
            severity=severity,
            message=message,
            count=int(count),
            of=int(of),
            unit=unit,
            examples=shortened,
            remedy=remedy or default_remedy,
        )
    ]
