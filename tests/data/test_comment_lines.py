"""Lines of a table that are no rows: comments wherever they stand, footers of consoles, sums."""

import pytest

from pennyweight.data.dataset import read
from pennyweight.data.tables import read_table
from pennyweight.errors import DataError

HEADER = "user_id,item_id,timestamp"
ROWS = [f"u{k % 5},i{k % 8},{1_700_000_000 + k}" for k in range(40)]
ITEMS = ["item_id,title,price", *(f"i{k},thing {k},{k}" for k in range(8))]


def written(tmp_path, lines, name="t.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_lines(tmp_path, lines, **options):
    items = written(tmp_path, ITEMS, "items.csv")
    return read(items, written(tmp_path, lines), **options)


@pytest.mark.parametrize(
    "comment",
    [
        "# part two",
        "#",
        "#part",
        '"# with, a comma"',
        "# a, b, c, d, e",
        "  # indented",
        "(40 rows)",
    ],
)
@pytest.mark.parametrize("at", [21, 41])
def test_a_comment_among_the_rows_is_no_row_and_no_broken_one(tmp_path, comment, at):
    lines = [HEADER, *ROWS]
    data = read_lines(tmp_path, [*lines[:at], comment, *lines[at:]], strict=True)
    assert len(data.interactions) == 40
    assert data.log.rows_read["events"] == 40
    assert data.log.count("comment lines among the rows: not rows") == 1


def test_many_comments_are_counted(tmp_path):
    lines = [HEADER, *(line for k, row in enumerate(ROWS) for line in (f"# {k}", row))]
    data = read_lines(tmp_path, ["# exported", *lines])
    assert len(data.interactions) == 40
    # The first stands between the header and the rows, as the others do.
    assert data.log.count("comment lines among the rows") == 40
    assert data.log.count("comment lines before the header: 1") == 40


def test_a_comment_with_as_many_fields_as_a_row(tmp_path):
    data = read_lines(tmp_path, [HEADER, *ROWS, "# the end, of all, rows"])
    assert len(data.interactions) == 40
    assert data.log.count("comment line, which begins with '# '") == 1
    assert data.log.unaccounted("events") == 0


def test_ids_and_titles_with_a_number_sign_are_rows(tmp_path):
    items = ["title,item_id,price", *(f"# {k} dad mug,#i{k},{k}" for k in range(8))]
    log = [HEADER, *(f"#u{k % 5},#i{k % 8},{1_700_000_000 + k}" for k in range(40)), "#u1"]
    data = read(written(tmp_path, items, "items.csv"), written(tmp_path, log))
    assert len(data.catalog) == 8 and len(data.interactions) == 40
    assert data.log.count("broken row") == 1  # as likely a row as a comment
    with pytest.raises(DataError, match="1 broken rows"):
        read_table(tmp_path / "t.csv", strict=True)


@pytest.mark.parametrize(
    "word", ["Total", "Grand Total", "Summe:", "Gesamtergebnis", "Итого", "合計"]
)
def test_a_sum_below_the_items_is_no_item(tmp_path, word):
    items = [*ITEMS, f"{word},,28"]
    data = read(written(tmp_path, items, "items.csv"), written(tmp_path, [HEADER, *ROWS]))
    assert list(data.catalog.ids) == [f"i{k}" for k in range(8)]
    assert data.log.count("sum below the rows") == 1 and data.log.unaccounted("items") == 0


def test_an_item_called_total_stays(tmp_path):
    for last in ("total,Total War,40", "i99,Total,"):
        items = written(tmp_path, [*ITEMS, last], "items.csv")
        assert len(read(items, written(tmp_path, [HEADER, *ROWS])).catalog) == 9
