"""How long lists take on this machine: made-up recommenders of several sizes, timed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pennyweight.data.interactions import Histories
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.synthetic import synthetic_recommender
from pennyweight.ranking.query import Query
from pennyweight.ranking.request import RankingRequest
from pennyweight.recommender.recommender import Recommender

__all__ = ["TimedList", "list_seconds", "timed_lists"]

HISTORY, K = 20, 10
ROUNDS, SECONDS = 5, 0.12  # a size: rounds, and seconds of a round


@dataclass(frozen=True)
class TimedList:
    """A shape, the seconds of one of its lists, and their relative spread between rounds."""

    shape: ListShape
    seconds: float
    spread: float


def timed_lists(*, seed: int = 0) -> Iterator[TimedList]:
    """Time lists of made-up recommenders, one size after the other; about ten seconds."""
    for recommender in _recommenders(seed):
        seconds, spread = list_seconds(recommender, seed=seed)
        yield TimedList(ListShape.of(recommender, history=HISTORY), seconds, spread)


def _recommenders(seed: int) -> Iterator[Recommender]:
    """Yield sizes in which each term of a list counts in at least two."""
    made = partial(synthetic_recommender, seed=seed)
    for items in (500, 5_000, 40_000):
        yield made(items)
        yield made(items, dense=(384,))
        yield made(items, dense=(256, 128), sparse_rows=(100, 50))
        yield made(items, sparse_rows=(10, 10, 500))
    for items in (3_000, 20_000):
        yield made(items, words=12, sparse_rows=(300,))
    yield made(5_000, dense=(384,), row_format="fp32")
    yield made(5_000, dense=(384,), row_format="int4")
    yield made(40_000, dense=(256, 256), row_format="fp32")
    for trees in (100, 400):
        yield made(5_000, dense=(256, 128), sparse_rows=(100, 50), trees=trees)


def list_seconds(recommender: Recommender, *, seed: int = 0) -> tuple[float, float]:
    """Return the processor seconds of one list, the median of rounds, and their relative spread.

    Lists are made one by one, each for another history; the thread that asks makes them.
    """
    rng = np.random.default_rng(seed)
    requests = [_request(recommender, rng) for _ in range(64)]
    recommender.ranker.rank(requests[:2])  # what is made at the first list
    each = max(3, round(SECONDS / max(1e-6, _round(recommender, requests, 3))))
    rounds = [_round(recommender, requests, each) for _ in range(ROUNDS)]
    median = float(np.median(rounds))
    return median, float((np.max(rounds) - np.min(rounds)) / median)


def _round(recommender: Recommender, requests: Sequence[RankingRequest], n: int) -> float:
    began = time.process_time()
    for number in range(n):
        recommender.ranker.rank([requests[number % len(requests)]])
    return (time.process_time() - began) / n


def _request(recommender: Recommender, rng: np.random.Generator) -> RankingRequest:
    codes = rng.integers(0, len(recommender.catalog), HISTORY)
    return RankingRequest(Query(Histories.of([codes.tolist()])), K)
