"""Where a language model pays, and a route of it against the model for all requests.

    python benchmarks/ablation.py [--only NAME,…] [--models NAME,…] [--search-share SHARE]
                                  [--data DIR] [--html FOLDER] [--json FILE]

Runs `pennyweight.ablate` with the default settings on each dataset and prints its tables. The rows
compare the route with the model for all requests: quality kept, and share of the cost.
"""

import argparse
from pathlib import Path

import pennyweight
from pennyweight.config.ablation_table import AblationTable
from pennyweight.reports import ablation_page
from public_data import add_data, present
from rows import tell

KEPT, COST = 99.0, 33.3  # percent of the model everywhere
FILES = {
    "beauty": ("items.csv", "events.csv"),
    "scientific": ("items.csv", "events.csv"),
    "lastfm": ("items.jsonl", "events.jsonl"),
    "microlens": ("items.parquet", "events.parquet"),
}


def rows_of(name: str, table: AblationTable) -> list[dict[str, object]]:
    """Return the rows of one dataset; none where no model pays."""
    route = table.route
    if route is None:
        return []
    share = 100 * route.price / route.price_everywhere
    pairs = (
        ("traffic served by the model", 100 * route.traffic, None, "lower"),
        ("quality kept, of the model everywhere", 100 * route.relative_quality, KEPT, "higher"),
        ("cost, of the model everywhere", share, COST, "lower"),
    )
    return [
        {
            "name": f"{name}: {label}",
            "value": round(value, 1),
            "unit": "%",
            "bar": bar,
            "better": better,
        }
        for label, value, bar, better in pairs
    ]


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--only", default="beauty,scientific")
    parser.add_argument("--models", default="")
    parser.add_argument("--search-share", type=float, default=0.1)
    parser.add_argument("--html", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    models = [name for name in options.models.split(",") if name]
    rows: list[dict[str, object]] = []
    for name in options.only.split(","):
        if not present(options.data, name):
            continue
        items, events = (options.data / name / file for file in FILES[name])
        table = pennyweight.ablate(items, events, models=models, search_share=options.search_share)
        print(f"\n{name}: {table.table()}\n\n{table.sentence()}", flush=True)
        for task in table.route.tasks if table.route else ():
            print(f"{task.task}: {task.without}, route {task.route}, all {task.everywhere}")
        if options.html is not None:
            options.html.mkdir(parents=True, exist_ok=True)
            (options.html / f"{name}.html").write_text(ablation_page(table), encoding="utf-8")
        rows += rows_of(name, table)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
