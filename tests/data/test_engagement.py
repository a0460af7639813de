"""Views of no time at all, and those skipped or not completed."""

import pytest
from test_rating_scales import ITEMS, N, log

from pennyweight.data.cleaning.engagement import UNSEEN
from pennyweight.data.dataset import read


def cycle(*values):
    return [values[at % len(values)] for at in range(N)]


@pytest.mark.parametrize(
    ("name", "amount", "zero"),
    [
        ("watch_time", 640, 0),
        ("play_duration_ms", 200_000, 900),
        ("ms_played", 200_000, 0),
        ("msPlayed", 30_000, 12),
        ("percent_watched", 80, 1),
        ("watched_pct", "80 %", "0 %"),
        ("watch_ratio", 0.8, 0.0),
        ("dwell", 30.5, 0.0),
        ("dwell_time", 31, 0),
        ("seconds", 12, 0),
        ("seconds_watched", 12, 0),
        ("listen_time", 200, 0),
        ("time_spent", 30, 0),
        ("reading_time", 60, 0),
        ("scroll_depth", 75, 0),
        ("duration", "00:12:30", "00:00:00"),
        ("view_duration", "12:30", "0:00"),
        ("properties.watch_seconds", 60, 0),
        ("Lesedauer", 60, 0),
        ("tiempo_visto", 60, 0),
        ("durée_écoute", 60, 0),
        ("percent_complete", 55, 0),
        ("watch_time", "PT3M10S", "PT0S"),
        ("play_duration", "PT1H2.5S", "P0D"),
        ("activeTime", 22, 0),
    ],
)
def test_a_view_of_no_time_is_none(name, amount, zero):
    table = log(**{name: cycle(amount, zero, amount)})
    data = read(ITEMS, table, strict=True)
    assert len(data.interactions) == 2 * N / 3 and data.log.count(UNSEEN) == N / 3
    assert data.log.count(f"{name!r} of") == N / 3
    assert not data.log.unaccounted("events")
    assert len(read(ITEMS, table, columns={"engagement": None}).interactions) == N


def test_only_views_are_judged_by_their_time():
    types, times = cycle("view", "purchase", "play"), cycle(0, 0, 30, 30, 30, 30)
    data = read(ITEMS, log(event_type=types, watch_time=times))
    assert data.log.count(UNSEEN) == N / 6


def test_opinions_hold_whatever_the_time():
    types, times = cycle("me gusta", "no me gusta", ""), cycle(0, 0, 0, 30, 30, 30)
    data = read(ITEMS, log(reaction=types, watch_time=times))
    assert len(data.interactions) == N / 2 and len(data.interactions.negative.user) == N / 3
    assert data.log.count(UNSEEN) == N / 6


def test_a_missing_time_and_a_time_of_nothing_else_say_nothing():
    assert len(read(ITEMS, log(watch_time=cycle(30, None, 20))).interactions) == N
    assert len(read(ITEMS, log(watch_time=cycle(0, None, 0))).interactions) == N
    clock = [10**9 + at for at in range(N)]
    assert len(read(ITEMS, log(last_played_time=clock)).interactions) == N


@pytest.mark.parametrize(
    "name", ["engagement_time_msec", "timeOnPage", "actionDetails.timeSpent", "session_duration"]
)
def test_times_that_are_0_on_the_last_page_say_nothing(name):
    assert len(read(ITEMS, log(**{name: cycle(30, 0, 20)})).interactions) == N


@pytest.mark.parametrize("role", ["user_id", "item_id"])
def test_one_time_a_user_or_an_item_is_an_attribute(role):
    table = log()
    lengths = [int(name[1:]) % 3 * 60 for name in table[role].to_list()]
    data = read(ITEMS, log(duration=lengths))
    assert "engagement" not in data.columns.events and len(data.interactions) == N


def test_most_values_below_a_unit_are_of_another_unit():
    assert len(read(ITEMS, log(play_ms=cycle(50, 0, 90))).interactions) == 2 * N / 3


def test_another_column_can_be_chosen():
    table = log(foo=cycle(9, 0, 8), watch_time=cycle(9, 8))
    assert len(read(ITEMS, table, columns={"engagement": "foo"}).interactions) == 2 * N / 3


@pytest.mark.parametrize(("yes", "no"), [(1, 0), ("true", "false"), ("oui", "non"), ("J", "N")])
@pytest.mark.parametrize(
    ("name", "good"), [("skipped", False), ("is_skipped", False), ("completed", True)]
)
def test_cut_short_beside_types_is_no_view(name, good, yes, no):
    flags = cycle(yes, yes, no) if good else cycle(no, no, yes)
    data = read(ITEMS, log(event_type=cycle("play", "view"), **{name: flags}))
    assert len(data.interactions) == 2 * N / 3 and data.log.count(UNSEEN) == N / 3
    bought = read(ITEMS, log(event_type=cycle("purchase", "like"), **{name: flags}))
    assert len(bought.interactions) == N


def test_a_refund_is_one_whatever_the_time():
    refunds, progress = cycle("false", "false", "true"), cycle(80, 60, 0)
    data = read(ITEMS, log(refund_requested=refunds, progress=progress))
    assert len(data.interactions) == 2 * N / 3 and len(data.interactions.negative.user) == N / 3
    assert not data.log.count(UNSEEN) and not data.log.unaccounted("events")
