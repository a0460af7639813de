"""Language models as encoders of item text: quality of lists and of search, speed and size.

    python benchmarks/language.py [--encoder NAME]… [--only NAME,…] [--test] [--data DIR]
                                  [--json FILE]

NDCG@10 of the content scorer alone, whitened (cosine of an item's vector with the decayed
history, leave last out, full ranking, history masked), and precision@10 of category names as
queries (`search.py`). Nothing is trained. TF-IDF, the static table and all-MiniLM-L6-v2 in 8
bits are always measured; `--encoder` adds folders, ids and GGUF files. Validation users, or with
`--test` test users.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pennyweight.data.dataset import Dataset, read
from pennyweight.data.split import HeldOut, split
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.protocol import Encoder
from pennyweight.encoders.static import distil
from pennyweight.encoders.tfidf import LexicalEncoder
from pennyweight.evaluation.bootstrap import bootstrap
from pennyweight.evaluation.measure import measure
from pennyweight.evaluation.search import category_search, search_quality
from pennyweight.fitting.pretrained import open_pretrained
from pennyweight.scorers.content import Content
from public_data import add_data, present
from rows import tell

DATA = ("beauty", "scientific")
SAMPLE = 192  # texts whose encoding is timed
Row = dict[str, object]


def encoders(names: Sequence[str], threads: int) -> Iterator[tuple[str, Encoder]]:
    """Yield the default model's static table, the model, and each other model with its table."""
    for name in (None, *names):
        encoder = open_pretrained(name, precision="int8", threads=threads)
        if encoder.language_model is not None:
            table = distil(encoder.language_model, dim=min(256, encoder.dim))
            yield f"{encoder.name}, static", table
        yield encoder.name, encoder


def measured(name: str, dataset: Dataset, valid: HeldOut, options: argparse.Namespace) -> list[Row]:
    """Return the rows of a dataset."""
    catalog = dataset.catalog
    task = category_search(catalog)
    words = Content().fit(dataset.interactions, catalog)
    rows = [_row(f"{name}: TF-IDF: content NDCG@10", ndcg(words, valid))]
    if task is not None:
        values = search_quality(task, Content().fit(dataset.interactions, task.catalog).score_texts)
        rows.append(_row(f"{name}: TF-IDF: search precision@10", values))
    for encoder_name, encoder in encoders(options.encoder, options.threads):
        vectors = encoder.encode(catalog.texts)
        whitened = ProjectedEncoder.of_vectors(encoder, vectors, dim=encoder.dim)
        content = Content.of_vectors(whitened.project(vectors))
        rows.append(_row(f"{name}: {encoder_name}: content NDCG@10", ndcg(content, valid)))
        if task is not None:
            search = Content(encoder).fit(dataset.interactions, task.catalog)
            values = search_quality(task, search.score_texts)
            rows.append(_row(f"{name}: {encoder_name}: search precision@10", values))
        for row in rows[-2:]:
            print(f"  {row['name']} {row['value']}", flush=True)
    return rows


def ndcg(scorer: Content, held_out: HeldOut) -> np.ndarray:
    """Return NDCG@10 of each user."""
    return measure({"content": scorer}, held_out, repeats="exclude")["content"].column("ndcg@10")


def costs(texts: Sequence[str], options: argparse.Namespace) -> list[Row]:
    """Return texts a second in batches, and bytes on disk, of each encoder."""
    sample = list(texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE])
    rows: list[Row] = []
    for name, encoder in (
        ("TF-IDF", LexicalEncoder.fit(texts, dim=256)),
        *encoders(options.encoder, options.threads),
    ):
        encoder.encode(sample[:8])
        began = time.perf_counter()
        encoder.encode(sample)
        speed = len(sample) / (time.perf_counter() - began)
        with tempfile.TemporaryDirectory() as folder:
            encoder.save(Path(folder))
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        for kind, value, unit in (("texts a second", round(speed, 1), "1/s"), ("bytes", size, "B")):
            better = "higher" if unit == "1/s" else "lower"
            rows.append(
                {
                    "name": f"{name}: {kind}",
                    "value": value,
                    "unit": unit,
                    "bar": None,
                    "better": better,
                }
            )
    return rows


def _row(name: str, values: np.ndarray) -> Row:
    estimate = bootstrap(np.asarray(values, np.float64)[:, None])[0]
    value, low, high = (round(number, 4) for number in estimate)
    return {"name": name, "value": value, "unit": "", "bar": None, "better": "higher"} | {
        "low": low,
        "high": high,
    }


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--only", default=",".join(DATA), help="datasets, by commas")
    parser.add_argument("--encoder", action="append", default=[], metavar="NAME")
    parser.add_argument("--test", action="store_true", help="measure test users")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.only.split(","):
        if name not in DATA:
            parser.error(f"{name}: choose from {', '.join(DATA)}")
        if not present(options.data, name):
            continue
        dataset = read(options.data / name / "items.csv", options.data / name / "events.csv")
        parts = split(dataset.interactions, protocol="leave-last-out")
        held_out = parts.test if options.test else parts.valid
        rows += measured(name, dataset, held_out, options)
        if not any(str(row["name"]).endswith("bytes") for row in rows):
            rows += costs(dataset.catalog.texts, options)
    tell(rows, options.json)


if __name__ == "__main__":
    main()
