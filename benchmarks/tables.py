"""Writes the results of `make bench` into the tables of README.md and docs/benchmarks.md.

    python benchmarks/tables.py DIR

DIR holds ``quality/CASE.json`` of `quality.py --reports`, ``frontier/DATA.json`` of `frontier.py
--reports`, ``rank/CASE.json`` of `rank.py --reports`, and ``NAME.json`` of other benchmarks with
`--json`. A table stands between the lines ``<!-- table NAME -->`` and ``<!-- end -->``; a table
without results stays unchanged.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases import CASES, Case
from frontier_tables import all_candidates
from language_tables import by_encoder
from pennyweight.config.frontier import Frontier
from pennyweight.config.report import BEFORE_REFIT
from speed_tables import encoders, serving, table, worst_requests

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
BLOCK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
METRICS = {"ndcg@10": "NDCG@10", "recall@10": "recall@10", "recall@50": "recall@50"}
EVENTS = {"train": "training events", "train+validation": "training and validation events"}
HEADLINE = ("beauty", "scientific", "lastfm", "microlens", "beauty-dated")
Results = list[tuple[Case, dict[str, Any]]]


def number(value: float, *, sign: bool = False) -> str:
    """Return a figure without the zero before the point."""
    return f"{value:{'+' if sign else ''}.4f}".replace("0.", ".", 1)


def around(estimate: dict[str, float] | None, *, sign: bool = False) -> str:
    """Return a value with its interval."""
    if estimate is None:
        return ""
    low, high = (number(estimate[end], sign=sign) for end in ("low", "high"))
    return f"{number(estimate['value'], sign=sign)} [{low}, {high}]"


def summary_rows(case: Case, result: dict[str, Any]) -> list[list[str]]:
    """Return the lines of a case in the summary, NDCG@10 first."""
    rows = []
    scorers, baselines = result["report"]["scorers"], result["baselines"]
    metrics = dict.fromkeys(["ndcg@10", *(m for p in case.published for m in p.metrics)])
    for place, metric in enumerate(metrics):
        best = max(
            (p for p in case.published if metric in p.metrics),
            key=lambda p: p.metrics[metric],
            default=None,
        )
        name = result["gain"].get("train", {}).get("over", "")
        base = baselines[name]["train"][metric]["value"] if name else None
        rows.append(
            [
                case.title if not place else "",
                METRICS[metric],
                f"{number(best.metrics[metric])} ({best.model.split(',')[0]})" if best else "none",
                f"{number(base)} ({name})" if base is not None else "",
                f"**{around(scorers[BEFORE_REFIT][metric])}**",
                around(result["gain"]["train"], sign=True) if metric == "ndcg@10" and name else "",
                number(scorers["blend"][metric]["value"]),
            ]
        )
    return rows


def summary(results: Results) -> str:
    """Return a line for each case and each metric with a published figure."""
    rows = [row for case, result in results for row in summary_rows(case, result)]
    head = [
        "data, protocol",
        "metric",
        "highest published",
        "best simple baseline",
        "Pennyweight, training events alone",
        "gain over the baseline",
        "Pennyweight, refitted",
    ]
    return table(head, rows)


def headline(results: Results) -> str:
    """Return the line of NDCG@10 of each case of the README."""
    rows = []
    for case, result in results:
        if case.name in HEADLINE:
            _, _, published, baseline, ours, gain, _ = summary_rows(case, result)[0]
            rows.append([case.title, baseline, ours, gain, published])
    return table(
        [
            "data, protocol",
            "best simple baseline",
            "Pennyweight",
            "gain over the baseline",
            "highest published",
        ],
        rows,
    )


def lines_of(case: Case, result: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the rows of the table of a case."""
    for published in case.published:
        yield [
            published.model,
            published.source,
            EVENTS["train"],
            *(number(published.metrics[m]) if m in published.metrics else "" for m in METRICS),
        ]
    for name, row in result["baselines"].items():
        for events, label in EVENTS.items():
            if events in row:
                yield [name, "baseline", label, *(around(row[events][m]) for m in METRICS)]
    report = result["report"]
    names = [name for name in report["scorers"] if name not in ("popularity", "content")]
    for name in sorted(names, key=lambda name: (name.startswith("blend"), name == BEFORE_REFIT)):
        strong = "**" if name == BEFORE_REFIT else ""
        yield [
            f"{strong}{name}{strong}",
            "Pennyweight",
            EVENTS[report["fitted_on"][name]],
            *(f"{strong}{around(report['scorers'][name][m])}{strong}" for m in METRICS),
        ]


def details(results: Results) -> str:
    """Return a section for each case."""
    out = []
    for case, result in results:
        report = result["report"]
        title = case.title[:1].upper() + case.title[1:]
        size = (
            f"{report['users']:,} users, {report['items']:,} items, {report['events']:,} "
            f"events; {report['evaluated_users']:,} users measured."
        )
        head = ["", "by", "fitted on", *METRICS.values()]
        rows = list(lines_of(case, result))
        text = [f"### {title}", f"{size} {case.note}".strip(), table(head, rows)]
        whose = {"train": "training events alone", "train+validation": "validation events too"}
        gains = [
            f"{around(gain, sign=True)} NDCG@10 over {gain['over']} (p = {gain['p']:.3f}), both "
            f"fitted on the {whose[events]}"
            for events, gain in result["gain"].items()
        ]
        if gains:
            text.append("The blend gains " + "; ".join(gains) + ". The interval is paired.")
        days = [slice_ for slice_ in report.get("slices") or () if slice_["by"] == "target day"]
        if days:
            rows = [
                [
                    d["name"],
                    f"{d['users']:,}",
                    *(around(d["ndcg"].get(n)) for n in (BEFORE_REFIT, "blend")),
                ]
                for d in days
            ]
            text.append(
                table(
                    [
                        "day of the test event",
                        "users",
                        f"NDCG@10, {BEFORE_REFIT}",
                        "NDCG@10, refitted",
                    ],
                    rows,
                )
            )
        out.append("\n\n".join(text))
    return "\n\n".join(out)


