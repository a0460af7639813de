"""Every kind of bad file: a message and exit code 2, or a result and a count. No traceback."""

import json
import re
from pathlib import Path

import pytest
from running import Cli
from small import DAY, FAST, START, events, items, shop, write


def test_empty_file(cli: Cli, tmp_path: Path) -> None:
    good, log = shop(tmp_path)
    empty = tmp_path / "empty.csv"
    empty.touch()
    for files in ((empty, log), (good, empty)):
        ran = cli("evaluate", *files, *FAST)
        assert ran.code == 2 and "empty" in ran.err and str(empty) in ran.err
    empty.write_text("item_id,title\n")
    assert cli("evaluate", empty, log, *FAST).code == 2


def test_missing_file_and_folder(cli: Cli, tmp_path: Path) -> None:
    good, _ = shop(tmp_path)
    assert "no such file" in cli("evaluate", good, tmp_path / "none.csv").err
    assert cli("evaluate", good, tmp_path).code == 2


def test_missing_column(cli: Cli, tmp_path: Path) -> None:
    files = shop(tmp_path, None, [{"whom": row["user_id"], **row} for row in events()])
    text = files[1].read_text().replace("user_id", "unheard_of")
    files[1].write_text(text)
    ran = cli("evaluate", *files, *FAST)
    assert ran.code == 2
    option = re.search(r"--[a-z]+-column", ran.err)
    assert option is not None
    assert cli("evaluate", *files, *FAST, option[0], "whom").code == 0  # the remedy works


def test_not_utf8(cli: Cli, tmp_path: Path) -> None:
    good, log = shop(tmp_path)
    good.write_bytes(good.read_bytes().replace(b"red", "r\xe9d".encode("latin-1")))
    ran = cli("evaluate", good, log, *FAST)
    assert ran.code == 2 and "UTF-8" in ran.err and "iconv" in ran.err


def test_quoted_newline(cli: Cli, tmp_path: Path) -> None:
    rows = items()
    rows[3]["title"] = 'two\nlines, and "quotes"'
    ran = cli("evaluate", *shop(tmp_path, rows), *FAST, "--json")
    assert ran.code == 0 and json.loads(ran.out)["items"] == 12


def test_one_row_in_a_hundred_is_broken(cli: Cli, tmp_path: Path) -> None:
    good, log = shop(tmp_path)
    lines = log.read_text().splitlines()
    lines[50] = lines[150] = "u1"
    log.write_text("\n".join(lines) + "\n")
    ran = cli("evaluate", good, log, *FAST)
    assert ran.code == 0
    assert re.search(r"events: 2 dropped: .*line", ran.err), ran.err
    strict = cli("evaluate", good, log, *FAST, "--strict")
    assert strict.code == 2 and strict.out == ""


def test_events_on_unknown_items_only(cli: Cli, tmp_path: Path) -> None:
    log = [row | {"item_id": f"x{row['item_id']}"} for row in events()]
    ran = cli("evaluate", *shop(tmp_path, None, log), *FAST)
    assert ran.code == 2 and "catalog" in ran.err


@pytest.mark.parametrize("verb", ["evaluate", "fit"])
@pytest.mark.parametrize(("n_users", "n_items"), [(1, 12), (30, 1), (1, 1)])
def test_one_user_or_one_item(
    cli: Cli, tmp_path: Path, verb: str, n_users: int, n_items: int
) -> None:
    files = shop(tmp_path, items(n_items), events(n_users, n_items))
    ran = cli(verb, *files, "--encoder", "tfidf", "--quiet", "--out", tmp_path / "out")
    assert ran.code in (0, 2)
    assert ran.err if ran.code else ran.out


def test_all_texts_are_equal(cli: Cli, tmp_path: Path) -> None:
    rows = [row | {"title": "the same thing"} for row in items()]
    ran = cli("evaluate", *shop(tmp_path, rows), "--encoder", "tfidf")
    assert ran.code == 0 and "the same text" in ran.err


def test_no_text_has_a_word(cli: Cli, tmp_path: Path) -> None:
    rows = [row | {"title": "!!"} for row in items()]
    ran = cli("evaluate", *shop(tmp_path, rows), "--encoder", "tfidf")
    assert ran.code in (0, 2) and ran.err


