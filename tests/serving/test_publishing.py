"""Publishing, one change after another, and its state after a kill."""

import itertools
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from live import service


def test_changes_at_once_are_made_one_after_another(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:

        def send(number: int) -> int:
            with httpx.Client(base_url=f"http://127.0.0.1:{live.port}", timeout=60) as http:
                if number % 4 == 3:
                    listed = http.get("/v1/bundles").json()["bundles"]
                    return http.delete(f"/v1/bundles/{listed[-1]['bundle_version']}").status_code
                path = str(bundles[number % 2])
                return http.post("/v1/bundles", json={"path": path}).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = set(pool.map(send, range(16)))
        assert statuses <= {200, 404, 422}  # dropped already, or served
        bundles_listed = live.get("/v1/bundles")["bundles"]
        folders = sorted(path.name for path in (tmp_path / "live" / "bundles").iterdir())
        assert folders == sorted(m["bundle_version"] for m in bundles_listed)
        assert sum(m["share"] for m in bundles_listed) == 1
        assert live.ids("/v1/recommend/u0", k=3)


def test_a_start_tidies_up_and_finds_its_bundles(bundles, tmp_path):
    models = tmp_path / "live" / "bundles"
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
        first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
        noted = [row for row in live.engine.store.setting("bundles") if row["version"] == first]
        live.engine.store.save_settings({"bundles": noted})  # killed before the second was noted
        listed = live.get("/v1/bundles")["bundles"]
        assert [m["bundle_version"] for m in listed] == [first, second]
    os.rename(models / first, models / f".{first}.old-1")  # killed between two renames
    for name in (f".{second}.new-1", f".{second}.gone-1", ".x.old-2"):
        (models / name).mkdir()
        (models / name / "users.arrow").write_text("somebody")
    with service(None, tmp_path / "live") as live:
        assert sorted(path.name for path in models.iterdir()) == sorted((first, second))
        assert [m["bundle_version"] for m in live.get("/v1/bundles")["bundles"]] == [first, second]
        erased = live.http.delete("/v1/users/u5").json()
        assert {m["bundle_version"] for m in erased["trained_on"]} == {first, second}
        (live.folder / "bundles" / second).rename(tmp_path / "gone")  # by an operator
        assert [m["bundle_version"] for m in live.get("/v1/bundles")["bundles"]] == [first]


def test_bundles_change_while_items_are_written(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        live.post("/v1/bundles", {"path": str(bundles[1])})
        finished, prices = threading.Event(), {}

        def write() -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{live.port}", timeout=60) as http:
                for number in itertools.takewhile(
                    lambda _: not finished.is_set(), itertools.count()
                ):
                    body = {"attributes": {"price": 1000.0 + number}}
                    name = f"i{number % 20}"
                    assert http.patch(f"/v1/items/{name}", json=body).status_code == 200
                    prices[name] = 1000.0 + number

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            try:
                answers = [live.http.post("/v1/bundles/rollback", json={}) for _ in range(12)]
            finally:
                finished.set()
            writing.result()
        assert [answer.status_code for answer in answers] == [200] * 12
        stored = {name: live.get(f"/v1/items/{name}")["attributes"]["price"] for name in prices}
        assert stored == prices


def test_too_many_changes_at_once_are_told_to_come_again(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as live:
        held = threading.Event()
        live.engine.publishing.changes._depth = 1
        live.engine.publishing.changes._pool.submit(held.wait, 20)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(live.http.post, "/v1/bundles/rollback", json={})
            end = time.monotonic() + 60
            while not live.engine.publishing.changes._jobs and time.monotonic() < end:
                time.sleep(0.005)
            answer = live.http.post("/v1/bundles", json={"path": str(bundles[1])})
            assert answer.status_code == 503 and answer.headers["retry-after"]
            held.set()
            assert first.result().status_code == 422  # there is nothing to go back to


@pytest.mark.slow
def test_kills_while_bundles_are_published_leave_nothing_behind():
    from publish_kill import rounds

    counts = rounds(4, seed=1, say=lambda text: None)
    wrong = {
        kind: counts[kind] for kind in ("orphans", "held", "lost", "refused", "silent", "failed")
    }
    assert wrong == dict.fromkeys(wrong, 0), json.dumps(counts)
    assert counts["answered"]
