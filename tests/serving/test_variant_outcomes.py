"""What came of lists since the shares last changed: users, rates, differences, and doubts."""

import asyncio
import time

import pytest
from live import Service, service
from markupsafe import escape
from protected_app import Clock
from test_bundles import traffic
from test_dashboard import confirm, page, post

from html_page import Page
from pennyweight.serving.live import outcome_counter
from pennyweight.serving.live.outcome_counter import DAY, OutcomeCounter
from pennyweight.serving.live.outcomes import CountedPeriod, Outcomes
from pennyweight.serving.live.publishing import SINCE
from pennyweight.serving.live.tally import Actions, Tally
from pennyweight.serving.live.variants import Variant
from pennyweight.serving.stores.protocol import AttributedEvent, ListExposure

A, B = "aaa", "bbb"
WEEK = CountedPeriod(0.0, 8 * DAY)
TRAFFIC = (Variant(A, 0.5), Variant(B, 0.5))


def tally(variants=TRAFFIC, window: float = 100.0) -> Tally:
    return Tally(variants, Actions(window, lambda kind, weight: kind == "buy" and weight > 0))


def exposed(user: str, version: str = A, lists: int = 1, other: str = "") -> ListExposure:
    return ListExposure(user, lists, version, other or version)


def acted(user: str, version: str = A, kind: str = "buy", **more) -> AttributedEvent:
    values = {"weight": 1.0, "time": 10.0, "list_user": user, "list_time": 5.0} | more
    return AttributedEvent(
        "r",
        1,
        user,
        kind,
        values["weight"],
        values["time"],
        version,
        values["list_user"],
        values["list_time"],
    )


def outcomes_of(counted: Tally) -> Outcomes:
    return counted.outcomes(WEEK, {A: 3, B: 2})


def many(n: int, version: str, converted: int, prefix: str) -> tuple[list, list]:
    users = [exposed(f"{prefix}{i}", version) for i in range(n)]
    return users, [acted(f"{prefix}{i}", version) for i in range(converted)]


def compared(a: tuple[int, int], b: tuple[int, int], shares=(0.5, 0.5)) -> Outcomes:
    counted = tally((Variant(A, shares[0]), Variant(B, shares[1])))
    pages = [many(a[1], A, a[0], "a"), many(b[1], B, b[0], "b")]
    for users, _ in pages:
        counted.add_users(users)
    for _, events in pages:
        counted.add_events(events)
    return outcomes_of(counted)


def test_a_user_counts_once_by_a_positive_event_that_names_a_list_of_theirs():
    counted = tally()
    counted.add_users([exposed("ann", lists=4), exposed("bob"), exposed("cy", B)])
    counted.add_events(
        [
            acted("ann"),
            acted("ann"),
            acted("bob", kind="view"),
            acted("bob", weight=-1.0),
            acted("bob", list_user="ann"),  # of a list of somebody else
            acted("bob", list_user=None),
            acted("bob", time=105.0),  # too late
            acted("cy", B, time=1.0),  # a clock that is behind: no event can come before its list
            acted("zoe", "ccc"),
        ]
    )
    first, second = outcomes_of(counted).variants
    assert (first.users, first.lists, first.converted, first.events) == (2, 5, 1, 2)
    assert (second.users, second.lists, second.converted, second.events) == (1, 1, 1, 1)
    assert first.rate.value == 0.5 and first.events_per_user.value == 1.0
    types = {(t.version, t.kind): (t.lists, t.events, t.users) for t in outcomes_of(counted).types}
    assert types == {
        (A, "buy"): (3, 6, 2),
        (A, "view"): (3, 1, 1),
        (B, "buy"): (2, 1, 1),
        ("ccc", "buy"): (0, 1, 1),
    }


def test_who_got_lists_of_both_bundles_counts_for_none():
    counted = tally()
    counted.add_users([exposed("ann", A, other=B), exposed("bob"), exposed("cy", B)])
    counted.add_events([acted("ann"), acted("bob")])
    outcomes = outcomes_of(counted)
    assert [variant.users for variant in outcomes.variants] == [1, 1] and outcomes.crossed == 1
    assert [variant.converted for variant in outcomes.variants] == [1, 0]
    assert "more than one bundle went to some users (1)" in outcomes.warnings()[0]


