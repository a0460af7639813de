"""The exceptions a user can meet.

    PennyweightError
      DataError(ValueError)           a file, row, column or value that cannot be used
      UnknownIdError(LookupError)     an id that is in no table
      PlanError(ValueError)           an unknown key or an impossible combination
      BudgetError(ValueError)         nothing fits: the nearest miss and by how much
      BundleError(ValueError)         wrong format version, hash mismatch, missing file
      BusyError(RuntimeError)         too many jobs are waiting: try again
      StoreError(OSError)             the store of the service cannot read or write
      TrainingError(ArithmeticError)  a training whose loss is no longer a number
      EndpointError(ConnectionError)  a remote model does not answer as it must
      MissingExtraError(ImportError)  an optional part is not installed

and one warning, which the `warnings` module shows:

    UnknownUserWarning(UserWarning)   a list for a user without events

Each message names the problem, its place and the remedy; the command line prints it unchanged.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BudgetError",
    "BundleError",
    "BusyError",
    "DataError",
    "EndpointError",
    "MissingExtraError",
    "PennyweightError",
    "PlanError",
    "StoreError",
    "TrainingError",
    "UnknownIdError",
    "UnknownUserWarning",
    "did_you_mean",
    "in_list",
]


class PennyweightError(Exception):
    """Root of every error that Pennyweight raises on purpose."""


class DataError(PennyweightError, ValueError):
    """The data cannot be used: names the file, the row or column, and the remedy."""


class UnknownIdError(PennyweightError, LookupError):
    """An id is in no table: names the id and the table."""


class UnknownUserWarning(UserWarning):
    """A list is by popularity or by text alone, since the user has no events."""


class PlanError(PennyweightError, ValueError):
    """A setting is unknown, malformed or impossible in combination."""


class BudgetError(PennyweightError, ValueError):
    """Nothing fits the budget or the memory of this machine: states the arithmetic."""


class BundleError(PennyweightError, ValueError):
    """A bundle on disk is incomplete, altered, or of another format version."""


class BusyError(PennyweightError, RuntimeError):
    """Too many requests or jobs are waiting: the same call may succeed in a moment."""


class StoreError(PennyweightError, OSError):
    """The store of the service cannot read or write; nothing was acknowledged."""


class TrainingError(PennyweightError, ArithmeticError):
    """A training failed; the message has the step and the place of the last checkpoint."""


class EndpointError(PennyweightError, ConnectionError):
    """The server of a remote model refuses, fails, or answers otherwise than it must."""


class MissingExtraError(PennyweightError, ImportError):
    """An optional part is not installed: states the command that installs it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs an extra: pip install "pennyweight[{extra}]"')
        self.extra = extra


def did_you_mean(name: str, valid: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ``; did you mean 'x'?`` with the valid name nearest to one, or ``.``."""
    names = {known.lower(): known for known in valid}
    near = get_close_matches(name.lower(), names, n=1, cutoff=cutoff)
    return f"; did you mean {names[near[0]]!r}?" if near else "."


def in_list(text: str) -> str:
    """Write one part of a list by commas as options take it, in quotes where it needs them."""
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if re.search(r'[,"\n\r]|^\s|\s$', text) else text
