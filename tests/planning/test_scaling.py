"""Decisions of the scaling policy by hand, and fleets under the same load."""

from dataclasses import replace

import pytest

from pennyweight.config.simulation import ScalingResult
from pennyweight.errors import BudgetError, BundleError, PlanError
from pennyweight.planning import replica
from pennyweight.planning.arrivals import Arrivals, daily_pattern, flash_crowd, steady
from pennyweight.planning.autoscaler import Autoscaler, ScalingPolicy
from pennyweight.planning.queueing import servers_needed
from pennyweight.planning.replica import Replica, ReplicaPrice, service_queue_limit
from pennyweight.planning.scaling import mean_loads, simulate_scaling
from pennyweight.planning.server_pool import BatchPolicy
from pennyweight.planning.simulation import ServiceTime
from pennyweight.serving.http import admission
from pennyweight.serving.live.engine import Limits

SERVICE = ServiceTime(0.05, 0.5)
REPLICA = Replica(SERVICE, objective=0.2)
CROWD = flash_crowd(20.0, factor=6.0, begin_s=300, rise_s=30, hold_s=300, fall_s=300, seconds=1_800)


def served(policy: ScalingPolicy, in_flight: list[float], replicas: int = 1) -> list[int]:
    scaler = Autoscaler(policy, replicas)
    return [scaler.step(float(second), n) for second, n in enumerate(in_flight)]


def test_a_replica_serves_after_the_delay_and_its_start():
    policy = ScalingPolicy(1.0, up_delay_s=2, start_s=3)
    assert served(policy, [4.0] * 8) == [1, 1, 1, 1, 1, 4, 4, 4]


def test_a_short_rise_starts_nothing():
    policy = ScalingPolicy(1.0, up_delay_s=30, start_s=0)
    assert served(policy, [0.5] * 20 + [8.0] * 15 + [0.5] * 30) == [1] * 65


def test_replicas_stop_after_the_delay_down_to_the_smallest_number():
    policy = ScalingPolicy(1.0, min_replicas=2, down_delay_s=5, start_s=0)
    assert served(policy, [0.0] * 8, replicas=5) == [5, 5, 5, 5, 5, 2, 2, 2]


def test_no_more_replicas_than_the_largest_number():
    policy = ScalingPolicy(1.0, max_replicas=3, up_delay_s=0, start_s=0)
    assert served(policy, [50.0] * 3)[-1] == 3


def test_a_warm_spare_serves_at_once_and_another_is_started():
    scaler = Autoscaler(ScalingPolicy(1.0, up_delay_s=0, start_s=4, warm_spares=1), 1)
    assert scaler.paid == 2
    assert scaler.step(0.0, 3.0) == 2  # the spare; two more start: one to serve, one as a spare
    assert scaler.paid == 4
    assert [scaler.step(float(second), 3.0) for second in (1, 2, 3, 4)] == [2, 2, 2, 3]
    assert scaler.paid == 4


def test_requests_in_flight_are_averaged():
    policy = ScalingPolicy(1.0, up_delay_s=0, start_s=0)
    assert max(served(policy, [1.0] * 9 + [10.0])) == 1
    assert Autoscaler(policy, 1).step(0.0, 2.0) == 1  # what starts serves from the next second on


@pytest.fixture(scope="module")
def crowd() -> ScalingResult:
    policy = ScalingPolicy(1.0, max_replicas=9, up_delay_s=5, down_delay_s=120, start_s=20)
    return simulate_scaling(
        CROWD,
        policy,
        REPLICA,
        price=ReplicaPrice(73.0, "EUR", "2026-11-01"),
        load="flash crowd",
    )


