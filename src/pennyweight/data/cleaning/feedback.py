"""Feedback: whether each row of an event log is for its item, against it, or neutral."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pennyweight.data.cleaning.counts import NO_DEED, drop_idle
from pennyweight.data.cleaning.engagement import UNSEEN, drop_unseen
from pennyweight.data.cleaning.event_types import (
    NO_OPINION,
    NO_TYPE,
    EventTypes,
    Meaning,
    are_opinions,
    is_rating,
    loan_meanings,
)
from pennyweight.data.cleaning.labels import flagged, label_meanings, names_types, opposites
from pennyweight.data.cleaning.missing import blanked
from pennyweight.data.cleaning.order_refunds import OF_ORDER, PART_OF_ORDER
from pennyweight.data.cleaning.returns import (
    CANCELLED,
    NEVER,
    PARTIAL,
    RETURNED,
    ZERO,
    returns,
)
from pennyweight.data.cleaning.rows import Mask, Rows
from pennyweight.data.cleaning.toggles import with_switches
from pennyweight.data.cleaning.vocabulary import is_purchase, is_removal
from pennyweight.data.cleaning.weights import BELOW_ZERO, LOW, NO_STRENGTH, weights
from pennyweight.data.columns import has_role
from pennyweight.data.tables import check_scalars
from pennyweight.errors import DataError

__all__ = [
    "AGAINST",
    "NEGATIVE",
    "NEUTRAL",
    "NOT_LIKING",
    "READ",
    "TAKEN_BACK",
    "FeedbackRules",
    "Signals",
    "signals",
    "summary",
]

NEGATIVE = "negative event: not learned from; it takes back earlier events of the user on the item"
TAKEN_BACK = "taken back by a later negative event of the same user on the same item"
NEUTRAL = "neutral event: ignored"
# Reasons for dropping rows without a fault.
NOT_LIKING = (
    NEGATIVE,
    NEUTRAL,
    NO_DEED,
    LOW,
    BELOW_ZERO,
    NO_STRENGTH,
    CANCELLED,
    NEVER,
    RETURNED,
    ZERO,
    TAKEN_BACK,
    PARTIAL,
    OF_ORDER,
    PART_OF_ORDER,
    UNSEEN,
)
READ = "read"  # with weight 0 Gorse's type of an impression: the item need not come again
AGAINST = -1.0  # the strength of an event that speaks against its item
_MAX_KINDS = 256  # kind is stored in a byte


@dataclass(frozen=True)
class FeedbackRules:
    """The rules by which events are understood.

    Attributes
    ----------
    types
        The meaning of each event type.
    min_rating
        The lowest rating that counts as liking; 0: all do; None: by the scale.
    later
        Whether they are those of an earlier log, so that some types may not occur.
    """

    types: EventTypes = field(default_factory=EventTypes)
    min_rating: float | None = None
    later: bool = False

    def strength(self, kind: str, weight: float) -> float | None:
        """Return the strength of a single event, by its type and weight.

        A weight is a rating where the type says so, such as ``rating`` or ``review``.

        Returns
        -------
        float or None
            A strength; `AGAINST` where the event speaks against its item; None where it says
            nothing or its type is in doubt.
        """
        meaning = self.types.clear_meaning(kind)
        if meaning is None or meaning == "ignore":
            return None
        low = self.min_rating is not None and weight < self.min_rating and is_rating(kind)
        if meaning == "negative" or weight < 0 or low:
            return AGAINST
        if not weight and kind != READ:
            return None
        return weight * meaning


@dataclass(frozen=True)
class Signals:
    """The feedback of each row of a log.

    Attributes
    ----------
    weight
        Strength of each row, that of its type included, float32 (n_rows,).
    kind, kinds
        Code of the type of each row, uint8 (n_rows,); the names of the types.
    against
        Reason -> rows that speak against their item for that reason, bool (n_rows,).
    removal, purchase
        Rows that speak against their item only by a removal, such as from a cart; rows of
        purchases, bool (n_rows,).
    quantity
        Pieces, below zero for returns, float64 (n_rows,).
    meanings
        The meaning of each type, of those in the log and those chosen.
    liking
        The lowest rating that counts as liking; None where the weights are no ratings.
    """

    weight: NDArray[np.float32]
    kind: NDArray[np.uint8]
    kinds: tuple[str, ...]
    against: dict[str, Mask]
    removal: Mask
    purchase: Mask
    quantity: NDArray[np.float64]
    meanings: Mapping[str, Meaning]
    liking: float | None

    @property
    def negative(self) -> Mask:
        """Rows that speak against their item, bool (n_rows,)."""
        return np.asarray(np.logical_or.reduce(list(self.against.values())))


def signals(
    frame: pl.DataFrame,
    roles: Mapping[str, str],
    rows: Rows,
    rules: FeedbackRules,
    source: str,
    *,
    undone: Mask,
) -> Signals:
    """Read the columns of weights, types and orders; drop the neutral rows.

    Parameters
    ----------
    undone
        Lines of orders that were undone as a whole, bool (n_rows,).

    Raises
    ------
    DataError
        A column cannot be read so, or the meaning of a type is in doubt.
    """
    roles = _by_values(frame, roles)
    kind, kinds = _kinds(frame, roles, source)
    dislikes = opposites(frame.columns, roles.get("type", "")) if "status" in roles else []
    meanings = _meanings(kind, kinds, roles, rules, rows, source, opposed=bool(dislikes))
    kind_meanings = [meanings[name] for name in kinds]
    factor = np.array(
        [1.0 if isinstance(meaning, str) else meaning for meaning in kind_meanings], np.float32
    )
    neutral = np.array([meaning == "ignore" for meaning in kind_meanings])[kind]
    for name in dislikes:  # a row without a like may have a dislike
        disliked = flagged(frame[name])
        neutral &= True if disliked is None else ~disliked.to_numpy()
    rows.drop(NEUTRAL, neutral)
    drop_idle(frame, roles, rows)
    orders = returns(frame, roles, rows, source)
    drop_unseen(frame, roles, rows, kind, kinds, taken_back=orders.returned | orders.cancelled)
    weighting = weights(frame, roles, rules.min_rating, rows, source)
    against = {
        NEGATIVE: np.array([meaning == "negative" for meaning in kind_meanings])[kind],
        LOW: weighting.low,
        BELOW_ZERO: weighting.below,
        RETURNED: orders.returned,
        CANCELLED: orders.cancelled | (undone & (orders.quantity >= 0)),
    }
    named = {**rules.types.chosen, **(meanings if "type" in roles else {})}
    others = np.logical_or.reduce([mask for reason, mask in against.items() if reason != NEGATIVE])
    return Signals(
        weighting.weight * factor[kind],
        kind,
        kinds,
        against,
        against[NEGATIVE] & ~others & np.array([is_removal(name) for name in kinds])[kind],
        np.array([is_purchase(name) for name in kinds])[kind],
        orders.quantity,
        named,
        weighting.liking,
    )


def _kinds(
    frame: pl.DataFrame, roles: Mapping[str, str], source: str
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    if "type" not in roles:
        return np.zeros(frame.height, np.uint8), (NO_TYPE,)
    column = frame[roles["type"]]
    check_scalars(
        column, source, "event types; leave it out with --type-column '', columns={'type': None}"
    )
    texts = column.cast(pl.String).str.strip_chars()
    column = blanked(column).cast(pl.String).str.strip_chars().fill_null(NO_TYPE)
    none = (texts.str.to_lowercase() == NO_OPINION).fill_null(False)
    if none.any() and are_opinions(column.unique().to_list()):
        column = column.set(none, NO_OPINION)
    column = with_switches(column, frame, roles)
    names = column.unique(maintain_order=True)
    if len(names) > _MAX_KINDS:
        raise DataError(
            f"{source}: column {column.name!r} has {len(names):,} distinct values, too many for "
            f"event types ({_MAX_KINDS}). Leave it out with --type-column '', "
            "columns={'type': None}"
        )
    codes = column.cast(pl.Enum(names)).to_physical()
    return codes.to_numpy().astype(np.uint8), tuple(names)


def _meanings(
    kind: NDArray[np.uint8],
    kinds: tuple[str, ...],
    roles: Mapping[str, str],
    rules: FeedbackRules,
    rows: Rows,
    source: str,
    *,
    opposed: bool = False,
) -> dict[str, Meaning]:
    """Return the meanings of the types, and note them."""
    if "type" not in roles:
        return dict.fromkeys(kinds, 1.0)
    name, number = roles["type"], np.bincount(kind[rows.alive], minlength=len(kinds))
    silent = sum(number[kinds.index(zero)] for zero in ("0", "0.0", "false") if zero in kinds)
    labels = label_meanings(name, kinds, silent / max(1, number.sum()), opposed=opposed)
    types = EventTypes({**loan_meanings(kinds), **labels, **rules.types.chosen})
    meanings = types.meanings(kinds, source)
    _note_meanings(name, meanings, number, rows)
    unused = [] if rules.later else rules.types.unused(kinds)
    rows.findings.add(
        "events",
        "event types with a chosen meaning do not occur: " + ", ".join(unused),
        len(unused),
        "noted",
    )
    unknown = [name for name in kinds if types.is_unknown(name)]
    listed = ", ".join(map(repr, unknown[:10])) + (" …" if len(unknown) > 10 else "")
    mask = np.array([name in unknown for name in kinds])[kind]
    rows.note(
        f"unknown event type counts with weight 1: {listed}; give it a weight, negative or "
        "ignore with --event-types NAME=…",
        mask,
    )
    if are_opinions(kinds) and meanings.get(NO_TYPE) == 1.0:
        rows.note(
            f"no opinion in {name!r}: an event with weight 1 (--event-types "
            f"{NO_TYPE}=ignore drops these rows)",
            kind == kinds.index(NO_TYPE),
        )
    return meanings


def _note_meanings(
    column: str, meanings: Mapping[str, Meaning], number: NDArray[np.int64], rows: Rows
) -> None:
    """Note the meanings of the types, and their column if its name does not say so."""
    descriptions = [m if isinstance(m, str) else f"weight {m:g}" for m in meanings.values()]
    types = zip(meanings, descriptions, number.tolist(), strict=True)
    rows.findings.event_types = tuple(sorted(types, key=lambda row: (-row[2], row[0])))
    alive = int(rows.alive.sum())
    if not has_role([column], "type"):
        reason = (
            f"{column!r} is read as the types of the events (--type-column '' counts every "
            "row as liking)"
        )
        rows.findings.add("events", reason, alive, "noted")
    reason = f"event types: {summary(meanings)} (change with --event-types)"
    rows.findings.add("events", reason, alive, "noted")


def _by_values(frame: pl.DataFrame, roles: Mapping[str, str]) -> dict[str, str]:
    """Return the roles; a weight column that holds names of types becomes the type column."""
    weight = roles.get("weight")
    if (
        weight is None
        or "type" in roles
        or frame[weight].dtype.is_numeric()
        or not names_types(frame[weight])
    ):
        return dict(roles)
    others = {role: name for role, name in roles.items() if role != "weight"}
    return {"type": weight, **others}


def summary(meanings: Mapping[str, Meaning]) -> str:
    """Return the meanings of event types in one line."""
    groups: dict[str, list[str]] = {"": [], "negative": [], "ignore": []}
    for name, meaning in meanings.items():
        if isinstance(meaning, str):
            groups[meaning].append(name)
        else:
            groups[""].append(f"{name} {meaning:g}")
    headings = {"": "", "negative": "negative: ", "ignore": "ignored: "}
    return "; ".join(headings[key] + ", ".join(names) for key, names in groups.items() if names)
