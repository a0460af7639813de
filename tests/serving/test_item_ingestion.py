"""Items on their way to the bundles."""

import threading

from live import service

from pennyweight.serving.live.item_ingestion import FIRST, MAX_STEP, QUICK, SLOW, ItemIngestion
from pennyweight.serving.stores.protocol import StoredItem

WAIT = 20


def item(name: str, seq: int = 0, **more) -> StoredItem:
    values = {"document": {"title": name}, "available": True, "published": None, "changed": 1.0}
    return StoredItem(name, **(values | more), seq=seq)


def test_the_newest_of_each_is_put_in_steps():
    put, steps, gate = [], [], threading.Event()

    def keep(items) -> None:
        gate.wait(WAIT)
        put.append([(i.item_id, i.seq) for i in items])

    stock = ItemIngestion(keep, lambda items, failed: steps.append((len(items), failed)))
    stock.add([item("first", 1)])
    while stock.waiting:
        pass  # until the thread has it
    stock.add([item("a", 3), item("b", 4)])
    stock.add([item("a", 5)])
    stock.add([item("b", 2)])  # late: an older one
    stock.add([item(f"n{i}", 10 + i) for i in range(FIRST)])
    gate.set()
    assert stock.wait(WAIT)
    assert put[0] == [("first", 1)]
    assert sorted(put[1] + put[2])[:2] == [("a", 5), ("b", 4)]
    assert [len(items) for items in put] == [1, FIRST, 2]
    assert all(failed is None for _, failed in steps)
    stock.close()


def test_steps_grow_where_they_are_quick_and_shrink_where_they_are_slow():
    now, sizes, gate = [0.0], [], threading.Event()

    def keep(items) -> None:
        gate.wait(WAIT)
        sizes.append(len(items))
        now[0] += QUICK / 2 if len(sizes) < 8 else 2 * SLOW

    stock = ItemIngestion(keep, lambda items, failed: None, clock=lambda: now[0])
    stock.add([item(f"n{i}", i) for i in range(9_000)])
    gate.set()
    assert stock.wait(WAIT)
    assert sizes[:5] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, 16 * FIRST]
    assert max(sizes) == MAX_STEP == sizes[7]
    assert sizes[8] == MAX_STEP // 2
    assert sum(sizes) == 9_000
    stock.close()


def test_one_that_cannot_be_read_keeps_no_other_away():
    put, failures = [], []

    def keep(items) -> None:
        if any(i.item_id == "bad" for i in items):
            raise ValueError("no")
        put.extend(i.item_id for i in items)

    stock = ItemIngestion(keep, lambda items, failed: failures.append((items[0].item_id, failed)))
    stock.add([item("x"), item("bad"), item("y")])
    assert stock.wait(WAIT)
    assert sorted(put) == ["x", "y"]
    assert [name for name, failed in failures if failed] == ["bad"]
    stock.close()


def test_items_come_through_while_others_sell_out_all_the_time(bundles, tmp_path):
    stop = threading.Event()

    def sell(live) -> None:
        import httpx

        with httpx.Client(base_url=f"http://127.0.0.1:{live.port}") as http:
            number = 0
            while not stop.is_set():
                number += 1
                body = {"available": number % 2 == 0}
                http.patch(f"/v1/items/i{number % 10}", json=body)

    with service(bundles[0], tmp_path) as live:
        thread = threading.Thread(target=sell, args=(live,))
        thread.start()
        for number in range(20):
            body = {"attributes": {"title": f"tea blend no{number}"}}
            result = live.http.put(f"/v1/items/new{number}", json=body).json()
            assert result["recommendable"]
        stop.set()
        thread.join(WAIT)
        for number in range(10):  # and the encoding under way brings none back
            available = live.get(f"/v1/items/i{number}")["available"]
            listed = f"i{number}" in live.ids("/v1/recommend/nobody", k=100)
            assert available == listed
