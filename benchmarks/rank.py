"""The gain of the ranking stage on public datasets, and its time for each list.

    python benchmarks/rank.py [--data DIR] [--only NAME,…] [--reports DIR] [--json FILE]

Each case (`cases.py`) is measured with default settings, fitted on the training events alone, as
published models are: the blend, and the blend with the trees that validation has chosen, on the
same test users. Lists are then ranked with and without the trees, in turns, in this process. Last,
the scorers are fitted on the validation events too, as in service; the trees stay as they are.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from cases import CASES, Case
from pennyweight.config.plan import Plan
from pennyweight.config.report import WITHOUT_TREES, Report
from pennyweight.evaluation.bootstrap import paired_tests
from pennyweight.evaluation.measure import measure as measure_scorers
from pennyweight.fitting.job import Job
from pennyweight.progress.tracker import ProgressTracker
from pennyweight.ranking.query import Query
from pennyweight.ranking.ranker import Ranker
from pennyweight.ranking.request import RankingRequest
from pennyweight.ranking.reranking import RerankedScorer
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from public_data import add_data, present
from rows import tell

NAMES = ("scientific", "lastfm", "beauty", "microlens")
BARS = {"scientific": 0.03, "lastfm": 0.05, "beauty": 0.04, "microlens": 0.0}
LISTS, K, TOGETHER, ROUNDS = 512, 20, 32, 5
CHOICE = "ndcg@10"


def measure(case: Case, data: Path) -> dict[str, Any]:
    """Fit and measure a case; return its figures."""
    plan = Plan().override({**case.plan, "evaluate.refit": False})
    folder = data / case.data
    job = Job(folder / case.items, folder / case.events, plan, ProgressTracker(), final=False)
    report = job.measure()
    result: dict[str, Any] = {"case": case.name, "title": case.title, **quality(job, report)}
    result["seconds"] = report.cost.seconds["ranking stage"]
    if job.blend.trees is not None:
        result |= speed(job)
        result["refitted"] = refitted(job)
    return result


def refitted(job: Job) -> dict[str, Any]:
    """Fit the scorers on the validation events too, and return NDCG@10 and the paired gain."""
    assert job.split is not None
    test, blend = job.split.test, job.blend
    blend.fit(test.before, job.data.catalog)
    scorers = {
        "blend": blend,
        "with_trees": RerankedScorer(blend, exclude_seen=job.repeats == "exclude"),
    }
    results = measure_scorers(scorers, test, repeats=job.repeats)
    values = {name: per_user.column(CHOICE) for name, per_user in results.items()}
    gain, p = paired_tests((values["with_trees"] - values["blend"])[:, None], rng=0)[0]
    means = {name: column.mean() for name, column in values.items()}
    return {**means, "gain": {**gain._asdict(), "p": p}}


def quality(job: Job, report: Report) -> dict[str, Any]:
    """Return NDCG@10 without and with the stage, and the paired gain."""
    assert job.results is not None and report.reranking is not None
    results, stage = job.results.by_scorer, report.reranking
    without = results.get(WITHOUT_TREES, results["blend"])
    difference = results["blend"].column(CHOICE) - without.column(CHOICE)
    gain, p = paired_tests(difference[:, None], resamples=1_000, rng=0)[0]
    scorer = WITHOUT_TREES if stage.used else "blend"
    return {
        "stage": stage.model_dump(mode="json"),
        "blend": report.scorers[scorer][CHOICE].model_dump(),
        "with_trees": report.scorers["blend"][CHOICE].model_dump(),
        "gain": {**gain._asdict(), "p": p},
    }


def speed(job: Job) -> dict[str, Any]:
    """Return milliseconds of a list alone and of one in a batch, without and with the trees."""
    assert job.split is not None
    blend, log = job.blend, job.split.train
    plain = Blend(blend.components, blend.weights, routes=blend.routes, repeats=job.repeats)
    rankers = {
        name: Recommender(job.data.catalog, scorer, log, repeats=job.repeats).ranker
        for name, scorer in (("without", plain), ("with", blend))
    }
    histories = job.split.test.histories
    requests = [
        RankingRequest(Query(histories.block(row, row + 1)), K)
        for row in range(min(LISTS, len(histories)))
    ]
    alone: dict[str, list[float]] = {name: [] for name in rankers}
    together: dict[str, list[float]] = {name: [] for name in rankers}
    for _ in range(ROUNDS):
        for name, ranker in rankers.items():
            alone[name] += seconds(ranker, requests, 1)
            together[name].append(sum(seconds(ranker, requests, TOGETHER)) / len(requests))
    return {
        "p95_ms": {name: 1e3 * statistics.quantiles(s, n=20)[-1] for name, s in alone.items()},
        "batch_ms": {name: 1e3 * min(s) for name, s in together.items()},
    }


def seconds(ranker: Ranker, requests: list[RankingRequest], size: int) -> list[float]:
    """Return the seconds of each batch of this size."""
    times = []
    for start in range(0, len(requests), size):
        began = time.perf_counter()
        ranker.rank(requests[start : start + size])
        times.append(time.perf_counter() - began)
    return times


def rows_of(result: dict[str, Any]) -> list[dict[str, object]]:
    """Return the rows with their bars."""
    name, blend = result["case"], result["blend"]["value"]
    gain = result["gain"]["value"] / blend
    rows: list[dict[str, object]] = [
        {"name": f"{name}: {CHOICE}, blend", "value": round(blend, 4), "unit": "", "bar": None},
        {
            "name": f"{name}: {CHOICE}, with trees",
            "value": round(result["with_trees"]["value"], 4),
            "unit": "",
            "bar": None,
        },
        {
            "name": f"{name}: relative gain",
            "value": round(gain, 4),
            "low": round(result["gain"]["low"] / blend, 4),
            "high": round(result["gain"]["high"] / blend, 4),
            "unit": "",
            "bar": BARS[name],
            "better": "higher",
        },
        {
            "name": f"{name}: training of the stage",
            "value": round(result["seconds"], 1),
            "unit": "s",
            "bar": 120,
            "better": "lower",
        },
    ]
    if "p95_ms" in result:
        rows += rows_of_trees(name, result)
    return rows


def rows_of_trees(name: str, result: dict[str, Any]) -> list[dict[str, object]]:
    """Return the rows on time and on the refit."""
    added = result["p95_ms"]["with"] - result["p95_ms"]["without"]
    after = result["refitted"]
    gain = {end: round(after["gain"][end] / after["blend"], 4) for end in ("value", "low", "high")}
    return [
        {
            "name": f"{name}: added to p95 of a list",
            "value": round(added, 2),
            "unit": "ms",
            "bar": 3,
            "better": "lower",
        },
        {
            "name": f"{name}: speed in batches of {TOGETHER}, relative",
            "value": round(result["batch_ms"]["without"] / result["batch_ms"]["with"], 2),
            "unit": "",
            "bar": 0.8,
            "better": "higher",
        },
        {"name": f"{name}: relative gain, refitted", **gain, "unit": "", "bar": None},
    ]


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--only", default="", help=f"by commas: {', '.join(NAMES)}")
    parser.add_argument("--reports", type=Path, help="keep what was measured in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name] or list(NAMES)
    if unknown := set(only) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(NAMES)}")
    rows: list[dict[str, object]] = []
    by_name = {case.name: case for case in CASES}
    for name in only:
        case = by_name[name]
        if not present(options.data, case.data, (case.items, case.events)):
            continue
        result = measure(case, options.data)
        if options.reports:
            options.reports.mkdir(parents=True, exist_ok=True)
            (options.reports / f"{name}.json").write_text(json.dumps(result, indent=1))
        rows += rows_of(result)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
