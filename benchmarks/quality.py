"""Recommendation quality on public datasets, default settings, beside published figures.

    python benchmarks/quality.py [--data DIR] [--only NAME,…] [--json FILE] [--reports DIR]

Each dataset is measured by `pennyweight evaluate` in a process of its own, so that the
peak of memory is its own. The same defaults serve all of them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Bar:
    """A metric of the blend, the best published figure on the same split, and our bar."""

    metric: str
    published: float
    source: str
    bar: float


@dataclass(frozen=True)
class Case:
    """A dataset: its files and what to reach."""

    name: str
    items: str
    events: str
    options: tuple[str, ...]
    bars: tuple[Bar, ...]


CASES = (
    Case("beauty", "items.csv", "events.csv", (), (
        Bar("ndcg@10", 0.0503, "SASRec, full cross-entropy", 0.066),
        Bar("recall@10", 0.0859, "SASRec, full cross-entropy", 0.105),
    )),
    Case("scientific", "items.csv", "events.csv", (), (
        Bar("ndcg@10", 0.0641, "UniSRec (text)", 0.100),
        Bar("recall@50", 0.2473, "UniSRec (text + id)", 0.245),
    )),
    Case("lastfm", "items.jsonl", "events.jsonl", (), (
        Bar("ndcg@10", 0.0427, "S3-Rec", 0.048),
    )),
    Case("microlens", "items.parquet", "events.parquet", ("--protocol", "given-split"), (
        Bar("ndcg@10", 0.0166, "TF-IDF, by hand", 0.019),
        Bar("recall@50", 0.0699, "tuned static table, by hand", 0.075),
    )),
)  # fmt: skip


def measure(
    folder: Path, case: Case, reports: Path, extra: tuple[str, ...] = ()
) -> dict[str, object]:
    """Run `pennyweight evaluate` and return its JSON, with the seconds of the whole run."""
    out = reports / f"{case.name}.json"
    command = [sys.executable, "-m", "pennyweight", "evaluate", "--quiet"]
    command += [str(folder / case.name / name) for name in (case.items, case.events)]
    started = time.perf_counter()
    subprocess.run([*command, *case.options, *extra, "--out", str(out)], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    report: dict[str, object] = json.loads(out.read_text())
    report["wall"] = time.perf_counter() - started
    return report


def rows_of(case: Case, report: dict) -> list[dict[str, object]]:  # type: ignore[type-arg]
    """Print one dataset's table; return its rows for the JSON file."""
    print(f"\n{case.name}: {report['users']:,} users, {report['items']:,} items, "
          f"{report['events']:,} events, {report['protocol']}, {report['encoder']}")  # fmt: skip
    metrics = ("ndcg@10", "recall@10", "recall@50")
    print(f"  {'scorer':<12}" + "".join(f"{metric:>26}" for metric in metrics))
    for name, found in report["scorers"].items():
        cells = [found[metric] for metric in metrics]
        print(f"  {name:<12}" + "".join(
            f"   {c['value']:.4f} [{c['low']:.4f}, {c['high']:.4f}]" for c in cells))  # fmt: skip
    print(f"  weights {report['blend']}; chosen {report['chosen']}")
    rows: list[dict[str, object]] = []
    for bar in case.bars:
        value = report["scorers"]["blend"][bar.metric]["value"]
        verdict = "reached" if value >= bar.bar else "MISSED"
        print(f"  {bar.metric}: {value:.4f}, bar {bar.bar} {verdict}; "
              f"best published {bar.published} ({bar.source})")  # fmt: skip
        rows.append({"name": f"{case.name} blend {bar.metric}", "value": value, "unit": "",
                     "bar": bar.bar, "better": "higher"})  # fmt: skip
    memory = report["cost"]["peak_rss_bytes"] / 2**30
    expected = report["cost"]["expected_rss_bytes"] / 2**30
    print(f"  {report['wall']:.0f} s ({report['cost']['expected_seconds']:.0f} expected), "
          f"peak memory {memory:.2f} GiB ({expected:.2f} expected)")  # fmt: skip
    rows.append({"name": f"{case.name} evaluate", "value": round(report["wall"], 1), "unit": "s",
                 "bar": 600, "better": "lower"})  # fmt: skip
    rows.append({"name": f"{case.name} peak memory", "value": round(memory, 3), "unit": "GiB",
                 "bar": 3, "better": "lower"})  # fmt: skip
    rows.append({"name": f"{case.name} forecast of memory off by", "unit": "", "bar": 0.25,
                 "value": round(abs(expected / memory - 1), 3), "better": "lower"})  # fmt: skip
    return rows


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", default="", help="names of datasets, by commas")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--options", default="", help="more options of `pennyweight evaluate`")
    parser.add_argument("--reports", type=Path, help="keep the reports in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        reports = given.reports or Path(temporary)
        reports.mkdir(parents=True, exist_ok=True)
        run(given, reports)


def run(given: argparse.Namespace, reports: Path) -> None:
    """Measure each dataset; write the rows after each."""
    rows: list[dict[str, object]] = []
    for case in CASES:
        if given.only and case.name not in given.only.split(","):
            continue
        if not (given.data / case.name).is_dir():
            print(f"{case.name}: no folder {given.data / case.name}; left out")
            continue
        rows += rows_of(case, measure(given.data, case, reports, tuple(given.options.split())))
        if given.json:
            given.json.write_text(json.dumps({"rows": rows}, indent=2))


if __name__ == "__main__":
    main()
