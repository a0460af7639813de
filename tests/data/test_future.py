"""Catalogs that list future releases, and those that list unpopular items."""

import numpy as np
import polars as pl
import pytest

from pennyweight.data.dataset import read
from pennyweight.data.future import FEW, new_items
from pennyweight.data.split import parts
from pennyweight.fitting import evaluate
from pennyweight.validation.validate import validate

START, DAY, OLD = 1_650_000_000, 86_400, 100


def shop(new: int, chosen: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return old items everybody meets for 90 days, and new ones, some chosen in the last ten."""
    rng = np.random.default_rng(0)
    n = OLD + new
    items = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(n)],
            "title": [f"thing kind{i % 7}" for i in range(n)],
        }
    )
    rows = []
    for user in range(120):
        days = np.sort(rng.integers(0, 90, 9))
        rows += [(f"u{user}", f"i{rng.integers(OLD)}", START + int(d) * DAY + user) for d in days]
        item = OLD + user % chosen if chosen and user < 2 * chosen else rng.integers(OLD)
        rows.append((f"u{user}", f"i{item}", START + 95 * DAY + user))
    return items, pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")


@pytest.mark.parametrize(
    ("new", "chosen", "is_future"),
    [
        (40, 40, True),  # every item that is new is asked for
        (40, 22, True),
        (40, 18, False),  # most are not
        (FEW - 1, FEW - 1, False),  # too few to say
        (40, 0, False),
        (0, 0, False),
    ],
)
def test_a_catalog_of_the_future_is_recognised_by_the_test_choices(new, chosen, is_future):
    items, events = shop(new, chosen)
    data = read(items, events)
    new_ones = new_items(data.interactions, parts(data.interactions, "global-time"))
    assert (len(new_ones.items), len(new_ones.chosen), new_ones.give_answers) == (
        new,
        chosen,
        is_future,
    )
    kinds = {finding.kind: finding for finding in validate(data, encoder="tfidf").findings}
    assert ("future-catalog" in kinds) == is_future
    if is_future:
        leak = kinds["future-catalog"]
        assert (leak.area, leak.severity, leak.count, leak.of) == ("leak", "warning", chosen, new)
        assert "--scorers content,neighbors,tower" in leak.remedy


def test_the_report_says_that_the_catalog_knows_the_future():
    quick = {"encoder": "tfidf", "scorers": ["content", "neighbors"], "protocol": "global-time"}
    future, present = (evaluate(*shop(40, chosen), **quick) for chosen in (40, 0))
    sentence = "40 of the 40 items without an event before the test are test items"
    assert any(sentence in notice for notice in future.notices)
    assert sentence in str(future)
    assert not any("knows the future" in notice for notice in present.notices or ())