def model(results: Results) -> str:
    """Return the gain of the language model on validation, which decides, and on test."""
    rows = []
    for case, result in results:
        ablation = result["report"].get("encoder_ablation")
        if ablation:
            valid, test = (ablation[on][0]["difference"] for on in ("validation", "test"))
            decision = "kept" if ablation["keep"] else "left out"
            rows.append([case.title, around(valid, sign=True), around(test, sign=True), decision])
    return table(["data", "on validation (decisive)", "on test", "decision"], rows)


def cost(results: Results) -> str:
    """Return the time and the memory of each evaluation."""
    rows = []
    for case, result in results:
        spent, gib = result["report"]["cost"], 2**30
        rows.append(
            [
                case.title,
                f"{result['wall']:.0f} ({spent['expected_seconds']:.0f})",
                f"{spent['peak_rss_bytes'] / gib:.2f} ({spent['expected_rss_bytes'] / gib:.2f})",
            ]
        )
    head = ["data", "seconds (forecast)", "peak memory, GiB (forecast)"]
    return table(head, rows)


def ranking(folder: Path) -> str:
    """Return a line for each case of `rank.py`."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        stage, times = result["stage"], result.get("batch_ms")
        relative = result["gain"]["value"] / result["blend"]["value"]
        rows.append(
            [
                result["title"],
                around(result["blend"]),
                f"**{around(result['with_trees'])}**" if stage["used"] else "left out",
                f"{around(result['gain'], sign=True)}, {relative:+.1%}" if stage["used"] else "",
                around(stage["gain"], sign=True),
                f"{stage['trees']}" if stage["used"] else "",
                refitted(result.get("refitted")),
                f"{result['seconds']:.0f}",
                f"{times['without']:.2f}, {times['with']:.2f}" if times else "",
            ]
        )
    head = [
        "data, protocol",
        "NDCG@10, blend",
        "with trees",
        "gain on test",
        "gain on validation (decisive)",
        "trees",
        "gain, scorers refitted",
        "training, s",
        "ms a list without, with",
    ]
    return table(head, rows)


def refitted(result: dict[str, Any] | None) -> str:
    """Return the gain of the trees after the refit of the scorers."""
    if result is None:
        return ""
    relative = result["gain"]["value"] / result["blend"]
    return f"{around(result['gain'], sign=True)}, {relative:+.1%}"


BASELINE = "sentence-transformers"
QUALITY = {
    "headline": headline,
    "summary": summary,
    "details": details,
    "model": model,
    "cost": cost,
}
SPEED = {
    "encoders": (encoders, ("encode",)),
    "serving": (serving, ("serve", "soak", "million", "kill")),
    "overload": (serving, ("overload",)),
    "new-items": (serving, ("new_items",)),
    "publishing-killed": (serving, ("publish_kill",)),
    "search": (by_encoder, ("search",)),
    "language": (by_encoder, ("language",)),
    "worst-requests": (worst_requests, ("worst_request",)),
}
CANDIDATES = {"candidates": all_candidates}


def tables(folder: Path) -> dict[str, str]:
    """Return the tables for which there are results, by name."""
    paths = [(case, folder / "quality" / f"{case.name}.json") for case in CASES]
    results = [(case, json.loads(path.read_text())) for case, path in paths if path.is_file()]
    for _, result in results:
        if result["settings"]:
            sys.exit(f"{result['case']} was measured with {result['settings']}; use the defaults")
    out = {name: make(results) for name, make in QUALITY.items()} if results else {}
    for name, (make_speed, files) in SPEED.items():
        present = [folder / f"{file}.json" for file in files]
        rows = [
            row
            for path in present
            if path.is_file()
            for row in json.loads(path.read_text())["rows"]
        ]
        if name == "encoders" and rows and not str(rows[0]["name"]).startswith(BASELINE):
            print(f"encoders were measured without {BASELINE}; that table stays unchanged")
        elif rows:
            out[name] = make_speed(rows)
    frontiers = {
        path.stem: Frontier.model_validate_json(path.read_text())
        for path in sorted((folder / "frontier").glob("*.json"))
    }
    out |= {name: make(frontiers) for name, make in CANDIDATES.items() if frontiers}
    if any((folder / "rank").glob("*.json")):
        out["ranking"] = ranking(folder / "rank")
    absent = [str(path) for _, path in paths if not path.is_file()]
    absent += [
        f"figures for the table {name!r}"
        for name in (*SPEED, *CANDIDATES, "ranking")
        if name not in out
    ]
    print("".join(f"absent: {name}\n" for name in absent), end="")
    return out


def filled(text: str, made: dict[str, str]) -> str:
    """Return a page with its tables made anew."""

    def block(match: re.Match[str]) -> str:
        return f"{match[1]}{made[match[2]]}\n{match[3]}" if match[2] in made else match[0]

    return BLOCK.sub(block, text)


def main() -> None:
    """Fill the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="what `make bench` wrote: bench-out")
    made = tables(parser.parse_args().folder)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text, made), encoding="utf-8")


if __name__ == "__main__":
    main()
