"""What smaller item vectors cost: the content scorer's NDCG@10 at each size.

    python benchmarks/compression.py [--data DIR] [--only NAME,…] [--model MODEL] [--json FILE]

The catalog is encoded by a transformer (in fp32; vectors are kept in the cache folder), its
vectors cut to their principal components and stored by each kind of index. All users are ranked
over all items, histories masked; intervals are paired bootstraps of the ratio to fp32.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pennyweight.data.dataset import read
from pennyweight.data.interactions import Histories
from pennyweight.data.split import split
from pennyweight.encoders.cache import encode_cached
from pennyweight.encoders.projected import ProjectedEncoder
from pennyweight.encoders.transformer import TransformerEncoder
from pennyweight.evaluation.measure import measure
from pennyweight.index.exact import BinaryIndex, ExactIndex, Int8Index
from pennyweight.index.signs import SignIndex
from pennyweight.scorers.content import Content
from pennyweight.scorers.profile import profile
from public_data import add_data, present
from rows import tell

DIMS = (256, 128, 96, 64, 48, 32)  # whitened
PLAIN = (256, 128, 64)
SIGNS = 96  # least width of which signs are kept
RESAMPLES, SEED = 1_000, 0
BARS = ((32, 0.97), (12, 0.99))  # so many times less memory, so much of fp32's quality
Vectors = NDArray[np.float32]
Index = ExactIndex | Int8Index | BinaryIndex | SignIndex


@dataclass(frozen=True)
class Stored:
    """The content scorer over an index of item vectors."""

    index: Index
    vectors: Vectors  # as the index holds them: profiles are made of the same
    scale = "relative"
    name = "content"

    def score(self, histories: Histories) -> Vectors:
        """Score all items; those that a binary index does not find come last, in no order."""
        settings = Content()
        rows = profile(histories, len(self.vectors), decay=settings.decay, newest=settings.newest)
        query = np.asarray(rows @ self.vectors, np.float32)
        if not isinstance(self.index, BinaryIndex):
            return np.maximum(query @ self.vectors.T, 0)
        # The items of the profile are found too, and masked afterwards.
        codes, found = self.index.search(query, min(10 + settings.newest, len(self.vectors)))
        scores = np.full((len(query), len(self.vectors)), -1, np.float32)
        np.put_along_axis(scores, codes, found, axis=1)
        return scores


def stored(kind: type[Index], vectors: Vectors) -> Stored:
    """Put vectors into an index, and take them out as it holds them."""
    index = kind(vectors.shape[1])
    index.upsert(np.arange(len(vectors)), vectors)
    if isinstance(index, SignIndex):
        return Stored(index, index.vectors())
    arrays = index.arrays()
    held = arrays["vectors"].astype(np.float32) * np.float32(arrays.get("scale", 1.0))
    return Stored(index, held)


def sizes(vectors: Vectors, encoder: TransformerEncoder) -> Iterator[tuple[str, Stored]]:
    """Yield every way to store the vectors, with its name."""
    width = vectors.shape[1]
    yield f"{width} fp32", stored(ExactIndex, vectors)
    yield f"{width} int8", stored(Int8Index, vectors)
    yield f"{width} binary + int8", stored(BinaryIndex, vectors)
    for dim in PLAIN:
        narrow = ProjectedEncoder.fit(encoder, vectors, dim=dim, whiten=False).project(vectors)
        yield f"{dim} int8", stored(Int8Index, narrow)
    for dim in (width, *DIMS):
        narrow = ProjectedEncoder.fit(encoder, vectors, dim=dim).project(vectors)
        yield f"{dim} whitened int8", stored(Int8Index, narrow)
        if dim >= SIGNS:
            yield f"{dim} signs", stored(SignIndex, narrow)


def compare(name: str, folder: Path, encoder: TransformerEncoder) -> list[dict[str, object]]:
    """Measure one dataset; print its table and return rows."""
    files = {path.stem: path for path in folder.iterdir() if path.stem in ("items", "events")}
    data = read(files["items"], files["events"])
    held_out = split(data.interactions).test
    vectors = encode_cached(encoder, data.catalog.texts)
    print(f"\n{name}: {len(held_out):,} users, {len(vectors):,} items, {encoder.name}")
    print(f"  {'vectors':<20}{'MB':>8}{'smaller':>9}{'NDCG@10':>10}{'of fp32':>9}  95 %")
    rows: list[dict[str, object]] = []
    whole: NDArray[np.float64] | None = None
    first = 0
    for kind, scorer in sizes(vectors, encoder):
        ndcg = measure({"content": scorer}, held_out, repeats="exclude")["content"].column(
            "ndcg@10"
        )
        whole, first = (ndcg, scorer.index.nbytes) if whole is None else (whole, first)
        times = first / scorer.index.nbytes
        ratio, low, high = share(ndcg, whole)
        print(f"  {kind:<20}{scorer.index.nbytes / 1e6:>8.2f}{times:>8.1f}x{ndcg.mean():>10.4f}"
              f"{ratio:>8.1%}  [{low:.1%}, {high:.1%}]", flush=True)  # fmt: skip
        bar = next((bar for least, bar in BARS if times >= least), None)
        rows += [
            row(f"{name} {kind}: share of fp32's NDCG@10", ratio, "", bar, "higher"),
            row(f"{name} {kind}: times smaller", times, "x", None, "higher"),
        ]
    return rows


def share(some: NDArray[np.float64], whole: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the ratio of two means over the same users, with its paired 95 % interval."""
    rng = np.random.default_rng(SEED)
    ratios = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(whole), size=len(whole))
        ratios.append(some[drawn].mean() / whole[drawn].mean())
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(some.mean() / whole.mean()), float(low), float(high)


def row(name: str, value: float, unit: str, bar: float | None, better: str) -> dict[str, object]:
    return {"name": name, "value": round(value, 4), "unit": unit, "bar": bar, "better": better}


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    add_data(parser)
    parser.add_argument("--only", default="beauty,scientific", help="datasets, by commas")
    parser.add_argument("--model", help="a model folder; all-MiniLM-L6-v2 unless told")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    encoder = TransformerEncoder.load(given.model, max_tokens=128)
    rows: list[dict[str, object]] = []
    for name in given.only.split(","):
        if not present(given.data, name):
            continue
        rows += compare(name, given.data / name, encoder)
    print()
    tell(rows, given.json)


if __name__ == "__main__":
    main()
