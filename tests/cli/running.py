"""How the command line is run in these tests."""

from collections.abc import Callable
from dataclasses import dataclass

FAST = ("--encoder", "tfidf")


@dataclass(frozen=True)
class Ran:
    """The output and the exit code of a command."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]
