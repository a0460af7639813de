import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennyweight.data.interactions import Histories
from pennyweight.evaluation.ranking import MISS, ranks_and_lists

EMPTY = Histories.of([[]])


def ranks(*block, **settings):
    return ranks_and_lists(*block, k=0, **settings)[0]


def ranks_of(scores, target, history=(), repeats="exclude", first=0):
    return ranks(
        np.array([scores], np.float32),
        Histories.of([history]),
        np.atleast_1d(np.array(target, np.int32)),
        np.array([0, np.size(target)]),
        repeats=repeats,
        first=first,
    ).tolist()


def test_history_is_left_out_of_the_ranking():
    assert ranks_of([9, 8, 7, 6], 2) == [2]
    assert ranks_of([9, 8, 7, 6], 2, history=[0, 0, 1]) == [0]
    assert ranks_of([9, 8, 7, 6], 2, history=[0], repeats="include") == [2]


def test_a_repeated_target_is_a_miss_unless_repeats_count():
    assert ranks_of([9, 8, 7, 6], [0, 1], history=[0]) == [MISS, 0]
    assert ranks_of([9, 8, 7, 6], [0, 1], history=[0], repeats="include") == [0, 1]


def test_scores_are_not_changed():
    scores = np.ones((1, 3), np.float32)
    ranks(scores, Histories.of([[1]]), np.array([0]), np.array([0, 1]), repeats="exclude")
    assert (scores == 1).all()


@given(
    st.integers(1, 6),
    st.integers(2, 40),
    st.sampled_from(["exclude", "include"]),
    st.integers(0, 2**32 - 1),
)
def test_agrees_with_a_plain_sort(n, n_items, repeats, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 4, (n, n_items)).astype(np.float32)
    histories = [rng.integers(0, n_items, rng.integers(0, 5)).tolist() for _ in range(n)]
    held = [rng.choice(n_items, rng.integers(1, min(5, n_items)), replace=False) for _ in range(n)]
    offsets = np.concatenate([[0], np.cumsum([len(h) for h in held])])
    flat = np.concatenate(held).astype(np.int32)
    got = ranks(scores, Histories.of(histories), flat, offsets, repeats=repeats)
    for u in range(n):
        masked = set(histories[u]) if repeats == "exclude" else set()
        mine = got[offsets[u] : offsets[u + 1]]
        ranked = [r for r, t in zip(mine, held[u], strict=True) if t not in masked]
        assert len(set(ranked)) == len(ranked)
        for t, r in zip(held[u], mine, strict=True):
            others = [i for i in range(n_items) if i not in masked and i != t]
            greater = sum(scores[u, i] > scores[u, t] for i in others)
            equal = sum(scores[u, i] == scores[u, t] for i in others)
            assert (r == MISS) if t in masked else (greater <= r <= greater + equal)


@pytest.mark.parametrize("target", [0, 1, 49, 99])
def test_a_constant_scorer_earns_an_average_rank(target):
    n, n_items = 4_000, 100
    got = ranks(
        np.zeros((n, n_items), np.float32),
        Histories.of([[]] * n),
        np.full(n, target, np.int32),
        np.arange(n + 1),
        repeats="exclude",
    )
    assert abs(got.mean() - (n_items - 1) / 2) < 2
    share = np.bincount(got, minlength=n_items) / n
    assert share.max() < 0.03


def test_all_items_tied_fill_every_rank_once():
    assert sorted(ranks_of(np.zeros(50), np.arange(50))) == list(range(50))


def test_blocks_do_not_change_ties():
    n, n_items = 40, 12
    scores = np.random.default_rng(0).integers(0, 2, (n, n_items)).astype(np.float32)
    histories = Histories.of([[u % n_items] for u in range(n)])
    targets = ((np.arange(n) + 1) % n_items).astype(np.int32)
    offsets = np.arange(n + 1)
    unblocked = ranks(scores, histories, targets, offsets, repeats="exclude")
    parts = [
        ranks(scores[r], h, targets[r], np.arange(len(h) + 1), repeats="exclude", first=r.start)
        for r, h in histories.blocks(7)
    ]
    assert unblocked.tolist() == np.concatenate(parts).tolist()
    # Offsets of a block may also be a slice of the whole.
    last = ranks(
        scores[30:], histories.block(30, n), targets[30:], offsets[30:], repeats="exclude", first=30
    )
    assert last.tolist() == unblocked[30:].tolist()


def test_many_targets_cross_chunks():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(2, 200_000)).astype(np.float32)
    targets = np.concatenate([rng.choice(200_000, 5, replace=False) for _ in range(2)])
    got = ranks(
        scores,
        Histories.of([[], []]),
        targets.astype(np.int32),
        np.array([0, 5, 10]),
        repeats="include",
    )
    expected = [(scores[i // 5] > scores[i // 5, t]).sum() for i, t in enumerate(targets)]
    assert got.tolist() == expected


def test_no_users():
    none = ranks(
        np.empty((0, 5), np.float32),
        Histories.of([]),
        np.empty(0, np.int32),
        np.zeros(1, np.int64),
        repeats="exclude",
    )
    assert none.shape == (0,)
    assert none.dtype == np.int64


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_must_be_finite(bad):
    with pytest.raises(ValueError, match="1 of 3 scores are NaN or infinite"):
        ranks_of([0, bad, 1], 0)


@pytest.mark.parametrize(
    ("scores", "target", "repeats", "match"),
    [
        ([0, 1], 2, "exclude", "outside the catalog of 2 items"),
        ([0, 1], -1, "exclude", "outside the catalog"),
        ([0, 1], [1, 1], "exclude", "twice"),
        ([0, 1], 1, "perhaps", "perhaps"),
    ],
)
def test_misuse_is_named(scores, target, repeats, match):
    with pytest.raises(ValueError, match=match):
        ranks_of(scores, target, repeats=repeats)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must be \\(histories, items\\)"):
        ranks(
            np.zeros((2, 3), np.float32), EMPTY, np.array([0]), np.array([0, 1]), repeats="include"
        )
    with pytest.raises(ValueError, match="offsets cover 1 targets, 2"):
        ranks(
            np.zeros((1, 3), np.float32),
            EMPTY,
            np.array([0, 1]),
            np.array([0, 1]),
            repeats="include",
        )