def test_odd_ids(cli: Cli, tmp_path: Path) -> None:
    def odd(name: object) -> str:
        return f"a {name}/🦉, b"

    files = shop(
        tmp_path,
        [row | {"item_id": odd(row["item_id"])} for row in items()],
        [
            row | {"item_id": odd(row["item_id"]), "user_id": "ü /" + str(row["user_id"])}
            for row in events()
        ],
    )
    out = tmp_path / "bundle of 🦉"
    assert cli("fit", *files, "--out", out, *FAST, "--quiet").code == 0
    result = json.loads(cli("recommend", out, "--user", "ü /u3", "--json").out)
    assert result["source"] == "history"
    assert result["items"][0]["item_id"].startswith("a i")
    assert cli("similar", out, odd("i4")).code == 0
    single = json.loads(cli("recommend", out, "--history", odd("i4"), "--json", "-k", 99).out)
    two = f'"{odd("i4")}","{odd("i5")}"'
    both = json.loads(cli("recommend", out, "--history", two, "--json", "-k", 99).out)
    assert (len(single["items"]), len(both["items"])) == (11, 10)


def test_times_in_the_future(cli: Cli, tmp_path: Path) -> None:
    log = events()
    for row in log[:5]:
        row["timestamp"] = START + 10**10
    ran = cli("evaluate", *shop(tmp_path, None, log), *FAST)
    assert ran.code == 0 and "future" in ran.err
    far = [row | {"timestamp": START + 10**10 + k * DAY} for k, row in enumerate(events())]
    ran = cli("evaluate", *shop(tmp_path, None, far), *FAST)
    assert ran.code == 2 and "future" in ran.err


def test_a_text_of_ten_megabytes(cli: Cli, tmp_path: Path) -> None:
    rows = items()
    rows[0]["title"] = "long words " * 950_000
    ran = cli("evaluate", *shop(tmp_path, rows), *FAST)
    assert ran.code == 0 and "4,000" in ran.err


def test_null_bytes_and_binary(cli: Cli, tmp_path: Path) -> None:
    good, _ = shop(tmp_path)
    junk = tmp_path / "events.parquet"
    junk.write_bytes(bytes(range(256)) * 10)
    ran = cli("evaluate", good, junk, *FAST)
    assert ran.code == 2 and str(junk) in ran.err


def test_two_tables_swapped(cli: Cli, tmp_path: Path) -> None:
    good, log = shop(tmp_path)
    assert cli("evaluate", log, good, *FAST).code == 2


def test_broken_table_of_one_column(cli: Cli, tmp_path: Path) -> None:
    good, _ = shop(tmp_path)
    log = write(tmp_path / "one.csv", [{"user_id": "u"}])
    assert cli("evaluate", good, log, *FAST).code == 2


def test_the_report_does_not_replace_an_input_file(cli: Cli, tmp_path: Path) -> None:
    good, log = shop(tmp_path)
    before = log.read_bytes()
    ran = cli("evaluate", good, log, *FAST, "--out", tmp_path / "." / "events.csv")
    assert ran.code == 2 and "name another file" in ran.err
    assert log.read_bytes() == before


def test_ids_that_would_move_the_cursor_are_written_out(cli: Cli, tmp_path: Path) -> None:
    def odd(name: object) -> str:
        return f"a\n{name}\x1b[31m"

    files = shop(
        tmp_path,
        [row | {"item_id": odd(row["item_id"])} for row in items()],
        [row | {"item_id": odd(row["item_id"])} for row in events()],
    )
    assert cli("fit", *files, "--out", tmp_path / "b", *FAST, "--quiet").code == 0
    ran = cli("similar", tmp_path / "b", odd("i4"), "-k", 2)
    assert len(ran.out.splitlines()) == 2 and "\x1b" not in ran.out
    assert r"'a\ni9\x1b[31m'" in ran.out


def test_an_empty_folder_is_a_place_for_a_bundle(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "made"
    out.mkdir()
    files = shop(tmp_path)
    assert cli("fit", *files, "--out", out, *FAST, "--quiet").code == 0
    ran = cli("fit", *files, "--out", out, *FAST, "--quiet")
    assert ran.code == 2 and "--overwrite" in ran.err


@pytest.mark.parametrize("min_ndcg", ["1.5", "-1", "nan"])
def test_a_gate_outside_the_metric_is_refused(cli: Cli, tmp_path: Path, min_ndcg: str) -> None:
    ran = cli("evaluate", *shop(tmp_path), *FAST, "--min-ndcg", min_ndcg)
    assert ran.code == 2 and "--min-ndcg" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scorers", "popularty"], "did you mean 'popularity'"),
        (["--scorers", 'content,"x'], "--scorers 'content,\"x': not a list by commas"),
        (["--encoder", "tfdif"], "did you mean 'tfidf'"),
        (["--encoder", "./nowhere"], "no folder and no model id"),
        (["--user-column", "user"], "did you mean 'user_id'"),
    ],
)
def test_the_nearest_name_is_told(cli: Cli, tmp_path: Path, words: list[str], message: str) -> None:
    ran = cli("evaluate", *shop(tmp_path), *words, "--json")
    assert ran.code == 2 and message in ran.err and ran.out == ""
