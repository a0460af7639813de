"""Plans on a machine and prices with round numbers."""

import pytest
from planning_world import instance, prices, profile, workload

from pennyweight.config.capacity import CapacityPlan
from pennyweight.config.plan import Plan
from pennyweight.errors import PlanError
from pennyweight.planning.candidates import EncoderCandidate, ladder
from pennyweight.planning.capacity_planner import Planner, planned
from pennyweight.planning.encoder_shape import shape
from pennyweight.planning.list_shape import ListShape
from pennyweight.planning.summary import plan_lines
from pennyweight.planning.workloads import plan_toml, workload_of
from pennyweight.reports import capacity_page
from pennyweight.vectors.list_work import ListWork

# A list alone takes 2 ms; in a batch of 32 each further one saves .3 of that, see `ListQueue`.
TOGETHER = 32 / (2e-3 * (1 + 31 * 0.7))


def candidate(int8_bytes: int = 0, **changes) -> EncoderCandidate:
    values = {
        "encoder": "static table",
        "setting": "static",
        "precision": None,
        "vectors": "int8",
        "transformer": None,
        "token_kind": "static",
        "encoder_bytes": 1_000_000,
        "index_bytes": 2_000_000,
        "lists": ListShape(10_000, 1, ListWork(int8_bytes=int8_bytes)),
    }
    return EncoderCandidate(**values | changes)


def plan(work=None, candidates=None, table=None, **options) -> CapacityPlan:
    planner = Planner(profile(), table or prices(), **options)
    return planner.plan(work or workload(), candidates or [candidate()])


def test_the_cheapest_that_does_is_first():
    result = plan()
    assert result.best.instance == "small"
    assert [one.instance for one in result.configurations] == ["small", "large"]
    assert result.best.service_seconds == pytest.approx(2e-3)
    assert (result.best.replicas, result.best.spare_replicas) == (1, 1)
    assert result.best.utilization == pytest.approx(50 / TOGETHER)
    assert result.best.price_per_month == 20
    assert result.best.p50 < result.best.p95 < result.best.p99


def test_replicas_keep_the_load_below_the_highest():
    result = plan(workload(requests_per_second=1_000, latency_seconds=1), spares=0)
    assert result.best.lists_per_second == pytest.approx(0.7 * TOGETHER)
    assert result.best.replicas == 3
    assert result.best.spare_replicas == 0
    assert result.best.price_per_month == 30


def test_replicas_keep_the_objective():
    loose, tight = (
        plan(workload(requests_per_second=300, latency_seconds=limit), spares=0).best
        for limit in (0.05, 0.006)
    )
    assert (loose.replicas, tight.replicas) == (1, 2)
    assert tight.p95 <= 0.006


def test_reasons_name_the_limit_and_the_miss():
    assert "too little memory" in {
        one.rejection_kind
        for one in plan(candidates=[candidate(index_bytes=5 << 30)]).configurations
    }
    slow = plan(workload(latency_seconds=0.001))
    assert slow.best is None
    assert slow.configurations[0].rejection == (
        "takes 2 ms a list without waiting, and more than 3 ms for one in twenty; 95 % must be "
        "within 1 ms"
    )
    dear = plan(budget_per_month=15)
    assert dear.best is None
    assert dear.configurations[0].rejection == (
        "costs 20.00 USD per month, 5.00 more than the budget"
    )
    busy = workload(items=10_000_000_000, churn_per_day=1.0)
    encode = plan(
        busy, [candidate(index_bytes=0)], prices(instance("huge", 9, memory_bytes=1 << 50))
    )
    assert encode.configurations[0].rejection.endswith("to encode the items of a day")


def test_searches_encode_their_text_at_once():
    model = shape("all-mpnet-base-v2")
    encoder = candidate(encoder="mpnet, int8", precision="int8", transformer=model, token_kind="")
    without, with_search = (
        plan(workload(search_share=share), [encoder]).best.service_seconds for share in (0, 0.5)
    )
    assert with_search > without


