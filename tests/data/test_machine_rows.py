"""Rows of bots, tests, staff and failed requests."""

from ast import literal_eval

import polars as pl
import pytest

from pennyweight.data.dataset import read

N, T0 = 120, 1_600_000_000
ITEMS = pl.DataFrame({"item_id": [f"i{i}" for i in range(20)], "title": ["a thing"] * 20})
MARKED = sum(n % 7 == 0 for n in range(N))


def log(**more):
    """Return 120 events of 12 users, no pair twice, with more columns by the row."""
    table = pl.DataFrame(
        {
            "user_id": [f"u{n % 12}" for n in range(N)],
            "item_id": [f"i{(n + n // 12) % 20}" for n in range(N)],
            "timestamp": [T0 + n * 3_600 for n in range(N)],
        }
    )
    return table.with_columns(
        pl.Series(name, [value(n) for n in range(N)]) for name, value in more.items()
    )


def seventh(yes, no):
    return lambda n: no if n % 7 else yes


def note_on(data, name):
    (entry,) = [e for e in data.log.entries if e.reason.startswith(repr(name))]
    return entry


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        *(("is_bot", "true", "false"), ("is_test_order", "yes", "no"), ("test", 1, 0)),
        *(("is_internal", "1", ""), ("exclude_hit", "4", "0"), ("Staff", "Y", "N")),
        ("is_crawler", True, False),
    ],
)
def test_flags_of_bots_and_tests_are_noted_with_an_option_that_works(name, yes, no):
    data = read(ITEMS, log(**{name: seventh(yes, no)}))
    assert len(data.interactions) == N
    entry = note_on(data, name)
    assert entry.count == MARKED
    types = entry.reason.partition("event_types=")[2]
    chosen = {"columns": {"type": name}, "event_types": literal_eval(types)}
    assert len(read(ITEMS, log(**{name: seventh(yes, no)}), **chosen).interactions) == N - MARKED


def test_a_flag_of_bots_as_the_type_keeps_the_people():
    table = log(is_bot=seventh("true", "false"))
    assert len(read(ITEMS, table, columns={"type": "is_bot"}).interactions) == N - MARKED


def test_beside_event_types_the_rows_are_to_be_left_out():
    data = read(ITEMS, log(event_type=lambda n: "view", is_bot=seventh(1, 0)))
    assert "--type-column" not in note_on(data, "is_bot").reason


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("user_agent", "Googlebot/2.1 (+http://www.google.com/bot.html)", "Mozilla/5.0 (iPhone)"),
        ("useragent", "Mozilla/5.0 (compatible; AhrefsBot/7.0)", "Mozilla/5.0 (X11; Linux)"),
        ("user_agent", "Mozilla/5.0 (compatible; Baiduspider/2.0)", "Opera/9.80"),
        ("dvce_type", "Robot", "Mobile"),
        ("http_status_code", 404, 200),
        ("response_code", "503", "200"),
    ],
)
def test_agents_devices_and_codes_are_noted(name, yes, no):
    data = read(ITEMS, log(**{name: seventh(yes, no)}))
    assert len(data.interactions) == N
    assert note_on(data, name).count == MARKED


def test_failed_requests_are_ignored_on_demand():
    table = log(http_status_code=seventh(404, 200))
    chosen = {"status": "http_status_code"}
    assert len(read(ITEMS, table, columns=chosen).interactions) == N - MARKED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("user_agent", "Mozilla/5.0 (Windows) Chrome/120"), ("device_type", "mobile")),
        *(("http_status_code", "200"), ("is_bot", "false"), ("test", "A"), ("http_code", "X1")),
    ],
)
def test_other_values_are_not_noted(name, value):
    other = "B" if value == "A" else value
    data = read(ITEMS, log(**{name: seventh(value, other)}))
    assert not data.log.count("the rows count")
