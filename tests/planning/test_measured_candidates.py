"""A plan by the points of a frontier: their bytes, speed and quality."""

import pytest
from planning_world import instance, prices, profile, workload

from pennyweight.config.frontier import Frontier, Point
from pennyweight.config.quality import Measurement
from pennyweight.errors import PlanError
from pennyweight.planning.capacity_planner import Planner, planned
from pennyweight.planning.cost_model import CostModel
from pennyweight.planning.measured_candidates import measured_candidates
from pennyweight.planning.synthetic import synthetic_recommender
from pennyweight.reports import capacity_page

ITEMS, WIDE, ENTRIES = 100, 32, 5


def point(name: str, quality: float, index_bytes: int, **changes) -> Point:
    share = Measurement(value=quality, low=quality - 0.01, high=quality + 0.01)
    values = {
        "name": name,
        "steps": (),
        "quality": Measurement(value=quality / 10, low=0, high=1),
        "relative_quality": share,
        "encoder_bytes": 1_000_000,
        "index_bytes": index_bytes,
        "texts_per_second": 900.0,
        "ms_per_text": 4.0,
        "peak_rss_bytes": 300_000_000,
    }
    return Point(**values | changes)


def frontier(**changes) -> Frontier:
    points = (
        point("original", 1.0, 4 * ITEMS * WIDE, encoder_bytes=90_000_000),
        point("2 layers, int8; content-0 int8", 0.995, ITEMS * WIDE),
        point("static table, int8; content-0 int8", 0.95, ITEMS * WIDE, texts_per_second=20_000),
        point("2 layers, int8; content-0 binary at 67% of the width", 0.8, ITEMS * WIDE // 8),
    )
    values = {"protocol": "leave-last-out", "users": 100, "seed": 0, "points": points}
    return Frontier(**values | changes)


@pytest.fixture(scope="module")
def recommender():
    return synthetic_recommender(
        ITEMS, dense=(WIDE,), row_format="fp32", sparse_rows=(ENTRIES,), seed=0
    )


def test_points_have_their_own_sizes_and_speed(recommender):
    work = workload(items=20 * ITEMS, history=20)
    original, small, table, packed = measured_candidates(frontier(), recommender, profile())(work)
    matrices = recommender.scorer.nbytes - recommender.scorer.vector_nbytes
    assert matrices > 8 * ITEMS * ENTRIES
    assert original.index_bytes == 20 * (4 * ITEMS * WIDE + matrices)
    assert small.index_bytes == 20 * (ITEMS * WIDE + matrices)
    assert (original.encoder_bytes, small.encoder_bytes) == (90_000_000, 1_000_000)
    # Vectors grow with the items; the rows of a history do not.
    assert original.lists.work.float_bytes == 20 * 4 * ITEMS * WIDE
    assert (small.lists.work.float_bytes, small.lists.work.int8_bytes) == (0, 20 * ITEMS * WIDE)
    assert packed.lists.work.widened_values == 20 * ITEMS * WIDE
    assert (packed.lists.work.float_bytes, packed.lists.work.int8_bytes) == (0, 0)
    assert {one.lists.work.sparse_entries for one in (original, small, packed)} == {20 * ENTRIES}
    assert (small.encoder, small.vectors) == ("2 layers, int8", "int8")
    assert (original.vectors, packed.vectors) == ("unchanged", "binary at 67% of the width")
    assert (small.precision, table.precision) == ("int8", None)
    # 900 a second on both cores, of which one thread does a share of 1 to 1.8.
    model = CostModel(profile())
    assert small.text_seconds(model, 10) == pytest.approx(1.8 / 900)
    assert small.text_seconds(model, 10, alone=True) == pytest.approx(4e-3)


def plan(recommender, table=None, **options):
    candidates = measured_candidates(frontier(), recommender, profile())
    planner = Planner(profile(), table or prices(), **options)
    return planned(planner, workload(items=ITEMS), candidates=candidates)


def test_the_cheapest_keeps_the_quality(recommender):
    # The smallest machine has no room for the original encoder, 90 MB with its session.
    table = prices(
        instance("tiny", 5, memory_bytes=int(260e6 / 0.8)),
        instance("small", 10, memory_bytes=1 << 30),
    )
    best = plan(recommender, table, max_loss=0.01).best
    assert (best.encoder, best.instance) == ("2 layers, int8", "tiny")
    assert best.quality.value == 0.995
    strict = plan(recommender, table, max_loss=0.001)
    assert (strict.best.encoder, strict.best.instance) == ("auto", "small")
    kinds = {one.rejection_kind for one in strict.configurations}
    assert "loses more than 0.1% of the quality" in kinds
    loses = next(one for one in strict.configurations if one.encoder.startswith("static"))
    assert loses.rejection == "loses 5.0% of the quality; 0.1% are the limit"
    assert plan(recommender, table).best.quality.value == 0.995, "without a limit: of equal price"


def test_the_front_has_the_better_ones_for_more_money(recommender):
    table = prices(
        instance("tiny", 5, memory_bytes=int(260e6 / 0.8)),
        instance("small", 10, memory_bytes=1 << 30),
    )
    result = plan(recommender, table, max_loss=0.1)
    assert [(one.encoder, one.price_per_month) for one in result.front] == [
        ("2 layers, int8", 10),
        ("auto", 20),
    ]
    page = capacity_page(result, ["An answer."])
    assert "Price against quality" in page
    assert "99.5 % [98.5 100.5]" in page
    assert "loses 20.0% of the quality" in page
    assert page.count("on the front") == 2


def test_a_plan_without_measured_quality_has_no_front_on_its_page():
    page = capacity_page(planned(Planner(profile(), prices()), workload()), ["An answer."])
    assert "Price against quality" not in page


def test_the_frontier_of_another_bundle_is_refused(recommender, tmp_path):
    recommender.save(tmp_path / "bundle")
    with pytest.raises(PlanError, match="the frontier was measured on another bundle"):
        measured_candidates(frontier(parent="0" * 64), recommender, profile())
    own = frontier(parent=recommender.bundle.sha256)
    assert len(measured_candidates(own, recommender, profile())(workload())) == 4
