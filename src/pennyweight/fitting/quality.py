"""Inputs of the evaluation of a fit besides scorers, and the means of its results."""

from collections.abc import Mapping

import polars as pl
from scipy import sparse

from pennyweight.config.plan import EvaluatePlan
from pennyweight.config.report import Measurement
from pennyweight.data.catalog import Catalog
from pennyweight.data.dataset import Dataset
from pennyweight.data.split import HeldOut
from pennyweight.encoders.vectorizer import Vectorizer
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.analysis import Grouping
from pennyweight.evaluation.groups import category_column
from pennyweight.evaluation.measure import PerUser
from pennyweight.scorers.protocol import Scorer

__all__ = ["grouping_of", "means", "word_vectors"]


def grouping_of(data: Dataset, test: HeldOut, plan: EvaluatePlan) -> Grouping:
    """Return the groups of items and users, without the words of the items.

    Raises
    ------
    PlanError
        The plan names a column that is not there, or that holds no groups.
    """
    attributes, name = data.catalog.attributes, plan.item_attribute
    if name is not None and name not in attributes.columns:
        raise PlanError(
            f"evaluate.item_attribute (--item-attribute) is {name!r}; the items have "
            f"{', '.join(map(repr, attributes.columns)) or 'no columns but the id'}"
        )
    name = category_column(attributes) if name is None else name
    users: pl.Series | None = None
    if plan.user_attribute is not None:
        if data.user_attribute is None:
            raise PlanError(
                f"evaluate.user_attribute is {plan.user_attribute!r}, but the data was read "
                f"without it; read(..., user_attribute={plan.user_attribute!r}) keeps it"
            )
        users = data.user_attribute.gather(test.users.tolist())
    return Grouping.of(None if name is None else attributes[name], users)


def word_vectors(scorers: Mapping[str, Scorer], catalog: Catalog) -> sparse.csr_matrix | None:
    """Return the items' TF-IDF vectors, those of a scorer where it has them."""
    for scorer in scorers.values():
        matrix = scorer.term_matrix()
        if matrix is not None:
            return matrix
    try:
        return Vectorizer.fit(catalog.texts).transform(catalog.texts)
    except DataError:  # no text has a word
        return None


def means(
    results: Mapping[str, PerUser], *, resamples: int, seed: int
) -> dict[str, dict[str, Measurement]]:
    """Return scorer -> metric -> mean with its interval."""
    return {
        name: {
            metric: mean.measured()
            for metric, mean in per_user.estimates(resamples=resamples, rng=seed).items()
        }
        for name, per_user in results.items()
    }
