"""Exploration of new items: how soon they get recommendations and events, and at what loss.

    python benchmarks/exploration.py [--shares S,S,…] [--days N] [--readers N] [--seeds N]
                                     [--unprompted P] [--min-gain X] [--json FILE]

Time is replayed in the bookshop of the demo. Two fifths of the books are unknown at first and
arrive on the first three quarters of the days. Each day some readers get a list of 10, look at
its positions with a probability that falls with the rank, and read a book of it by their own
taste; a share `--unprompted` of them read another book without a list. Tastes follow the choice
model of the demo, of which the recommender knows only the texts and the events. It is fitted before
the first day, gets new books as the service does, and is fitted again every 7 days, on all events
so far, with the weights of the first fit. The same draws decide for each share, so that shares
differ by their lists alone.

A line has means over seeds: the share of new books that were never in ten lists; days until they
were, median and 90 %, and lists, median; events of a new book; and clicks a list relative to the
first share, mean and range over seeds.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean

import numpy as np
import polars as pl
from numpy.typing import NDArray

import pennyweight
from pennyweight import demo
from pennyweight.config.plan import Plan
from pennyweight.data.documents import documents
from pennyweight.data.interactions import Histories
from pennyweight.demo.world import draw_world
from pennyweight.ranking.exploration import Exploration, ItemFeedback
from pennyweight.ranking.explorer import MIN_EVENTS, MIN_GAIN
from pennyweight.ranking.query import Query
from pennyweight.ranking.request import RankingRequest
from pennyweight.recommender import Recommender

DAY, START = 86_400, 1_672_531_200
REFIT = 7  # days
LENGTH, ENOUGH = 10, 10  # of a list; recommendations of a new book
ARRIVING, UNTIL = 0.4, 0.75  # share of the books that arrive; of the days on which they do
VISITS = 0.15  # probability of a list a day
CURIOSITY = 8.0  # the higher, the more of the books looked at are read
PLAN = Plan().override(
    {
        "encoder.name": "tfidf",
        "scorers.names": ["popularity", "novelty", "content", "neighbors"],
        "rerank.name": "none",
        "evaluate.bootstrap": 2,
        "evaluate.encoder_ablation": False,
        "evaluate.refit": False,
    }
)
CLICKS = ("clicks of the first 14 days", "clicks of the last 14 days", "clicks")
Matrix = NDArray[np.float64]
Row = dict[str, float]


@dataclass(frozen=True)
class Options:
    """The smallest expected gain, and how many readers read a book without a list."""

    min_gain: float
    unprompted: float


@dataclass(frozen=True)
class Shop:
    """The books, the readers' tastes, and what happened before the first day.

    Attributes
    ----------
    books
        The catalog.
    taste
        Probability that a reader chooses a book unprompted, (readers, books).
    arrival
        Day on which a book arrives, (books,); -1 for those there before.
    histories
        Books of each reader before the first day, oldest first.
    first
        The recommender of the first day.
    """

    books: pl.DataFrame
    taste: Matrix
    arrival: NDArray[np.int64]
    histories: list[list[int]]
    first: Recommender


@dataclass
class Replay:
    """One replay with one share.

    Attributes
    ----------
    recommender, codes
        The one of today, and the code of each book in it, -1 for none.
    histories, events
        Books of each reader, oldest first, and all events as rows.
    exposures, clicks
        Of each book, in lists since it arrived.
    tenth
        Day and number of lists since the arrival at the tenth recommendation; NaN if never.
    read
        Events on each book.
    rates
        Clicks a list on each day.
    """

    recommender: Recommender
    codes: NDArray[np.int32]
    histories: list[list[int]]
    events: list[tuple[int, int, int]]
    exposures: Matrix
    clicks: Matrix
    tenth: Matrix
    read: Matrix
    rates: list[float] = field(default_factory=list)


def tastes(readers: int, seed: int) -> tuple[Matrix, Matrix]:
    """Return the readers' choices by the model of the demo, and the popularity of the books."""
    world = draw_world(demo.books(), np.random.SeedSequence(seed))
    rng = np.random.default_rng(seed)
    popularity = rng.permutation(world.popularity)  # those of the demo favor its own arrivals
    shares = np.sqrt((world.features > 0).sum(axis=0))
    subjects, authors = shares[: world.subjects], shares[world.subjects :]
    liked = rng.dirichlet(2 * subjects / subjects.sum(), readers) * 0.7
    followed = rng.dirichlet(authors / authors.sum(), readers) * 0.3
    match = (np.hstack([liked, followed]) @ world.features.T) ** 4 * np.sqrt(popularity)
    circles = world.circles[rng.integers(len(world.circles), size=(readers, 2))].sum(axis=1)
    circles *= np.sqrt(popularity)
    parts = (match, circles, np.tile(popularity, (readers, 1)), np.ones(match.shape))
    weights = (0.5, 0.3, 0.15, 0.05)
    taste = sum(
        weight * part / part.sum(axis=1, keepdims=True)
        for weight, part in zip(weights, parts, strict=True)
    )
    return np.asarray(taste), popularity


