"""Tables as consoles, Markdown, spreadsheets, R and Postgres write them."""

import json
import zipfile

import pandas as pd
import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": [f"p{i}" for i in range(6)], "title": list("abcdef")})
ROWS = [(f"u{n % 5}", f"p{n % 6}", 1_641_000_000 + 1_000 * n) for n in range(30)]
NAMES = ("user_id", "item_id", "timestamp")


def users_of(path):
    data = read(ITEMS, path)
    assert data.log.rows_kept["events"] == data.log.rows_read["events"] == len(ROWS)
    assert data.interactions.time.max() == ROWS[-1][2]
    return sorted(data.interactions.users)


def drawn(rule_around, mark, title="a"):
    lines = [f"| {u:<7} | {i:<7} | {t:>12} | {title} |" for u, i, t in ROWS]
    head = f"| user_id | item_id | {'timestamp':<12} | note |"
    rule = mark.join(["", "-" * 9, "-" * 9, "-" * 14, "------", ""])
    around = [rule] if rule_around else []
    return "\n".join([*around, head, rule, *lines, *around])


@pytest.mark.parametrize(
    "text",
    [
        drawn(True, "+") + "\n30 rows in set (0.00 sec)\n",
        drawn(False, "|"),
        drawn(False, "|", r"a \| b"),
    ],
)
def test_frames_and_padding_are_no_values(tmp_path, text):
    (tmp_path / "e.txt").write_text(text)
    assert users_of(tmp_path / "e.txt") == [f"u{n}" for n in range(5)]


def test_a_title_padded_to_the_width_of_the_table(tmp_path):
    lines = ["Sales report,,", ",,", "From,2022-01-01,", ",".join(NAMES)]
    lines += [",".join(map(str, row)) for row in ROWS]
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    assert users_of(tmp_path / "e.csv") == [f"u{n}" for n in range(5)]


@pytest.mark.parametrize("mark", [" ", ",", "\t"])
def test_row_names_of_r(tmp_path, mark):
    lines = [mark.join(f'"{name}"' for name in NAMES)]
    lines += [f'"{n}"{mark}"{u}"{mark}"{i}"{mark}{t}' for n, (u, i, t) in enumerate(ROWS, 1)]
    (tmp_path / "e.txt").write_text("\n".join(lines) + "\n")
    assert users_of(tmp_path / "e.txt") == [f"u{n}" for n in range(5)]


def test_an_archive_of_macos(tmp_path):
    text = "\n".join(",".join(map(str, row)) for row in [NAMES, *ROWS])
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        archive.writestr("e.csv", text + "\n")
        archive.writestr("__MACOSX/._e.csv", "x")
    assert users_of(tmp_path / "e.zip") == [f"u{n}" for n in range(5)]


def test_arrays_of_postgres(tmp_path):
    lines = ["user_id;item_ids", *(f"u{n};{{p{n % 6},p{(n + 1) % 6}}}" for n in range(30)), "v;{}"]
    (tmp_path / "e.csv").write_text("\n".join(lines) + "\n")
    data = read(ITEMS, tmp_path / "e.csv")
    assert (len(data.interactions), data.log.count("missing item")) == (60, 1)


def test_periods_of_pandas():
    frame = pd.DataFrame(ROWS, columns=NAMES)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="s").dt.to_period("s")
    data = read(ITEMS, frame)
    assert data.interactions.time.max() == ROWS[-1][2]


def test_ratings_by_user_and_item_are_refused_with_a_command(tmp_path):
    value = {f"u{n}": {f"p{i}": i % 5 + 1 for i in range(6)} for n in range(5)}
    (tmp_path / "e.json").write_text(json.dumps(value))
    with pytest.raises(DataError, match=r"If its keys are users.*jq -c 'to_entries"):
        read(ITEMS, tmp_path / "e.json")
