"""Publishing, rolling back, and sharing users between bundles."""

import threading
import time

import pytest
from live import service

from pennyweight.errors import PlanError
from pennyweight.serving.live.variants import Variant, checked_variants


def traffic(live) -> dict[str, float]:
    return {
        m["bundle_version"]: m["share"] for m in live.get("/v1/bundles")["bundles"] if m["share"]
    }


def test_publishing_and_rolling_back(live, bundles):
    (first,) = traffic(live)
    live.post("/v1/bundles", {"path": str(bundles[1])})
    (second,) = traffic(live)
    assert second != first
    assert live.get("/v1/recommend/u0")["bundle_version"] == second
    assert live.get("/v1/version")["bundle_versions"] == [second]
    result = live.post("/v1/bundles/rollback", {})
    assert [m["bundle_version"] for m in result["previous"]] == [second]
    assert live.get("/v1/recommend/u0")["bundle_version"] == first
    live.post("/v1/bundles/rollback", {})
    assert set(traffic(live)) == {second}
    actions = [entry["action"] for entry in live.get("/v1/audit")["entries"]]
    assert actions == ["publish", "publish", "publish", "add bundle", "publish", "add bundle"]


def test_a_bundle_is_added_without_being_published(live, bundles):
    before = traffic(live)
    result = live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
    assert len(result["bundles"]) == 2
    assert traffic(live) == before


def test_two_bundles_share_the_users_who_stay_with_theirs(live, bundles):
    live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
    first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
    body = {
        "variants": [
            {"bundle_version": first, "share": 0.7},
            {"bundle_version": second, "share": 0.3},
        ]
    }
    assert live.http.put("/v1/bundles/traffic-split", json=body).status_code == 200
    users = [f"user {i}" for i in range(200)]
    versions = [live.get(f"/v1/recommend/{u}", k=1)["bundle_version"] for u in users]
    assert versions == [live.get(f"/v1/recommend/{u}", k=1)["bundle_version"] for u in users]
    assert 25 < versions.count(second) < 95  # 60 expected, five standard deviations
    session = {"items": ["i1"], "session": "s1"}
    same = {live.post("/v1/recommend", session)["bundle_version"] for _ in range(5)}
    assert len(same) == 1
    live.http.put("/v1/items/new", json={"attributes": {"title": "tea blend"}})
    for user in users[:20]:  # whichever bundle answers
        assert "new" in live.ids(f"/v1/recommend/{user}", k=100)


def test_a_published_bundle_is_served_after_a_restart(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as first:
        first.post("/v1/bundles", {"path": str(bundles[1])})
        published = traffic(first)
    with service(bundles[0], tmp_path / "live") as second:
        assert traffic(second) == published  # known already, so naming it changes nothing
        assert len(second.get("/v1/bundles")["bundles"]) == 2
        second.post("/v1/bundles/rollback", {})
        assert traffic(second) != published


def test_a_newer_bundle_named_at_the_start_is_published(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as first:
        old = traffic(first)
    with service(bundles[1], tmp_path / "live") as second:
        assert traffic(second) != old


def test_a_bundle_that_is_gone_from_its_place_is_served_still(bundles, tmp_path):
    import shutil

    shutil.copytree(bundles[0], tmp_path / "copy")
    with service(tmp_path / "copy", tmp_path / "live") as live:
        shutil.rmtree(tmp_path / "copy")
        assert len(live.ids("/v1/recommend/u0", k=3)) == 3
    with service(None, tmp_path / "live") as again:
        assert len(again.ids("/v1/recommend/u0", k=3)) == 3


def test_a_bundle_that_is_not_needed_is_dropped(live, bundles):
    (first,) = traffic(live)
    result = live.post("/v1/bundles", {"path": str(bundles[1]), "publish": False})
    second = next(m["bundle_version"] for m in result["bundles"] if not m["share"])
    assert live.http.delete(f"/v1/bundles/{first}").status_code == 422  # it is served
    assert live.http.delete("/v1/bundles/nope").status_code == 404
    remaining = live.http.delete(f"/v1/bundles/{second}").json()["bundles"]
    assert [m["bundle_version"] for m in remaining] == [first]
    assert not (live.folder / "bundles" / second).exists()


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [("/no/such/folder", 409, "no such bundle"), ("", 422, "body.path must not be empty")],
)
def test_a_bundle_that_cannot_be_used_changes_nothing(live, path, status, message):
    before = traffic(live)
    response = live.http.post("/v1/bundles", json={"path": path})
    assert response.status_code == status
    assert message in response.text
    assert traffic(live) == before
    assert len(live.get("/v1/bundles")["bundles"]) == 1


def test_a_damaged_bundle_is_refused(live, bundles, tmp_path):
    import shutil

    shutil.copytree(bundles[1], tmp_path / "bad")
    with (tmp_path / "bad" / "attributes.arrow").open("ab") as file:
        file.write(b"x")
    response = live.http.post("/v1/bundles", json={"path": str(tmp_path / "bad")})
    assert response.status_code == 409
    assert "attributes.arrow" in response.text
    assert len(live.get("/v1/bundles")["bundles"]) == 1


def test_bad_shares(live):
    (version,) = traffic(live)
    for shares, message in (([0.4], "add up to 1"), ([0.5, 0.5], "named twice")):
        body = {"variants": [{"bundle_version": version, "share": s} for s in shares]}
        response = live.http.put("/v1/bundles/traffic-split", json=body)
        assert response.status_code == 422
        assert message in response.text
    response = live.http.put(
        "/v1/bundles/traffic-split", json={"variants": [{"bundle_version": "nope"}]}
    )
    assert response.status_code == 404
    assert live.http.post("/v1/bundles/rollback", json={}).status_code == 422
    with pytest.raises(PlanError, match="2 to 8"):
        checked_variants([Variant(str(i), 1 / 9) for i in range(9)])


def test_no_request_is_lost_while_bundles_are_swapped(live, bundles):
    stop, statuses = threading.Event(), []

    def ask() -> None:
        import httpx

        with httpx.Client(base_url=f"http://127.0.0.1:{live.port}") as http:
            number = 0
            while not stop.is_set():
                number += 1
                statuses.append(http.get(f"/v1/recommend/u{number % 60}").status_code)
                if number % 5 == 0:
                    event = {"user_id": f"u{number % 60}", "item_id": f"i{number % 30}"}
                    statuses.append(http.post("/v1/events", json=event).status_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    live.post("/v1/bundles", {"path": str(bundles[1])})
    for _ in range(6):
        live.post("/v1/bundles/rollback", {})
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert statuses
    assert set(statuses) == {200}
