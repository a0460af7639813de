"""The recommender: lists, reasons, saving and loading.

See `Recommender`.
"""

from pennyweight.ranking.filters import Filter
from pennyweight.ranking.reasons import Because, Reason
from pennyweight.recommender.recommender import Recommender

__all__ = ["Because", "Filter", "Reason", "Recommender"]
