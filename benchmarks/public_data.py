"""The public datasets of the benchmarks: where they lie, and where they come from.

Each is a folder with a catalog and an event log, in a folder named by `--data` or by the
variable PENNYWEIGHT_DATA, or else in `data/` of the repository. Absent datasets are left out.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["SOURCES", "add_data", "present"]

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "beauty": "Amazon product data 2014, Beauty, 5-core (J. McAuley, cseweb.ucsd.edu/~jmcauley): "
    "items.csv (item_id, title, categories), events.csv (user_id, item_id, timestamp as position), "
    "events_dated.csv (the same with days)",
    "scientific": "Amazon product data 2018, Industrial and Scientific, the split of UniSRec "
    "(github.com/RUCAIBox/UniSRec): items.csv (item_id, title, description, brand, categories), "
    "events.csv",
    "lastfm": "HetRec 2011, last.fm (grouplens.org/datasets/hetrec-2011): items.jsonl (item_id, "
    "title, tags without the assignments that are held out), events.jsonl",
    "microlens": "MicroLens-50k (github.com/westlake-repl/MicroLens): items.parquet (item_id, "
    "title), events.parquet (with a split column: train, valid, test)",
}


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the option `--data`."""
    folder = os.environ.get("PENNYWEIGHT_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(folder) if folder else ROOT / "data",
        help="folder of the datasets; by default $PENNYWEIGHT_DATA, or data/ of the repository",
    )


def present(data: Path, name: str, files: Sequence[str] = ()) -> bool:
    """Return whether a dataset is there; otherwise say where it comes from."""
    if (data / name).is_dir() and all((data / name / file).is_file() for file in files):
        return True
    print(
        f"{name}: not in {data}; left out. It is made of {SOURCES[name]}. "
        "Set PENNYWEIGHT_DATA, or give --data, to the folder that holds it."
    )
    return False
