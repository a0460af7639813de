"""Refits of a running service at their times, in a process of their own."""

import json
import os
import signal
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import pytest
from live import Service, service

import pennyweight
import small_shop
from pennyweight.cli.refit_times import refit_times
from pennyweight.errors import PlanError
from pennyweight.serving.live.experiments import NewExperiment
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.operations.schedule import DAY, RefitSchedule, RefitTimes, next_refit

NOW = datetime(2026, 5, 20, 12, 0).astimezone().timestamp()


def local(moment: float) -> tuple[int, int, int]:
    at = datetime.fromtimestamp(moment)
    return at.day, at.hour, at.minute


def test_without_a_time_of_day_refits_follow_each_other():
    times = RefitTimes(every=3_600.0)
    assert next_refit(times, NOW, NOW) == NOW + 3_600
    assert next_refit(times, NOW, NOW - 600) == NOW + 3_000
    assert next_refit(times, NOW, NOW - 9_000) == NOW  # the service was down


@pytest.mark.parametrize(
    ("every", "last_hours", "expected"),
    [
        (DAY, 9, (21, 3, 0)),  # this night at three
        (DAY, 40, (21, 3, 0)),  # it did not run this night
        (2 * DAY, 9, (22, 3, 0)),
        (2 * DAY, 40, (21, 3, 0)),
        (7 * DAY, 9, (27, 3, 0)),
        (DAY / 4, 3, (20, 15, 0)),  # 3, 9, 15 and 21 o'clock
        (DAY / 4, 9, (20, 15, 0)),
    ],
)
def test_with_a_time_of_day_refits_begin_at_it(every, last_hours, expected):
    times = RefitTimes(every, time_of_day(3))
    assert local(next_refit(times, NOW, NOW - last_hours * 3_600)) == expected


def test_a_night_refit_keeps_its_time_for_a_year():
    times, now, last = RefitTimes(DAY, time_of_day(3)), NOW, NOW - DAY
    for night in range(365):
        now = last = next_refit(times, now, last)
        expected = datetime.fromtimestamp(NOW).date() + timedelta(days=night + 1)
        assert local(now)[1:] == (3, 0) and datetime.fromtimestamp(now).date() == expected
        now += 1_800.0


