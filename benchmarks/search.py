"""Search by text: category names and sentences of descriptions as queries with known answers.

    python benchmarks/search.py [--only NAME,…] [--encoder MODEL]… [--fit] [--data DIR]
                                [--json FILE]

The queries are removed from the texts (`pennyweight.evaluation.search`). Each encoder ranks the
items by the cosine of their vectors with that of the query, alone and with BM25 and feedback
(`pennyweight.scorers.text_search`): nothing is trained. `--encoder` adds
models beside the installed ones. `--fit` adds the recommender that `fit` makes of the same texts
with the default settings.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pennyweight import fit
from pennyweight.data.dataset import Dataset, read
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.static import distil
from pennyweight.evaluation.bootstrap import bootstrap, paired_difference
from pennyweight.evaluation.search import (
    SearchTask,
    category_search,
    known_item_search,
    search_quality,
)
from pennyweight.fitting.pretrained import open_pretrained
from pennyweight.scorers.content import Content
from pennyweight.scorers.text_search import TextSearch
from public_data import add_data, present
from rows import tell

DATA = {"beauty": "csv", "scientific": "csv"}
TASKS = (category_search, known_item_search)
Row = dict[str, object]
WORDS = "TF-IDF"


def encoders(models: Sequence[str], threads: int) -> Iterator[tuple[str, Encoder]]:
    """Yield the default model, its static table, and other models, in 8 bits."""
    for model in (None, *models):
        encoder = open_pretrained(model, precision="int8", threads=threads)
        if encoder.language_model is not None:
            table = distil(encoder.language_model, dim=min(256, encoder.dim))
            yield f"{encoder.name}, static", table
        yield encoder.name, encoder


def measure(
    name: str, dataset: Dataset, task: SearchTask, options: argparse.Namespace
) -> list[Row]:
    """Return the rows of a task: each scorer with its interval and its gain over TF-IDF."""
    title = f"{name}, {task.name}"
    print(f"{title}: {len(task.queries)} queries, {len(task.catalog)} items, {task.metric}")
    words = Content().fit(dataset.interactions, task.catalog)
    base = search_quality(task, words.score_texts)
    rows = [_row(f"{title}: {WORDS}: {task.metric}", base)]
    for encoder_name, encoder in encoders(options.encoder, options.threads):
        began = time.perf_counter()
        scorer = Content(encoder).fit(dataset.interactions, task.catalog)
        values = search_quality(task, scorer.score_texts)
        print(f"  {encoder_name}: {time.perf_counter() - began:.0f} s")
        rows.append(_row(f"{title}: {encoder_name}: {task.metric}", values, base))
        hybrid = TextSearch.fit(encoder, words, task.catalog)
        values = search_quality(task, hybrid.score_texts)
        rows.append(_row(f"{title}: {encoder_name}, BM25, feedback: {task.metric}", values, base))
    if options.fit:
        began = time.perf_counter()
        recommender = fit(replace(dataset, catalog=task.catalog), progress=False)
        values = search_quality(task, recommender.scorer.score_texts)
        print(f"  fit: {time.perf_counter() - began:.0f} s")
        rows.append(_row(f"{title}: default fit: {task.metric}", values, base))
    return rows


def _row(name: str, values: np.ndarray, base: np.ndarray | None = None) -> Row:
    estimate = bootstrap(values[:, None])[0]
    row: Row = {
        "name": name,
        "value": round(estimate.value, 4),
        "unit": "",
        "bar": None,
        "better": "higher",
        "low": round(estimate.low, 4),
        "high": round(estimate.high, 4),
    }
    if base is not None:
        gain = paired_difference(values[:, None], base[:, None])[0]
        row["gain"] = [round(value, 4) for value in gain]
    return row


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--only", default=",".join(DATA), help="datasets, by commas")
    parser.add_argument(
        "--encoder", action="append", default=[], metavar="MODEL", help="a folder or an id"
    )
    parser.add_argument("--fit", action="store_true", help="fit a recommender too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only.split(","):
        if name not in DATA:
            parser.error(f"{name}: choose from {', '.join(DATA)}")
        if not present(options.data, name):
            continue
        folder = options.data / name
        dataset = read(folder / f"items.{DATA[name]}", folder / f"events.{DATA[name]}")
        tasks = [make(dataset.catalog) for make in TASKS]
        for task in filter(None, tasks):
            rows += measure(name, dataset, task, options)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