def test_the_fixed_fleet_has_enough_for_the_peak_and_the_oracle_for_each_moment(crowd):
    needed = servers_needed(120.0, 0.05, objective=0.2, service_scv=0.5)
    assert crowd.fixed.min_replicas == crowd.fixed.max_replicas == needed
    assert crowd.fixed.replica_hours == pytest.approx(needed / 2)
    assert crowd.oracle.max_replicas == needed
    assert crowd.oracle.min_replicas == servers_needed(20.0, 0.05, objective=0.2, service_scv=0.5)
    assert crowd.oracle.replica_hours < crowd.elastic.replica_hours < crowd.fixed.replica_hours
    assert crowd.keeps_objective(crowd.fixed) and crowd.keeps_objective(crowd.oracle)


def test_fleets_get_the_same_requests(crowd):
    assert len({fleet.requests for fleet in crowd.fleets}) == 1
    assert crowd.elastic.requests == pytest.approx(CROWD.expected_requests, rel=0.03)
    total = sum(i.requests_per_second * (i.end_s - i.start_s) for i in crowd.intervals)
    assert total == pytest.approx(crowd.elastic.requests)
    assert crowd.intervals[0].start_s == 0 and crowd.intervals[-1].end_s == 1_800


def test_intervals_add_up_to_the_hours_and_the_violations(crowd):
    def whole(values):
        return sum(v * (i.end_s - i.start_s) for v, i in zip(values, crowd.intervals, strict=True))

    hours = whole([i.elastic_replicas for i in crowd.intervals]) / 3_600
    assert hours == pytest.approx(crowd.elastic.replica_hours)
    late = whole([i.violations * i.requests_per_second for i in crowd.intervals])
    assert late == pytest.approx(crowd.elastic.violations * crowd.elastic.requests)


def test_money_is_hours_of_a_month_of_730(crowd):
    assert crowd.elastic.cost == pytest.approx(0.1 * crowd.elastic.replica_hours)
    assert crowd.price_label() == "73.00 EUR per replica and month, prices of 2026-11-01"
    assert "cost (EUR)" in crowd.table()


def test_warm_spares_cut_violations_and_cost_hours(crowd):
    policy = ScalingPolicy(**{**crowd.policy, "warm_spares": 4})
    warm = simulate_scaling(CROWD, policy, REPLICA).elastic
    assert warm.violations < 0.7 * crowd.elastic.violations
    assert warm.replica_hours > crowd.elastic.replica_hours
    assert warm.cost is None


def test_a_bounded_line_refuses_and_shortens_the_wait(crowd):
    policy = ScalingPolicy(**crowd.policy)
    bounded = simulate_scaling(CROWD, policy, replace(REPLICA, queue_limit=5)).elastic
    assert bounded.refused > 0 == crowd.elastic.refused
    assert bounded.p99_s < crowd.elastic.p99_s


def test_replicas_may_go_down_to_none():
    policy = ScalingPolicy(1.0, min_replicas=0, up_delay_s=0, down_delay_s=0, start_s=2)
    quiet = simulate_scaling(steady(0.01, seconds=2_000.0), policy, Replica(SERVICE, 5.0))
    assert quiet.elastic.min_replicas == 0
    assert 0 < quiet.elastic.replica_hours < 0.1 * 2_000 / 3_600
    assert quiet.elastic.p50_s > 2.0


def test_the_default_target_keeps_the_objective_of_a_day():
    slow = daily_pattern(25.0, peak_to_mean=2.5)
    day = Arrivals(slow.edges / 24, slow.rates)  # in an hour
    target = REPLICA.target_in_flight(float(mean_loads(day).max()))
    policy = ScalingPolicy(target, down_delay_s=30, up_delay_s=5, start_s=5)
    result = simulate_scaling(day, policy, REPLICA)
    assert result.keeps_objective(result.elastic)
    assert result.elastic.replica_hours < result.fixed.replica_hours