def test_options():
    assert refit_times(None, None, None, "not-worse", None) is None
    times = refit_times("24h", "03:00", "7d", "better", "2GB")
    assert times == RefitTimes(DAY, time_of_day(3), 7 * DAY, "better", 2 * 10**9)
    assert times.keep == 5 and refit_times("24h", None, None, "better", None, 3).keep == 3
    assert refit_times("30m", None, None, "always", None).memory > 10**8
    for options, message in (
        ((None, "03:00", None, "better", None), "--refit-at needs --refit-every"),
        (("24", None, None, "better", None), "--refit-every '24'"),
        (("1s", None, None, "better", None), "--refit-every '1s'"),
        (("24h", "25:00", None, "better", None), "--refit-at '25:00'"),
        (("24h", None, None, "worse", None), "better, not-worse, always"),
        (("24h", None, None, "better", "much"), "is not a size"),
        ((None, None, None, "better", None, 3), "--refit-keep needs --refit-every"),
    ):
        with pytest.raises(PlanError, match=message):
            refit_times(*options)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("schedule") / "shop"
    events = log()
    scorers = ["popularity", "content", "neighbors"]
    pennyweight.fit(
        small_shop.items(), events[: events.height // 2], encoder="tfidf", scorers=scorers
    ).save(path)
    return path


def log():
    events = small_shop.events(users=200).drop("split")
    return events.sort("timestamp", maintain_order=True)


@contextmanager
def scheduled(shop: Path, folder: Path, times: RefitTimes, n: int = 10_000):
    """Serve a shop with later events, and yield the service and its schedule."""
    events = log()
    with service(shop, folder) as live:
        later = [
            {"event_id": f"e{number}", "user_id": user, "item_id": item, "timestamp": moment}
            for number, (user, item, moment) in enumerate(events[events.height // 2 :].iter_rows())
        ]
        live.post("/v1/events", {"events": later[:n]})
        yield live, RefitSchedule(live.engine, folder, times)


def version(live: Service) -> str:
    return live.engine.traffic.split.primary.version


def test_refits_run_by_themselves_and_publish(shop, tmp_path):
    times = RefitTimes(every=0.2, publish_if="always", full_every=DAY)
    with scheduled(shop, tmp_path / "live", times) as (live, schedule):
        before = version(live)
        schedule.begin()
        try:
            end = time.monotonic() + 120
            while version(live) == before and time.monotonic() < end:
                assert live.ids("/v1/recommend/u3")
                time.sleep(0.05)
            assert version(live) != before
        finally:
            schedule.close()
        actions = live.get("/v1/audit")["entries"]
        assert ("refit", "publish") in {(entry["actor"], entry["action"]) for entry in actions}
        bundle = live.engine.publishing.bundles.bundle(version(live))
        assert bundle.manifest.fitted_from["refit"]["mode"] == "full"  # the first is
        assert schedule._mode(live.engine.clock()) == "warm"
        live.engine.publishing.roll_back(actor="test")
        assert version(live) == before


def test_old_bundles_of_refits_are_deleted_and_others_stay(shop, tmp_path, caplog):
    times = RefitTimes(DAY, publish_if="always", keep=2)
    with scheduled(shop, tmp_path / "live", times, n=40) as (live, schedule):
        versions = [version(live)]
        for number in range(4):
            event = {"event_id": f"n{number}", "user_id": f"u{number}", "item_id": "i1"}
            live.post("/v1/events", event)
            schedule.refit()
            versions.append(version(live))
        assert len(set(versions)) == 5
        left = [bundle["bundle_version"] for bundle in live.get("/v1/bundles")["bundles"]]
        assert left == [versions[0], *versions[-2:]]  # the first is of no refit
        entries = live.get("/v1/audit")["entries"]
        dropped = [entry["detail"] for entry in entries if entry["action"] == "drop bundle"]
        assert dropped == versions[2:0:-1]
        assert {entry["actor"] for entry in entries if entry["action"] == "drop bundle"} == {
            "refit"
        }
        live.post("/v1/bundles/rollback", {})
        assert version(live) == versions[-2]
    assert "2 bundles of refits are kept" in caplog.text


def test_a_bundle_that_is_not_published_is_noted(shop, tmp_path):
    with scheduled(shop, tmp_path / "live", RefitTimes(DAY), n=20) as (live, schedule):
        before = version(live)
        schedule.refit()
        assert version(live) == before
        assert "a judgement needs 30" in live.engine.notes["refit"]
        assert any("not published" in note for note in live.get("/v1/bundles")["notes"])


def test_a_refit_without_the_memory_it_needs_is_noted(shop, tmp_path):
    times = RefitTimes(DAY, publish_if="always", memory=60 << 20)
    with scheduled(shop, tmp_path / "live", times) as (live, schedule):
        before = version(live)
        schedule.refit()
        assert version(live) == before and "refit" in live.engine.notes
        assert live.ids("/v1/recommend/u3")


def test_a_killed_refit_is_noted_and_the_next_one_publishes(shop, tmp_path, monkeypatch):
    times = RefitTimes(DAY, publish_if="always")
    with scheduled(shop, tmp_path / "live", times) as (live, schedule):
        before, serve = version(live), schedule._serve

        def killed(process, mode):
            os.kill(process.pid, 9)
            serve(process, mode)

        monkeypatch.setattr(schedule, "_serve", killed)
        schedule.refit()
        assert "ended with code -9" in live.engine.notes["refit"] and version(live) == before
        monkeypatch.undo()
        schedule.refit()
        assert version(live) != before and "refit" not in live.engine.notes
        assert not list((tmp_path / "live" / "refit").iterdir())


class AnswerAgain:
    """The answers of a process, of which one was read already."""

    def __init__(self, answers, line: str) -> None:
        self.read, self.close = answers.read, answers.close
        self.readline = lambda: line


def test_an_experiment_that_began_during_a_refit_goes_on(shop, bundles, tmp_path, monkeypatch):
    times = RefitTimes(DAY, publish_if="always")
    with scheduled(shop, tmp_path / "live", times) as (live, schedule):
        before, serve = version(live), schedule._serve
        other = live.engine.publishing.add(bundles[0], actor="ann").version
        variants = (Variant(before, 0.5), Variant(other, 0.5))

        def late(process, mode):
            answers = process.stdout
            line = answers.readline()  # the refit has looked, and may publish
            assert json.loads(line)["may_publish"]
            live.engine.experiments.start(NewExperiment(variants), actor="ann")
            process.stdout = AnswerAgain(answers, line)
            serve(process, mode)

        monkeypatch.setattr(schedule, "_serve", late)
        schedule.refit()
        assert live.engine.notes["refit"].endswith("not published: an experiment runs")
        assert live.engine.traffic.split.variants == variants


def test_the_end_of_the_service_ends_a_refit(shop, tmp_path):
    with scheduled(shop, tmp_path / "live", RefitTimes(0.01)) as (live, schedule):
        schedule.begin()
        end = time.monotonic() + 60
        while (process := schedule._process) is None and time.monotonic() < end:
            time.sleep(0.01)
        assert process is not None
        schedule.close()
        assert process.returncode == -signal.SIGTERM
        assert "refit" not in live.engine.notes
