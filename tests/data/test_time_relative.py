"""Times that count back from an export: the advice leads to the right order."""

import re

import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.data.readers.time_relative import relative_order
from pennyweight.errors import DataError

N = 24
ITEMS = pl.DataFrame({"item_id": [f"i{n}" for n in range(N)], "title": [f"t{n}" for n in range(N)]})
TEXTS = {
    "English": [f"{n} days ago" for n in range(N)],
    "mixed": ["just now", "5 minutes ago", "an hour ago", "yesterday"]
    + [f"{n} days ago" for n in range(2, 13)]
    + [f"{n} weeks ago" for n in range(2, 11)],
    "coarse": ["today"] * 8 + ["yesterday"] * 8 + ["last week"] * 8,
    "short": [f"{n}d" for n in range(N)],
    "German": ["gestern", *(f"vor {n} Tagen" for n in range(2, N + 1))],
    "French": ["hier", *(f"il y a {n} jours" for n in range(2, N + 1))],
    "Spanish": ["ayer", *(f"hace {n} días" for n in range(2, N + 1))],
    "Italian": ["ieri", *(f"{n} giorni fa" for n in range(2, N + 1))],
    "Dutch": ["gisteren", *(f"{n} dagen geleden" for n in range(2, N + 1))],
    "Polish": ["wczoraj", *(f"{n} dni temu" for n in range(2, N + 1))],
    "Turkish": ["dün", *(f"{n} gün önce" for n in range(2, N + 1))],
    "Russian": ["вчера", *(f"{n} дней назад" for n in range(2, N + 1))],
    "Japanese": ["昨日", *(f"{n}日前" for n in range(2, N + 1))],
    "Chinese": ["昨天", *(f"{n}天前" for n in range(2, N + 1))],
}


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("language", TEXTS)
def test_the_advice_gives_the_right_order(language, newest_first):
    # Item 0 is the newest.
    rows = pl.DataFrame(
        {"user_id": ["u0", "u1"] * (N // 2), "item_id": ITEMS["item_id"], "when": TEXTS[language]}
    )
    rows = rows if newest_first else rows.reverse()
    with pytest.raises(DataError, match="count back from an export") as error:
        read(ITEMS, rows)
    message = str(error.value)
    assert "--time-column ''" in message
    option = re.search(r"--row-order ([\w-]+), row_order='([\w-]+)'", message)
    assert option is not None and option[1] == option[2]
    data = read(ITEMS, rows, columns={"time": None}, row_order=option[1])
    log = data.interactions
    last = {
        user: data.catalog.ids[log.item[end - 1]]
        for user, end in zip(log.users, log.offsets[1:], strict=True)
    }
    assert last == {"u0": "i0", "u1": "i1"}


def test_a_column_of_any_name_that_counts_back_is_asked_about():
    rows = pl.DataFrame(
        {"user_id": ["u0", "u1"] * (N // 2), "item_id": ITEMS["item_id"], "seen": TEXTS["coarse"]}
    )
    with pytest.raises(DataError, match=r"'today', which count back .*--row-order newest-first"):
        read(ITEMS, rows)


def test_other_times_that_cannot_be_read_name_both_orders():
    rows = pl.DataFrame(
        {
            "user_id": ["u0", "u1"] * (N // 2),
            "item_id": ITEMS["item_id"],
            "when": [f"stardate {n}.5" for n in range(N)],
        }
    )
    with pytest.raises(DataError, match=r"no time can be read.*where the newest .*--row-order new"):
        read(ITEMS, rows)


def test_other_texts_are_no_relative_times():
    for texts in (["5 apples", "6 apples"], ["3. März", "4. März"], ["red", "blue"], ["1", "2"]):
        assert relative_order(pl.Series(texts)) is None
    assert relative_order(pl.Series(["5d", "7d"]), short=False) is None
    assert relative_order(pl.Series(["2 days ago", "1 day ago", "3 days ago"])) == ""
