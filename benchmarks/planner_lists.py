"""The parts of `planner.py` on lists in this process, and on bytes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pennyweight.config.capacity import CheckedQuantity, Workload
from pennyweight.planning.candidates import ladder
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.list_probe import HISTORY, list_seconds
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.machine_profile import MachineProfile
from pennyweight.planning.synthetic import synthetic_recommender
from pennyweight.planning.workloads import sizes_of
from pennyweight.recommender.recommender import Recommender

MODEL = "all-MiniLM-L6-v2"
SEED = 1  # not that of the calibration


def lists(profile: MachineProfile, shop: Recommender) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield processor seconds of the scores of a list, predicted and measured."""
    model = CostModel(profile)
    for name, recommender in _recommenders(shop):
        seconds, spread = list_seconds(recommender, seed=SEED)
        predicted = model.scoring_seconds(ListShape.of(recommender, history=HISTORY))
        yield (
            "lists",
            CheckedQuantity(
                name=name, unit="s", predicted=predicted, measured=seconds, spread=spread
            ),
        )


def sizes(bundle: Path, shop: Recommender) -> Iterator[tuple[str, CheckedQuantity]]:
    """Yield the bytes of what makes lists in a saved recommender, by its sizes and its encoder."""
    work = Workload(**sizes_of(shop), events_per_day=0, requests_per_second=1, latency_seconds=1)
    components = shop.scorer.components
    encoder = sum(c.encoder_nbytes(bundle / "scorer" / n) for n, c in components.items())
    index = sum(
        c.nbytes if c.vector_width is None else c.vector_nbytes for c in components.values()
    )
    name = "" if shop.report is None else shop.report.encoder or ""
    setting = next((s for s in (MODEL, "static") if name.startswith(s)), "tfidf")
    candidate = next(
        one
        for one in ladder(work)
        if (one.setting, one.vectors) == (setting, "fp32") and one.precision != "int8"
    )
    for what, predicted, measured in (
        ("encoders", candidate.encoder_bytes, encoder),
        ("vectors and matrices", candidate.index_bytes, index),
    ):
        yield (
            "bytes",
            CheckedQuantity(
                name=f"{what}, {candidate.encoder}",
                unit="bytes",
                predicted=predicted,
                measured=measured,
            ),
        )


def _recommenders(shop: Recommender) -> Iterator[tuple[str, Recommender]]:
    """Yield recommenders of sizes, widths and formats that the calibration does not have."""
    yield f"demo shop, {len(shop.catalog):,} items", shop
    made = partial(synthetic_recommender, seed=SEED)
    yield "1,500 items, 96 wide", made(1_500, dense=(96,))
    yield "1,500 items, rows of 40 and 25", made(1_500, sparse_rows=(40, 25))
    yield (
        "12,000 items, 384 and 64 wide, rows of 80",
        made(12_000, dense=(384, 64), sparse_rows=(80,)),
    )
    yield "12,000 items, 384 wide in fp32", made(12_000, dense=(384,), row_format="fp32")
    yield "12,000 items, 384 wide in int4", made(12_000, dense=(384,), row_format="int4")
    yield "12,000 items, 8 words", made(12_000, words=8)
    yield "12,000 items, 384 wide, 250 trees", made(12_000, dense=(384,), trees=250)
    yield (
        "160,000 items, 256 and 128 wide, rows of 30 and 15",
        made(160_000, dense=(256, 128), sparse_rows=(30, 15)),
    )
    yield "160,000 items, 192 wide in fp32", made(160_000, dense=(192,), row_format="fp32")
