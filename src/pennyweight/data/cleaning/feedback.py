"""Events that speak against an item: they take back earlier events and are learnt from as none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.cleaning.event_types import Meaning

__all__ = [
    "NEGATIVE",
    "NEUTRAL",
    "NOT_LIKING",
    "TAKEN_BACK",
    "Strength",
    "strengths",
    "summary",
    "taken_back",
]

Mask = NDArray[np.bool_]
NEGATIVE = "negative event: not learnt from; it takes back earlier events of the user on the item"
NEUTRAL = "neutral event: ignored"
TAKEN_BACK = "taken back by a later negative event of the same user on the same item"
NOT_LIKING = (NEGATIVE, NEUTRAL, TAKEN_BACK)  # no fault of the rows


@dataclass(frozen=True)
class Strength:
    """What the event types of some rows mean.

    Attributes
    ----------
    factor
        By which the weight of a row is multiplied, float32 (n_rows,).
    negative, neutral
        Rows that speak against their item, or say nothing of it, bool (n_rows,).
    """

    factor: NDArray[np.float32]
    negative: Mask
    neutral: Mask


def strengths(
    kind: NDArray[np.uint8], kinds: Sequence[str], meanings: Mapping[str, Meaning]
) -> Strength:
    """Return what the types of rows mean, by codes of `kinds`."""
    told = [meanings[name] for name in kinds]
    factor = np.array([1.0 if isinstance(one, str) else one for one in told], np.float32)
    return Strength(
        factor[kind],
        np.array([one == "negative" for one in told])[kind],
        np.array([one == "ignore" for one in told])[kind],
    )


def summary(meanings: Mapping[str, Meaning]) -> str:
    """Return what event types mean, in one line."""
    groups: dict[str, list[str]] = {"": [], "negative": [], "ignore": []}
    for name, meaning in meanings.items():
        if isinstance(meaning, str):
            groups[meaning].append(name)
        else:
            groups[""].append(f"{name} {meaning:g}")
    heads = {"": "", "negative": "negative: ", "ignore": "ignored: "}
    return "; ".join(heads[key] + ", ".join(names) for key, names in groups.items() if names)


def taken_back(
    user: NDArray[np.int32],
    item: NDArray[np.int32],
    time: NDArray[np.float64],
    negative: Mask,
) -> tuple[Mask, Mask]:
    """Say which events a negative one takes back, and which negative ones hold to the end.

    A negative event takes back the events of the same user on the same item up to its own
    moment; a later positive event counts again and ends the negative one.

    Returns
    -------
    taken, lasting
        bool (n,): positive events taken back; the last negative event of each pair of user and
        item that no positive one follows.
    """
    taken = np.zeros(len(user), bool)
    lasting = np.zeros(len(user), bool)
    if not negative.any():
        return taken, lasting
    pair = user.astype(np.int64) * (int(item.max()) + 1) + item
    order = np.lexsort((negative, time, pair))  # of one moment the negative event is the last
    first = np.flatnonzero(np.diff(pair[order], prepend=-1))
    length = np.diff(np.append(first, len(order)))
    place = np.arange(len(order))
    against = negative[order]
    last = np.maximum.reduceat(np.where(against, place, -1), first)
    taken[order] = ~against & (place < np.repeat(last, length))
    ends = first + length - 1
    lasting[order[ends]] = against[ends]
    return taken, lasting
