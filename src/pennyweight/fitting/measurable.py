"""The protocol of a measurement, its handling of repeats, and notices on both."""

from dataclasses import dataclass

import numpy as np

from pennyweight.config.evidence import MAJORITY, Evidence
from pennyweight.config.plan import EvaluatePlan
from pennyweight.data.evidence import evidence
from pennyweight.data.future import new_items
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import (
    CUTS,
    Cuts,
    Part,
    Protocol,
    Split,
    default_protocol,
    parts,
    split,
)
from pennyweight.errors import PlanError
from pennyweight.evaluation.ranking import Repeats
from pennyweight.fitting.forecast import MEASURED

__all__ = ["Measurable", "check_folds", "measurable", "on_weights"]

MENTIONED_REPEATS = 0.1  # share of repeated choices from which a notice mentions their exclusion
ENOUGH_CHOICES = 100  # with fewer choices the weights of the blend stay near the defaults
VALID, TEST = 1, 2


@dataclass(frozen=True)
class Measurable:
    """How the data is measured, and why.

    Attributes
    ----------
    protocol, repeats
        Those of the plan, or else those that suit the data.
    evidence
        Statistics of the held-out parts, ``validation`` and ``test``.
    notices
        Sentences on the choices made and on limits of the measurement.
    """

    protocol: Protocol
    repeats: Repeats
    evidence: dict[str, Evidence]
    notices: tuple[str, ...]

    def split(self, interactions: Interactions, plan: EvaluatePlan, cuts: Cuts = CUTS) -> Split:
        """Hold out the events and draw the users that every measurement of this plan is on."""
        max_users = plan.max_users or MEASURED.of(interactions.n_items)
        rng = np.random.default_rng(plan.seed)
        return split(interactions, self.protocol, cuts=cuts, max_users=max_users, rng=rng)


def measurable(interactions: Interactions, plan: EvaluatePlan) -> Measurable:
    """Settle the open choices of a plan; `DataError` where its protocol does not suit the data."""
    protocol = plan.protocol or default_protocol(interactions)
    check_folds(plan.folds, protocol)
    part = parts(interactions, protocol)
    test = evidence(interactions, part, TEST)
    held_out = {"validation": evidence(interactions, part, VALID), "test": test}
    repeats = plan.repeats or ("include" if test.repeated_share > MAJORITY else "exclude")
    notices = [
        *_on_protocol(interactions, protocol, plan, test),
        *_on_repeats(repeats, plan, test),
        *_on_catalog(interactions, part),
    ]
    return Measurable(protocol, repeats, held_out, tuple(notices))


def check_folds(folds: int, protocol: Protocol | None) -> None:
    """Refuse folds by a protocol that does not cut time; `PlanError`."""
    if folds == 1 or protocol in (None, "global-time"):
        return
    held_out = {
        "leave-last-out": "holds out the last events of each user, whatever their time",
        "given-split": "holds out the events that the split column marks",
    }[protocol]
    raise PlanError(
        f"evaluate.folds (--folds, folds=) is {folds}, but the protocol {protocol} {held_out}; use "
        "--protocol global-time (protocol='global-time'), or one fold"
    )


def _on_protocol(
    interactions: Interactions, protocol: Protocol, plan: EvaluatePlan, test: Evidence
) -> list[str]:
    if protocol == "leave-last-out":
        if plan.protocol is not None or not interactions.real_time:
            return []
        return [_explain_leave_last_out(interactions, test)]
    if test.history_share >= 1 - MAJORITY:
        return []
    return [
        f"{_few_histories(test, protocol)}: the figures say how newcomers are served, not how "
        "histories are used; --protocol leave-last-out (protocol='leave-last-out') measures "
        "users with a history"
    ]


def _explain_leave_last_out(interactions: Interactions, test: Evidence) -> str:
    """Explain why leave-last-out was chosen although times are dates."""
    by_time = evidence(interactions, parts(interactions, "global-time"), TEST)
    return (
        f"protocol leave-last-out was chosen: {_few_histories(by_time, 'global-time')}; here "
        f"{test.with_history:,} of {test.users:,} have one. --protocol global-time "
        "(protocol='global-time') measures how newcomers are served"
    )


def _few_histories(test: Evidence, protocol: Protocol) -> str:
    n_without = test.users - test.with_history
    return (
        f"under {protocol} {n_without:,} of {test.users:,} test users "
        f"({100 * n_without / max(1, test.users):.0f} %) have no history"
    )


def _on_repeats(repeats: Repeats, plan: EvaluatePlan, test: Evidence) -> list[str]:
    share = (
        f"{test.repeated:,} of {test.choices:,} test choices ({100 * test.repeated_share:.0f} %) "
        "are items of the user's history"
    )
    if repeats == "include":
        if plan.repeats is not None or test.repeated_share <= MAJORITY:
            return []
        return [
            f"repeats are included: {share}; with --repeats exclude (repeats='exclude') each of "
            "them would count as a miss"
        ]
    if test.repeated_share < MENTIONED_REPEATS:
        return []
    return [
        f"{share} and count as misses of every scorer; use --repeats include "
        "(repeats='include') where people come back to items"
    ]


def _on_catalog(interactions: Interactions, part: Part) -> list[str]:
    """Notice a catalog that lists items before their release."""
    new = new_items(interactions, part)
    if not new.give_answers:
        return []
    return [
        f"{new.sentence()}; --scorers content,neighbors,tower (scorers=[...]) measures without them"
    ]


def on_weights(learned_from: int | None) -> list[str]:
    """Notice weights of the blend learned from too few choices, or from none."""
    if learned_from is None or learned_from >= ENOUGH_CHOICES:
        return []
    if not learned_from:
        return [
            "the blend has default weights: no held-out choice of a user with a history could "
            "teach any"
        ]
    return [
        f"the weights of the blend were learned from {learned_from} choices and stay near the "
        "defaults"
    ]
