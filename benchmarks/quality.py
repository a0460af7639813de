"""Recommendation quality on public datasets, like for like with published figures.

    python benchmarks/quality.py [--data DIR] [--only NAME,…] [--reports DIR] [--json FILE]
                                 [--set KEY=VALUE …]

Each case (`cases.py`) is measured with default settings, in a separate process. The blend is
shown twice: fitted on the training events alone, as published models are, and refitted on the
validation events too, as it would be in service. Simple baselines (`baselines.py`) stand beside
it, measured by the same evaluator on the same users. Reports are written to a folder with
`--reports`; `python benchmarks/tables.py DIR` writes them into the docs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import CASES, Case
from pennyweight.config.report import BEFORE_REFIT
from public_data import add_data, present
from rows import tell

WORKER = Path(__file__).with_name("quality_worker.py")
METRICS = ("ndcg@10", "recall@10", "recall@50")
EVENTS = ("train", "train+validation")
Row = dict[str, object]


def measure(case: Case, data: Path, out: Path, words: list[str]) -> dict[str, Any]:
    """Measure a case in a separate process."""
    subprocess.run(
        [sys.executable, str(WORKER), case.name, str(data), str(out), *words], check=True
    )
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def cell(row: dict[str, Any] | None, metric: str) -> str:
    """Return a value with its interval."""
    estimate = (row or {}).get(metric)
    if estimate is None:
        return ""
    return f"{estimate['value']:.4f} [{estimate['low']:.4f} {estimate['high']:.4f}]"


def show(case: Case, result: dict[str, Any]) -> None:
    """Print the table of a case."""
    report = result["report"]
    print(
        f"\n{case.title}: {report['users']:,} users, {report['items']:,} items, "
        f"{report['events']:,} events, {report['evaluated_users']:,} measured, "
        f"{report['encoder']}"
    )
    print(f"  {'':<30}{'fitted on':<18}" + "".join(f"{metric:<24}" for metric in METRICS))
    for model in case.published:
        cells = (f"{model.metrics[m]:.4f}" if m in model.metrics else "" for m in METRICS)
        values = "".join(f"{value:<24}" for value in cells)
        print(f"  {model.model[:28]:<30}{'train, published':<18}{values}  ({model.source})")
    blends = {name: row for name, row in report["scorers"].items() if name.startswith("blend")}
    rows = [(n, e, r.get(e)) for n, r in result["baselines"].items() for e in EVENTS]
    rows += [
        (name, report["fitted_on"][name], row)
        for name, row in report["scorers"].items()
        if name not in blends
    ]
    rows += [(name, report["fitted_on"][name], row) for name, row in blends.items()]
    for name, events, row in rows:
        print(f"  {name:<30}{events:<18}" + "".join(f"{cell(row, m):<24}" for m in METRICS))
    for events, gain in result["gain"].items():
        print(
            f"  fitted on {events}: the blend gains {gain['value']:+.4f} [{gain['low']:+.4f} "
            f"{gain['high']:+.4f}] NDCG@10 over {gain['over']}, p = {gain['p']:.3f}"
        )
    for group in report.get("slices") or ():
        if group["by"] == "target day":
            values = ", ".join(f"{n} {cell(group['ndcg'], n)}" for n in (BEFORE_REFIT, "blend"))
            print(f"  {group['name']} ({group['users']:,} users): {values}")
    print(f"  weights {report['blend']}; chosen {report['chosen']}")
    for name, row in result["baselines"].items():
        if row["chosen"]:
            print(f"  {name}: {row['chosen']}")
    if case.note:
        print(f"  {case.note}")


def rows_of(case: Case, result: dict[str, Any]) -> list[Row]:
    """Return the rows with targets."""
    report = result["report"]
    rows: list[Row] = []
    for name, label in ((BEFORE_REFIT, "fitted on train"), ("blend", "refitted")):
        for metric in METRICS:
            if name in report["scorers"]:
                target = case.targets.get(metric) if name == BEFORE_REFIT else None
                rows.append(
                    {
                        "name": f"{case.name}: {metric}, {label}",
                        "unit": "",
                        "bar": target,
                        "value": round(report["scorers"][name][metric]["value"], 4),
                        "better": "higher",
                    }
                )
    memory = report["cost"]["peak_rss_bytes"] / 2**30
    expected = report["cost"]["expected_rss_bytes"] / 2**30
    costs = (
        ("evaluate", result["wall"], "s", 600),
        ("peak memory", memory, "GiB", 3),
        ("relative error of the memory forecast", abs(expected / memory - 1), "", 0.25),
    )
    rows += [
        {
            "name": f"{case.name}: {name}",
            "value": round(value, 3),
            "unit": unit,
            "bar": target,
            "better": "lower",
        }
        for name, value, unit, target in costs
    ]
    return rows


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    names = ", ".join(case.name for case in CASES)
    parser.add_argument("--only", default="", help=f"by commas: {names}")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the plan, its value as in TOML",
    )
    parser.add_argument("--reports", type=Path, help="write the measurements to this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    if unknown := set(only) - {case.name for case in CASES}:
        parser.error(f"{', '.join(sorted(unknown))}: choose from {names}")
    with tempfile.TemporaryDirectory() as temporary:
        reports = options.reports or Path(temporary)
        reports.mkdir(parents=True, exist_ok=True)
        rows: list[Row] = []
        for case in CASES:
            files = (case.items, case.events)
            if (only and case.name not in only) or not present(options.data, case.data, files):
                continue
            result = measure(case, options.data, reports / f"{case.name}.json", options.set)
            show(case, result)
            rows += rows_of(case, result)
    print()
    tell(rows, options.json)


if __name__ == "__main__":
    main()
