import json
from pathlib import Path

import pytest
from running import Cli

REPLICA = ("--service", "20ms", "--p95", "100ms")
ALONE = ("--batch-saving", "0")  # by closed forms


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a trace of ten minutes, with a peak in the middle."""
    counts = [30, 30, 30, 30, 1_500, 1_500, 30, 30, 30, 30]
    rows = [f"2026-11-28T20:{minute:02d}:00Z,{n}" for minute, n in enumerate(counts)]
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["time,requests", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_trace_gives_a_sentence_and_three_fleets(cli: Cli, trace: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--price-per-month", "73", "--currency", "EUR", "--html", page)
    ran = cli("simulate", "--trace", trace, *REPLICA, *options)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("The elastic fleet ")
    assert "trace.csv: 10 min 0 s" in ran.out
    assert [line.split()[0] for line in lines if line and line.split()[0] in FLEETS] == FLEETS
    assert "73.00 EUR per replica and month" in ran.out
    text = page.read_text(encoding="utf-8")
    assert "Replicas over time" in text and "://" not in text


FLEETS = ["elastic", "fixed", "oracle"]


def test_json_has_the_settings_and_the_fleets(cli: Cli, trace: Path) -> None:
    options = (
        *ALONE,
        "--replicas",
        "3",
        "--threads",
        "2",
        "--warm-spares",
        "1",
        "--down-delay",
        "1min",
    )
    ran = cli("simulate", "--trace", trace, *REPLICA, *options, "--json")
    result = json.loads(ran.out)
    assert result["peak_requests_per_second"] == pytest.approx(25.0)
    assert result["servers"] == 2 and result["queue_limit"] == 62
    assert result["policy"]["warm_spares"] == 1 and result["policy"]["down_delay_s"] == 60.0
    assert result["fleets"][1]["min_replicas"] == result["fleets"][1]["max_replicas"] == 3
    assert result["fleets"][1]["replica_hours"] == pytest.approx(0.5)
    assert cli("simulate", "--trace", trace, *REPLICA, *options, "--json").out == ran.out


def test_patterns_have_their_peak(cli: Cli) -> None:
    crowd = cli("simulate", "--pattern", "flash-crowd", "--rps", "9/s", *REPLICA, *ALONE, "--json")
    result = json.loads(crowd.out)
    assert result["load"] == "flash crowd" and result["duration_s"] == 7_200
    assert result["peak_requests_per_second"] == pytest.approx(9.0)
    part = cli("simulate", "--rps", "200k/day", "--hours", "1", *REPLICA, *ALONE, "--json")
    result = json.loads(part.out)
    assert result["load"] == "1 h of the daily pattern" and result["duration_s"] == 3_600
    assert result["requests_per_second"] == pytest.approx(200_000 / 86_400, rel=0.05)


PLAN = """
[deployment]
instance = "small"
replicas = 2
servers = 2
requests_per_second = 12.0
latency_objective_seconds = 0.1
service_seconds = 0.02
service_scv = 0.5
replica_start_seconds = 45.0
price_per_month = 30.5
currency = "EUR"
"""


def test_a_plan_gives_the_replica_and_options_override_it(
    cli: Cli, trace: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    options = ("--pattern", "flash-crowd", "--threads", "3", *ALONE, "--json")
    result = json.loads(cli("simulate", plan, *options).out)
    assert result["peak_requests_per_second"] == pytest.approx(12.0)
    assert result["service_s"] == 0.02 and result["service_scv"] == 0.5
    assert result["objective_s"] == 0.1 and result["servers"] == 3
    assert result["policy"]["start_s"] == 45.0
    assert result["price_per_month"] == 30.5 and result["currency"] == "EUR"
    assert result["fleets"][1]["max_replicas"] == 2
    traced = json.loads(cli("simulate", plan, "--trace", trace, *ALONE, "--json").out)
    assert traced["peak_requests_per_second"] == pytest.approx(25.0)


def test_a_plan_without_a_deployment_or_with_an_unknown_key_is_refused(
    cli: Cli, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[encoder]\nname = 'tfidf'\n", encoding="utf-8")
    ran = cli("simulate", plan)
    assert ran.code == 2 and "has no table [deployment]" in ran.err
    plan.write_text(PLAN + "treads = 2\n", encoding="utf-8")
    ran = cli("simulate", plan)
    assert ran.code == 2 and "unknown key 'deployment.treads'" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rps", "5/s"), "give --service and --p95"),
        (("--rps", "5/s", "--service", "20ms"), "give --p95"),
        (REPLICA, "give --rps, the requests per second at the peak, or a --trace"),
        (("--rps", "5/s", "--service", "20", "--p95", "1s"), "'20' has no unit"),
        (("--rps", "5/s", "--service", "20ms", "--p95", "10ms"), "service alone takes"),
        (("--rps", "many", *REPLICA), "'many' is not a rate"),
        (("--rps", "1B/s", *REPLICA), "need over 10,000 replicas"),
        (("--rps", "5/s", *REPLICA, "--min-replicas", "9", "--max-replicas", "3"), "9 to 3"),
        (("--trace", "TRACE", "--rps", "5/s", *REPLICA), "--rps beside --trace"),
        (("--trace", "TRACE", "--pattern", "daily", *REPLICA), "--pattern beside --trace"),
        (("--trace", "TRACE", "--hours", "3", *REPLICA), "--hours is of the daily pattern"),
        (("--rps", "900/s", "--service", "1ms", "--p95", "9ms"), "the limit is 10,000,000"),
        (("--trace", "absent.csv", *REPLICA), "absent.csv"),
        (("--trace", "TRACE", *REPLICA, "--html", "TRACE"), "cannot be written too"),
    ],
)
def test_bad_input_is_refused_with_the_remedy(
    cli: Cli, trace: Path, words: tuple[str, ...], message: str
) -> None:
    ran = cli("simulate", *(trace if word == "TRACE" else word for word in words))
    assert ran.code == 2
    assert message in ran.err and "Traceback" not in ran.err
