"""A catalog and a scorer turned into recommendations and reasons; see `Recommender`."""

from pennyweight.ranking.filters import Filter
from pennyweight.ranking.reasons import Because, Reason
from pennyweight.recommender.recommender import Recommender

__all__ = ["Because", "Filter", "Reason", "Recommender"]
