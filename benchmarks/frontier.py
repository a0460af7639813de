"""Smaller versions of a recommender: quality, bytes, speed and memory of each candidate.

    python benchmarks/frontier.py [--data DIR] [--only NAME,…] [--encoder MODEL] [--distil STEPS]
                                  [--html FOLDER] [--reports FOLDER] [--json FILE]

Fits each dataset with a language model reading the content, then measures the candidates as
`pennyweight frontier` does: the parent is fitted again to training events, every candidate is
measured on the same validation users, speed and memory in a separate process.
"""

import argparse
from pathlib import Path

import pennyweight
from frontier_tables import TARGETS, smallest
from pennyweight.config.frontier import Frontier
from pennyweight.reports import frontier_page
from public_data import add_data, present
from rows import tell


def rows_of(name: str, frontier: Frontier) -> list[dict[str, object]]:
    """Return the rows of one dataset."""
    rows: list[dict[str, object]] = []
    for label, min_quality, target in TARGETS:
        times = frontier.uncompressed.index_bytes / smallest(frontier, min_quality).index_bytes
        rows.append(_row(f"{name}: {label}, times smaller", times, "x", target))
    for point in frontier.points:
        quality = 100 * point.relative_quality.value
        rows.append(_row(f"{name}: {point.name}, relative quality", quality, "%", None))
        times = point.texts_per_second / frontier.uncompressed.texts_per_second
        rows.append(_row(f"{name}: {point.name}, times the speed", times, "x", None))
    return rows


def _row(name: str, value: float, unit: str, target: float | None) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "bar": target,
        "better": "higher",
    }


def main() -> None:
    """Fit, measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--only", default="beauty,scientific")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--distil", type=int, default=0)
    parser.add_argument("--html", type=Path)
    parser.add_argument("--reports", type=Path, help="write the measurements to this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    plan = pennyweight.Plan().override(
        {"encoder.name": options.encoder, "evaluate.encoder_ablation": False}
    )
    rows: list[dict[str, object]] = []
    for name in options.only.split(","):
        if not present(options.data, name):
            continue
        folder = options.data / name
        parent = pennyweight.fit(folder / "items.csv", folder / "events.csv", plan=plan)
        frontier = pennyweight.frontier(parent, distil=options.distil)
        print(f"\n{name}: {frontier.table()}\n\n{frontier.sentence()}", flush=True)
        if options.html is not None:
            options.html.mkdir(parents=True, exist_ok=True)
            (options.html / f"{name}.html").write_text(frontier_page(frontier), encoding="utf-8")
        if options.reports is not None:
            options.reports.mkdir(parents=True, exist_ok=True)
            (options.reports / f"{name}.json").write_text(frontier.model_dump_json(indent=1))
        rows += rows_of(name, frontier)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
