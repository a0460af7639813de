"""A catalogue and a scorer turned into recommendations and reasons; see `Recommender`."""

from pennyweight.recommender.filters import Filter
from pennyweight.recommender.reasons import Because, Reason
from pennyweight.recommender.recommender import Recommender

__all__ = ["Because", "Filter", "Reason", "Recommender"]
