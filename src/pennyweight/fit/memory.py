"""What a fit will need, added up before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from pennyweight.errors import BudgetError
from pennyweight.hardware.machine import available_memory
from pennyweight.score.linear import Linear

__all__ = ["Users", "check_memory", "fit_bytes"]

BASE = 400 << 20  # interpreter, libraries and the static table
TOWER_COPIES = 12  # float32 (n_items, dim): two kinds of vectors, their moments, results, scratch
EVENT_BYTES = 400  # log, histories, training pairs and co-occurrence, an event
ITEM_BYTES = 4_000  # texts, attributes and sparse text vectors, an item
BLOCKS = 6 * (64 << 20)  # dense score blocks held at a time


@dataclass(frozen=True)
class Users:
    """How many users to score: so many that users x items is `scores`, within `least` and `most`.

    A choice or an interval needs some thousand users, not all of a million, while the work
    grows with users x items.
    """

    least: int
    scores: int
    most: int | None = None

    def of(self, items: int) -> int:
        """Return the number of users for a catalogue of so many items."""
        users = max(self.least, self.scores // max(1, items))
        return users if self.most is None else min(users, self.most)


def fit_bytes(*, items: int, events: int, scorers: Sequence[str], dim: int) -> dict[str, int]:
    """Return the larger terms of the memory that a fit needs, in bytes, by name."""
    terms = {
        "program": BASE,
        "events": events * EVENT_BYTES,
        "items": items * ITEM_BYTES,
        "score blocks": max(BLOCKS, 6 * 4 * items),
    }
    if "tower" in scorers:
        terms["tower"] = TOWER_COPIES * 4 * items * dim
    if "sequence" in scorers:
        terms["sequence"] = TOWER_COPIES * 4 * items * dim
    if "linear" in scorers and items <= Linear().dense_items:
        terms["linear"] = 3 * 4 * items**2
    return terms


def check_memory(terms: dict[str, int], available: int | None = None) -> None:
    """Raise `BudgetError` with the arithmetic where the terms add up to more than there is."""
    available = available_memory() if available is None else available
    total = sum(terms.values())
    if total > available:
        sums = " + ".join(f"{name} {size / 2**30:.1f}" for name, size in terms.items())
        raise BudgetError(
            f"this fit needs about {total / 2**30:.1f} GiB ({sums}) and {available / 2**30:.1f} "
            "GiB are available; leave scorers out (--scorers), narrow the vectors "
            "(encoder.dim in the plan), or raise --k-core"
        )
