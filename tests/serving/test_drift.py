"""Drift of a running service: its measurement, its metrics and its place on the dashboard."""

import math
import time
from collections.abc import Sequence

import pytest
from live import Service, service

from pennyweight.serving.live import drift as module
from pennyweight.serving.live.last_runs import BACKUP_RUN, REFIT_RUN, LastRun, note_run
from pennyweight.serving.operations.backup import back_up
from pennyweight.serving.stores.protocol import Event, Recommendation, Store

HOUR, DAY = 3_600.0, 86_400.0


def keep(
    live: Service, *, events: Sequence[Event] = (), lists: Sequence[Recommendation] = ()
) -> None:
    def job(store: Store) -> None:
        store.add_recommendations(lists)
        store.add_events(events)

    live.engine.store.writer.submit(job).result()


def wait_for_items(live: Service) -> None:
    end = time.monotonic() + 60
    while live.engine.items.ingestion.waiting and time.monotonic() < end:
        time.sleep(0.01)


def test_new_items_their_events_and_words(live, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)
    live.engine.drift.measure()
    state = live.engine.drift.state
    assert (state.new_items, state.events) == (0, 0)
    assert math.isnan(state.new_item_events) and math.isnan(state.unknown_words)
    assert state.newest_event == live.engine.traffic.split.primary.newest_event
    words = "tea zyzzyva qwertz blend"  # two of four are in no text of the shop
    live.http.put("/v1/items/new", json={"attributes": {"title": words}}).raise_for_status()
    wait_for_items(live)
    now = live.engine.clock()
    times = {"new": now - 90, "i1": now - 60, "i2": now - 30, "i3": now - 10, "i4": now + DAY}
    keep(
        live,
        events=[Event(f"e{item}", "u1", item, "view", moment) for item, moment in times.items()],
    )
    live.post("/v1/events", {"user_id": "u1", "item_id": "i5", "event_type": "impression"})
    live.engine.drift.measure()
    state = live.engine.drift.state
    assert state.new_items == pytest.approx(1 / int(live.engine.traffic.split.primary.open.sum()))
    assert state.events == 5 and state.new_item_events == pytest.approx(1 / 5)
    assert state.unknown_words == pytest.approx(2 / 4)
    assert 0 <= live.engine.clock() - state.newest_event < 60
    live.post("/v1/events", {"user_id": "u2", "item_id": "new"})
    live.engine.drift.measure()  # goes on from where it was
    assert live.engine.drift.state.events == 6
    assert live.engine.drift.state.new_item_events == pytest.approx(2 / 6)
    text = live.http.get("/metrics").text
    assert "pennyweight_events_since_fit 6.0" in text
    assert f"pennyweight_unknown_words_share {state.unknown_words}" in text


def test_the_online_rate_of_a_day_beside_the_weeks_before(live):
    now, lists, events = live.engine.clock(), [], []

    def listed(moment: float, kind: str | None) -> None:
        name = f"list{len(lists)}"
        lists.append(
            Recommendation(name, "u1", moment, "a", None, "history", (("i1", 1.0), ("i2", 0.5)))
        )
        if kind is not None:
            events.extend(
                Event(f"{name}-{n}", "u1", f"i{n}", kind, moment + 9, recommendation_id=name)
                for n in (1, 2)  # two events of one list count once
            )

    for kind in ("view", "view", None, None):
        listed(now - 10 * DAY, kind)
    for kind in ("view", "dislike", None, None, None):
        listed(now - 2 * HOUR, kind)
    listed(now - 60, "view")  # its hour is not over
    listed(now - 40 * DAY, "view")
    keep(live, lists=lists, events=events)
    live.engine.drift.measure()
    state = live.engine.drift.state
    assert (state.day.lists, state.day.share) == (5, pytest.approx(1 / 5))
    assert (state.weeks.lists, state.weeks.share) == (4, pytest.approx(2 / 4))
    text = live.http.get("/metrics").text
    assert 'pennyweight_online_rate{period="day"} 0.2' in text
    assert 'pennyweight_rated_lists{period="weeks"} 4.0' in text


def test_the_last_refit_and_backup(live, tmp_path):
    drift = live.engine.drift
    drift.measure()
    assert drift.state.refit is None and live.metric("pennyweight_last_backup_age") == math.inf
    assert math.isnan(live.metric("pennyweight_last_refit_age"))
    assert live.metric("pennyweight_last_refit_outcome") == 0
    page = live.http.get("/").text
    assert "Last backup" in page and "never" in page
    back_up(live.folder, tmp_path / "backup")
    note_run(live.folder, REFIT_RUN, LastRun(time.time() - 100, "failed"))
    drift.measure()
    assert 0 <= live.metric("pennyweight_last_backup_age") < 60
    assert 100 <= live.metric("pennyweight_last_refit_age") < 160
    assert 'pennyweight_last_refit_outcome{outcome="failed"} 1.0' in live.http.get("/metrics").text
    assert live.metric("pennyweight_last_refit_outcome") == 1
    assert "failed" in live.http.get("/").text
    assert (live.folder / BACKUP_RUN).stat().st_mode & 0o077 == 0


def test_another_bundle_is_counted_anew(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/events", {"user_id": "u1", "item_id": "i1"})
        live.engine.drift.begin()
        end = time.monotonic() + 60
        while not live.engine.drift.state.events and time.monotonic() < end:
            time.sleep(0.01)
        assert live.engine.drift.state.events == 1
        live.post("/v1/bundles", {"path": str(bundles[1])})
        live.engine.drift.measure()
        assert live.engine.drift._counts.version == live.engine.traffic.split.primary.version
        assert live.engine.drift.state.events == 1