@pytest.mark.parametrize(
    ("a", "b", "start"),
    [
        ((0, 0), (0, 0), "No user of aaa or bbb has got a list yet."),
        ((1, 9), (0, 0), "No user of bbb has got a list yet."),
        ((0, 9), (0, 9), "No difference shown yet: no user has acted"),
        ((3, 20), (6, 20), "bbb makes 100.0% more users act on a list than aaa (-99.9% to more "),
        ((300, 5000), (330, 5000), "bbb makes 10.0% more users act on a list than aaa (-15"),
        ((300, 5000), (600, 5000), "bbb makes 100.0% more users act on a list than aaa (+"),
        (
            (600, 5000),
            (300, 5000),
            "bbb makes 50.0% fewer users act on a list than aaa (-59.8% to ",
        ),
    ],
)
def test_the_sentence_says_no_more_than_is_shown(a, b, start):
    outcomes = compared(a, b)
    assert outcomes.summary().startswith(start)
    assert outcomes.warnings() == ()


def test_one_bundle_has_nothing_to_be_compared_with():
    counted = tally((Variant(A, 1.0),))
    assert "No user of aaa has got a list" in outcomes_of(counted).summary()
    counted.add_users([exposed("ann")])
    outcomes = outcomes_of(counted)
    assert "nothing to compare" in outcomes.summary() and outcomes.contrasts == ()


def test_groups_that_are_not_as_the_shares_say_are_doubted():
    outcomes = compared((50, 1_000), (42, 800))
    assert outcomes.is_mismatched and "not comparable" not in outcomes.summary()
    (warning,) = outcomes.warnings()
    assert "900 of aaa, 900 of bbb were expected, and 1,000, 800 got lists" in warning
    assert "p = below 0.001" in warning
    assert compared((50, 1_000), (60, 800), shares=(5 / 9, 4 / 9)).warnings() == ()
    strong = compared((50, 1_000), (360, 800))
    assert "; decided. But the groups are not comparable" in strong.summary()


def test_a_user_with_a_large_share_of_the_events_is_named():
    counted = tally()
    users, events = many(40, A, 30, "a")
    counted.add_users([*users, exposed("cy", B)])
    counted.add_events([*events, *[acted("a39")] * 25, *[acted("cy", B)] * 19])
    outcomes = outcomes_of(counted)
    first, second = outcomes.variants
    assert (first.heaviest.user, first.heaviest.events) == ("a39", 25)
    assert first.heaviest.share == pytest.approx(25 / 55)
    assert second.heaviest is None  # few events are no sign of a program
    assert outcomes.warnings()[-1].startswith("'a39' made 25 of the 55 events of aaa (45%)")


def test_a_result_is_decided_or_not_by_its_interval():
    for a, b, decided in (((300, 5_000), (330, 5_000), False), ((300, 5_000), (600, 5_000), True)):
        outcomes = compared(a, b)
        (contrast,) = outcomes.contrasts
        assert contrast.lift.is_decided is decided is (contrast.lift.p < 0.05)
        assert outcomes.summary().endswith("; decided." if decided else "; not decided yet.")


def test_three_bundles_are_each_compared_with_the_control():
    counted = tally((Variant(A, 0.5), Variant(B, 0.25), Variant("ccc", 0.25)))
    for n, version, converted in ((2_000, A, 400), (1_000, B, 200), (1_000, "ccc", 320)):
        users, events = many(n, version, converted, version)
        counted.add_users(users)
        counted.add_events(events)
    outcomes = outcomes_of(counted)
    assert [(c.control, c.version) for c in outcomes.contrasts] == [(A, B), (A, "ccc")]
    assert [c.lift.is_decided for c in outcomes.contrasts] == [False, True]
    assert outcomes.summary().startswith("bbb makes 0.0% more users act on a list than aaa (")
    assert outcomes.warnings() == ()
    (alone,) = compared((400, 2_000), (320, 1_000)).contrasts
    assert alone.lift.ratio.low > outcomes.contrasts[1].lift.ratio.low  # it is corrected for two


@pytest.mark.parametrize(
    ("period", "warning"),
    [
        (CountedPeriod(0.0, 2.5 * DAY), "Less than a week has been counted (2.5 days)"),
        (CountedPeriod(0.0, 30 * DAY, is_cut=True), "Lists older than this are deleted"),
        (CountedPeriod(0.0, 14 * DAY, ends=14 * DAY), "The planned end has passed"),
        (CountedPeriod(5 * DAY, 0.0), "The clock of this machine is before the start"),
    ],
)
def test_a_time_that_is_no_basis_for_a_decision_is_reported(period, warning):
    (text,) = tally().outcomes(period, {}).warnings()
    assert text.startswith(warning)
    assert tally((Variant(A, 1.0),)).outcomes(period, {}).warnings() == ()


# Over a running service.


