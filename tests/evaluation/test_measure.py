import numpy as np
import pytest

from pennyweight.data.ids import Ids
from pennyweight.data.interactions import Histories, Interactions
from pennyweight.data.split import HeldOut
from pennyweight.evaluation.measure import measure


class Next:
    """Knows the world: after item i comes i + 1."""

    name = "next"

    def __init__(self, n_items):
        self.n_items = n_items

    def fit(self, interactions, catalog):
        return self

    def score(self, histories):
        last = histories.item[histories.offsets[1:] - 1]
        scores = np.zeros((len(histories), self.n_items), np.float32)
        scores[np.arange(len(histories)), (last + 1) % self.n_items] = 1
        return scores


class Constant(Next):
    name = "constant"

    def score(self, histories):
        return np.zeros((len(histories), self.n_items), np.float32)


class Broken(Next):
    def score(self, histories):
        return super().score(histories) * np.float32(np.nan)


class Narrow(Next):
    def score(self, histories):
        return super().score(histories)[:, 1:]


@pytest.fixture(scope="module")
def split():
    n, n_items = 500, 200
    empty = np.empty(0)
    before = Interactions(
        Ids([], "users"),
        n_items,
        *(empty.astype(t) for t in ("i4", "i4", "f8", "f4", "u1")),
        ("event",),
        empty.astype("u1"),
        True,
    )
    last = np.arange(n) % n_items
    histories = Histories.of([[(i - 1) % n_items, i] for i in last])
    targets = ((last + 1) % n_items).astype(np.int32)
    return HeldOut(np.arange(n, dtype=np.int32), histories, targets, np.arange(n + 1), before)


def test_known_world(split):
    result = measure(
        {"next": Next(200), "constant": Constant(200)}, split, repeats="exclude", block_bytes=10_000
    )
    assert list(result) == ["next", "constant"]
    assert (result["next"].ranks == 0).all()
    assert result["next"].column("ndcg@10").tolist() == [1.0] * 500
    assert result["next"].estimates()["mrr@10"] == (1, 1, 1)
    # 198 items are left to rank: chance finds the target among ten of them.
    assert result["constant"].column("recall@10").mean() == pytest.approx(10 / 198, abs=0.03)


def test_blocks_do_not_change_the_result(split):
    def with_blocks(block_bytes):
        return measure({"c": Constant(200)}, split, repeats="exclude", block_bytes=block_bytes)[
            "c"
        ].ranks

    assert with_blocks(1).tolist() == with_blocks(1 << 20).tolist()


def test_progress(split):
    calls = []
    measure(
        {"n": Next(200)},
        split,
        repeats="include",
        block_bytes=800 * 300,
        progress=lambda *call: calls.append(call),
    )
    assert calls == [("n", 300, 500), ("n", 500, 500)]


def test_a_broken_scorer_is_named(split):
    with pytest.raises(ValueError, match=r"scorer 'b': .* NaN"):
        measure({"b": Broken(200)}, split, repeats="exclude")
    with pytest.raises(ValueError, match="scorer 'w' returned scores of shape"):
        measure({"w": Narrow(200)}, split, repeats="exclude")
