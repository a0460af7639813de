"""The cost of smaller item vectors: the content scorer's NDCG@10 at each size.

    python benchmarks/compression.py [--data DIR] [--only NAME,…] [--model MODEL] [--json FILE]

The catalog is encoded by a transformer (in fp32; vectors are kept in the cache folder), its
vectors cut to their principal components and stored in each row format. All users are ranked
over all items, histories masked; intervals are paired bootstraps of the ratio to fp32.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.dataset import read
from pennyweight.data.split import split
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.evaluation.measure import measure
from pennyweight.scorers.content import Content
from pennyweight.vectors.quantized_rows import QuantizedRows
from public_data import add_data, present
from rows import tell

DIMS = (256, 128, 96, 64, 48, 32)  # whitened
PLAIN = (256, 128, 64)
MIN_BINARY = 96  # components; fewer bits rank too badly to show
RESAMPLES, SEED = 1_000, 0
TARGETS = ((32, 0.97), (12, 0.99))  # times less memory, share of fp32's quality
Vectors = NDArray[np.float32]


def sizes(vectors: Vectors, encoder: TransformerEncoder) -> Iterator[tuple[str, Content]]:
    """Yield every way to store the vectors, with its name."""
    width = vectors.shape[1]
    yield f"{width} fp32", Content().packed(None, QuantizedRows.of(vectors))
    yield f"{width} int8", Content().packed(None, QuantizedRows.of(vectors, "int8"))
    for dim in PLAIN:
        narrow = ProjectedEncoder.of_vectors(encoder, vectors, dim=dim, whiten=False).project(
            vectors
        )
        yield f"{dim} int8", Content().packed(None, QuantizedRows.of(narrow, "int8"))
    for dim in (width, *DIMS):
        narrow = ProjectedEncoder.of_vectors(encoder, vectors, dim=dim).project(vectors)
        yield f"{dim} whitened int8", Content().packed(None, QuantizedRows.of(narrow, "int8"))
        if dim >= MIN_BINARY:
            yield f"{dim} binary", Content().packed(None, QuantizedRows.of(narrow, "binary"))


def compare(name: str, folder: Path, encoder: TransformerEncoder) -> list[dict[str, object]]:
    """Measure one dataset; print its table and return rows."""
    files = {path.stem: path for path in folder.iterdir() if path.stem in ("items", "events")}
    data = read(files["items"], files["events"])
    held_out = split(data.interactions).test
    vectors = encode_cached(encoder, data.catalog.texts)
    print(f"\n{name}: {len(held_out):,} users, {len(vectors):,} items, {encoder.name}")
    print(f"  {'vectors':<20}{'MB':>8}{'smaller':>9}{'NDCG@10':>10}{'of fp32':>9}  95 %")
    rows: list[dict[str, object]] = []
    baseline: NDArray[np.float64] | None = None
    first = 0
    for kind, scorer in sizes(vectors, encoder):
        ndcg = measure({"content": scorer}, held_out, repeats="exclude")["content"].column(
            "ndcg@10"
        )
        baseline, first = (ndcg, scorer.vectors.nbytes) if baseline is None else (baseline, first)
        times = first / scorer.vectors.nbytes
        ratio, low, high = share(ndcg, baseline)
        print(
            f"  {kind:<20}{scorer.vectors.nbytes / 1e6:>8.2f}{times:>8.1f}x{ndcg.mean():>10.4f}"
            f"{ratio:>8.1%}  [{low:.1%}, {high:.1%}]",
            flush=True,
        )
        target = next((target for min_times, target in TARGETS if times >= min_times), None)
        rows += [
            row(f"{name} {kind}: share of fp32's NDCG@10", ratio, "", target, "higher"),
            row(f"{name} {kind}: times smaller", times, "x", None, "higher"),
        ]
    return rows


def share(values: NDArray[np.float64], full: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the ratio of two means over the same users, with its paired 95 % interval."""
    rng = np.random.default_rng(SEED)
    ratios = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(full), size=len(full))
        ratios.append(values[drawn].mean() / full[drawn].mean())
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(values.mean() / full.mean()), float(low), float(high)


def row(name: str, value: float, unit: str, target: float | None, better: str) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "bar": target,
        "better": better,
    }


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--only", default="beauty,scientific", help="datasets, by commas")
    parser.add_argument("--model", help="a model folder; by default all-MiniLM-L6-v2")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    encoder = TransformerEncoder.from_pretrained(options.model, max_tokens=128)
    rows: list[dict[str, object]] = []
    for name in options.only.split(","):
        if not present(options.data, name):
            continue
        rows += compare(name, options.data / name, encoder)
    print()
    tell(rows, options.json)


if __name__ == "__main__":
    main()
