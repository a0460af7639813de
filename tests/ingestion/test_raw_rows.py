"""Rows are cut at the same bytes however they arrive."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.ingestion.raw_rows import MAX_ROW, RowBuffer


def rows(data: bytes, sizes: list[int], *, delimiter: bytes | None, final: bool = True) -> list:
    stream = io.BytesIO(data)
    cuts = iter(sizes)
    buffer = RowBuffer(lambda n: stream.read(next(cuts, n)))
    buffer.delimiter = delimiter
    found = []
    while (row := buffer.take(final=final)) is not None:
        found.append(row)
    return found


@given(
    st.lists(st.sampled_from([b"a", b'"', b"\n", b",", b"\r\n", "é".encode()]), max_size=40),
    st.lists(st.integers(1, 5), max_size=40),
    st.sampled_from([None, b","]),
)
def test_rows_hold_all_bytes_wherever_reads_end(parts, sizes, delimiter):
    data = b"".join(parts)
    whole = rows(data, [], delimiter=delimiter)
    assert [row.start for row in whole] == [0, *(row.end for row in whole)][: len(whole)]
    assert (whole[-1].end if whole else 0) == len(data)
    assert all(data[row.start : row.end].rstrip(b"\r\n") == row.data for row in whole)
    assert rows(data, [*sizes], delimiter=delimiter, final=False) == rows(
        data, [], delimiter=delimiter, final=False
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'a,"x\ny",b\nc\n', [b'a,"x\ny",b', b"c"]),
        (b'a,"x ""q"" \n y"\nc', [b'a,"x ""q"" \n y"', b"c"]),
        (b'5" disk,a\nb\n', [b'5" disk,a', b"b"]),
        (b'a,"never closed\nb\nc\n', [b'a,"never closed', b"b", b"c"]),
    ],
)
def test_cells_in_quotes_may_hold_line_breaks(text, expected):
    assert [row.data for row in rows(text, [], delimiter=b",")] == expected


def test_an_unfinished_row_waits():
    stream = io.BytesIO(b"one\ntw")
    buffer = RowBuffer(stream.read)
    assert buffer.take(final=False).data == b"one"
    assert buffer.take(final=False) is None
    stream.write(b"o\n")
    stream.seek(-2, io.SEEK_END)
    row = buffer.take(final=False)
    assert (row.data, row.start, row.end) == (b"two", 4, 8)


def test_a_stray_quote_holds_up_no_more_than_its_bound():
    data = b'a,"stray\n' + b"b,c\n" * (MAX_ROW // 4 + 1)
    assert rows(data, [], delimiter=b",", final=False)[0].data == b'a,"stray'
