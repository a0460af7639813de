import bz2
import csv
import gzip
import io
import itertools
import json
import lzma
import zipfile
from decimal import Decimal
from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.delimited import read_delimited
from pennyweight.data.jsonlines import read_json
from pennyweight.data.tables import id_strings, read_table
from pennyweight.errors import DataError

# NUL is no text; csv.reader takes a lone carriage return for the end of a line.
FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=20)


@given(st.lists(st.tuples(FIELD, FIELD), min_size=1), st.sampled_from(",\t;|"))
def test_csv_round_trip_of_nasty_strings(rows, separator):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    loaded = read_delimited(text.getvalue().encode(), "f", tabs=separator == "\t")
    frame, broken = loaded.frame, loaded.broken
    assert broken == []
    rows = [row for row in rows if not row[0].startswith(("# ", "#\t"))]  # may be comments
    frame = frame.filter(~pl.col("a").fill_null("").str.contains(r"^#[ \t]"))
    # An empty field is a missing value; a row of them may be a blank line.
    expected = [tuple(field or None for field in row) for row in rows]
    assert [row for row in frame.rows() if any(row)] == [row for row in expected if any(row)]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), FIELD, min_size=1), min_size=1))
def test_json_lines_round_trip(rows):
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    loaded = read_json(data, "f")
    frame, broken = loaded.frame, loaded.broken
    assert broken == []
    assert [{k: v for k, v in r.items() if v is not None} for r in frame.to_dicts()] == rows


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def zipped(data, *names):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("folder/t.csv",):
            archive.writestr(name, data)
    return body.getvalue()


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".lzma", partial(lzma.compress, format=lzma.FORMAT_ALONE)),
        (".zip", zipped),
    ],
)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "id,n\n007,x\n8,y\n"),
        ("t.tsv", "id\tn\n007\tx\n8\ty\n"),
        ("t.jsonl", '{"id":"007","n":"x"}\n{"id":"8","n":"y"}\n'),
        ("t.json", '[{"id":"007","n":"x"},{"id":"8","n":"y"}]'),
        ("t", "id;n\r\n007;x\r\n8;y\r\n"),
        ("old-mac.csv", "id,n\r007,x\r8,y\r"),
        ("bom.csv", "\ufeffid,n\n007,x\n\n8,y\n\n"),
    ],
)
def test_formats_and_compressions_give_the_same_table(write, name, text, suffix, pack):
    frame, findings = read_table(write(name + suffix, pack(text.encode())))
    assert frame.rows() == [("007", "x"), ("8", "y")]
    assert frame.columns == ["id", "n"]
    assert findings == []


@pytest.mark.parametrize("name", ["t.csv.zst", "t.jsonl.zst"])
def test_zstd_is_read_without_an_extra_package(tmp_path, name):
    body = io.BytesIO()
    if "csv" in name:
        pl.DataFrame({"id": ["007"], "n": ['a "b"\nc']}).write_csv(body, compression="zstd")
    else:  # polars packs CSV only: one unquoted column of JSON
        line = pl.DataFrame({"x": ['{"id":"007","n":"a"}']})
        line.write_csv(body, include_header=False, quote_style="never", compression="zstd")
    path = tmp_path / name
    path.write_bytes(body.getvalue())
    assert read_table(path)[0]["id"].to_list() == ["007"]


