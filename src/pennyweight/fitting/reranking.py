"""The trees of the ranking stage: trained on validation choices, and kept where they gain."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from pennyweight.config.plan import RerankPlan
from pennyweight.config.reranking import Reranking, signed
from pennyweight.data.catalog import Catalog
from pennyweight.data.interactions import Histories
from pennyweight.data.split import HeldOut
from pennyweight.errors import DataError, PlanError
from pennyweight.evaluation.bootstrap import Estimate, bootstrap
from pennyweight.evaluation.metrics import metric_names, per_user
from pennyweight.evaluation.ranking import MISS, Repeats
from pennyweight.ranking.top_k import best_rows
from pennyweight.scorers.candidate_features import CandidateFeatures, padded
from pennyweight.scorers.protocol import Progress, Scorer
from pennyweight.scorers.ranking_trees import RankingTrees, blend_digest, catalog_digest
from pennyweight.vectors.tree_ensemble import TreeEnsemble

__all__ = ["check_budget", "learn_trees"]

CHOICE = "ndcg@10"
DEPTH = 50  # items of a list that are ranked again
MIN_LISTS = 100  # with a held-out item among the candidates
MANY_LISTS = 4_000
MAX_ROUNDS, PATIENCE = 300, 40
BLOCK = 64  # histories scored at a time
INSTALL = "pip install lightgbm (on macOS also brew install libomp)"
# Leaves of many rows: validation has some hundred or thousand choices.
PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "metric": "ndcg",
    "eval_at": [10],
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
}


@dataclass(frozen=True)
class _Size:
    """Settings for a number of lists: with few, each split of them into folds counts for less.

    Attributes
    ----------
    folds, repeats
        Folds of the cross-fitting, and how often it is done, with other folds; as many sets of
        trees are averaged.
    parameters
        Of LightGBM.
    """

    folds: int
    repeats: int
    parameters: dict[str, float]


# Of four sets of trees each may be small: larger steps gain as much with fewer trees.
FEW = _Size(5, 4, {"num_leaves": 4, "min_data_in_leaf": 400, "learning_rate": 0.15})
MANY = _Size(3, 1, {"num_leaves": 7, "min_data_in_leaf": 200, "learning_rate": 0.05})

Float = NDArray[np.float32]


@dataclass(frozen=True)
class CandidateLists:
    """The best items of held-out users of whom some are chosen, and their features.

    Attributes
    ----------
    rows
        Features of the candidates, list after list, float32 (n_candidates, n_features).
    base
        The scores of the blend, float32 (n_candidates,).
    chosen
        Whether a candidate is held out, bool (n_candidates,).
    offsets
        List i has the candidates ``offsets[i]:offsets[i + 1]``, int64 (n_lists + 1,).
    targets
        Held-out items of each user, candidates or not, int64 (n_lists,).
    n_users
        Users in all, those aside who chose none of their candidates or all.
    """

    rows: Float
    base: Float
    chosen: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    targets: NDArray[np.int64]
    n_users: int

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def _list(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def take(self, lists: NDArray[np.int64]) -> "CandidateLists":
        """Return some of the lists."""
        sizes = np.diff(self.offsets)[lists]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        at = np.repeat(self.offsets[lists] - offsets[:-1], sizes) + np.arange(offsets[-1])
        targets = self.targets[lists]
        return CandidateLists(
            self.rows[at], self.base[at], self.chosen[at], offsets, targets, len(lists)
        )

    def quality(self, scores: Float) -> NDArray[np.float64]:
        """Return NDCG@10 of each list with its candidates in the order of some scores."""
        order = np.lexsort((-scores, self._list))
        rank = np.empty(len(scores), np.int64)
        rank[order] = np.arange(len(scores)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        ends = np.concatenate([[0], np.cumsum(self.targets)]).astype(np.int64)
        ranks = np.full(ends[-1], MISS, np.int64)
        of_list = self._list[self.chosen]
        first = np.searchsorted(of_list, np.arange(len(self)))
        ranks[ends[of_list] + np.arange(len(of_list)) - first[of_list]] = rank[self.chosen]
        return per_user(ranks, ends)[:, metric_names().index(CHOICE)]


def check_budget(plan: RerankPlan) -> None:
    """Raise `PlanError` where a plan has a time for a ranking stage that it switches off."""
    if plan.name == "none" and plan.budget_ms is not None:
        raise PlanError(
            "rerank.budget_ms: a time for the ranking stage, which rerank.name switches off "
            '("none"); set it to "auto" (--rerank auto), or leave the time out'
        )


def learn_trees(
    blend: Scorer,
    valid: HeldOut,
    catalog: Catalog,
    plan: RerankPlan,
    *,
    repeats: Repeats,
    by_time: bool,
    seed: int,
    threads: int = 1,
    resamples: int = 1_000,
    progress: Progress | None = None,
) -> Reranking | None:
    """Train trees on validation choices, and give them to a blend where they gain.

    The gain is measured by cross-fitting: each list is ranked by trees that were trained, and
    their number chosen, without it.

    Parameters
    ----------
    blend
        Fitted to the events before the held-out ones.
    repeats
        Whether lists leave out items of the history.
    by_time
        Whether an item without events is a new one; otherwise its only events may have been held
        out, and the trees do not see it.
    threads
        Of LightGBM; with some thousand lists, one is about as fast as several.

    Returns
    -------
    Reranking or None
        The outcome for the report; None where the plan wants no trees.

    Raises
    ------
    DataError, PlanError
        The plan insists on trees, and there are too few choices, or LightGBM is not there.
    """
    if plan.name == "none":
        return None
    lightgbm = _lightgbm()
    if lightgbm is None:
        if plan.name == "trees":
            raise PlanError(f"rerank.name is 'trees', which needs LightGBM: {INSTALL}")
        return Reranking(used=False, reason=f"LightGBM cannot be imported; {INSTALL}")
    features = CandidateFeatures.of(blend.components)
    lists = _draw(blend, valid, features, repeats=repeats, by_time=by_time, progress=progress)
    n, reason = len(lists), _obstacle(lists, features)
    if reason is not None:
        if plan.name == "trees":
            raise DataError(f"rerank.name is 'trees', but {reason}; use --rerank auto")
        return Reranking(used=False, reason=reason, lists=n)
    trainer = _Trainer(lightgbm, FEW if n < MANY_LISTS else MANY, seed, threads)
    # LightGBM's own setting leaves the other threads spinning, for ten times the processor time.
    with threadpool_limits(threads, user_api="openmp"):
        rounds, gain = trainer.cross_fit(lists, resamples=resamples)
    if plan.name == "auto" and gain.low <= 0:
        reason = (
            f"their gain on validation users is not above zero: {signed(gain.measured())} NDCG@10"
        )
        return Reranking(used=False, reason=reason, lists=n, gain=gain.measured())
    with threadpool_limits(threads, user_api="openmp"):
        boosters = trainer.train(lists, rounds)
    ensemble = TreeEnsemble.mean([booster.dump_model() for booster in boosters])
    names = features.components
    blend.trees = RankingTrees(
        features, ensemble, DEPTH, blend_digest(blend, names), catalog_digest(catalog.ids)
    )
    return Reranking(used=True, lists=n, gain=gain.measured(), trees=len(ensemble))


def _obstacle(lists: CandidateLists, features: CandidateFeatures) -> str | None:
    """Return why no trees can be trained, if so."""
    if len(lists) < MIN_LISTS:
        return (
            f"{len(lists):,} validation lists have a held-out item among their best {DEPTH}; "
            f"{MIN_LISTS} are needed"
        )
    bad = np.flatnonzero(~np.isfinite(lists.rows).all(axis=0))
    if len(bad):
        owners = ", ".join(dict.fromkeys(features.owners[at] for at in bad.tolist()))
        return f"scores or similarities of {owners} are not finite numbers"
    return None


def _lightgbm() -> ModuleType | None:
    try:
        import lightgbm
    except (ImportError, OSError):  # OSError: its library of threads is missing
        return None
    return lightgbm


def _draw(
    blend: Scorer,
    valid: HeldOut,
    features: CandidateFeatures,
    *,
    repeats: Repeats,
    by_time: bool,
    progress: Progress | None,
) -> CandidateLists:
    """Gather the candidates of held-out users with a history, as the ranking stage gets them."""
    users = np.flatnonzero(valid.histories.length > 0)
    counts = valid.before.counts
    hidden = np.zeros(len(counts), bool) if by_time else counts == 0
    rows: list[Float] = [np.empty((0, len(features.owners)), np.float32)]
    base, chosen = [np.empty(0, np.float32)], [np.empty(0, bool)]
    sizes, targets = [0], list[int]()
    for start in range(0, len(users), BLOCK):
        block = users[start : start + BLOCK]
        histories = valid.histories.take(block)
        scores, attributions = blend.attribute(histories)
        eligible = _eligible(scores, histories, hidden, repeats)
        codes, at = [], []
        for row, candidates in enumerate(best_rows(eligible, [DEPTH] * len(block))):
            first, stop = valid.target_offsets[block[row] : block[row] + 2]
            hits = np.isin(candidates, valid.targets[first:stop])
            if 0 < hits.sum() < len(hits):
                base.append(scores[row, candidates])
                chosen.append(hits)
                sizes.append(len(candidates))
                targets.append(int(stop - first))
                codes.append(candidates)
                at.append(row)
        if at:
            taken, scored = histories.take(at), attributions[0].scored
            rows.append(features.rows(blend.components, scored, at, taken, padded(codes)))
        if progress is not None:
            progress(min(start + BLOCK, len(users)), len(users))
    return CandidateLists(
        np.concatenate(rows),
        np.concatenate(base),
        np.concatenate(chosen),
        np.cumsum(sizes).astype(np.int64),
        np.array(targets, np.int64),
        len(users),
    )


def _eligible(
    scores: Float, histories: Histories, hidden: NDArray[np.bool_], repeats: Repeats
) -> Float:
    eligible = np.where(hidden, np.float32(-np.inf), scores)
    if repeats == "exclude":
        eligible[histories.row, histories.item] = -np.inf
    return eligible


@dataclass(frozen=True)
class _Trainer:
    """Trains LightGBM's lambdarank from the scores of a blend."""

    lightgbm: Any
    size: _Size
    seed: int
    threads: int

    def cross_fit(self, lists: CandidateLists, *, resamples: int) -> tuple[list[int], Estimate]:
        """Return the best number of rounds of each repeat, and the gain by cross-fitting."""
        margins, rounds = np.zeros(len(lists.base)), []
        for repeat in range(self.size.repeats):
            held_out, best = self._cross_fit(lists, repeat)
            margins += held_out / self.size.repeats
            rounds.append(best)
        difference = np.zeros(lists.n_users)  # zero where no candidate is chosen
        scores = lists.base + margins.astype(np.float32)
        difference[: len(lists)] = lists.quality(scores) - lists.quality(lists.base)
        return rounds, bootstrap(difference[:, None], resamples=resamples, rng=self.seed)[0]

    def _cross_fit(self, lists: CandidateLists, repeat: int) -> tuple[NDArray[np.float64], int]:
        """Return margins by trees trained without the list, and the best number of rounds."""
        folds = self.size.folds
        fold = np.random.default_rng(self.seed + repeat).permutation(len(lists)) % folds
        boosters = []
        for held in range(folds):
            training = self._dataset(lists.take(np.flatnonzero(fold != held)))
            validation = self._dataset(lists.take(np.flatnonzero(fold == held)), training)
            booster = self.lightgbm.Booster(self._parameters(repeat), training)
            boosters.append(booster.add_valid(validation, "held out"))
        curves: list[list[float]] = []  # a row a round, a column a fold
        best = 0
        while len(curves) < MAX_ROUNDS and len(curves) - best <= PATIENCE:
            for booster in boosters:
                booster.update()
            curves.append([booster.eval_valid()[0][2] for booster in boosters])
            best = int(np.argmax(np.mean(curves, axis=1)))
        margins = np.zeros(len(lists.base))
        fold_of_candidate = np.repeat(fold, np.diff(lists.offsets))
        for held, booster in enumerate(boosters):
            # The number of rounds is chosen without the list, too.
            others = np.delete(np.array(curves), held, axis=1).mean(axis=1)
            at = np.flatnonzero(fold_of_candidate == held)
            margins[at] = booster.predict(lists.rows[at], num_iteration=int(np.argmax(others)) + 1)
        return margins, best + 1

    def train(self, lists: CandidateLists, rounds: Sequence[int]) -> list[Any]:
        """Return a booster for each repeat, trained on all lists."""
        return [
            self.lightgbm.train(self._parameters(repeat), self._dataset(lists), n)
            for repeat, n in enumerate(rounds)
        ]

    def _parameters(self, repeat: int) -> dict[str, Any]:
        own = {"seed": self.seed + repeat, "num_threads": self.threads}
        return {**PARAMETERS, **self.size.parameters, **own}

    def _dataset(self, lists: CandidateLists, reference: Any = None) -> Any:  # noqa: ANN401
        return self.lightgbm.Dataset(
            lists.rows,
            lists.chosen.astype(np.float32),
            group=np.diff(lists.offsets),
            init_score=lists.base.astype(np.float64),
            reference=reference,
        )
