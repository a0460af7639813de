"""The part of `planner.py` on a service: latencies at some loads, and memory."""

import asyncio
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from load import Load, open_loop, post
from pennyweight.config.capacity import CheckedQuantity, Workload
from pennyweight.planning.arrivals import steady
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.list_probe import HISTORY, K
from pennyweight.planning.list_queue import ListQueue
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.machine_profile import MachineProfile
from pennyweight.planning.synthetic import synthetic_recommender
from pennyweight.planning.workloads import sizes_of
from pennyweight.recommender.recommender import Recommender
from service import Running, running

LOADS = (0.3, 0.5, 0.7)  # shares of the predicted rate
ROUNDS, WARM = 3, 64
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
WORDS = 15  # of the text of a made-up item


def service(
    profile: MachineProfile, shop: Recommender, seconds: float
) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield latencies at some loads and the memory of services, predicted and measured."""
    model = CostModel(profile, threads=profile.cores)
    for name, recommender in _recommenders(shop):
        with tempfile.TemporaryDirectory() as temporary:
            bundle = Path(temporary) / "bundle"
            recommender.save(bundle)
            with running(bundle, Path(temporary) / "live") as started:
                yield from _latencies(name, model, recommender, started, seconds)
                yield "memory", _memory(name, model, recommender, started)


def _recommenders(shop: Recommender) -> Iterator[tuple[str, Recommender]]:
    """Yield the demo shop and made-up recommenders that the calibration does not have."""
    yield f"demo shop, {len(shop.catalog):,} items", shop
    made = partial(synthetic_recommender, seed=1)
    yield "12,000 items", _with_texts(made(12_000, dense=(384, 64), sparse_rows=(80,)))
    yield "160,000 items", _with_texts(made(160_000, dense=(256, 128), sparse_rows=(30, 15)))


def _with_texts(recommender: Recommender) -> Recommender:
    rng = random.Random(1)
    catalog = recommender.catalog
    texts = [" ".join(f"word{rng.randrange(9_000)}" for _ in range(WORDS)) for _ in catalog.ids]
    return Recommender(replace(catalog, texts=texts), recommender.scorer)


def _latencies(
    name: str, model: CostModel, recommender: Recommender, started: Running, seconds: float
) -> Iterator[tuple[str, CheckedQuantity]]:
    shape = ListShape.of(recommender, history=HISTORY)
    queue = ListQueue.of(
        model.servers(shape),
        model.list_seconds(shape),
        scoring_seconds=model.scoring_seconds(shape),
        arrival_scv=1.0,
    )
    requests = _requests(list(recommender.catalog.ids))
    asyncio.run(open_loop(started.port, requests, rate=WARM / 2, seconds=2))
    for share in LOADS:
        rate = share * queue.capacity
        rounds = [_round(started, requests, rate, seconds, seed) for seed in range(ROUNDS)]
        predicted = queue.latencies(rate)
        for (group, quantile), value in zip(QUANTILES.items(), predicted, strict=True):
            values = [load.quantile(quantile) / 1e3 for load in rounds]
            middle = median(values)
            yield (
                group,
                CheckedQuantity(
                    name=f"{name}, {rate:.0f} lists per second, {share:.0%} load",
                    unit="s",
                    predicted=value,
                    measured=middle,
                    spread=(max(values) - min(values)) / middle,
                ),
            )


def _round(
    started: Running, requests: Iterator[bytes], rate: float, seconds: float, seed: int
) -> Load:
    """Send Poisson arrivals for a while."""
    times = steady(rate, seconds=seconds).times(seed)
    load = asyncio.run(
        open_loop(
            started.port, requests, rate=rate, seconds=seconds, connections=64, times=times.tolist()
        )
    )
    if load.good != len(load.seconds):
        raise SystemExit(f"answers that were not 2xx: {load.statuses}")
    return load


def _requests(ids: list[str]) -> Iterator[bytes]:
    rng = random.Random(0)
    while True:
        body = {"items": [rng.choice(ids) for _ in range(HISTORY)], "k": K}
        yield post("/v1/recommend", json.dumps(body).encode())


def _memory(
    name: str, model: CostModel, recommender: Recommender, started: Running
) -> CheckedQuantity:
    """Return the memory after lists; their requests have no text, so no encoder is loaded."""
    work = Workload(
        **sizes_of(recommender), events_per_day=0, requests_per_second=1, latency_seconds=1
    )
    return CheckedQuantity(
        name=name,
        unit="bytes",
        predicted=model.resident_bytes(work, recommender.scorer.nbytes, 0),
        measured=started.resident,
    )