def test_prices_are_in_one_currency():
    table = prices(instance("home", 10, currency="EUR"), instance("abroad", 12))
    assert [one.instance for one in plan(table=table).configurations] == ["abroad", "home"]
    assert plan(table=table, currency="EUR").best.price_per_month == pytest.approx(19.2)


def test_only_some_providers():
    table = prices(instance("a", 1, provider="One"), instance("b", 2, provider="Two"))
    assert plan(table=table, providers=("Two",)).best.provider == "Two"
    with pytest.raises(PlanError, match="no machine of Three; the price table has One, Two"):
        plan(table=table, providers=("Three",))


def test_a_slower_processor_needs_more_machines():
    table = prices(instance("plain", 10, flags=("avx2",)), instance("vnni", 10))
    work = workload(requests_per_second=600, latency_seconds=1)
    result = plan(work, [candidate(int8_bytes=4_000_000)], table)
    by_name = {one.instance: one for one in result.configurations}
    assert by_name["plain"].replicas > by_name["vnni"].replicas


def test_the_ladder_has_every_encoder_in_every_format():
    names = {(one.encoder, one.vectors) for one in ladder(workload())}
    assert len(names) == 12
    assert ("TF-IDF", "int8") in names
    assert ("all-MiniLM-L6-v2, int8", "fp32") in names
    for one in ladder(workload()):
        assert one.encoder_bytes > 0
        assert one.index_bytes > 0
        assert one.lists.items == 10_000
    widths = {one.encoder: one.index_bytes for one in ladder(workload()) if one.vectors == "int8"}
    assert widths["all-mpnet-base-v2, int8"] - widths["static table"] == 10_000 * (768 - 256)


def test_larger_workloads_are_planned_too():
    planner = Planner(profile(), prices())
    result = planned(planner, workload())
    assert set(result.scaled) == {"10 times the items and events", "10 times the requests"}
    assert result.scaled["10 times the requests"].replicas >= result.best.replicas
    lines = "\n".join(plan_lines(result))
    assert lines.startswith("20.00 USD per month serve 10,000 items, 50 lists per second")
    assert "Lists need no language model at request time" in lines
    page = capacity_page(result, plan_lines(result)[:2])
    assert "20.00 USD per month serve" in page
    assert "Rejected configurations" in page


def test_a_plan_is_read_as_it_was_written():
    result = planned(Planner(profile(), prices()), workload())
    assert CapacityPlan.from_json(result.to_json()) == result


def test_the_choice_is_a_plan_for_fit():
    result = planned(Planner(profile(), prices()), workload())
    made = Plan.from_toml(plan_toml(result))
    assert made.deployment.instance == "Cloud small"
    assert made.deployment.replicas == 2
    assert made.deployment.service_seconds == pytest.approx(result.best.service_seconds)
    with pytest.raises(PlanError, match="no configuration does: takes 2 ms"):
        plan_toml(plan(workload(latency_seconds=0.001)))


def test_workloads_from_words():
    sizes = {"items": 100, "mean_tokens": 9, "users": 10, "events": 50}
    made = workload_of(sizes, events_per_day="2k", rps="3M/day", p95="50ms", churn="7%/week")
    assert made.events_per_day == pytest.approx(2_000)
    assert made.requests_per_second == pytest.approx(3e6 / 86_400)
    assert made.latency_seconds == pytest.approx(0.05)
    assert made.churn_per_day == pytest.approx(0.01)
    assert made.lists_per_month == pytest.approx(1e6 * 365 / 12)
    for changes, message in (
        ({"p95": "0ms"}, "latency_seconds = 0.0: must be above 0"),
        ({"rps": "0/s"}, "requests_per_second = 0.0"),
        ({"churn": "200%/day"}, "churn_per_day = 2.0: must be 1 or less"),
        ({"peak_to_mean": 0.5}, "peak_to_mean = 0.5"),
    ):
        with pytest.raises(PlanError, match=message):
            workload_of(sizes, **{"rps": "1/s", "p95": "50ms"} | changes)
