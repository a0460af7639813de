"""Refits: what came live goes into a new bundle, judged before it is served, whatever dies."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from live import Service, service

import pennyweight
import small_shop
from pennyweight import Recommender
from pennyweight.bundle import open_bundle
from pennyweight.errors import BusyError, PlanError
from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.live.last_runs import REFIT_RUN, read_run
from pennyweight.serving.live.task_progress import read_progress
from pennyweight.serving.live_folder import discard_refit
from pennyweight.serving.operations import refit as operation
from pennyweight.serving.operations import refit_fit
from pennyweight.serving.operations.bundle_changes import publish
from pennyweight.serving.operations.checking import check_folder
from pennyweight.serving.operations.judging import Judgement, OfOtherItems, judge, newest_choices
from pennyweight.serving.operations.refit import Refit, RefitResult

USERS = 200
CHILD = """
import os, signal, sys
from pathlib import Path
from pennyweight.serving.operations import refit, refit_fit

def killing(run):
    def killed(*arguments, **options):
        if sys.argv[3] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        run(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return killed

owner, name = {
    "export": (refit, "export"),
    "fit": (refit_fit.BundleFit, "without"),
    "final": (refit_fit.BundleFit, "final"),
    "save": (refit.Refit, "_saved"),
}[sys.argv[2]]
setattr(owner, name, killing(getattr(owner, name)))
refit.Refit(Path(sys.argv[1]), publish_if="always").run(lambda result: False)
"""


def log() -> pl.DataFrame:
    events = small_shop.events(users=USERS).drop("split")
    return events.sort("timestamp", maintain_order=True)


def send(live: Service, rows: pl.DataFrame, first: int = 0) -> None:
    events = [
        {"event_id": f"e{n}", "user_id": user, "item_id": item, "timestamp": time}
        for n, (user, item, time) in enumerate(rows.iter_rows(), first)
    ]
    for start in range(0, len(events), 1_000):
        live.post("/v1/events", {"events": events[start : start + 1_000]})


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    """A bundle of the first events of a shop."""
    return fitted(tmp_path_factory.mktemp("refit") / "first", log()[: log().height // 2])


def fitted(path: Path, events: pl.DataFrame) -> Path:
    """Save a recommender of some events."""
    plan = pennyweight.Plan().override({"scorers.tower": {"epochs": 2}, "evaluate.bootstrap": 50})
    pennyweight.fit(small_shop.items(), events, encoder="tfidf", plan=plan).save(path)
    return path


@pytest.fixture
def folder(first, tmp_path) -> Path:
    """The folder of a service that was sent the later events, and a new item."""
    return sent(first, tmp_path / "live", log()[log().height // 2 :])


def sent(first: Path, folder: Path, rows: pl.DataFrame) -> Path:
    """Serve a bundle for as long as events and a new item are sent; return the folder."""
    with service(first, folder) as live:
        send(live, rows)
        live.http.put("/v1/items/new", json={"attributes": {"title": "tea blend dark no99"}})
    return folder


def refit(folder: Path, **settings) -> tuple[RefitResult, list[Path]]:
    """Refit and publish; return the result and the new bundle."""
    bundles = []

    def deliver(result: RefitResult) -> bool:
        if result.bundle is None or not result.may_publish:
            return False
        publish(folder, result.bundle)
        bundles.append(result.bundle)
        return True

    return Refit(folder, **settings).run(deliver), bundles


def outcome(folder: Path) -> str:
    run = read_run(folder, REFIT_RUN)
    assert run is not None and 0 <= time.time() - run.time < 300
    return run.outcome


def served(folder: Path) -> str:
    (version,) = check_folder(folder).served
    return version


@pytest.mark.parametrize("mode", ["warm", "full"])
def test_a_refit_is_published_with_its_lineage(first, folder, mode):
    before = served(folder)
    with service(None, folder) as live:
        result, _ = refit_and_publish_over_http(live, folder, mode)
        now = live.get("/v1/bundles")
        (current,) = [b for b in now["bundles"] if b["share"] == 1]
        assert live.ids("/v1/recommend/u3")
        assert "new" in live.ids("/v1/similar/i0", k=50)
        page = live.http.get("/dashboard/bundles").text
        assert f"{mode} refit of {open_bundle(first).sha256[:12]}; NDCG@10 on " in page
        live.post("/v1/bundles/rollback", {})
    assert result.parent == before and result.new_events > 300
    assert current["bundle_version"] != before and current["items"] == small_shop.N_ITEMS + 1
    bundle = open_bundle(folder / "bundles" / current["bundle_version"])
    assert bundle.manifest.parent == open_bundle(first).sha256
    lineage = bundle.manifest.fitted_from
    assert lineage["events"]["seq"] == log().height - log().height // 2
    assert lineage["refit"]["mode"] == mode
    assert Judgement.from_json(lineage["refit"]["judgement"]) == result.judgement
    recommender = Recommender.load(bundle.path)
    assert len(recommender.interactions) == log().height and "new" in recommender.catalog.ids
    warm = any("refitted warm" in notice for notice in recommender.report.notices)
    assert warm == (mode == "warm")
    assert not list((folder / "refit").iterdir())


def refit_and_publish_over_http(live: Service, folder: Path, mode: str):
    bundles = []

    def deliver(result: RefitResult) -> bool:
        live.post("/v1/bundles", {"path": str(result.bundle)})
        bundles.append(result.bundle)
        return True

    return Refit(folder, mode=mode, publish_if="always").run(deliver), bundles


def test_a_better_bundle_is_published_and_a_worse_one_is_not(tmp_path, monkeypatch):
    few = log().height // 8  # the rest teaches so much more that any machine finds it better
    folder = sent(fitted(tmp_path / "first", log()[:few]), tmp_path / "live", log()[few:])
    before = served(folder)
    # Each stands in the place of the other: what was better is worse.
    monkeypatch.setattr(
        operation, "judge", lambda a, b, *rest, **named: judge(b, a, *rest, **named)
    )
    result, bundles = refit(folder, publish_if="not-worse")
    worse = result.judgement
    assert worse.users >= 30 and worse.high < 0
    assert worse.since > log()["timestamp"][log().height // 2]
    assert not result.may_publish and result.bundle is None and not bundles
    assert ": worse" in result.sentence()
    assert served(folder) == before and not list((folder / "refit").iterdir())
    monkeypatch.undo()
    result, bundles = refit(folder, publish_if="better")
    assert result.judgement.low == -worse.high and result.judgement.new == worse.served
    assert bundles and served(folder) != before


def test_the_number_of_stages_is_known_from_the_start(folder):
    updates: list[ProgressUpdate] = []
    Refit(folder, publish_if="always").run(lambda result: False, progress=updates.append)
    assert {update.stages for update in updates} == {5}
    assert list(dict.fromkeys(u.stage for u in updates)) == [
        "export",
        "read",
        "fit",
        "judge",
        "final",
    ]
    updates.clear()
    full = Refit(folder, mode="full", publish_if="always")
    full.run(lambda result: False, progress=updates.append)
    stages = [update.stage for update in updates]
    assert len({update.stages for update in updates[stages.index("encode") :]}) == 1
    assert updates[-1].number == updates[-1].stages and "judge" in stages


def test_a_full_refit_is_published_by_the_same_rule(folder):
    before = served(folder)
    result, _ = refit(folder, publish_if="better", mode="full")
    assert result.may_publish == (result.judgement.low > 0)
    assert (served(folder) == before) != result.may_publish
    assert not list((folder / "refit").iterdir())


def test_few_new_events_are_no_judgement(first, tmp_path):
    with service(first, tmp_path / "live") as live:
        send(live, log()[-20:])
    result, bundles = refit(tmp_path / "live")
    assert not result.may_publish and "a judgement needs 30" in result.sentence() and not bundles
    assert outcome(tmp_path / "live") == "not-published"
    result, bundles = refit(tmp_path / "live", publish_if="always")
    assert result.may_publish and served(tmp_path / "live") != result.parent
    assert outcome(tmp_path / "live") == "published"
    result, bundles = refit(tmp_path / "live", publish_if="always")
    assert result.judgement is None and "nothing to judge by" in result.sentence() and not bundles
    assert result.arrived == 0 and outcome(tmp_path / "live") == "nothing-new"


def test_events_that_came_late_are_new_and_judge(first, tmp_path):
    data, rows = tmp_path / "live", log()
    half, rest = rows.height // 2, rows.height * 3 // 4
    with service(first, data) as live:
        send(live, rows[rest:])
    refit(data, publish_if="always")
    late = rows[half:rest]
    with service(None, data) as live:
        send(live, late, first=10_000)
    result, bundles = refit(data, publish_if="always")
    assert bundles and result.new_events == result.arrived == late.height
    assert late["timestamp"].median() <= result.judgement.since
    assert result.judgement.until < rows["timestamp"][rest] and result.judgement.users >= 30
    learned = Recommender.load(data / "bundles" / served(data)).interactions
    assert len(learned) == rows.height
    result, bundles = refit(data, publish_if="always")
    assert result.judgement is None and result.arrived == 0 and not bundles


def test_a_clock_that_ran_fast_once_does_not_end_the_refits(first, tmp_path):
    data, rows = tmp_path / "live", log()
    half = rows.height // 2
    year = 365 * 86_400
    with service(first, data) as live:
        send(live, rows[half : half + 40].with_columns(pl.col("timestamp") + year))
    refit(data, publish_if="always")
    with service(None, data) as live:
        send(live, rows[half + 40 :], first=10_000)
    result, bundles = refit(data, publish_if="always")
    assert bundles and result.new_events == rows.height - half - 40
    assert result.judgement.until == rows["timestamp"].max()


def test_events_of_the_first_fit_that_come_live_too_are_not_new(first, tmp_path):
    with service(first, tmp_path / "live") as live:
        send(live, log()[: log().height // 2])
        live.post("/v1/events", {"user_id": "u0", "item_id": "nowhere"})
    result, bundles = refit(tmp_path / "live", publish_if="always")
    assert result.new_events == 0 and result.arrived == log().height // 2 + 1 and not bundles
    assert f"none of the {result.arrived:,} events since the served bundle" in result.sentence()


def test_a_judged_event_is_one_that_neither_fit_has_seen(first, folder, monkeypatch):
    seen = {}
    without, choices = refit_fit.BundleFit.without, operation.newest_choices

    def fitted(self, events, negative):
        log = self.data.interactions
        keys = zip(log.user.tolist(), log.item.tolist(), log.time.tolist(), strict=True)
        seen["learned"] = {key for key, out in zip(keys, events, strict=True) if not out}
        return without(self, events, negative)

    def drawn(log, judged, **options):
        seen["choices"] = chosen = choices(log, judged, **options)
        return chosen

    monkeypatch.setattr(refit_fit.BundleFit, "without", fitted)
    monkeypatch.setattr(operation, "newest_choices", drawn)
    refit(folder, publish_if="always")
    chosen = seen["choices"]
    rows = zip(chosen.users.tolist(), chosen.targets.tolist(), chosen.target_time, strict=True)
    judged = set(rows)
    assert len(judged) > 50 and not judged & seen["learned"]
    pairs = {(user, item) for user, item, _ in seen["learned"]}
    assert not pairs & {(user, item) for user, item, _ in judged}


@pytest.mark.parametrize("stage", ["export", "fit", "final", "save"])
def test_a_refit_that_dies_changes_nothing_and_is_gone_on_with(folder, stage, caplog):
    before = served(folder)
    for moment in ("before", "after"):
        command = [sys.executable, "-c", CHILD, str(folder), stage, moment]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert served(folder) == before and not check_folder(folder).faults
    with caplog.at_level("WARNING", "pennyweight"):
        result, bundles = refit(folder, publish_if="always")
    assert bundles and served(folder) != before
    goes_on = [r.getMessage() for r in caplog.records if "goes on with" in r.getMessage()]
    expected = {"export": 0, "save": 1}.get(stage, 1)
    assert len(goes_on) == expected
    if stage == "save":
        assert "with the bundle" in goes_on[0]
    assert result.judgement.users >= 30


def test_a_refit_of_another_kind_begins_anew(folder, caplog):
    command = [sys.executable, "-c", CHILD, str(folder), "save", "after"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (folder / "refit" / "bundle").is_dir()
    with caplog.at_level("WARNING", "pennyweight"):
        Refit(folder, mode="full", publish_if="better").run(lambda result: False)
    assert "goes on" not in caplog.text


def test_an_erasure_deletes_the_data_of_a_refit_that_died(folder):
    command = [sys.executable, "-c", CHILD, str(folder), "save", "after"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert holding(folder / "refit", "u155")
    with service(None, folder) as live:
        assert live.http.delete("/v1/users/u155").status_code == 200
        assert not holding(folder, "u155")
    _, bundles = refit(folder, publish_if="always")
    assert bundles and not holding(folder, "u155")


def holding(folder: Path, text: str) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if text.encode() in path.read_bytes()]


def test_users_erased_during_a_refit_are_not_in_the_bundle(folder, monkeypatch):
    saved = Refit._saved

    def erased_before(self, *arguments):
        with service(None, folder) as live:
            assert live.http.delete("/v1/users/u155").status_code == 200
        return saved(self, *arguments)

    monkeypatch.setattr(Refit, "_saved", erased_before)

    def check(result: RefitResult) -> bool:
        assert not holding(folder, "u155")
        assert "u155" not in Recommender.load(result.bundle).interactions.users
        return False

    Refit(folder, publish_if="always").run(check)


def test_a_comparison_of_two_bundles_is_not_ended(folder):
    refit(folder, publish_if="always")
    with service(None, folder) as live:
        versions = [b["bundle_version"] for b in live.get("/v1/bundles")["bundles"]]
        variants = [{"bundle_version": version, "share": 0.5} for version in versions]
        live.http.put("/v1/bundles/traffic-split", json={"variants": variants}).raise_for_status()
        now = datetime.now(UTC).timestamp()
        for number in range(80):
            event = {"user_id": f"u{number}", "item_id": f"i{number % 30}", "timestamp": now}
            live.post("/v1/events", event)
    before = check_folder(folder).served
    result, bundles = refit(folder, publish_if="always")
    assert result.judgement is not None and not result.may_publish and not bundles
    assert "an experiment runs" in result.sentence()
    assert check_folder(folder).served == before


def test_one_refit_at_a_time(folder):
    def again(result: RefitResult) -> bool:
        with pytest.raises(BusyError, match="another refit"):
            Refit(folder).run(lambda result: False)
        stages.append(read_progress(folder, "refit", time.time()).update)
        return False

    stages = list[ProgressUpdate]()
    Refit(folder, publish_if="always").run(again)
    (last,) = stages
    assert last.heading == "5/5 final" and read_progress(folder, "refit", time.time()) is None


def test_a_compressed_bundle_is_refused(folder, monkeypatch):
    recommender = Recommender.load(folder / "bundles" / served(folder))
    recommender.report = recommender.report.model_copy(update={"frontier": object()})
    (folder / REFIT_RUN).write_text("{")
    assert read_run(folder, REFIT_RUN) is None
    monkeypatch.setattr(
        operation, "_served", lambda folder, version: SimpleNamespace(recommender=recommender)
    )
    with pytest.raises(PlanError, match="was compressed"):
        Refit(folder).run(lambda result: False)
    assert outcome(folder) == "failed"
    with pytest.raises(PlanError, match="was compressed"):
        refit_fit.refit_plan(recommender, None)


def test_each_choice_has_the_history_before_it(first):
    interactions = Recommender.load(first).interactions
    since = float(np.quantile(interactions.time, 0.7))
    rng = np.random.default_rng(0)
    judged = interactions.time >= since
    choices = newest_choices(interactions, judged, repeats="exclude", rng=rng)
    assert len(choices) > 50 and choices.target_time.min() >= since
    for row in range(len(choices)):
        user, item, time = choices.users[row], choices.targets[row], choices.target_time[row]
        own = interactions.user == user
        earlier = interactions.item[own & (interactions.time < time)]
        history = choices.histories.block(row, row + 1).item
        assert item not in history
        assert history.tolist() == earlier.tolist()
    assert choices.before.time.max() < since
    everything = newest_choices(interactions, judged, repeats="include", rng=rng)
    assert len(everything) == (interactions.time >= since).sum() > len(choices)


def test_a_scorer_of_other_items_scores_them_in_their_order(first):
    recommender = Recommender.load(first)
    catalog, scorer = recommender.catalog, recommender.scorer
    order = np.random.default_rng(0).permutation(len(catalog))[:-3]
    names = [catalog.ids[int(code)] for code in order] + ["unknown"]
    other = type(catalog.ids)(names, "items")
    histories = recommender.interactions.histories.block(0, 9)
    where = {int(code): place for place, code in enumerate(order)}
    kept = histories.where(np.isin(histories.item, order))
    moved = replace(kept, item=np.array([where[int(i)] for i in kept.item], np.int32))
    scores = OfOtherItems(scorer, catalog.ids, other).score(moved)
    np.testing.assert_array_equal(scores[:, :-1], scorer.score(kept)[:, order])
    assert (scores[:, -1] < scores[:, :-1].min(axis=1)).all()


def test_conditions_of_publication():
    enough = {"choices": 99, "users": 40, "served": 0.1, "new": 0.1}
    better = Judgement(**enough, difference=0.2, low=0.1, high=0.3)
    same = Judgement(**enough, difference=0.0, low=-0.1, high=0.1)
    worse = Judgement(**enough, difference=-0.2, low=-0.3, high=-0.1)
    few = Judgement(9, 9)
    allowed = {
        condition: [j.allows(condition) for j in (better, same, worse, few)]
        for condition in ("better", "not-worse", "always")
    }
    assert allowed == {
        "better": [True, False, False, False],
        "not-worse": [True, True, False, False],
        "always": [True, True, True, True],
    }
    assert "worse" in worse.sentence() and ": better" in better.sentence()


def test_work_in_the_folder_is_discarded(tmp_path):
    discard_refit(tmp_path)
    (tmp_path / "refit" / "bundle").mkdir(parents=True)
    (tmp_path / "refit" / "task.json").write_text(json.dumps({}))
    discard_refit(tmp_path)
    assert not list((tmp_path / "refit").iterdir())


def test_an_old_refit_is_not_gone_on_with(folder, caplog):
    import os

    command = [sys.executable, "-c", CHILD, str(folder), "save", "after"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    old = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    os.utime(folder / "refit" / "task.json", (old, old))
    with caplog.at_level("WARNING", "pennyweight"):
        refit(folder, publish_if="better")
    assert "goes on" not in caplog.text


@pytest.mark.slow
def test_commands_that_are_killed_lose_and_leave_nothing(tmp_path):
    from operate_kill import FAULTS, rounds

    counts = rounds(2, 0, tmp_path).counts
    assert {kind: counts[kind] for kind in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert counts["kills"] == 10 and counts["lists"]
