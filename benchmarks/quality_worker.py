"""Measures one case of `quality.py` in a separate process, to measure its peak memory.

    python benchmarks/quality_worker.py CASE DATA OUT.json [KEY=VALUE …]

KEY=VALUE are settings of the plan with values as in TOML, such as evaluate.max_users=2000.
"""

import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np

from baselines import choices, chosen_baselines
from cases import CASES, Case
from pennyweight.config.plan import Plan
from pennyweight.config.report import BEFORE_REFIT
from pennyweight.evaluation.bootstrap import paired_tests
from pennyweight.evaluation.measure import PerUser, measure
from pennyweight.fitting.job import Job
from pennyweight.fitting.quality import means
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.scorers.protocol import Scorer

RESAMPLES = 1_000


def settings(words: list[str]) -> dict[str, object]:
    """Read KEY=VALUE with a value of TOML."""
    pairs = (word.partition("=") for word in words)
    return {key: tomllib.loads(f"value = {value}")["value"] for key, _, value in pairs}


def gain(blend: PerUser, rivals: dict[str, PerUser]) -> dict[str, object]:
    """Return the gain of the blend over the best baseline, paired by user."""
    ndcg = {name: results.column("ndcg@10") for name, results in rivals.items()}
    best = max(ndcg, key=lambda name: float(ndcg[name].mean()))
    difference = blend.column("ndcg@10") - ndcg[best]
    estimate, p = paired_tests(difference[:, None], resamples=RESAMPLES, rng=0)[0]
    return {"over": best, **estimate._asdict(), "p": p}


def run(case: Case, data: Path, overrides: dict[str, object]) -> dict[str, object]:
    """Measure the blend, then the baselines on the same users."""
    began = time.perf_counter()
    plan = Plan().override({**case.plan, **overrides})
    folder = data / case.data
    job = Job(folder / case.items, folder / case.events, plan, ProgressTracker(), final=False)
    report = job.measure()
    wall = time.perf_counter() - began
    parted, results, catalog = job.split, job.results, job.data.catalog
    assert parted is not None and results is not None
    rivals: dict[str, Scorer] = {}
    if case.baselines:
        rivals = chosen_baselines(parted, catalog, repeats=job.repeats, seed=job.seed)
    out: dict[str, dict[str, object]] = {n: {"chosen": choices(s)} for n, s in rivals.items()}
    gains: dict[str, object] = {}
    for events, log, blend in (
        ("train", parted.train, BEFORE_REFIT),
        ("train+validation", parted.test.before, "blend"),
    ):
        for scorer in rivals.values():
            scorer.fit(log, catalog)
        baselines = measure(rivals, parted.test, repeats=job.repeats)
        for name, row in means(baselines, resamples=RESAMPLES, seed=0).items():
            out[name][events] = {metric: m.model_dump() for metric, m in row.items()}
        if baselines and blend in results.by_scorer:
            gains[events] = gain(results.by_scorer[blend], baselines)
    return {
        "case": case.name,
        "settings": overrides,
        "report": json.loads(report.to_json()),
        "wall": wall,
        "seconds": time.perf_counter() - began,
        "baselines": out,
        "gain": gains,
        "median_history": float(np.median(parted.test.histories.length)),
    }


def main() -> None:
    """Measure a case and write the results."""
    name, data, out, *words = sys.argv[1:]
    case = {case.name: case for case in CASES}[name]
    Path(out).write_text(json.dumps(run(case, Path(data), settings(words)), indent=1))


if __name__ == "__main__":
    main()