@pytest.fixture(autouse=True)
def counted_anew(monkeypatch) -> None:
    """Let nobody wait until a result is old."""
    monkeypatch.setattr(outcome_counter, "REST", 0)


@pytest.fixture
def shared(live: Service, bundles) -> Service:
    """Two bundles that share the users evenly."""
    post(live, "/dashboard/bundles/add", path=str(bundles[1]))
    first, second = (m["bundle_version"] for m in live.get("/v1/bundles")["bundles"])
    share(live, first, second, 0.5)
    return live


def share(live: Service, first: str, second: str, part: float) -> None:
    body = [{"bundle_version": first, "share": 1 - part}, {"bundle_version": second, "share": part}]
    assert live.http.put("/v1/bundles/traffic-split", json={"variants": body}).status_code == 200


def act(live: Service, user: str, *kinds: str, **more) -> str:
    """Give a user a list; let the user do something with it; return the bundle."""
    recommendation = live.get(f"/v1/recommend/{user}", k=3)
    for kind in kinds:
        event = {
            "user_id": user,
            "item_id": recommendation["items"][0]["item_id"],
            "event_type": kind,
            "recommendation_id": recommendation["recommendation_id"],
        }
        live.post("/v1/events", event | more)
    return recommendation["bundle_version"]


def feedback(live: Service, **query: object) -> dict:
    asyncio.run(live.engine.lists.log.flush())
    return live.get("/v1/feedback", **query)


def test_users_are_counted_since_the_last_change_of_shares(shared):
    first, second = traffic(shared)
    of = {}
    for i in range(40):
        kinds = (("buy",), ("view", "buy"), ("dislike",), ("impression",), ())[i % 5]
        of[f"user {i}"] = act(shared, f"user {i}", *kinds)
    result = feedback(shared)
    for variant in result["variants"]:
        mine = [i for i in range(40) if of[f"user {i}"] == variant["bundle_version"]]
        assert (variant["users"], variant["lists"]) == (len(mine), len(mine)) and variant[
            "share"
        ] == 0.5
        assert variant["converted"] == sum(i % 5 < 2 for i in mine)
        assert variant["events"] == sum((1, 2, 0, 0, 0)[i % 5] for i in mine)
        assert variant["rate"]["low"] < variant["rate"]["value"] < variant["rate"]["high"]
    (contrast,) = result["contrasts"]
    assert contrast["p"] > 0.05 and not contrast["decided"] and contrast["control"] == first
    assert result["summary"].endswith("not decided yet.") and result["sample_ratio_p"] > 0.001
    assert [warning[:16] for warning in result["warnings"]] == ["Less than a week"]
    meanings = {o["event_type"]: o["meaning"] for o in result["outcomes"]}
    assert meanings["dislike"] == "negative" and meanings["impression"] == "neutral"

    share(shared, first, second, 0.3)
    anew = feedback(shared)
    assert anew["since"] > result["since"]
    assert [variant["users"] for variant in anew["variants"]] == [0, 0] and anew["outcomes"] == []
    assert "has got a list yet" in anew["summary"]
    act(shared, "user 0", "buy")
    assert sum(variant["converted"] for variant in feedback(shared)["variants"]) == 1
    share(shared, first, second, 0.3)  # the same again is no change
    assert feedback(shared)["since"] == anew["since"]
    shared.post("/v1/bundles/rollback", {})
    assert feedback(shared)["since"] > anew["since"]


def test_a_strong_difference_is_decided_and_equal_bundles_are_not(shared):
    _, second = traffic(shared)
    for better in (None, second):
        for i in range(200):
            user = f"{better} {i}"
            bundle = shared.engine.traffic.split.bundle_for(user).version
            if i % 10 < (9 if bundle == better else 3):
                act(shared, user, "buy")
            else:
                act(shared, user)
        result = feedback(shared)
        (contrast,) = result["contrasts"]
        assert contrast["decided"] is (better is not None)
        if better is None:  # a new experiment, with the same bundles
            shared.post("/v1/experiments/stop", {})
            share(shared, *[c["bundle_version"] for c in result["variants"]], 0.5)
    assert contrast["lift"]["value"] > 1 and result["summary"].endswith("; decided.")


def test_a_list_before_the_change_of_shares_does_not_count(shared):
    first, second = traffic(shared)
    recommendation = shared.get("/v1/recommend/ann", k=1)
    share(shared, first, second, 0.4)
    event = {
        "user_id": "ann",
        "item_id": "i1",
        "recommendation_id": recommendation["recommendation_id"],
    }
    shared.post("/v1/events", event)
    result = feedback(shared)
    assert sum(variant["users"] + variant["events"] for variant in result["variants"]) == 0
    assert result["outcomes"] == []