def shop(readers: int, days: int, seed: int) -> Shop:
    """Return a shop on its first day."""
    books, (taste, _) = demo.books(), tastes(readers, seed)
    rng = np.random.default_rng([seed, 1])
    arrival = np.full(books.height, -1)
    late = rng.permutation(books.height)[: int(ARRIVING * books.height)]
    arrival[late] = np.sort(rng.integers(0, int(UNTIL * days), len(late)))
    open_ = arrival < 0
    histories = [
        rng.choice(
            books.height,
            min(3 + int(rng.lognormal(1.5, 0.8)), 40),
            replace=False,
            p=row / row.sum(),
        ).tolist()
        for row in np.where(open_, taste, 0)
    ]
    rows = [
        (reader, book, START - int(second))
        for reader, history in enumerate(histories)
        for book, second in zip(
            history, np.sort(rng.integers(1, 180 * DAY, len(history)))[::-1], strict=True
        )
    ]
    first = pennyweight.fit(books.filter(open_), log(books, rows), plan=PLAN, progress=False)
    return Shop(books, taste, arrival, histories, first)


def log(books: pl.DataFrame, rows: Sequence[tuple[int, int, int]]) -> pl.DataFrame:
    """Return events as a table."""
    readers, codes, times = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "user_id": [f"reader-{reader}" for reader in readers],
            "item_id": books["item_id"].gather(list(codes)),
            "timestamp": times,
        }
    )


def replay(shop: Shop, share: float, days: int, seed: int, options: Options) -> Replay:
    """Replay the days with one share."""
    n = shop.books.height
    rows = [
        (reader, book, START - 180 * DAY + place)
        for reader, history in enumerate(shop.histories)
        for place, book in enumerate(history)
    ]
    state = Replay(
        shop.first,
        shop.first.catalog.ids.codes(shop.books["item_id"]),
        [list(history) for history in shop.histories],
        rows,
        exposures=np.zeros(n),
        clicks=np.zeros(n),
        tenth=np.full((2, n), np.nan),
        read=np.zeros(n),
    )
    lists = 0
    since = np.zeros(n)  # lists before a book arrived
    for day in range(days):
        arrived = np.flatnonzero(shop.arrival == day)
        since[arrived] = lists
        if day and day % REFIT == 0:
            refit(shop, state, day)
        elif len(arrived):
            add(shop, state, arrived)
        lists += serve(shop, state, share, day, seed, options, lists - since)
    return state


def add(shop: Shop, state: Replay, arrived: NDArray[np.int64]) -> None:
    """Add new books as the service does."""
    rows = shop.books[arrived].to_dicts()
    columns = state.recommender.catalog.attributes.columns
    items = {row["item_id"]: {name: row[name] for name in columns} for row in rows}
    catalog = documents(items, state.recommender.catalog)
    state.recommender = state.recommender.with_items(catalog)
    state.codes = state.recommender.catalog.ids.codes(shop.books["item_id"])


def refit(shop: Shop, state: Replay, day: int) -> None:
    """Fit the scorers again on all events so far, with the weights of the first fit."""
    data = pennyweight.read(shop.books.filter(shop.arrival <= day), log(shop.books, state.events))
    scorer = deepcopy(shop.first.scorer)  # a fit changes it
    state.recommender = Recommender(
        data.catalog, scorer.fit(data.interactions, data.catalog), data.interactions
    )
    state.codes = data.catalog.ids.codes(shop.books["item_id"])