def test_parquet_keeps_types(tmp_path):
    frame = pl.DataFrame({"item": [1, 2], "tags": [["a"], ["b", "c"]]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")[0].equals(frame)


def test_frames_are_taken_as_they_are():
    pandas = pytest.importorskip("pandas")
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    for source in (frame, frame.lazy(), pandas.DataFrame({"a": [1, 2], "b": ["x", None]})):
        assert read_table(source)[0].equals(frame)
    with pytest.raises(DataError, match=r"column 'a' .*mixed types"):
        read_table(pandas.DataFrame({"a": [1, [2]]}))
    assert read_table(pandas.DataFrame({"a": [1, "x"]}))[0]["a"].to_list() == ["1", "x"]
    with pytest.raises(DataError, match="0 rows"):
        read_table(frame.head(0))
    with pytest.raises(DataError, match="not Series"):
        read_table(pandas.Series([1]))
    with pytest.raises(DataError, match="names a column twice"):
        read_table(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_reads_tables_of_python_and_arrow():
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    for source in (
        frame.to_dicts(),
        tuple(frame.to_dicts()),
        frame.to_dict(as_series=False),
        frame.to_arrow(),
    ):
        assert read_table(source)[0].equals(frame)
    assert read_table([{"a": 1}, {"a": 2, "b": "x"}])[0].rows() == [(1, None), (2, "x")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "0 rows and 0 columns"),
        ([], "0 rows and 0 columns"),
        (None, "not NoneType"),
        ([1, 2], "not list"),
        ({"a": [(1, "x")]}, "cannot be read as a table"),
        ({"a": [1, 2], "b": [1]}, "cannot be read as a table"),
    ],
)
def test_the_error_names_a_source_that_is_no_table(source, message):
    with pytest.raises(DataError, match=message):
        read_table(source, table="items")


def test_a_named_index_of_pandas_is_a_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert read_table(frame.set_index("a"))[0].columns == ["a", "b"]
    assert read_table(frame.set_index(["b", "a"], drop=False))[0].columns == ["a", "b"]
    assert read_table(frame.set_index("a").assign(a=5))[0].columns == ["b", "a"]


def test_quoted_newlines_quotes_and_separators(write):
    path = write("t.csv", 'id,n\n1,"a\nb, ""c"""\n2,"5"" pipe"\n3,5" pipe\n')
    assert read_table(path)[0].rows() == [("1", 'a\nb, "c"'), ("2", '5" pipe'), ("3", '5" pipe')]


BROKEN = 'id,n\n1,a\n2\n3,b,c\n4,"d\n5,e\n6,"f"x\n7,"g\nh"\n8,\n,\n'


def test_broken_rows_are_skipped_and_counted_with_line_numbers(write):
    frame, (finding,) = read_table(write("t.csv", BROKEN), table="events")
    assert frame.rows() == [("1", "a"), ("5", "e"), ("7", "g\nh"), ("8", None), (None, None)]
    assert (finding.table, finding.count, finding.action) == ("events", 4, "dropped")
    assert [example[:7] for example in finding.examples] == ["line 3:", "line 4:", "line 5:"]


def test_strict_refuses_broken_rows(write):
    with pytest.raises(DataError, match=r"t.csv: 4 broken rows: line 3: 1 fields"):
        read_table(write("t.csv", BROKEN), strict=True)


def test_one_percent_of_broken_rows(write):
    lines = [f"u{i},i{i}" if i % 100 else "u" for i in range(1, 10_001)]
    frame, (finding,) = read_table(write("t.csv", "\n".join(["user,item", *lines])))
    assert (frame.height, finding.count) == (9_900, 100)


def test_broken_json_lines_are_skipped_and_counted(write):
    text = '{"a":1}\n{"a":\n[1]\n\n{"a":NaN,"b":[1]}\n{"a":"x","b":{"c":1}}\n' + "[" * 9_000
    frame, (finding,) = read_table(write("t.jsonl", text))
    assert frame["a"].to_list() == ["1", "NaN", "x"]
    assert frame["b"].to_list() == [None, "[1]", '{"c": 1}']
    assert finding.count == 3
    assert finding.examples[0].startswith("line 2: ")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("t.csv", b"", "empty"),
        ("t.csv", b" \n\n", "empty"),
        ("t.csv.gz", gzip.compress(b""), "empty"),
        ("t.csv", b"id,n\n", "a header and no rows"),
        ("t.csv", b"id,n\n1\n2\n", "2 rows, all broken; .* line 2: 1 fields"),
        ("t.csv", b"id,id\n1,2\n", "twice"),
        (
            "t.csv",
            b"id,n\n1,caf\xe9\n",
            r"byte 0xe9 at offset 10, line 2\. It is plausible as WINDOWS-1252 .*'1,café'.*: iconv",
        ),
        ("t.csv", "id,n\n1,x\n".encode("utf-16")[:-1], "damaged.* iconv -c -f UTF-16 "),
        ("t.jsonl", b'{"a":"caf\xe9"}\n', "byte 0xe9 at offset 9, line 1"),
        ("t.json", b'[{"a":1},', "starts like a JSON array"),
        ("t.json", b"[1]", "objects only"),
        ("t.jsonl", b"{\n", "1 rows, all broken"),
        ("t.parquet", b"id\n1\n", "named as Parquet"),
        ("t.parquet", b"PAR1xx", "damaged Parquet"),
        ("t.csv.gz", gzip.compress(b"id\n1\n")[:-9], "cannot be decompressed"),
        ("t.csv.zst", b"\x28\xb5\x2f\xfdxx", "cannot be decompressed"),
        ("t.csv.gz", gzip.compress(b"id\n1\n" * 99)[:20] + b"\xff" * 30, "decompressed .*damaged"),
        ("t.csv.bz2", bz2.compress(b"id\n1\n")[:-9], "cannot be decompressed"),
        ("t.csv.xz", lzma.compress(b"id\n1\n")[:-9], "cannot be decompressed"),
        ("t.zip", zipped(b"id\n1\n")[:60], "cannot be decompressed"),
        ("t.zip", zipped(b"id\n1\n", "a.csv", "b.csv"), r"2 files \(a.csv, b.csv\); unpack"),
        ("t.xlsx", zipped(b"", "[Content_Types].xml", "xl/a.xml"), "office document; save .* CSV"),
        ("t.csv", b"\xef\xbb\xbf", "the file is empty"),
        ("t.json", b"[]", ": no rows; it needs"),
        ("t.csv", "id,n\n1,x\n".encode("utf-16-le"), "byte 0x00 .*iconv -f UTF-16LE"),
        ("t.csv", "id,n\n1,x\n".encode("utf-16-be"), "iconv -f UTF-16BE"),
        ("t.jsonl", '{"id": "x"}\n'.encode("utf-32")[:-2], "iconv -c -f UTF-32 "),
        ("a b's.csv", b"id,n\n1,caf\xe9\n", r"-t UTF-8 '.*/a b'\"'\"'s\.csv' > 'utf8-a b'"),
        (
            "t.csv.gz",
            gzip.compress(b"id,n\n1,caf\xe9\n"),
            r"gzip -dc \S+t\.csv\.gz \| iconv -f WINDOWS-1252 -t UTF-8 > utf8-t\.csv",
        ),
        ("t.csv", bytes(999), "binary file"),
        ("t.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary file"),
    ],
    ids=itertools.count(),  # compressed bytes hold the time and so would the names
)
def test_errors_name_the_fault_of_unusable_files(write, name, data, words):
    path = write(name, data)
    with pytest.raises(DataError, match=words) as error:
        read_table(path)
    assert str(path) in str(error.value)


