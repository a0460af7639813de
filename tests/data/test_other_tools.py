"""Exports of other tools: read right, or refused with a command that makes them readable."""

import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

PAIRS = [(f"u{k % 5}", f"i{k * 3 % 8}", 1_700_000_000 + 86_400 * k) for k in range(40)]
LOG = pl.DataFrame(PAIRS, schema=["user_id", "item_id", "timestamp"], orient="row")
ITEMS = pl.DataFrame(
    {"item_id": [f"i{k}" for k in range(8)], "title": [f"t {k}" for k in range(8)]}
)


def triples(data) -> list[tuple[str, str, float]]:
    log, ids = data.interactions, data.catalog.ids
    rows = [
        (log.users[u], ids[i], float(t))
        for u, i, t in zip(log.user, log.item, log.time, strict=True)
    ]
    return sorted(rows, key=lambda row: row[2])


def lines(mark=",", quote="", end="\n", pairs=PAIRS, header=("user_id", "item_id", "timestamp")):
    rows = [header, *pairs]
    text = end.join(mark.join(f"{quote}{value}{quote}" for value in row) for row in rows)
    return (text + end).encode()


@pytest.mark.parametrize(
    "body",
    [
        lines(quote="'"),
        lines(quote='"', end="\r\n"),
        lines(";", end="\r\n"),
        lines("\t", end="\r").decode().encode("utf-16"),
        b"\xef\xbb\xbf" + lines(end="\r\n"),
        lines() + b"\n\n(40 rows)\n",
        lines(
            ",",
            pairs=[(*pair, "") for pair in PAIRS],
            header=("user_id", "item_id", "timestamp", ""),
        ).replace(b"\n", b",,\n"),
    ],
    ids=range(7),
)
def test_delimited_files_of_other_tools(tmp_path, body):
    path = tmp_path / "log.csv"
    path.write_bytes(body)
    assert triples(read(ITEMS, path)) == PAIRS


def test_a_file_without_a_header_is_named_as_such(tmp_path):
    path = tmp_path / "copy.tsv"
    path.write_bytes(lines("\t").partition(b"\n")[2])
    with pytest.raises(DataError, match="the first line, which names the columns, missing"):
        read(ITEMS, path)


def feather(folder):
    LOG.write_ipc(folder / "log.feather")
    return folder / "log.feather"


def avro(folder):
    LOG.write_avro(folder / "log.avro")
    return folder / "log.avro"


def database(folder):
    with sqlite3.connect(folder / "log.db") as made:
        made.execute("CREATE TABLE log (user_id, item_id, timestamp)")
        made.executemany("INSERT INTO log VALUES (?, ?, ?)", PAIRS)
    return folder / "log.db"


def archive(folder):
    (folder / "rows.csv").write_bytes(lines())
    with tarfile.open(folder / "log.tar.gz", "w:gz") as packed:
        packed.add(folder / "rows.csv", "rows.csv")
    (folder / "rows.csv").unlink()
    return folder / "log.tar.gz"


def matrix(folder):
    wide = LOG.pivot("item_id", index="user_id", values="timestamp", aggregate_function="len")
    wide.fill_null(0).write_csv(folder / "wide.csv")
    return folder / "wide.csv"


def spark(folder):
    parts = folder / "out put.parquet"
    parts.mkdir()
    LOG.head(25).write_parquet(parts / "part-0.parquet")
    LOG.tail(15).write_parquet(parts / "part-1.parquet")
    return parts


def hive(folder):
    parts = folder / "out put"
    parts.mkdir()
    (parts / "part-0.csv").write_bytes(lines(pairs=PAIRS[:25]))
    (parts / "part-1.csv").write_bytes(lines(pairs=PAIRS[25:]))
    return parts


@pytest.mark.parametrize("write", [feather, avro, database, archive, matrix, spark, hive])
def test_the_command_in_the_message_makes_the_file_readable(tmp_path, monkeypatch, write):
    path = write(tmp_path)
    with pytest.raises(DataError) as error:
        read(ITEMS, path)
    message = str(error.value)
    match = re.search(r"(?:: |: )((?:python -c|sqlite3|tar|cat) .*)", message)
    assert match is not None, message
    command = match[1].partition(". Say which")[0].replace("from TABLE", "from log")
    if not shutil.which(command.split()[0]) and not command.startswith("python"):
        pytest.skip(f"wants {command.split()[0]}")
    monkeypatch.chdir(tmp_path)
    command = command.replace("python -c", f"{sys.executable} -c", 1)
    subprocess.run(command, shell=True, check=True, capture_output=True)
    (rows,) = [name for name in tmp_path.iterdir() if name.stem == "rows"]
    data = read(ITEMS, rows)
    if write is matrix:
        assert {pair[:2] for pair in triples(data)} == {pair[:2] for pair in PAIRS}
    else:
        assert triples(data) == PAIRS
