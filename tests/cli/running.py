"""How the command line is run in these tests."""

from collections.abc import Callable
from dataclasses import dataclass

FAST = ("--encoder", "tfidf")


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]