def test_missing_files_and_directories(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a directory"):
        read_table(tmp_path)
    (tmp_path / "events.csv").write_text("x")
    with pytest.raises(DataError, match=r"did you mean 'events.csv'"):
        read_table(tmp_path / "events.cvs")
    with pytest.raises(DataError, match="only local files"):
        read_table("https://example.org/items.csv")


def test_a_file_of_commas_named_tsv_is_read(write):
    assert read_table(write("t.tsv", "id,n\n7,x\n"))[0].columns == ["id", "n"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["007", "", None, "a b/ü🎈"], ["007", None, None, "a b/ü🎈"]),
        ([7, None], ["7", None]),
        ([12.0, None, float("nan")], ["12", None, None]),
        ([12.5, 1.0], ["12.5", "1.0"]),
        (["12.0", None, "3.0"], ["12", None, "3"]),
        (["12.0", "x"], ["12.0", "x"]),
        (["12.000000000", "3.000000000"], ["12", "3"]),
        (["12.0", "12.00"], ["12.0", "12.00"]),
        ([Decimal("12.000000000"), None], ["12", None]),
        ([Decimal("1200.00"), Decimal("3.00")], ["1200", "3"]),
        ([Decimal("12.500"), Decimal("3.050"), Decimal("7.000")], ["12.5", "3.05", "7"]),
        ([Decimal(2**70)], [str(2**70)]),
        ([None, None], [None, None]),
    ],
)
def test_ids_become_strings(values, expected):
    assert id_strings(pl.Series("item", values, strict=False), "f").to_list() == expected


def test_lists_are_no_ids():
    with pytest.raises(DataError, match=r"column 'item' holds List\(String\), not ids"):
        id_strings(pl.Series("item", [["a"]]), "f")
    with pytest.raises(DataError, match="holds Object, not ids"):
        id_strings(pl.Series("item", [object()], dtype=pl.Object), "f")


def test_a_workbook_of_excel_is_named(write):
    path = write("items.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + b"\n" + bytes(90))
    with pytest.raises(DataError, match=r"a workbook of Excel \(\.xls\).*Save the sheet as CSV"):
        read_table(path)