def test_the_sentence_says_whether_the_objective_is_kept(crowd):
    assert "keeps the objective" in crowd.sentence() or "misses the objective" in crowd.sentence()
    late = crowd.elastic.model_copy(update={"violations": 0.07})
    missed = crowd.model_copy(update={"fleets": (late, crowd.fixed, crowd.oracle)})
    assert missed.sentence().startswith(
        "The elastic fleet misses the objective: it answers 93.00 %"
    )
    kept = crowd.model_copy(
        update={"fleets": (late.model_copy(update={"violations": 0.05}), *crowd.fleets[1:])}
    )
    assert kept.sentence().startswith("The elastic fleet keeps the objective")
    same = crowd.model_copy(update={"fleets": (crowd.oracle, crowd.fixed, crowd.oracle)})
    assert same.sentence().endswith(" as many as a perfect oracle.")


def test_a_result_is_the_same_after_json(crowd):
    assert ScalingResult.from_json(crowd.to_json()) == crowd
    with pytest.raises(BundleError, match="unknown key 'extra'"):
        ScalingResult.from_json(crowd.to_json().replace('"load"', '"extra": 1, "load"', 1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"target_in_flight": 0.0}, "target_in_flight"),
        ({"min_replicas": 5, "max_replicas": 2}, "5 to 2 replicas"),
        ({"min_replicas": 0, "max_replicas": 0}, "0 to 0 replicas"),
        ({"start_s": -1.0}, "start_s"),
        ({"warm_spares": -1}, "warm_spares"),
    ],
)
def test_impossible_policies_are_refused(values, message):
    with pytest.raises(PlanError, match=message):
        ScalingPolicy(**{"target_in_flight": 1.0, **values})


def test_an_objective_that_service_alone_misses_is_refused():
    with pytest.raises(BudgetError, match="service alone takes"):
        simulate_scaling(CROWD, ScalingPolicy(1.0), Replica(SERVICE, 0.01))


def test_lists_made_together_need_fewer_replicas():
    together = replace(REPLICA, batches=BatchPolicy.with_fixed_share(32, 0.75))
    alone, batched = REPLICA.rates_up_to(14.0), together.rates_up_to(14.0)
    assert len(batched) < len(alone)
    assert batched[0] > 1.5 * alone[0]
    assert together.target_in_flight(8.0) > REPLICA.target_in_flight(8.0)


def test_rates_of_measured_times_are_not_taken_for_those_of_others():
    together = BatchPolicy.with_fixed_share(8, 0.5)
    rare = ServiceTime.of_measured([0.01] * 99 + [0.109])  # mean 0.01099, one in a hundred slow
    common = ServiceTime(rare.mean, rare.scv)
    rates = [Replica(s, 0.1, 0.99, batches=together).highest_rate(1) for s in (rare, common)]
    assert rates[0] != rates[1]


def test_rates_of_replicas_end_with_the_first_that_carries_the_peak():
    rates = REPLICA.rates_up_to(500.0)
    assert rates[-1] >= 500.0 > rates[-2]
    assert len(rates) == servers_needed(500.0, 0.05, objective=0.2, service_scv=0.5)
    with pytest.raises(BudgetError, match="over 10,000 replicas"):
        REPLICA.rates_up_to(1e7)


def test_the_service_lets_wait_what_it_answers_in_a_quarter_of_a_second():
    assert (admission.WAIT, admission.MIN_BOUND) == (replica.ADMITTED_S, replica.MIN_ADMITTED)
    assert Limits().requests == replica.MAX_ADMITTED
    assert service_queue_limit(0.05, 1) == 63
    assert service_queue_limit(0.001, 1) == 249
    assert service_queue_limit(0.0001, 2) == 1_022


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"objective": 0.0}, r"the objective is 0\.0 s"),
        ({"quantile": 1.0}, "quantile is 1"),
        ({"servers": 0}, "servers is 0"),
        ({"queue_limit": -1}, "queue_limit is -1"),
    ],
)
def test_impossible_replicas_are_refused(values, message):
    with pytest.raises(PlanError, match=message):
        replace(REPLICA, **values)


def test_a_negative_price_is_refused():
    with pytest.raises(PlanError, match="price per month"):
        ReplicaPrice(-1.0, "USD")
