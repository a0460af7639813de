"""The exploration of new items that a call or the plan asks for."""

from typing import TYPE_CHECKING

from pennyweight.errors import PlanError
from pennyweight.ranking.exploration import Exploration, ItemFeedback, check_explore

if TYPE_CHECKING:
    from pennyweight.recommender.recommender import Recommender

__all__ = ["exploration"]


def exploration(
    explore: float | None,
    recommender: "Recommender",
    seed: str | None = None,
    *,
    text: str | None = None,
    feedback: ItemFeedback | None = None,
) -> Exploration | None:
    """Return the exploration of new items in a list; None for none.

    Parameters
    ----------
    explore
        Share of the positions; None is that of the plan or chosen by the fit, and 0 in a search.
    recommender
        Whose event log says which items are new, and whose bundle has the same draws each time.
    seed
        Lists with another one, such as another user, have other draws.
    text
        The search in words, if any.
    feedback
        On the new items so far, if there is any.

    Raises
    ------
    PlanError
        The share is out of range, or there is no event log.
    TypeError
        It is no number.
    """
    has_log = recommender.interactions is not None
    if explore is None:
        explore = _default(recommender) if has_log and text is None else 0.0
    check_explore(explore)
    if not explore:
        return None
    if not has_log:
        raise PlanError("explore: this recommender keeps no event log, and so knows no new items")
    bundle = recommender.bundle
    version = "" if bundle is None else bundle.sha256
    return Exploration(float(explore), version if seed is None else f"{version} {seed}", feedback)


def _default(recommender: "Recommender") -> float:
    explore = 0.0 if recommender.plan is None else recommender.plan.recommend.explore
    if explore != "auto":
        return explore
    chosen = None if recommender.report is None else recommender.report.exploration
    return 0.0 if chosen is None else chosen.share
