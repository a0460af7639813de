"""The progress of refits, backups and encoding, as operators see it."""

import json
import threading

import pytest
from live import Service
from test_dashboard import page

from html_page import Page
from pennyweight.progress.display import tracked
from pennyweight.progress.tracker import ExpectedStage
from pennyweight.progress.update import ProgressUpdate
from pennyweight.serving.live.item_ingestion import ItemIngestion
from pennyweight.serving.live.last_runs import REFIT_RUN, LastRun, note_run
from pennyweight.serving.live.task_progress import noted_progress, read_progress, task_runs
from pennyweight.serving.operations.backup import STAGES, back_up
from pennyweight.serving.stores.protocol import StoredItem

HALF = ProgressUpdate("fit", 3, 5, share=0.5, stage_share=0.25, seconds_left=40.0)


def test_a_note_is_read_while_the_task_runs(tmp_path):
    now = [1_000.0]
    assert read_progress(tmp_path, "refit", now[0]) is None
    with noted_progress(tmp_path, "refit", clock=lambda: now[0]) as note:
        assert task_runs(tmp_path, "refit") and read_progress(tmp_path, "refit", now[0]) is None
        now[0] = 1_060.0
        note(HALF)
        seen = read_progress(tmp_path, "refit", 1_070.0)
        assert seen.began == 1_000 and seen.update.seconds_left == 30 and seen.update.share == 0.5
        assert read_progress(tmp_path, "refit", 1_200.0).update.seconds_left is None
        assert read_progress(tmp_path, "backup", 1_070.0) is None
        path = tmp_path / "progress-refit.json"
        assert path.stat().st_mode & 0o077 == 0
    assert not path.exists() and not task_runs(tmp_path, "refit")


def test_notes_of_one_stage_are_a_second_apart(tmp_path):
    now = [1_000.0]
    with noted_progress(tmp_path, "refit", clock=lambda: now[0]) as note:
        for later, stage, share in (
            (0.0, "fit", 0.1),
            (0.9, "fit", 0.2),
            (0.9, "judge", 0.3),
            (1.8, "judge", 0.4),
            (1.9, "judge", 0.5),
        ):
            now[0] = 1_000.0 + later
            note(ProgressUpdate(stage, share=share))
            seen = read_progress(tmp_path, "refit", now[0]).update
            expected = {0.2: ("fit", 0.1), 0.4: ("judge", 0.3)}.get(share, (stage, share))
            assert (seen.stage, seen.share) == expected


def test_the_note_of_a_task_that_was_killed_is_not_read(tmp_path):
    path = tmp_path / "progress-refit.json"
    with noted_progress(tmp_path, "refit") as note:
        note(HALF)
        left_behind = path.read_bytes()
    path.write_bytes(left_behind)  # the lock ends with its process, and the file stays
    assert read_progress(tmp_path, "refit", 0.0) is None and not task_runs(tmp_path, "refit")
    with noted_progress(tmp_path, "refit"):
        assert read_progress(tmp_path, "refit", 0.0) is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"update": {}}', '{"update": {"stage": "x", "share": "y"}, "began": 1}']
)
def test_an_unreadable_note_is_none(tmp_path, text):
    with noted_progress(tmp_path, "backup") as note:
        note(HALF)
        (tmp_path / "progress-backup.json").write_text(text)
        assert read_progress(tmp_path, "backup", 0.0) is None and task_runs(tmp_path, "backup")


def test_a_second_task_of_a_kind_notes_nothing(tmp_path):
    with noted_progress(tmp_path, "backup") as first:
        first(HALF)
        with noted_progress(tmp_path, "backup") as second:
            second(ProgressUpdate("other"))
        assert read_progress(tmp_path, "backup", 0.0).update.stage == "fit"
    with noted_progress(tmp_path / "missing", "backup") as note:
        note(HALF)


