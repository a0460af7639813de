"""`recommend --all-users`: files for everybody, also after Ctrl-C and a killed process."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from running import Cli

from pennyweight.recommender import Recommender

# Runs in a process of its own: ten users a block, a block a part, and a wait after the third.
SLOW_EXPORT = """
import sys, time
from pennyweight.cli.main import main
from pennyweight.recommender import batch
from pennyweight.recommender import export

batch.BLOCK_BYTES, export.PART_ROWS = 10 * 4 * 415, 1
write, written = export._write, []

def slow(*given):
    write(*given)
    written.append(given)
    if len(written) == 3:
        print("three parts", file=sys.stderr, flush=True)
        time.sleep(60)

export._write = slow
main(sys.argv[1:])
"""


def test_a_list_for_every_user(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "lists.csv"
    ran = cli("recommend", bundle, "--all-users", "--out", out, "-k", 4, "--filter", "year < 1900")
    assert ran.code == 0 and ran.out.startswith(f"saved {out} (") and "users: 300" in ran.out
    assert ran.err.strip().endswith("s  recommend") and "expects to take about" in ran.err
    lists, recommender = pl.read_csv(out), Recommender.load(bundle)
    assert lists["user_id"].unique(maintain_order=True).to_list() == [
        *recommender.interactions.users
    ]
    for (user,), rows in lists.group_by("user_id", maintain_order=True):
        expected = recommender.recommend(user=user, k=4, filter="year < 1900")
        assert_frame_equal(rows.select("rank", "item_id"), expected.select("rank", "item_id"))


def test_other_events_and_json(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    events, out = tmp_path / "events.csv", tmp_path / "lists.jsonl"
    events.write_text("user_id,item_id\nzoe,emma\nzoe,dracula\nzoe,unheard\n")
    words = ("recommend", bundle, "--all-users", "--out", out, "--events", events, "--explain")
    ran = cli(*words, "--json")
    assert json.loads(ran.out)["users"] == 1 and json.loads(ran.out)["path"] == str(out)
    assert "unheard" in ran.err  # dropped, and said so
    row = json.loads(out.read_text().splitlines()[0])
    assert set(row) == {"user_id", "rank", "item_id", "score", "source", "reason"}
    assert row["user_id"] == "zoe" and row["source"] == "history"
    assert cli(*words, "--json", "--quiet").err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_export_goes_on(
    cli: Cli, bundle: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out, complete = tmp_path / "lists.parquet", tmp_path / "whole.parquet"
    words = ["recommend", str(bundle), "--all-users", "--out", str(out), "-k", "3"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_EXPORT, *words], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert any(line == "three parts\n" for line in process.stderr)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert err.endswith(f"nothing was saved; the same command goes on from {out}.parts\n")
    assert not out.exists()
    ran = cli(*words)
    assert ran.code == 0 and "30 of 300 users were done before" in ran.err
    assert cli(*words[:4], str(complete), *words[5:], "--quiet").code == 0
    assert_frame_equal(pl.read_parquet(out), pl.read_parquet(complete))
    assert sorted(tmp_path.iterdir()) == [out, complete]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_full_disk_keeps_the_old_file(bundle: Path, tmp_path: Path, ending: str) -> None:
    """A limit on the size of files fails a write just as a full disk does."""
    out = tmp_path / f"lists.{ending}"
    out.write_text("old")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    ran = subprocess.run(
        [sys.executable, "-m", "pennyweight", "recommend", bundle, "--all-users", "--out", out],
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2 and "Traceback" not in ran.stderr
    assert out.read_text() == "old"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--all-users"], "--out"),
        (["--out", "x.csv", "--user", "a"], "--all-users"),
        (["--all-users", "--out", "x.csv", "--user", "a"], "or --all-users for all of them"),
        (["--user", "a", "--events", "x.csv"], "--events"),
        (["--all-users", "--out", "x.xlsx"], "must be .parquet or .csv or .jsonl"),
        (["--all-users", "--out", "x.csv", "--events", "nowhere.csv"], "nowhere.csv"),
        (["--all-users", "--out", __file__, "--events", __file__], "is read, so it cannot"),
        (["--all-users", "--out", "x.csv", "--filter", "color == 'red'"], "color"),
        (["--all-users", "--out", "x.csv", "-k", "0"], "1 or more"),
    ],
)
def test_bad_wishes(
    cli: Cli,
    bundle: Path,
    tmp_path: Path,
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("recommend", bundle, *words)
    assert (ran.code, ran.out) == (2, "") and message in ran.err
    assert list(tmp_path.iterdir()) == []


def test_events_are_read_as_the_options_say(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    events, out = tmp_path / "events.csv", tmp_path / "lists.csv"
    events.write_text(
        "client,thing,day,what\n"
        "zoe,emma,03/04/2024,unmatched\nzoe,dracula,05/04/2024,view\n"
        "Guest User,emma,06/04/2024,view\nGuest User,dracula,06/05/2024,view\n"
    )
    words = ("recommend", bundle, "--all-users", "--out", out, "--events", events)
    options = (
        "--user-column",
        "client",
        "--item-column",
        "thing",
        "--time-column",
        "day",
        "--type-column",
        "what",
        "--time-format",
        "day-first",
        "--event-types",
        "unmatched=ignore",
        "--missing-ids",
        "Guest User",
    )
    assert cli(*words).code != 0
    ran = cli(*words, *options)
    assert ran.code == 0, ran.err
    lists = pl.read_csv(out)
    assert set(lists["user_id"]) == {"zoe"}
    assert "dracula" not in lists["item_id"].to_list() and "1 as day/month/year" not in ran.err
    assert "read: 4 as day/month/year" in ran.err and "ignored: unmatched" in ran.err
    alone = cli("recommend", bundle, "--all-users", "--out", out, "--time-format", "day-first")
    assert alone.code != 0 and "--time-format: how --events FILE is read" in alone.err
