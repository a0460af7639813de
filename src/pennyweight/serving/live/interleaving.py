"""Interleaving: one list from two bundles, with the bundle that each item stands for.

By team draft; Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval
quality?", CIKM 2008. Users act on items whichever bundle proposed them, so that a preference
shows with fewer users than a comparison of groups needs.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from pennyweight.serving.live.lists import RankedList

__all__ = ["team_draft"]


def team_draft(
    lists: tuple[RankedList, RankedList], versions: tuple[str, str], k: int, rng: random.Random
) -> RankedList:
    """Merge the lists of two bundles.

    In each round a coin decides which bundle is first to add its best item that is not in the list
    yet; then the other one adds its best. An item stands for the bundle that added it.
    """
    order: list[tuple[int, int]] = []  # (bundle, place in its list)
    taken: set[str] = set()
    begun = [0, 0]
    while len(order) < k:
        first = rng.randrange(2)
        before = len(order)
        for side in (first, 1 - first):
            items = lists[side].items
            while begun[side] < len(items) and items[begun[side]][0] in taken:
                begun[side] += 1
            if begun[side] < len(items) and len(order) < k:
                taken.add(items[begun[side]][0])
                order.append((side, begun[side]))
        if len(order) == before:
            break
    return _merged(lists, versions, order)


def _merged(
    lists: tuple[RankedList, RankedList],
    versions: tuple[str, str],
    order: Sequence[tuple[int, int]],
) -> RankedList:
    first, second = lists
    reasons = attributes = None
    if first.reasons is not None and second.reasons is not None:
        both = first.reasons, second.reasons
        reasons = tuple(both[side][place] for side, place in order)
    if first.attributes is not None and second.attributes is not None:
        rows = first.attributes, second.attributes
        attributes = tuple(rows[side][place] for side, place in order)
    return replace(
        first,
        items=tuple(lists[side].items[place] for side, place in order),
        unknown=tuple(item for item in first.unknown if item in second.unknown),
        over_budget=first.over_budget or second.over_budget,
        reasons=reasons,
        attributes=attributes,
        drafted_by=tuple(versions[side] for side, _ in order),
        explored=frozenset(
            item
            for side, place in order
            if (item := lists[side].items[place][0]) in lists[side].explored
        ),
    )