def test_updates_go_to_the_display_and_to_the_note():
    shown, noted = [], []
    with tracked(shown.append, noted.append) as tracker:
        tracker.expect([ExpectedStage("a"), ExpectedStage("b")])
        tracker("a", 1, 2)
    assert shown == noted and [update.stages for update in noted] == [2]
    with tracked(False, noted.append) as tracker:
        tracker("c")
    assert noted[-1].stage == "c"


def test_the_progress_of_encoding():
    encoding, go_on, spent = threading.Event(), threading.Semaphore(0), [0.0]

    def put(items):
        encoding.set()
        go_on.acquire(timeout=60)

    ingestion = ItemIngestion(put, lambda items, error: None, clock=lambda: spent[0])
    assert ingestion.progress is None
    ingestion.together = 1
    ingestion.add([StoredItem(f"i{n}", {}, True, None, 0.0, seq=n) for n in range(1, 5)])
    assert encoding.wait(60)
    first = ingestion.progress
    assert first.stage == "encode" and first.share == 0 and first.seconds_left is None
    encoding.clear()
    spent[0] = 0.2
    go_on.release()
    assert encoding.wait(60)
    second = ingestion.progress
    assert second.share == 0.25 and second.seconds_left == pytest.approx(0.6)
    for _ in range(3):
        go_on.release()
    assert ingestion.wait(60) and ingestion.progress is None
    ingestion.close()


def test_a_backup_notes_its_stages(live: Service, tmp_path):
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
    stages, notes = [], []

    def look(update: ProgressUpdate) -> None:
        stages.append(update)
        noted = read_progress(live.folder, "backup", 0.0)
        notes.append(noted and noted.update.stage)

    back_up(live.folder, tmp_path / "copy", progress=look)
    assert list(dict.fromkeys(update.stage for update in stages)) == list(STAGES)
    assert {update.stages for update in stages} == {3}
    shares = [update.share for update in stages]
    assert shares == sorted(shares) and shares[-1] > 0.3
    assert notes[0] is None and notes[-1] == STAGES[1]
    assert not list(live.folder.glob("progress-*"))
    assert not list((tmp_path / "copy").glob("progress-*"))


def test_the_status_has_tasks_and_their_progress(live: Service):
    idle = live.get("/v1/status")
    assert [task["task"] for task in idle["tasks"]] == ["encoding", "refit", "backup", "import"]
    assert {task["state"] for task in idle["tasks"]} == {"idle"}
    assert idle["is_writable"] and idle["newest_event"] is None and idle["items"] == 30
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1", "timestamp": 1.7e9})
    now = live.engine.clock()
    note_run(live.folder, REFIT_RUN, LastRun(now - 7_200, "not-published"))
    with noted_progress(live.folder, "refit") as note:
        note(HALF)
        status = live.get("/v1/status")
        text = page(live, "/dashboard/status")
    assert status["newest_event"] == 1.7e9 and status["event_seq"] == 1
    assert 0 < status["store_bytes"] < status["free_bytes"] < status["disk_bytes"]
    task = {task["task"]: task for task in status["tasks"]}["refit"]
    assert now <= task["began"] <= status["timestamp"] + 1
    assert (task["stage"], task["number"], task["stages"], task["share"]) == ("fit", 3, 5, 0.5)
    assert task["state"] == "running" and 0 < task["seconds_left"] <= 40
    assert task["outcome"] == "not-published" and task["ended"] == now - 7_200
    assert "3/5 fit, 50 %" in text and "s left" in text and "under way, began" in text
    (bar,) = Page(text).of("progress")
    assert float(bar["value"]) == 0.5 and bar["aria-label"] == "Refit"
    (live.folder / "refit").mkdir()
    (live.folder / "refit" / "task.json").write_text(json.dumps({}))
    after = {task["task"]: task for task in live.get("/v1/status")["tasks"]}["refit"]
    assert after["state"] == "stopped" and after["stage"] is None
    assert "stopped halfway" in page(live, "/dashboard/status")
