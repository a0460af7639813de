"""When a call is tried again, and after how long."""

import random
from dataclasses import dataclass

__all__ = ["Retries"]


@dataclass(frozen=True)
class Retries:
    """How long a call goes on after failures.

    The wait doubles from `first_wait` to `longest_wait`, less up to a half at random, so that many
    clients do not return at once. A longer ``Retry-After`` of the service counts instead.

    Attributes
    ----------
    patience
        Seconds after which a call gives up; 0: one try.
    first_wait, longest_wait
        Seconds between tries.
    """

    patience: float = 30.0
    first_wait: float = 0.1
    longest_wait: float = 5.0

    def wait(self, failures: int, spent: float, retry_after: float | None) -> float | None:
        """Return the seconds before the next try, or None if there is none.

        Parameters
        ----------
        failures
            Tries so far.
        spent
            Seconds since the first.
        retry_after
            Seconds that the service asks for.
        """
        wait = min(self.longest_wait, self.first_wait * 2.0 ** min(failures - 1, 60))
        wait = max(wait * random.uniform(0.5, 1.0), retry_after or 0.0)
        return wait if spent + wait < self.patience else None
