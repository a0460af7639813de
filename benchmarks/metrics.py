"""Each metric beside RecTools' on real data; RecTools must be importable (see docs/benchmarks.md).

python benchmarks/metrics.py DATA [--json FILE]     differences on a dataset
python benchmarks/metrics.py --golden FILE          expected values of the tests
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from rectools import metrics as theirs
from rectools.metrics.distances import PairwiseDistanceCalculator
from scipy import sparse

from pennyweight.data.dataset import read
from pennyweight.data.split import HeldOut, default_protocol, split
from pennyweight.evaluation import beyond_accuracy
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.evaluation.metrics import CUTOFFS
from pennyweight.scorers.content import Content
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity

K = 10


class Cosine(PairwiseDistanceCalculator):  # type: ignore[misc]
    """1 - cosine of sparse vectors."""

    def __init__(self, vectors: sparse.csr_matrix) -> None:
        self.vectors = vectors.astype(np.float64)

    def _get_distances_for_item_pairs(self, items_0: object, items_1: object) -> np.ndarray:
        a, b = self.vectors[np.asarray(items_0)], self.vectors[np.asarray(items_1)]
        return 1 - np.asarray(a.multiply(b).sum(axis=1)).ravel()


def table(user: np.ndarray, item: np.ndarray, **more: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"user_id": user, "item_id": item, **more})


def rectools(
    lists: np.ndarray,
    held: pd.DataFrame,
    before: pd.DataFrame,
    n_items: int,
    vectors: sparse.csr_matrix,
) -> dict[str, np.ndarray | float]:
    """Return RecTools' values, an array a user in their order where it is one a user."""
    n, k = lists.shape
    is_item = lists.ravel() >= 0
    reco = table(
        np.repeat(np.arange(n), k)[is_item],
        lists.ravel()[is_item],
        rank=np.tile(np.arange(1, k + 1), n)[is_item],
    )
    catalog = range(n_items)
    values: dict[str, np.ndarray | float] = {}
    for cutoff in (c for c in CUTOFFS if c <= k):
        per_user = {
            "ndcg": theirs.NDCG(k=cutoff, divide_by_achievable=True),
            "recall": theirs.Recall(k=cutoff),
            "hit_rate": theirs.HitRate(k=cutoff),
            "mrr": theirs.MRR(k=cutoff),
        }
        for name, metric in per_user.items():
            values[f"{name}@{cutoff}"] = metric.calc_per_user(reco, held).sort_index().to_numpy()
    more = {
        "novelty": theirs.MeanInvUserFreq(k=K).calc_per_user(reco, before),
        "serendipity": theirs.Serendipity(k=K).calc_per_user(reco, held, before, catalog),
        "popularity": theirs.AvgRecPopularity(k=K).calc_per_user(reco, before),
        "diversity": theirs.IntraListDiversity(
            k=K, distance_calculator=Cosine(vectors)
        ).calc_per_user(reco),
    }
    values |= {name: series.sort_index().to_numpy() for name, series in more.items()}
    values["coverage"] = theirs.CatalogCoverage(k=K, normalize=True).calc(reco, catalog)
    return values


def ours(
    result: PerUser, held_out: HeldOut, vectors: sparse.csr_matrix
) -> dict[str, np.ndarray | float]:
    """Return the same values as this package computes them."""
    facts, n_items = beyond_accuracy.item_facts(held_out.before), held_out.before.n_items
    return {
        **{name: result.column(name) for name in result.names if int(name.split("@")[1]) <= K},
        "novelty": beyond_accuracy.list_mean(result.lists, facts.surprise),
        "serendipity": beyond_accuracy.serendipity(result.ranks, held_out, facts, result.lists),
        "popularity": beyond_accuracy.list_mean(result.lists, facts.popularity),
        "diversity": beyond_accuracy.diversity(result.lists, vectors),
        "coverage": beyond_accuracy.coverage(result.lists, n_items),
    }


def compare(folder: Path) -> list[dict[str, object]]:
    files = {path.stem: path for path in folder.iterdir()}
    data = read(files["items"], files["events"])
    log = data.interactions
    test = split(log, "given-split" if len(log.split) else default_protocol(log)).test
    content = Content().fit(test.before, data.catalog)
    scorers = {
        "popularity": Popularity().fit(test.before, data.catalog),
        "content": content,
        "neighbors": Neighbors().fit(test.before, data.catalog),
    }
    held = table(np.repeat(np.arange(len(test)), np.diff(test.target_offsets)), test.targets)
    before = table(test.before.user, test.before.item)
    rows: list[dict[str, object]] = []
    print(f"{'scorer and metric':32} {'ours':>12} {'RecTools':>12} {'largest difference':>20}")
    for name, result in measure(scorers, test, repeats="exclude", k=K).items():
        mine = ours(result, test, content.vectors)
        for metric, value in rectools(
            result.lists, held, before, test.before.n_items, content.vectors
        ).items():
            difference = float(np.abs(np.asarray(mine[metric]) - np.asarray(value)).max())
            both = float(np.mean(mine[metric])), float(np.mean(value))
            print(f"{name + ' ' + metric:32} {both[0]:12.6f} {both[1]:12.6f} {difference:20.1e}")
            label = f"{folder.name} {name} {metric}: largest difference from RecTools"
            rows.append(
                {"name": label, "value": difference, "unit": "", "bar": 1e-6, "better": "lower"}
            )
    return rows


def golden() -> dict[str, object]:
    """Return a small world of random lists, and what RecTools says of it."""
    rng = np.random.default_rng(3)
    n_users, n_items = 40, 90
    order = np.array([rng.permutation(n_items)[:50] for _ in range(n_users)])
    held = [sorted(rng.choice(n_items, rng.integers(1, 15), replace=False)) for _ in range(n_users)]
    odds = rng.dirichlet(np.full(n_items - 5, 0.5))  # five items are cold
    before = [rng.choice(n_items - 5, rng.integers(1, 9), p=odds) for _ in range(n_users)]
    words = rng.random((n_items, 30)) * (rng.random((n_items, 30)) < 0.15)
    words[7] = 0
    vectors = sparse.csr_matrix(words / np.maximum(np.linalg.norm(words, axis=1), 1e-9)[:, None])
    value = rectools(
        order,
        table(np.repeat(np.arange(n_users), [len(h) for h in held]), np.concatenate(held)),
        table(np.repeat(np.arange(n_users), [len(h) for h in before]), np.concatenate(before)),
        n_items,
        vectors,
    )
    return {
        "n_items": n_items,
        "lists": order.tolist(),
        "held_out": [[int(i) for i in row] for row in held],
        "before": [row.tolist() for row in before],
        "vectors": np.round(vectors.toarray(), 12).tolist(),
        "expected": {k: v if isinstance(v, float) else v.tolist() for k, v in value.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="*")
    parser.add_argument("--golden", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.golden:
        options.golden.write_text(json.dumps(golden()) + "\n")
    rows = [row for folder in options.data for row in compare(folder)]
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1))


if __name__ == "__main__":
    main()
