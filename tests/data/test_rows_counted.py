"""Rows read = rows kept + rows dropped, in every format, and as many as the file has."""

import csv
import io
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pennyweight.data.dataset import read
from pennyweight.errors import DataError

ITEMS = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["Apple", "Bread", "Cheese"]})
SOUND = ("u1", "a", "1600000003", "Apple")
HEADER = ("user_id", "item_id", "timestamp", "title")
# Fields with everything that makes readers lose rows.
TEXT = st.text(st.sampled_from("ab \"'\\#é1"), max_size=6)
USER = st.sampled_from(["u1", "u2", '"u3', 'u4"', '"u5"', "", "user_id"])
ITEM = st.sampled_from(["a", "b", "c", "zzz", ""])
SECOND = st.sampled_from(["1600000001", "1600000002"])
ROW = st.tuples(USER, ITEM, st.sampled_from(["1600000001", "1600000002", "x", ""]), TEXT)
JUNK = st.sampled_from(["", "u1", "u1{s}a", "u1{s}a{s}1{s}x{s}y{s}z", "#"])


def account(log, table="events"):
    assert log.unaccounted(table) == 0, str(log)
    return log.rows_read[table]


def read_log(name, data):
    """Return the log of reading events from bytes, None where they are refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        for columns in ({}, {"time": None}):  # times that cannot be read are refused
            try:
                return read(ITEMS, path, columns=columns, max_dropped=1).log
            except DataError:
                pass
    return None


@given(
    st.lists(ROW, max_size=25),
    st.lists(JUNK, max_size=5),
    st.sampled_from([("e.tsv", "\t"), ("e.txt", "|"), ("e.csv", ";"), ("e.csv", ",")]),
    st.sampled_from(["\n", "\r\n"]),
)
@example(
    [('"u3', "a", "1", ""), ("u1", "b", "1", ""), ('u4"', "c", "2", "")], [], ("e.tsv", "\t"), "\n"
)
@example(
    [('"u3', "a", "1", ""), ("", "a", "1", '""'), ('u4"', "c", "2", "")], [], ("e.csv", ";"), "\n"
)
def test_lines_without_quoting(rows, junk, form, end):
    """Quotes are text here: each line that is not blank is a record."""
    name, mark = form
    # An unpaired quote shows that the file is written without quoting.
    body = [HEADER, SOUND, ("u1", "b", "1600000004", '5" disk'), ("u2", "c", "1600000004", "x")]
    body += [*rows, *junk]
    lines = [mark.join(row) if isinstance(row, tuple) else row.format(s=mark) for row in body]
    log = read_log(name, end.join(lines).encode())
    assert log is not None
    comments = log.count("comment lines among the rows")
    assert account(log) + comments == sum(bool(line.strip()) or mark in line for line in lines[1:])


@given(
    st.lists(
        st.tuples(
            USER,
            ITEM,
            st.sampled_from(["1600000001", "1600000002"]),
            st.text("ab\",;\n\t|'", max_size=8),
        )
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_quoted_files(rows, separator, quoting, end):
    """Whatever a field holds, the file has the rows that were written, and their values."""
    # In so short a file, a line of a text that is a row as it stands speaks for quotes as text.
    texts = [line for row in rows for line in row[-1].splitlines()]
    assume(all(line.count(separator) < len(HEADER) - 1 for line in texts))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([HEADER, SOUND, *rows])
    log = read_log("e.csv", text.getvalue().encode())
    assert log is not None and account(log) == 1 + len(rows)
    assert log.count("broken") == 0


@given(
    st.lists(
        st.one_of(
            ROW.map(lambda row: json.dumps(dict(zip(HEADER, row, strict=True)))),
            ROW.map(lambda row: repr(dict(zip(HEADER, row, strict=True)))),
            ROW.map(lambda row: json.dumps({"user_id": row[0], "item_id": {"$oid": row[1]}})),
            st.sampled_from(["", "{", "[1]", '{"user_id": 1}{', "null", '{"user_id": NaN}', "x"]),
        )
    )
)
def test_json_lines(lines):
    first = json.dumps(dict(zip(HEADER, SOUND, strict=True)))
    log = read_log("e.jsonl", "\n".join([first, *lines]).encode())
    if log is not None:
        assert account(log) == 1 + sum(bool(line.strip()) for line in lines)


FRAME_ROW = st.fixed_dictionaries(
    {
        "user_id": st.one_of(st.none(), st.sampled_from(["u1", "u2", ""])),
        "item_id": st.one_of(st.none(), st.sampled_from(["a", "b", "zzz", ""])),
        "timestamp": st.none() | st.integers(1_600_000_000, 1_600_000_005),
    }
)


@given(st.lists(FRAME_ROW, min_size=1), st.sampled_from(["frame", "lazy", "pandas", "parquet"]))
def test_frames_and_parquet(rows, form):
    schema = {"user_id": pl.String, "item_id": pl.String, "timestamp": pl.Int64}
    rows = [{"user_id": "u", "item_id": "a", "timestamp": 1_600_000_000}, *rows]
    frame = pl.DataFrame(rows, schema=schema)
    if form == "parquet":
        body = io.BytesIO()
        frame.write_parquet(body)
        log = read_log("e.parquet", body.getvalue())
    else:
        source = {"frame": frame, "lazy": frame.lazy(), "pandas": frame.to_pandas()}[form]
        log = read(ITEMS, source, max_dropped=1).log
    assert account(log) == len(rows)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), TEXT, TEXT)), st.integers(0, 3))
def test_items_and_a_core(rows, k_core):
    text = io.StringIO()
    csv.writer(text).writerows([("item_id", "title", "brand"), ("a", "A", ""), *rows])
    events = pl.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["a", "a", "a"]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "i.csv")
        path.write_text(text.getvalue())
        try:
            log = read(path, events, k_core=k_core, max_dropped=1).log
        except DataError:
            assume(False)
    assert account(log, "items") == 1 + sum(any(row) or len(row) > 1 for row in rows)
    assert account(log) == 3


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", "", None]), TEXT, TEXT)),
    st.sampled_from(["jsonl", "parquet", "json", "tsv"]),
)
def test_items_in_other_formats(rows, form):
    frame = pl.DataFrame([("a", "A", '"'), *rows], ["item_id", "title", "brand"], orient="row")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"i.{form}")
        if form == "tsv":
            # A field that is a quote alone might as well open one that goes on in the next line.
            frame = frame.fill_null("").with_columns(pl.all().str.replace_all('"', '5"'))
            path.write_text("".join("\t".join(r) + "\n" for r in [frame.columns, *frame.rows()]))
        else:
            writers = {
                "jsonl": frame.write_ndjson,
                "parquet": frame.write_parquet,
                "json": frame.write_json,
            }
            writers[form](path)
        events = pl.DataFrame({"user_id": ["u"], "item_id": ["a"]})
        log = read(path, events, max_dropped=1).log
    assert account(log, "items") == 1 + len(rows)


IMPRESSIONS = st.lists(st.sampled_from(["N1-0", "N2-1", "N9-1"]), min_size=1, max_size=3).map(
    " ".join
)
HISTORY = st.lists(st.sampled_from(["N1", "N2", "N9"]), max_size=3).map(" ".join)


@given(st.lists(st.tuples(st.sampled_from(["U1", "U2"]), st.integers(1, 28), HISTORY, IMPRESSIONS)))
def test_impressions_and_histories(rows):
    lines = ["1\tU1\t11/1/2019 9:05:58 AM\t\tN1-1"]
    lines += [f"1\t{u}\t11/{d}/2019 9:05:58 PM\t{h}\t{s}" for u, d, h, s in rows]
    items = pl.DataFrame({"news_id": ["N1", "N2"], "title": ["x", "y"]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "behaviors.tsv")
        path.write_text("\n".join(lines))
        log = read(items, path, now=1e12, max_dropped=1).log
    assert account(log) == 1 + len(rows)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_header_in_the_middle_is_a_row_dropped(tmp_path, separator):
    part = (
        "\n".join(separator.join(row) for row in (HEADER, SOUND, ("u2", "b", "1600000001", "x")))
        + "\n"
    )
    (tmp_path / "e.csv").write_text(part + part.replace("u", "v").replace("vser", "user"))
    log = read(ITEMS, tmp_path / "e.csv").log
    assert (log.rows_read["events"], log.rows_kept["events"]) == (5, 4)
    assert log.count("header line in the middle") == 1
    account(log)
