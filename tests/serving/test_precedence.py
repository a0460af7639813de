"""Background work gives way to requests."""

import threading

from live import service

from pennyweight.serving.live.precedence import Precedence

WAIT = 20


def test_it_waits_until_the_last_urgent_piece_is_done():
    precedence, order = Precedence(), []
    begun = threading.Event()

    def patient() -> None:
        begun.set()
        order.append(precedence.give_way(WAIT))
        order.append("patient")

    thread = threading.Thread(target=patient)
    with precedence.urgent():
        with precedence.urgent():
            thread.start()
            assert begun.wait(WAIT)
        order.append("urgent")
    thread.join(WAIT)
    assert order == ["urgent", True, "patient"]


def test_it_does_not_wait_for_ever():
    precedence = Precedence()
    with precedence.urgent():
        assert not precedence.give_way(0.01)
    assert precedence.give_way(0.01)


def test_one_that_fails_is_over_too():
    precedence = Precedence()
    try:
        with precedence.urgent():
            raise ValueError
    except ValueError:
        pass
    assert precedence.give_way(0)


def test_items_are_read_while_somebody_asks_all_the_time(bundles, tmp_path):
    with service(bundles[0], tmp_path) as live:
        with live.engine.items._precedence.urgent():
            items = [{"item_id": f"n{i}", "attributes": {"title": "tea"}} for i in range(300)]
            assert live.post("/v1/items", {"items": items})["recommendable"] == 300
