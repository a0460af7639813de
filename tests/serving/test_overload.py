"""More than can be done: some are told to try again, nobody waits for ever."""

import asyncio
import threading

from live import service

from pennyweight.serving.live.engine import Limits

WAIT = 20


def test_too_many_lists_are_refused_and_then_answered_again(bundles, tmp_path):
    gate = threading.Event()

    async def fill(engine) -> None:
        """Let the one thread wait, and two more jobs for it."""
        bundle = engine.traffic.split.primary
        jobs = [engine.lists.submit(bundle, lambda bundle, store: gate.wait(WAIT))]
        while engine.lists.batching.waiting:
            await asyncio.sleep(0.01)
        jobs += [engine.lists.submit(bundle, lambda bundle, store: 1) for _ in range(2)]
        filled.set()
        await asyncio.gather(*jobs)

    filled = threading.Event()
    with service(bundles[0], tmp_path, limits=Limits(requests=2)) as live:
        thread = threading.Thread(target=lambda: asyncio.run(fill(live.engine)))
        thread.start()
        assert filled.wait(WAIT)
        response = live.http.get("/v1/recommend/u1")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert "try again" in response.json()["detail"]
        assert live.http.get("/health/live").status_code == 200
        assert live.metric('pennyweight_queue_depth{queue="answers"}') == 2
        gate.set()
        thread.join(WAIT)
        assert live.http.get("/v1/recommend/u1").status_code == 200


def test_too_many_writes_are_refused_and_none_that_was_accepted_is_lost(bundles, tmp_path):
    gate, event = threading.Event(), {"user_id": "ann", "item_id": "i1"}
    with service(bundles[0], tmp_path, limits=Limits(writes=1)) as live:
        writer = live.engine.store.writer
        begun = threading.Event()
        held = writer.submit(lambda store: begun.set() or gate.wait(WAIT))
        assert begun.wait(WAIT)  # or the next job would be written together with this one
        waiting = writer.submit(lambda store: store.add_events([]))
        response = live.http.post("/v1/events", json=event)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        gate.set()
        assert held.result(WAIT)
        assert waiting.result(WAIT) == 0
        assert live.post("/v1/events", event)["accepted"] == 1
        assert len(live.get("/v1/users/ann")["events"]) == 1
