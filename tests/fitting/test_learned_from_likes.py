"""Lists from logs that hold the opposite of liking too."""

import numpy as np
import polars as pl
import pytest

import pennyweight

TOPICS = ("harbour anchor sail", "oven flour bread", "orbit comet star", "violin sonata choir")


def items() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(40)],
            "title": [f"{TOPICS[n % 4]} no{n}" for n in range(40)],
        }
    )


def world(**signs: tuple[object, object]) -> pl.DataFrame:
    """Return events: user n likes items of topic n mod 4 and turns down those of the next.

    Each of `signs` is a column and its values for the one and the other.
    """
    rng = np.random.default_rng(5)
    rows = []
    for user in range(40):
        picks = rng.permutation(10)
        for sign, shift, n in ((0, 0, 5), (1, 1, 5)):
            for at in picks[:n]:
                item = 4 * int(at) + (user + shift) % 4
                time = 1_600_000_000 + int(rng.integers(10**7))
                rows.append((f"u{user}", f"i{item}", time, *(v[sign] for v in signs.values())))
    return pl.DataFrame(rows, ["user_id", "item_id", "timestamp", *signs], orient="row")


@pytest.mark.parametrize(
    "signs",
    [
        {"feedback_type": ("like", "dislike")},
        {"event_type": ("purchase", "impression")},
        {"rating": (5, 1)},
        {"quantity": (2, -1)},
        {"InvoiceNo": ("536365", "C536365")},
        {"order_status": ("delivered", "cancelled")},
        {"vote": (1, -1)},
        {"clicked": (1, 0)},
    ],
)
def test_lists_follow_the_liked_items(signs, monkeypatch, tmp_path):
    monkeypatch.setenv("PENNYWEIGHT_CACHE", str(tmp_path))
    if "InvoiceNo" in signs:  # most orders are not cancelled
        bought = world(InvoiceNo=signs["InvoiceNo"])
        more = bought.filter(pl.col("InvoiceNo") == "536365").head(1)
        log = pl.concat([bought, *[more] * 10])
    else:
        log = world(**signs)
    scorers = ["popularity", "content", "neighbors"]
    fitted = pennyweight.fit(items(), log, encoder="tfidf", scorers=scorers)
    lists = fitted.recommend_many(k=5)
    user = lists["user_id"].str.slice(1).cast(int)
    item = lists["item_id"].str.slice(1).cast(int)
    assert lists.height == 200
    assert ((user - item) % 4 == 0).all()
    assert len(fitted.interactions) == 200