def test_events_count_within_the_window(shared):
    act(shared, "ann", "buy", timestamp=time.time() + 7_200)
    assert sum(variant["converted"] for variant in feedback(shared)["variants"]) == 1
    assert sum(variant["converted"] for variant in feedback(shared, window=3_600)["variants"]) == 0
    for wrong in (0, -1, 2_592_001, "x", "nan", "inf"):
        assert shared.http.get("/v1/feedback", params={"window": wrong}).status_code == 422


def test_lists_of_sessions_are_counted_by_type_alone(shared):
    recommendation = shared.post("/v1/recommend", {"items": ["i1"]})
    event = {
        "user_id": "ann",
        "item_id": "i1",
        "recommendation_id": recommendation["recommendation_id"],
    }
    shared.post("/v1/events", event)
    result = feedback(shared)
    assert sum(variant["users"] for variant in result["variants"]) == 0
    (outcome,) = result["outcomes"]
    assert (outcome["lists"], outcome["events"]) == (1, 1)


def test_who_is_erased_is_counted_no_more(shared):
    act(shared, "ann", "buy")
    assert sum(variant["converted"] for variant in feedback(shared)["variants"]) == 1
    shared.http.delete("/v1/users/ann")
    result = feedback(shared)
    assert sum(variant["users"] + variant["converted"] for variant in result["variants"]) == 0


def test_a_restart_is_no_change_of_shares(bundles, tmp_path):
    with service(bundles[0], tmp_path / "live") as first:
        act(first, "ann", "buy")
        before = feedback(first)
    with service(bundles[0], tmp_path / "live") as second:
        after = feedback(second)
        assert after["since"] == before["since"]
        assert [variant["converted"] for variant in after["variants"]] == [1]
        second.engine.store.writer.submit(lambda store: store.save_setting(SINCE, None)).result()
        old = feedback(second)  # a store of an earlier version: the last publishing is known
        assert old["since"] == pytest.approx(before["since"], abs=1)


def test_many_pages_are_counted_like_one(shared, monkeypatch):
    for i in range(12):
        act(shared, f"user {i}", "buy", "buy")
    result = feedback(shared)
    monkeypatch.setattr(outcome_counter, "PAGE", 1)
    assert feedback(shared) == result


def test_repeated_requests_reuse_the_result(shared, monkeypatch):
    monkeypatch.setattr(outcome_counter, "REST", 10)
    clock, engine = Clock(), shared.engine
    counter = OutcomeCounter(engine, timer=clock)

    async def count(*windows: float) -> list[Outcomes]:
        return list(await asyncio.gather(*(counter.outcomes(w) for w in windows)))

    counted = engine.store.read

    async def slow(job):
        clock.now += 1.0
        return await counted(job)

    engine.store.read = slow
    first, same, other = asyncio.run(count(10.0, 10.0, 20.0))
    assert first is same and other is not first
    clock.now += 100
    (later,) = asyncio.run(count(10.0))
    assert later is not first


# Pages.


def test_the_page_separates_results_from_open_questions(shared):
    empty = page(shared, "/dashboard/experiments")
    assert "has got a list yet" in empty and "No event names a list yet" in empty
    for i in range(30):
        act(shared, f"user {i}", *(("buy",) if i % 3 else ()))
    feedback(shared)
    text = page(shared, "/dashboard/experiments")
    assert "not decided yet" in text and "Compared with" in text
    assert "Since <time" in text
    for days in ("1", "30", "x", "999999999999", "-1"):
        text = page(shared, f"/dashboard/experiments?days={days}")
        chosen = "30 days" if days == "30" else "1 day" if days == "1" else "7 days"
        assert f"<strong>{chosen}</strong>" in text
    charts = Page(text).of("svg")
    assert len(charts) == 2 and len(Page(text).of("table")) >= 3


def test_a_hostile_user_who_does_much_is_named_as_text(shared):
    name = "<img src=x onerror=alert(1)>"
    act(shared, name, *["buy"] * 25)
    feedback(shared)
    text = page(shared, "/dashboard/experiments")
    assert escape(repr(name)) in text and "<img src=x" not in text


def test_other_shares_on_the_page_count_anew(shared):
    act(shared, "ann", "buy")
    confirm(shared, "/dashboard/experiments/shares", percent1="20")
    feedback(shared)
    assert sorted(traffic(shared).values()) == [0.2, 0.8]
    assert "has got a list yet" in page(shared, "/dashboard/experiments")
