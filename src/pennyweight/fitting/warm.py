"""A fit that goes on from an earlier one: its settings, choices and weights stay."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Interactions
from pennyweight.errors import PlanError
from pennyweight.fitting.components import TRAINERS
from pennyweight.scorers.building import BuildContext
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.ranking_trees import catalog_digest
from pennyweight.scorers.text_search import TextSearch

__all__ = ["resume", "warm_fit"]


def resume(
    components: Mapping[str, Scorer],
    codes: NDArray[np.int32],
    fit: Callable[[str, Scorer], None],
    *,
    seen_events: NDArray[np.int64] | None = None,
) -> dict[str, Scorer]:
    """Return components fitted again, each from where its earlier fit ended if it can go on.

    Parameters
    ----------
    components
        The earlier ones by id, those first from whose vectors others start.
    codes
        See `Scorer.resumed`.
    fit
        Fits a component; called with its id and itself.
    seen_events
        See `BuildContext`.
    """
    fitted: dict[str, Scorer] = {}
    for name, component in components.items():
        context = BuildContext(built=fitted, seen_events=seen_events, trainers=TRAINERS)
        resumed = component.resumed(codes, context)
        fit(name, resumed)
        fitted[name] = resumed
    return fitted


def warm_fit(scorer: Scorer, ids: Ids, interactions: Interactions, catalog: Catalog) -> Scorer:
    """Return a blend fitted to other data, from where an earlier one ended.

    Components that learn step by step take a few more steps; others are fitted anew, with the
    settings chosen before. The weights of the blend, its trees and the weights of its search stay.
    Components that are fitted anew are those of the earlier blend.

    Parameters
    ----------
    scorer
        The earlier blend.
    ids
        Its items, in code order.

    Raises
    ------
    PlanError
        The scorer is no blend.
    """
    if not scorer.component_weights:
        raise PlanError(f"a {scorer.kind} scorer cannot be fitted warm; fit it fully (--full)")

    def fit(_: str, component: Scorer) -> None:
        component.fit(interactions, catalog)

    components = resume(scorer.components, ids.codes(catalog.ids), fit)
    blend = scorer.with_components(components)
    if scorer.trees is not None and blend.trees is not None:
        blend.trees = replace(blend.trees, catalog=catalog_digest(catalog.ids))
    if scorer.search is not None:
        blend.search = _search(scorer.search, components, catalog, interactions)
    return blend


def _search(
    search: TextSearch, components: dict[str, Scorer], catalog: Catalog, log: Interactions
) -> TextSearch:
    encoder = search.embeddings.encoder
    assert encoder is not None  # of embeddings
    words = components.get(search.words_id or "")
    if words is None:
        words = search.words.fit(log, catalog)
    fitted = TextSearch.fit(encoder, words, catalog, words_id=search.words_id)
    return replace(fitted, bm25_weight=search.bm25_weight)
