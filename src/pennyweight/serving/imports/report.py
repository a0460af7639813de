"""The report on an uploaded file: rows read, kept and dropped, with reasons."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

__all__ = ["DroppedRows", "ImportReport", "RowLoss"]

REASONS = 20  # that are counted one by one
OTHERS = "other reasons"
EXAMPLES = 3
EXCERPT = 160  # characters of an example
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*")


@dataclass(frozen=True)
class RowLoss:
    """Rows that are not imported for one reason, with up to three examples."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportReport:
    """The contents of an uploaded file, before any of it is stored.

    Attributes
    ----------
    read
        Rows of the file; kept and dropped ones add up to it.
    kept
        Rows that a confirmation stores.
    dropped
        The others, most frequent reason first.
    notes
        Which columns are used, and facts about the rows that are kept.
    findings
        As `pennyweight validate` prints them.
    """

    read: int
    kept: int
    dropped: tuple[RowLoss, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return JSON that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "ImportReport":
        """Return a report from the JSON of `to_json`."""
        document = json.loads(text)
        losses = (
            RowLoss(loss["reason"], loss["count"], tuple(loss["examples"]))
            for loss in document["dropped"]
        )
        return cls(
            document["read"],
            document["kept"],
            tuple(losses),
            tuple(document["notes"]),
            tuple(document["findings"]),
        )


@dataclass
class DroppedRows:
    """Counts dropped rows by reason; values in a reason do not make another one."""

    _losses: dict[str, tuple[str, int, list[str]]] = field(default_factory=dict)

    def add(self, reason: str, example: str, count: int = 1) -> None:
        """Note rows that are dropped."""
        kind = QUOTED.sub("…", reason)
        if kind not in self._losses and len(self._losses) >= REASONS:
            kind = reason = OTHERS
        text, before, examples = self._losses.get(kind, (reason, 0, []))
        if len(examples) < EXAMPLES and example:
            examples.append(example[:EXCERPT])
        self._losses[kind] = text, before + count, examples

    def losses(self) -> Sequence[RowLoss]:
        """Return the reasons, the most frequent first."""
        ordered = sorted(self._losses.values(), key=lambda loss: -loss[1])
        return [RowLoss(text, count, tuple(examples)) for text, count, examples in ordered]
