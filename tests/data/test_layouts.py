"""Well-known files without a header: their columns, events and items."""

import gzip

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.data.tables import read_table
from pennyweight.errors import DataError

UUID = "0a1b2c3d-0000-4000-8000-00000000000"
SHA = "0123456789abcdef0123456789abcdef0123456"


@pytest.mark.parametrize(
    ("name", "row", "columns"),
    [
        ("u.data", "1\t2\t3\t881250949", "user_id item_id rating timestamp"),
        ("ratings.dat", "1::2::3.5::978300760", "user_id item_id rating timestamp"),
        ("ratings.csv", "1,2,3.5,978300760", "user_id item_id rating timestamp"),
        ("movies.dat", "1::Town (1995)::Comedy|Children's", "item_id title genres"),
        (
            "behaviors.tsv",
            "1\tU7\t11/11/2019 9:05:58 AM\tN1 N2\tN3-0 N4-1",
            "impression_id user_id time history impressions",
        ),
        (
            "news.tsv",
            'N1\tsports\tgolf\tA "big win\tWell.\thttps://x.example/a\t[{"Label": "A"}]\t[]',
            "news_id category subcategory title abstract url title_entities abstract_entities",
        ),
        (
            "UserBehavior.csv",
            "1,2268318,2520377,pv,1511544070",
            "user_id item_id category_id event_type timestamp",
        ),
        (
            "reviews_Toys.csv",
            "A0123456789B,B000012345,5.0,1365811200",
            "user_id item_id rating timestamp",
        ),
        ("Toys.csv", "B000012345,A0123456789B,5.0,1365811200", "item_id user_id rating timestamp"),
        (
            "yoochoose-clicks.dat",
            "1,2014-04-07T10:51:09.277Z,214536502,0",
            "session_id timestamp item_id category",
        ),
        (
            "yoochoose-buys.dat",
            "420374,2014-04-06T18:44:58.314Z,214537888,12462,1",
            "session_id timestamp item_id price quantity",
        ),
        (
            "listening.tsv",
            f"user_000001\t2009-05-04T23:08:57Z\t{UUID}1\tAnn\t\tA song",
            "user_id timestamp artist_id artist_name track_id track_name",
        ),
        (
            "plays.tsv",
            f'{SHA}7\t{UUID}1\tAnn and "the" band\t37',
            "user_id artist_id artist_name plays",
        ),
        (
            "checkins.txt",
            "0\t2010-10-19T23:55:27Z\t30.23\t-97.79\t22847",
            "user_id timestamp latitude longitude location_id",
        ),
    ],
)
def test_layouts(tmp_path, name, row, columns):
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(f"{row}\n{row}\n".encode()))
    frame, findings = read_table(tmp_path / f"{name}.gz", table="events")
    assert frame.columns == columns.split()
    assert frame.height == 2
    assert "no header, read as" in str(findings[0])


def test_genres_of_movielens_are_words(tmp_path):
    flags = "|".join("1" if place in (1, 5) else "0" for place in range(19))
    (tmp_path / "u.item").write_text(f"1|Town (1995)|01-Jan-1995||http://x.example|{flags}\n" * 2)
    frame, _ = read_table(tmp_path / "u.item")
    assert frame["genres"].to_list() == ["Action|Comedy"] * 2


def test_a_header_is_no_row_of_a_layout(tmp_path):
    (tmp_path / "u.data").write_text("user_id\titem_id\trating\ttimestamp\n1\t2\t3\t881250949\n")
    frame, findings = read_table(tmp_path / "u.data")
    assert (frame.height, findings) == (1, [])


def test_the_error_for_an_unknown_file_without_a_header_names_the_remedy(tmp_path):
    (tmp_path / "e.csv").write_text("u1,a,2024-01-05\nu2,b,2024-01-06\n")
    with pytest.raises(DataError, match=r"is the first line.*echo 'user_id,item_id,timestamp'"):
        read(pl.DataFrame({"item_id": ["a", "b"], "title": ["x", "y"]}), tmp_path / "e.csv")


MIND = """1\tU1\t11/11/2019 9:05:58 AM\tN1 N2\tN3-0 N4-1
2\tU1\t11/12/2019 6:11:30 PM\tN1 N2\tN5-1 N3-0
3\tU1\t11/13/2019 6:11:30 PM\tN1 N2 N4 N6\tN3-0
4\tU2\t11/14/2019 7:01:48 AM\t\tN1-1 N2-0
"""


def mind(tmp_path):
    items = pl.DataFrame({"news_id": [f"N{i}" for i in range(1, 7)], "title": list("abcdef")})
    (tmp_path / "behaviors.tsv").write_text(MIND)
    return read(items, tmp_path / "behaviors.tsv")


def test_mind_impressions_and_histories(tmp_path):
    data = mind(tmp_path)
    log = data.interactions
    ids, users = list(data.catalog.ids), list(log.users)
    events = [(users[u], ids[i]) for u, i in zip(log.user, log.item, strict=True)]
    # Each history counts once; N4 was clicked before the history that has it, N6 was not.
    assert events == [
        ("U1", "N1"),
        ("U1", "N2"),
        ("U1", "N4"),
        ("U1", "N5"),
        ("U1", "N6"),
        ("U2", "N1"),
    ]
    first = 1_573_463_158  # 2019-11-11 09:05:58
    assert log.time[:3].tolist() == [first - 2, first - 1, first]
    assert log.kinds == ("click",)


def test_mind_rows_are_counted(tmp_path):
    log = mind(tmp_path).log
    assert log.unaccounted("events") == 0
    assert log.rows_read["events"] == 4
    assert log.count("impressions and histories") == 7 + 3 - 4
    assert log.rows_kept["events"] == 6
