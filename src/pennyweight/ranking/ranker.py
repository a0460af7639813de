"""The ranker: one path from requests to recommendations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Interactions
from pennyweight.ranking.diversity import Diversifier
from pennyweight.ranking.explanations import CommonWords, Explainer
from pennyweight.ranking.explorer import Explorer, Placer
from pennyweight.ranking.filter_masks import FilterMasks
from pennyweight.ranking.request import RankingRequest, Recommendations
from pennyweight.ranking.reranking import Reranker
from pennyweight.ranking.retrieval import Retriever
from pennyweight.ranking.rules import Rules
from pennyweight.ranking.scoring import QueryScorer
from pennyweight.ranking.stages import RankingBatch, Stage
from pennyweight.ranking.top_k import Selector
from pennyweight.scorers.protocol import Scorer

__all__ = ["Ranker"]


@dataclass(frozen=True, eq=False)
class Ranker:
    """Ranks items: retrieval, scoring, rules, selection, diversification, explanation.

    Python, the command line, exports and the service all rank by it.

    Attributes
    ----------
    retriever, query_scorer, rules, explorer, diversifier, explainer
        Separate stages for each catalog.
    rerankers
        Stages between selection and diversification, see `Stage`.
    depth
        How many items of a list at least are selected for these.
    """

    retriever: Retriever
    query_scorer: QueryScorer
    rules: Rules
    explorer: Explorer
    diversifier: Diversifier
    explainer: Explainer
    rerankers: tuple[Stage, ...] = ()
    depth: int = 0

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        catalog: Catalog,
        interactions: Interactions | None,
        *,
        exclude_seen: bool,
        common_words: CommonWords,
        rerank_seconds: float | None = None,
    ) -> "Ranker":
        """Return the ranker of a fitted scorer; parameters are those of its stages.

        A blend with trees gets a re-ranker, with a budget in seconds if one is given.
        """
        trees = scorer.trees
        rerankers = () if trees is None else (Reranker(scorer, trees, rerank_seconds),)
        counts = None if interactions is None else interactions.counts
        return cls(
            Retriever(catalog.available, FilterMasks(catalog.attributes)),
            QueryScorer(scorer, catalog, interactions, attributes=bool(rerankers)),
            Rules(exclude_seen),
            Explorer(scorer.scale, counts),
            Diversifier(scorer, catalog),
            Explainer(scorer, catalog, counts, common_words),
            rerankers,
            0 if trees is None else trees.depth,
        )

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in the order in which they run."""
        return (
            self.retriever,
            self.query_scorer,
            self.rules,
            Selector(self.depth),
            self.explorer,
            *self.rerankers,
            self.diversifier,
            Placer(),
            self.explainer,
        )

    def rank(self, requests: Sequence[RankingRequest]) -> list[Recommendations]:
        """Return the recommendations for each request; requests are scored together.

        Raises
        ------
        DataError
            A filter cannot be read, or names an unknown column.
        PlanError
            A text is given to a scorer that reads none.
        """
        lists = []
        for result in self.rank_each(requests):
            if isinstance(result, Exception):
                raise result
            lists.append(result)
        return lists

    def rank_each(self, requests: Sequence[RankingRequest]) -> list[Recommendations | Exception]:
        """Return the recommendations for each request, or the error in its filter."""
        batch = RankingBatch(list(requests))
        for stage in self.stages:
            if batch.requests:
                stage(batch)
        return batch.results()
