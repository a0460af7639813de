"""The statistics of an ablation: slices with paired differences, and the route that pays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennyweight.config.ablation_table import (
    ALL_LISTS,
    LENGTH_NAMES,
    LENGTHS,
    AblatedModel,
    AblatedSlice,
    ModelRoute,
    RoutedTask,
    paying,
)
from pennyweight.evaluation.bootstrap import bootstrap, paired_tests
from pennyweight.evaluation.compare import holm
from pennyweight.evaluation.new_item_cases import MIN_CASES
from pennyweight.evaluation.user_results import PRIMARY_METRIC

__all__ = ["SliceValues", "route_of", "slice_results", "slices_by_length"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class SliceValues:
    """The value of each case of a slice.

    Attributes
    ----------
    traffic
        Share of the lists; None for a search and for new items.
    made
        Number of cases that were made.
    lengths
        Of all lists: the length of each history.
    items
        Whether the slice is of new items rather than of requests.
    """

    name: str
    metric: str
    values: Values
    traffic: float | None
    made: int
    lengths: NDArray[np.int64] | None
    items: bool = False


def slice_results(
    slices: Sequence[SliceValues],
    reference: Sequence[SliceValues],
    search_share: float,
    sampling: Mapping[str, int],
) -> tuple[AblatedSlice, ...]:
    """Return the slices with intervals and, but for the reference itself, with differences."""
    tests = [
        paired_tests((mine.values - theirs.values)[:, None], **sampling)[0]
        for mine, theirs in zip(slices, reference, strict=True)
    ]
    corrected = holm([p for _, p in tests])
    own = slices is reference
    searches = sum(part.traffic is None and not part.items for part in slices)
    return tuple(
        AblatedSlice(
            slice=part.name,
            metric=part.metric,
            cases=len(part.values),
            made=part.made,
            traffic=_traffic(part, search_share, searches),
            quality=bootstrap(part.values[:, None], **sampling)[0].measured(),
            difference=None if own else estimate.measured(),
            p_holm=None if own else p,
        )
        for part, (estimate, _), p in zip(slices, tests, corrected, strict=True)
    )


def _traffic(part: SliceValues, search_share: float, searches: int) -> float | None:
    """Return the share of a slice in all requests; searches are shared alike."""
    if part.items:
        return None
    if part.traffic is None:
        return search_share / searches
    return part.traffic * (1 - search_share)


def slices_by_length(
    mine: Values, theirs: Values, lengths: NDArray[np.int64], sampling: Mapping[str, int]
) -> tuple[AblatedSlice, ...]:
    """Return all lists, and those of each length of the history with thirty users or more.

    Parameters
    ----------
    mine, theirs
        NDCG@10 of each user with a model and without it.
    lengths
        Events of each user's history.
    """
    masks = {ALL_LISTS: np.ones(len(lengths), bool)}
    for name, shortest, longest in LENGTHS:
        mask = (lengths >= shortest) & (lengths <= longest)
        if mask.sum() >= MIN_CASES:
            masks[name] = mask
    with_model, without = (
        [
            SliceValues(name, PRIMARY_METRIC, values[mask], float(mask.mean()), 0, None)
            for name, mask in masks.items()
        ]
        for values in (mine, theirs)
    )
    return slice_results(with_model, without, 0.0, sampling)


def route_of(
    models: Sequence[AblatedModel],
    values: Mapping[str, tuple[Sequence[SliceValues], Sequence[SliceValues]]],
    search_share: float,
    cores_price: float,
    sampling: Mapping[str, int],
) -> ModelRoute | None:
    """Choose a model and its requests on validation data, and measure them on test data.

    A model gets the slices of requests in which a gain over the first is shown; all lists where it
    gains on all of them and loses in no slice. The model with the largest sum of relative gains,
    weighted by traffic, is chosen.
    """
    first, *others = models
    best: tuple[float, AblatedModel] | None = None
    for model in others:
        chosen = paying(model.validation)
        gain = sum(
            (part.traffic or 0.0) * part.difference.value / max(base.quality.value, 1e-9)
            for part, base in zip(model.validation, first.validation, strict=True)
            if part.slice in chosen and part.difference is not None
        )
        items = any(part.gains for part in model.validation if part.traffic is None)
        if (chosen or items) and (best is None or gain > best[0]):
            best = gain, model
    if best is None:
        return None
    model = best[1]
    slices = paying(model.validation)
    tasks = _routed_tasks(first.name, model.name, slices, values, search_share, sampling)
    shares = {part.slice: part.traffic or 0.0 for part in model.validation}
    traffic = sum(shares[name] for name in slices)
    listed = sum(shares[name] for name in slices if name in (ALL_LISTS, *LENGTH_NAMES))
    searched = traffic - listed

    def price(lists: float, searches: float) -> float:
        """Return the price of a million requests, with the model for these shares of them."""
        seconds = lists * model.ms_per_list + (1 - search_share - lists) * first.ms_per_list
        if search_share:
            seconds += searches * (model.ms_per_search or 0.0)
            seconds += (search_share - searches) * (first.ms_per_search or 0.0)
        return seconds * 1_000 * cores_price

    relative = sum(
        task.traffic * task.route.value / max(task.everywhere.value, 1e-9) for task in tasks
    )
    return ModelRoute(
        model=model.name,
        slices=slices,
        items=tuple(p.slice for p in model.validation if p.traffic is None and p.gains),
        traffic=min(1.0, traffic),
        tasks=tasks,
        relative_quality=relative / max(sum(task.traffic for task in tasks), 1e-9),
        price=price(listed, searched),
        price_everywhere=price(1 - search_share, search_share),
        price_without=price(0.0, 0.0),
    )


def _routed_tasks(
    first: str,
    model: str,
    slices: Sequence[str],
    values: Mapping[str, tuple[Sequence[SliceValues], Sequence[SliceValues]]],
    search_share: float,
    sampling: Mapping[str, int],
) -> tuple[RoutedTask, ...]:
    """Return the quality of each kind of request on test data."""
    pairs = zip(values[first][1], values[model][1], strict=True)
    requests = [
        (a, b) for a, b in pairs if not a.items and (a.name == ALL_LISTS or a.traffic is None)
    ]
    searches = max(1, len(requests) - 1)
    tasks = []
    for without, everywhere in requests:
        routed = without.values
        if without.name in slices:
            routed = everywhere.values
        elif without.lengths is not None:
            routed = np.where(_of(without.lengths, slices), everywhere.values, without.values)
        columns = np.column_stack([without.values, routed, everywhere.values])
        means = [estimate.measured() for estimate in bootstrap(columns, **sampling)]
        share = 1 - search_share if without.name == ALL_LISTS else search_share / searches
        task = "lists" if without.name == ALL_LISTS else without.name
        tasks.append(
            RoutedTask(
                task=task,
                metric=without.metric,
                traffic=share,
                without=means[0],
                route=means[1],
                everywhere=means[2],
            )
        )
    return tuple(tasks)


def _of(lengths: NDArray[np.int64], slices: Sequence[str]) -> NDArray[np.bool_]:
    """Return which histories are of the slices."""
    mask = np.zeros(len(lengths), bool)
    for name, shortest, longest in LENGTHS:
        if name in slices:
            mask |= (lengths >= shortest) & (lengths <= longest)
    return mask