def serve(
    shop: Shop,
    state: Replay,
    share: float,
    day: int,
    seed: int,
    options: Options,
    ages: Matrix,
) -> int:
    """Serve the lists of one day and let readers act on them; return how many there were."""
    rng = np.random.default_rng([seed, 2, day])
    readers = np.flatnonzero(rng.random(len(shop.taste)) < VISITS)
    looks, tries = rng.random((len(readers), LENGTH)), rng.random((len(readers), shop.books.height))
    unprompted, choices = rng.random(len(readers)), rng.random(len(readers))
    known = np.flatnonzero(state.codes >= 0)
    book_of = np.empty(len(known), np.int64)
    book_of[state.codes[known]] = known
    ranker = state.recommender.ranker
    ranker = replace(ranker, explorer=replace(ranker.explorer, min_gain=options.min_gain))
    interactions = state.recommender.interactions
    assert interactions is not None
    counts = interactions.counts
    new = np.zeros(len(counts), bool)
    new[state.codes[known]] = (shop.arrival[known] >= 0) & (
        np.maximum(counts[state.codes[known]], state.clicks[known]) < MIN_EVENTS
    )
    feedback = ItemFeedback(
        np.where(new, state.exposures[book_of], 0), np.where(new, state.clicks[book_of], 0)
    )
    requests = [
        RankingRequest(
            Query(Histories.of([state.codes[state.histories[reader]].tolist()])),
            LENGTH,
            exploration=Exploration(share, f"{seed} {reader} {day}", feedback) if share else None,
        )
        for reader in readers.tolist()
    ]
    clicks = 0
    for at, ranked in enumerate(ranker.rank(requests)):
        reader, books = int(readers[at]), book_of[ranked.codes]
        state.exposures[books] += 1
        tenth = books[(state.exposures[books] == ENOUGH) & (shop.arrival[books] >= 0)]
        state.tenth[0, tenth], state.tenth[1, tenth] = day - shop.arrival[tenth], ages[tenth] + at
        looked = looks[at, : len(books)] < 1 / np.log2(np.arange(len(books)) + 2)
        wanted = tries[at, books] < 1 - np.exp(-CURIOSITY * shop.taste[reader, books])
        read = books[looked & wanted].tolist()
        clicks += len(read)
        state.clicks[read] += 1
        if unprompted[at] < options.unprompted:
            chances = np.where(state.codes >= 0, shop.taste[reader], 0)
            chances[[*state.histories[reader], *read]] = 0
            totals = chances.cumsum()
            read.append(int((totals <= choices[at] * totals[-1]).sum()))
        for book in read:
            state.histories[reader].append(book)
            state.events.append((reader, book, START + day * DAY + at))
            state.read[book] += 1
    state.rates.append(clicks / max(1, len(readers)))
    return len(readers)


def measure(shop: Shop, state: Replay, days: int) -> dict[str, float]:
    """Return the figures of one replay; books that arrived late in it are left out."""
    new = (shop.arrival >= 0) & (shop.arrival < UNTIL * days)
    elapsed, lists = state.tenth[:, new]
    never = np.isnan(elapsed)
    elapsed, lists = (np.where(never, np.inf, part) for part in (elapsed, lists))
    rates = np.array(state.rates)
    clicks = rates[:14].mean(), rates[-14:].mean(), rates.mean()
    return {
        "median days": float(np.median(elapsed)),
        "p90 days": float(np.quantile(elapsed, 0.9, method="higher")),
        "median lists": float(np.median(lists)),
        "never": float(never.mean()),
        "events of a new book": float(state.read[new].mean()),
        "new books without events": float((state.read[new] == 0).mean()),
        **dict(zip(CLICKS, map(float, clicks), strict=True)),
    }


def summary(results: Sequence[Mapping[str, float]], base: Sequence[Mapping[str, float]]) -> Row:
    """Return the means of the replays of one share, and clicks relative to those of another."""
    figures = {name: mean(run[name] for run in results) for name in results[0]}
    for name in CLICKS:
        ratios = [run[name] / other[name] - 1 for run, other in zip(results, base, strict=True)]
        figures |= {
            f"{name} relative": mean(ratios),
            f"{name} lowest": min(ratios),
            f"{name} highest": max(ratios),
        }
    return figures


def main() -> None:
    """Replay each share with each seed, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shares", default="0,0.02,0.05,0.1")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--readers", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--unprompted", type=float, default=0.1)
    parser.add_argument("--min-gain", type=float, default=MIN_GAIN)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    days, shares = arguments.days, [float(share) for share in arguments.shares.split(",")]
    options = Options(arguments.min_gain, arguments.unprompted)
    runs: dict[float, list[dict[str, float]]] = {share: [] for share in shares}
    for seed in range(arguments.seeds):
        shop_ = shop(arguments.readers, days, seed)
        for share in shares:
            state = replay(shop_, share, days, seed, options)
            runs[share].append(measure(shop_, state, days))
    rows = [
        {"share": share, **summary(results, runs[shares[0]])} for share, results in runs.items()
    ]
    for row in rows:
        print(", ".join(f"{name} {value:.4g}" for name, value in row.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
