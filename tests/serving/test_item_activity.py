"""What recommends an item, its events by day, and the feedback on lists."""

import re
import time

from test_browse_pages import ids, links, rows
from test_dashboard import page

DAY = 86_400


def lists(live, users: list[str], **options: object) -> list[dict]:
    """Ask for lists; return them once they are on disk."""
    answers = [live.get(f"/v1/recommend/{user}", k=5, **options) for user in users]
    wait_for(live, len(answers))
    return answers


def wait_for(live, n: int) -> None:
    counts = live.engine.store.read_now
    end = time.monotonic() + 60
    while counts(lambda store: store.counts())["recommendations"] < n:
        assert time.monotonic() < end
        time.sleep(0.05)


def section(text: str, heading: str) -> str:
    return text.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0]


def test_lists_with_an_item(live):
    answers = lists(live, ["u1", "u2", "<b>x"], scenario="<i>cart")
    item = answers[-1]["items"][2]["item_id"]
    users = [
        user
        for user, answer in zip(["u1", "u2", "<b>x"], answers, strict=True)
        if item in [one["item_id"] for one in answer["items"]]
    ]
    part = section(page(live, f"/dashboard/items?id={item}"), "Lists with this item")
    assert sorted(ids(part, "users")) == sorted(user.replace("<b>x", "%3Cb%3Ex") for user in users)
    assert "3 of 5" in part and "&lt;i&gt;cart" in part
    assert "None of the newest" in page(live, "/dashboard/items?id=i29")


def test_an_id_within_another_is_not_taken_for_it(live):
    served = {one["item_id"] for one in lists(live, ["u1"])[0]["items"]}
    for item in ("i1", "i2", "i3"):
        part = section(page(live, f"/dashboard/items?id={item}"), "Lists with this item")
        assert ("None of the newest" in part) == (item not in served)


def test_events_of_an_item_by_day(live):
    now = live.engine.clock()
    for days, n in ((0, 3), (2, 2), (40, 1)):
        for number in range(n):
            event = {"user_id": f"u{number}", "item_id": "i1", "timestamp": now - days * DAY - 9}
            live.post("/v1/events", event)
    live.post("/v1/events", {"user_id": "u1", "item_id": "i1", "event_type": "impression"})
    text = page(live, "/dashboard/items?id=i1")
    part = section(text, "Events")
    assert [int(n) for n in re.findall(r'<td class="number">(\d+)</td>', part)] == [4, 2]
    (address,) = links(part, "All live events on this item")
    assert len(rows(page(live, address))) == 7
    assert "No live events" in section(page(live, "/dashboard/items?id=i2"), "Events")


def test_feedback_by_day_scenario_and_bundle(live):
    assert "No lists yet" in page(live, "/dashboard/feedback")
    home = lists(live, ["u1", "u2", "u3", "u4"], scenario="home")
    lists(live, ["u5"])
    wait_for(live, 5)
    for answer, kind in zip(home, ["purchase", "purchase", "dislike", "impression"], strict=True):
        event = {"user_id": "u1", "item_id": "i1", "event_type": kind}
        live.post("/v1/events", event | {"recommendation_id": answer["recommendation_id"]})
    text = page(live, "/dashboard/feedback")
    version = live.engine.traffic.split.primary.version
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", section(text, "By scenario"))[5:]
    assert cells == ["-", version, "1", "0", "0.0", "home", version, "4", "2", "50.0"]
    assert "all 5 lists" in text and ">40.0</td>" in section(text, "Over time")
    text = page(live, "/dashboard/feedback?scenario=home")
    assert ">50.0</td>" in section(text, "Over time") and "<option value=" in text
    assert "No lists of this scenario" in page(live, "/dashboard/feedback?scenario=%3Cb%3E")


def test_a_sample_of_lists_is_called_one(live, monkeypatch):
    monkeypatch.setattr("pennyweight.serving.dashboard.feedback.SAMPLE", 3)
    lists(live, ["u1", "u2", "u3", "u4"])
    text = page(live, "/dashboard/feedback")
    assert "random sample of 3 lists" in text and "4 lists" not in text


def test_lists_served_to_a_user(live):
    answers = lists(live, ["u1", "u1", "u2"], scenario="home")
    part = section(page(live, "/dashboard/users?id=u1"), "Served lists")
    assert sorted(ids(part, "items")) == sorted(
        i["item_id"] for a in answers[:2] for i in a["items"]
    )
    assert part.count(">home<") == 2
    assert "Served lists" not in page(live, "/dashboard/users?id=nobody")
