"""Beyond accuracy: by hand, beside RecTools' values, and beside plain loops on real data."""

import naive
import numpy as np
import polars as pl
import pytest
from scipy import sparse

from pennyweight.data.dataset import read
from pennyweight.data.interactions import Histories
from pennyweight.data.split import split
from pennyweight.evaluation import beyond_accuracy as beyond
from pennyweight.evaluation.groups import category_column, groups_of
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.metrics import CUTOFFS, metric_names, per_user
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from public_datasets import folder_of
from world import A, B, C, four

LISTS = np.array([[A, B], [C, -1], [-1, -1]], np.int32)


def test_item_facts_of_the_four_by_four_world():
    log, _ = four()
    facts = beyond.item_facts(log)
    assert facts.popularity.tolist() == [4, 3, 2, 1]
    assert facts.surprise == pytest.approx([0, -np.log2(3 / 4), 1, 2])
    assert facts.expected.tolist() == [1, 0.75, 0.5, 0.25]


def test_means_coverage_and_gini_by_hand():
    assert beyond.list_mean(LISTS, np.array([4.0, 3, 2, 1])).tolist() == [3.5, 2, 0]
    assert beyond.coverage(LISTS, 4) == 0.75
    assert beyond.gini(LISTS, 4) == pytest.approx(0.25)  # 0, 1, 1, 1
    assert beyond.gini(np.array([[0, 1], [0, 1]], np.int32), 2) == 0
    assert beyond.gini(np.array([[0], [0]], np.int32), 4) == pytest.approx(0.75)  # 1 - 1 / n


def test_diversity_by_hand():
    vectors = sparse.csr_matrix(np.array([[1, 0], [0.6, 0.8], [0, 0], [1, 0]]))
    lists = np.array([[0, 1, -1], [0, 3, -1], [0, 1, 2], [2, -1, -1]], np.int32)
    values = beyond.diversity(lists, vectors)
    assert values == pytest.approx([0.4, 0, (0.4 + 1 + 1) / 3, 0])


def test_miscalibration_by_hand():
    groups = groups_of(pl.Series("genre", ["rock", "pop", "rock|pop", None]))
    histories = Histories.of([[0, 0, 1], [2], [], [0]])
    lists = np.array([[0, 1], [0, 1], [0, 1], [1, 1]], np.int32)
    values = beyond.miscalibration(lists, histories, groups)
    # 2/3 rock and 1/3 pop, against a half of each.
    q = [0.99 / 2 + 0.01 * p for p in (2 / 3, 1 / 3)]
    assert values[0] == pytest.approx(2 / 3 * np.log(2 / 3 / q[0]) + 1 / 3 * np.log(1 / 3 / q[1]))
    assert values[1] == pytest.approx(0, abs=1e-12)
    assert np.isnan(values[2])
    assert values[3] == pytest.approx(np.log(100))  # no item like those of the user


def test_blocks_do_not_change_the_result(monkeypatch, rectools):
    world, held = rectools
    lists = np.array(world["lists"], np.int32)[:, :10]
    groups = groups_of(pl.Series("g", [f"g{i % 7}" for i in range(world["n_items"])]))
    vectors = sparse.csr_matrix(np.array(world["vectors"]))

    def all_of_them():
        return np.column_stack(
            [
                beyond.diversity(lists, vectors),
                beyond.miscalibration(lists, held.histories, groups),
                beyond.group_shares(lists, groups),
            ]
        )

    expected = all_of_them()
    monkeypatch.setattr(beyond, "_BLOCK_BYTES", 1)
    np.testing.assert_allclose(all_of_them(), expected, atol=1e-12)


def test_agrees_with_rectools(rectools):
    world, held = rectools
    order = np.array(world["lists"], np.int32)
    rank_of = np.full((len(order), world["n_items"]), 10_000)
    np.put_along_axis(rank_of, order.astype(np.int64), np.arange(order.shape[1])[None], axis=1)
    row = np.repeat(np.arange(len(held)), np.diff(held.target_offsets))
    ranks = rank_of[row, held.targets]
    ours = dict(zip(metric_names(), per_user(ranks, held.target_offsets).T, strict=True))
    lists, facts = order[:, :10], beyond.item_facts(held.before)
    ours |= {
        "novelty": beyond.list_mean(lists, facts.surprise),
        "popularity": beyond.list_mean(lists, facts.popularity),
        "serendipity": beyond.serendipity(ranks, held, facts, lists),
        "diversity": beyond.diversity(lists, sparse.csr_matrix(np.array(world["vectors"]))),
        "coverage": beyond.coverage(lists, world["n_items"]),
    }
    assert set(ours) == set(world["expected"])
    for name, expected in world["expected"].items():
        np.testing.assert_allclose(ours[name], expected, atol=1e-6, err_msg=name)


@pytest.mark.data
@pytest.mark.parametrize("name", ["scientific", "lastfm"])
def test_agrees_with_plain_loops_on_real_data(name):
    folder = folder_of(name)
    data = read(*(next(folder.glob(f"{table}.*")) for table in ("items", "events")))
    test = split(data.interactions, "leave-last-out", max_users=300).test
    log, catalog, n_items = test.before, data.catalog, len(data.catalog)
    content = Content().fit(log, catalog)
    scorers = {
        "content": content,
        "neighbors": Neighbors().fit(log, catalog),
        "popularity": Popularity().fit(log, catalog),
    }
    column = catalog.attributes[category_column(catalog.attributes)]
    groups = groups_of(column)
    histories = {
        u: log.item[log.offsets[u] : log.offsets[u + 1]].tolist()
        for u in range(len(log.users))
        if log.offsets[u] < log.offsets[u + 1]
    }
    categories = [
        list(dict.fromkeys(filter(None, row or []))) or ["(none)"] for row in column.to_list()
    ]
    # Beyond a thousand tags, the rarest count as one.
    categories = [[c if c in groups.labels else "(other)" for c in row] for row in categories]
    rows = content.vectors.matrix
    words = [
        dict(zip(rows[i].indices.tolist(), rows[i].data.tolist(), strict=True))
        for i in range(n_items)
    ]
    facts = beyond.item_facts(log)
    for name, results in measure(scorers, test, repeats="exclude", k=50).items():
        lists = results.lists[:, :10]
        ours = {
            "novelty": beyond.list_mean(lists, facts.surprise),
            "popularity": beyond.list_mean(lists, facts.popularity),
            "serendipity": beyond.serendipity(results.ranks, test, facts, lists),
            "diversity": beyond.diversity(lists, rows),
            "miscalibration": beyond.miscalibration(lists, test.histories, groups),
        }
        few = range(0, len(test), 15)
        for user in few:
            listed, target = lists[user].tolist(), {int(test.targets[user])}
            own = histories[int(test.users[user])]
            expected = {
                "novelty": naive.novelty(listed, histories),
                "popularity": naive.popularity(listed, histories),
                "serendipity": naive.serendipity(listed, target, histories, n_items),
                "diversity": naive.diversity(listed, words),
                "miscalibration": naive.miscalibration(listed, own, categories),
            }
            for metric, value in expected.items():
                assert ours[metric][user] == pytest.approx(value, abs=1e-6), (name, metric, user)
            for k in CUTOFFS:
                for metric, value in naive.accuracy(
                    results.lists[user].tolist(), target, k
                ).items():
                    assert results.column(f"{metric}@{k}")[user] == pytest.approx(value, abs=1e-6)
        assert beyond.coverage(lists, n_items) == naive.coverage(lists.tolist(), n_items)
        assert beyond.gini(lists, n_items) == pytest.approx(naive.gini(lists.tolist(), n_items))
