"""Whether the users of the test have a history to recommend from."""

from pennyweight.config.evidence import MAJORITY, Evidence
from pennyweight.data.evidence import evidence
from pennyweight.data.interactions import Interactions
from pennyweight.data.split import Part, Protocol, parts
from pennyweight.errors import DataError
from pennyweight.validation.findings import Finding, finding

__all__ = ["check_histories", "newcomers_by_time"]


def check_histories(log: Interactions, part: Part, protocol: Protocol) -> list[Finding]:
    """Find that most users of the test, or of one by global time, have no history."""
    test = evidence(log, part)
    if test.history_share < 1 - MAJORITY:
        return _finding(test, f"test users without a history under {protocol}", warn=True)
    by_time = newcomers_by_time(log) if protocol == "leave-last-out" else None
    if by_time is None:
        return []
    return _finding(by_time, "test users without a history under global-time", warn=False)


def newcomers_by_time(log: Interactions) -> Evidence | None:
    """Return the test users of global time where most have no history, as with sessions."""
    if not log.real_time:
        return None
    try:
        by_time = evidence(log, parts(log, "global-time"))
    except DataError:  # the times do not part the events
        return None
    return by_time if by_time.history_share < 1 - MAJORITY else None


def _finding(test: Evidence, message: str, *, warn: bool) -> list[Finding]:
    n_without = test.users - test.with_history
    return finding("few-histories", message, n_without, test.users, "test users", warn=warn)
