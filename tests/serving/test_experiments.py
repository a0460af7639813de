"""Experiments: start, shares, stop, promotion; restarts, kills, and requests that are refused."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from live import service
from protected_app import Clock

from pennyweight.errors import PennyweightError, PlanError, UnknownIdError
from pennyweight.serving.live.bundles import BundleStore
from pennyweight.serving.live.engine import Engine
from pennyweight.serving.live.experiment import EXPERIMENTS
from pennyweight.serving.live.experiments import DAY, NewExperiment
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.stores.sqlite import SQLiteStore

USERS = [f"user {i}" for i in range(300)]


@contextmanager
def started(folder: Path, bundle: Path | None, clock: Clock):
    folder.mkdir(exist_ok=True)
    store = SQLiteStore(folder / "store.sqlite")
    engine = Engine(store, BundleStore(folder / "bundles"), clock=clock)
    engine.start(bundle)
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = 1_750_000_000.0
    return clock


@pytest.fixture
def engine(bundles, tmp_path, clock):
    with started(tmp_path / "live", bundles[0], clock) as engine:
        engine.publishing.add(bundles[1], actor="ann")
        yield engine


def versions(engine: Engine) -> tuple[str, str]:
    first, second = (stored.version for stored in engine.publishing.stored_bundles())
    return first, second


def new(engine: Engine, share: float = 0.5, **more) -> NewExperiment:
    first, second = versions(engine)
    return NewExperiment((Variant(first, 1 - share), Variant(second, share)), **more)


def owners(engine: Engine) -> dict[str, str]:
    return {user: engine.traffic.split.bundle_for(user).version for user in USERS}


def served(engine: Engine) -> list[str]:
    return [variant.version for variant in engine.traffic.split.variants]


def test_an_experiment_from_start_to_promotion(engine, clock):
    first, second = versions(engine)
    ends = clock.now + DAY
    started = engine.experiments.start(new(engine, name="covers", ends=ends), actor="ann")
    assert engine.experiments.running() == started and served(engine) == [first, second]
    assert set(owners(engine).values()) == {first, second}
    assert started.sentence().startswith("covers: running since 2025-06-15 15:06 UTC, planned")
    clock.now += 3 * DAY
    ended = engine.experiments.promote(second, actor="bob")
    assert (ended.state, ended.promoted, ended.ended_by) == ("promoted", second, "bob")
    assert served(engine) == [second] and engine.experiments.running() is None
    assert engine.experiments.all() == [ended]
    assert "promoted on 2025-06-18 15:06 UTC by bob" in ended.sentence()
    engine.publishing.roll_back(actor="ann")  # to what all users had before
    assert served(engine) == [first]
    entries = engine.store.read_now(lambda store: store.audits(3))
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("ann", "publish"),
        ("bob", "promote"),
        ("ann", "start experiment"),
    ]
    assert entries[2].detail == f"covers: {first} 0.5, {second} 0.5"


def test_a_stop_serves_the_control_and_keeps_the_rollback(engine):
    first, second = versions(engine)
    engine.publishing.serve(second, actor="ann")
    first_to_second = NewExperiment((Variant(second, 0.5), Variant(first, 0.5)))
    engine.experiments.start(first_to_second, actor="ann")
    assert engine.publishing.previous() == [Variant(second, 1.0)]
    assert engine.experiments.stop(actor="ann").state == "stopped"
    assert served(engine) == [second]
    assert engine.publishing.previous() == [Variant(first, 1.0)]  # as before the experiment


@pytest.mark.parametrize("end", ["publish", "roll back"])
def test_another_publication_stops_it(engine, bundles, end):
    first, second = versions(engine)
    engine.experiments.start(new(engine), actor="ann")
    if end == "publish":
        engine.publishing.publish(bundles[1], actor="bob")
    else:
        engine.publishing.roll_back(actor="bob")
    assert served(engine) == [second if end == "publish" else first]
    (experiment,) = engine.experiments.all()
    assert (experiment.state, experiment.ended_by) == ("stopped", "bob")


def test_users_stay_and_a_new_experiment_mixes_them(engine):
    engine.experiments.start(new(engine), actor="ann")
    before = owners(engine)
    first, second = versions(engine)
    moved = engine.experiments.change_shares(
        [Variant(second, 0.3), Variant(first, 0.7)], actor="ann"
    )
    assert moved == pytest.approx(0.2)
    after = owners(engine)
    assert {(before[u], after[u]) for u in USERS if before[u] != after[u]} == {(second, first)}
    assert (
        engine.experiments.change_shares([Variant(first, 0.7), Variant(second, 0.3)], actor="ann")
        == 0
    )
    engine.experiments.stop(actor="ann")
    engine.experiments.start(new(engine), actor="ann")
    again = owners(engine)
    stay = sum(before[user] == again[user] for user in USERS)
    assert 110 < stay < 190  # 150 expected, 4.6 standard deviations
    assert [experiment.name for experiment in engine.experiments.all()] == [
        "experiment 1",
        "experiment 2",
    ]


def test_it_survives_a_restart(bundles, tmp_path, clock):
    folder = tmp_path / "live"
    with started(folder, bundles[0], clock) as engine:
        engine.publishing.add(bundles[1], actor="ann")
        experiment = engine.experiments.start(new(engine, 0.2), actor="ann")
        first, second = versions(engine)
        engine.experiments.change_shares([Variant(first, 0.6), Variant(second, 0.4)], actor="ann")
        before = owners(engine)
    with started(folder, None, clock) as engine:
        assert owners(engine) == before
        running = engine.experiments.running()
        assert running is not None and running.started == experiment.started
        assert running.buckets.salt == experiment.buckets.salt


def test_a_split_of_an_earlier_version_becomes_an_experiment(bundles, tmp_path, clock):
    folder = tmp_path / "live"
    with started(folder, bundles[0], clock) as engine:
        engine.publishing.add(bundles[1], actor="ann")
        engine.experiments.start(new(engine, 0.3), actor="ann")
        first, _ = versions(engine)
        engine.store.save_settings({EXPERIMENTS: None})
    clock.now += DAY
    with started(folder, None, clock) as engine:
        running = engine.experiments.running()
        assert running is not None and running.started == clock.now - DAY
        assert [v.share for v in running.variants] == [0.7, 0.3] and running.buckets.salt == ""
        engine.experiments.stop(actor="ann")
        assert served(engine) == [first]


def test_without_one_of_its_bundles_the_other_answers_and_it_can_be_stopped(
    bundles, tmp_path, clock
):
    folder = tmp_path / "live"
    with started(folder, bundles[0], clock) as engine:
        engine.publishing.add(bundles[1], actor="ann")
        engine.experiments.start(new(engine), actor="ann")
        first, second = versions(engine)
    (folder / "bundles" / second / "manifest.json").write_text("{")
    with started(folder, None, clock) as engine:
        assert served(engine) == [first] and "damaged" in engine.notes
        assert engine.experiments.stop(actor="ann").state == "stopped"
        assert served(engine) == [first] and "damaged" not in engine.notes


def test_what_is_refused_changes_nothing(engine, clock):
    first, second = versions(engine)
    now = clock.now

    def refused(message: str, kind: type[PennyweightError], act) -> None:
        with pytest.raises(kind, match=message):
            act()

    experiments = engine.experiments

    def start(new: NewExperiment) -> None:
        experiments.start(new, actor="ann")

    a = Variant(first, 0.5)
    refused("add up to 1", PlanError, lambda: start(NewExperiment((a, Variant(second, 0.4)))))
    refused("named twice", PlanError, lambda: start(NewExperiment((a, a))))
    refused("2 to 8", PlanError, lambda: start(NewExperiment((Variant(first, 1.0),))))
    nope = NewExperiment((a, Variant("nope", 0.5)))
    refused("no bundle 'nope'", UnknownIdError, lambda: start(nope))
    for ends in (now, now - 1, now + 31 * DAY):
        refused("ends: .* within 30 days", PlanError, lambda e=ends: start(new(engine, ends=e)))
    refused("no experiment runs; start one", PlanError, lambda: experiments.stop(actor="ann"))
    assert served(engine) == [first] and experiments.all() == []

    start(new(engine, name="one"))
    refused("'one' runs; stop it", PlanError, lambda: start(new(engine)))
    refused("choose one of", PlanError, lambda: experiments.promote("nope", actor="ann"))
    refused(
        "has the bundles",
        PlanError,
        lambda: experiments.change_shares([a, Variant("nope", 0.5)], actor="ann"),
    )
    assert served(engine) == [first, second]
    experiments.stop(actor="ann")
    refused("one: stopped on", PlanError, lambda: experiments.promote(second, actor="ann"))
    refused("'one' already", PlanError, lambda: start(new(engine, name="one")))
    assert served(engine) == [first] and len(experiments.all()) == 1


def test_a_clock_that_was_set_back_does_no_harm(engine, clock):
    engine.experiments.start(new(engine), actor="ann")
    clock.now -= 10 * DAY
    ended = engine.experiments.stop(actor="ann")
    assert ended.ended == ended.started
    again = engine.experiments.start(new(engine), actor="ann")
    assert again.started < ended.started and engine.experiments.running() == again


def test_over_http(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
        halves = [{"bundle_version": v, "share": 0.5} for v in (first, second)]
        assert live.get("/v1/experiments") == {"experiments": []}
        body = {"variants": halves, "name": "a", "ends": live.engine.clock() + 1_000}
        row = live.post("/v1/experiments", body)
        assert (row["state"], row["started_by"], row["variants"]) == ("running", "local", halves)
        refusal = live.http.post("/v1/experiments", json=body)
        assert (refusal.status_code, refusal.json()["type"]) == (409, "/docs#experiment-runs")
        shares = [halves[0] | {"share": 0.8}, halves[1] | {"share": 0.2}]
        changed = live.http.put("/v1/experiments/shares", json={"variants": shares}).json()
        assert changed["moved"] == pytest.approx(0.3) and changed["variants"] == shares
        assert live.post("/v1/experiments/stop", {})["state"] == "stopped"
        live.post("/v1/experiments", {"variants": halves})
        row = live.post("/v1/experiments/promote", {"bundle_version": second})
        assert (row["state"], row["promoted"]) == ("promoted", second)
        assert [e["name"] for e in live.get("/v1/experiments")["experiments"]] == [
            "experiment 2",
            "a",
        ]
        for name, none in (("stop", {}), ("promote", {"bundle_version": first})):
            refusal = live.http.post(f"/v1/experiments/{name}", json=none)
            assert (refusal.status_code, refusal.json()["type"]) == (404, "/docs#no-experiment")
        for wrong in ({"variants": halves, "nme": "x"}, {"variants": []}, {"variants": halves * 5}):
            assert live.http.post("/v1/experiments", json=wrong).status_code == 422


def test_a_plan_from_the_users_so_far(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        unknown = live.get("/v1/experiments/plan")
        assert unknown["detectable"] is None and "unknown" in unknown["summary"]
        for i in range(20):
            got = live.get(f"/v1/recommend/u{i}", k=1)
            event = {"user_id": f"u{i}", "item_id": "i1", "event_type": "buy"}
            if i % 2:
                live.post("/v1/events", event | {"recommendation_id": got["recommendation_id"]})
    with service(None, tmp_path / "live") as live:
        plan = live.get("/v1/experiments/plan", days=10)
        assert (plan["recent_users"], plan["recent_days"], plan["rate"]) == (20, 1, 0.5)
        assert plan["users"] == 200 and plan["summary"].startswith("In 10 days you can detect a ")
        three = live.get("/v1/experiments/plan", days=10, shares="0.3,0.3")
        assert three["detectable"] > plan["detectable"]
        bad = ("1", "0", "0.5,0.5", "nan", "x", "0.1," * 8, "")
        for wrong in ({"days": 0}, {"days": 31}, *({"shares": text} for text in bad)):
            assert live.http.get("/v1/experiments/plan", params=wrong).status_code == 422
