"""Recommenders of made-up items, to time lists without data."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.ids import Ids
from pennyweight.recommender.recommender import Recommender
from pennyweight.scorers.blend import Blend
from pennyweight.scorers.candidate_features import CandidateFeatures
from pennyweight.scorers.content import Content
from pennyweight.scorers.item_vectors import Terms
from pennyweight.scorers.linear import Linear
from pennyweight.scorers.neighbors import Neighbors
from pennyweight.scorers.popularity import Popularity
from pennyweight.scorers.protocol import Scorer
from pennyweight.scorers.ranking_trees import RankingTrees, blend_digest, catalog_digest
from pennyweight.vectors.quantized_rows import QuantizedRows, RowFormat
from pennyweight.vectors.tree_ensemble import TreeEnsemble

__all__ = ["synthetic_recommender"]

LEVELS = 3  # of splits in a tree, that is 8 leaves
VOCABULARY = 20_000
DEPTH = 50  # items that trees rank again
SPREAD = 4.5 / 127  # of the components of unit vectors, in steps of int8


def synthetic_recommender(
    items: int,
    *,
    dense: Sequence[int] = (),
    row_format: RowFormat = "int8",
    sparse_rows: Sequence[int] = (),
    words: int = 0,
    popularity: bool = True,
    trees: int = 0,
    seed: int = 0,
) -> Recommender:
    """Return a recommender of random vectors and matrices.

    Parameters
    ----------
    items
        How many.
    dense
        Width of the vectors of each scorer with dense vectors.
    row_format
        Of these vectors.
    sparse_rows
        Entries a row of each scorer with a matrix of items by items.
    words
        Of each text, for a scorer by TF-IDF; 0 without one.
    popularity
        Whether popularity is a component too.
    trees
        Trees of the ranking stage.
    seed
        Of all numbers.
    """
    rng = np.random.default_rng(seed)
    parts: dict[str, Scorer] = {}
    for number, width in enumerate(dense):
        parts[f"content-{number}"] = _content(items, width, row_format, rng)
    for number, entries in enumerate(sparse_rows):
        scorer: Neighbors | Linear = Linear() if number % 2 else Neighbors()
        scorer.matrix = _matrix(items, entries, rng)
        parts[f"{scorer.kind}-{number}"] = scorer
    if words:
        lexical = Content()
        lexical.vectors = Terms(_word_matrix(items, words, rng))
        parts["words"] = lexical
    if popularity:
        level = Popularity()
        level.level = rng.random(items, dtype=np.float32)
        parts["popularity"] = level
    ids = Ids((f"item-{number}" for number in range(items)), "items")
    prices = pl.DataFrame({"price": np.round(rng.random(items) * 100, 2)})
    blend = Blend(parts)
    if trees:
        features = CandidateFeatures.of(parts)
        ensemble = _trees(trees, len(features.owners), rng)
        digests = blend_digest(blend, features.components), catalog_digest(ids)
        blend.trees = RankingTrees(features, ensemble, DEPTH, *digests)
    return Recommender(Catalog(ids, ("",) * items, prices), blend)


def _content(items: int, width: int, row_format: RowFormat, rng: np.random.Generator) -> Content:
    content = Content()
    if row_format == "int8":  # drawn in 8 bits: a million rows of float32 would not fit everywhere
        data = rng.integers(-40, 41, (items, width), np.int8)
        scale = np.full((1, 1), SPREAD / np.sqrt(width), np.float32)
        content.vectors = QuantizedRows(data, scale, width, "int8")
        return content
    rows = rng.standard_normal((items, width), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    content.vectors = QuantizedRows.of(rows, row_format)
    return content


def _matrix(items: int, entries: int, rng: np.random.Generator) -> sparse.csr_matrix:
    entries = min(entries, items)
    columns = rng.integers(0, items, items * entries).astype(np.int32)
    values = rng.random(items * entries, dtype=np.float32)
    starts = np.arange(items + 1, dtype=np.int32) * np.int32(entries)
    return sparse.csr_matrix((values, columns, starts), shape=(items, items))


def _word_matrix(items: int, words: int, rng: np.random.Generator) -> sparse.csr_matrix:
    """Return words by their rank, whose frequency falls as Zipf (1949) has it."""
    drawn = np.minimum(rng.zipf(1.2, items * words), VOCABULARY) - 1
    starts = np.arange(items + 1) * words
    values = np.full(items * words, words**-0.5, np.float32)
    matrix = sparse.csr_matrix((values, drawn, starts), shape=(items, VOCABULARY))
    matrix.sum_duplicates()
    return matrix


def _trees(n: int, n_features: int, rng: np.random.Generator) -> TreeEnsemble:
    """Return balanced trees of random splits."""
    inner, nodes = 2**LEVELS - 1, 2 ** (LEVELS + 1) - 1
    place = np.arange(nodes)
    is_inner = place < inner
    root = np.arange(n) * nodes
    children = np.where(is_inner, 2 * place + 1, 0)
    feature = np.where(is_inner, rng.integers(0, n_features, (n, nodes)), -1)
    left = np.where(is_inner, root[:, None] + children, 0)
    return TreeEnsemble(
        feature.ravel().astype(np.int32),
        rng.random(n * nodes, dtype=np.float32),
        left.ravel().astype(np.int32),
        np.where(is_inner, left + 1, 0).ravel().astype(np.int32),
        rng.standard_normal(n * nodes, dtype=np.float32),
        root.astype(np.int32),
        n_features,
    )
