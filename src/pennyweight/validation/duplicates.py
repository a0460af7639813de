"""Near-duplicate items: MinHash and banding, in blocks, linear in the number of items.

Broder, "On the resemblance and containment of documents", 1997; banding as in Leskovec,
Rajaraman & Ullman, "Mining of massive datasets", section 3.4.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from pennyweight.data.catalog import Catalog
from pennyweight.data.words import words
from pennyweight.validation.findings import Finding, finding

__all__ = ["check_duplicates", "near_duplicates"]

MIN_JACCARD = 0.9  # share of the words of two texts together that both have (Jaccard)
BANDS, ROWS = 8, 4  # pairs of 0.9 meet in a band with probability 0.9997, of 0.5 with 0.4
BLOCK = 20_000


def near_duplicates(texts: Sequence[str], rng: np.random.Generator) -> NDArray[np.int32]:
    """Return for each text the first text that it nearly equals, itself where there is none.

    int32 (len(texts),). Two texts are similar where their sets of words have a Jaccard similarity
    of `MIN_JACCARD` or more; each member of a band is compared with the first one only, so the work
    grows with the number of texts.
    """
    of_text, signatures = _minhash(texts, rng)
    size = np.diff(of_text.indptr)
    rows = np.flatnonzero(size)
    pairs = [
        _candidate_pairs(signatures[rows, b * ROWS : (b + 1) * ROWS], rows) for b in range(BANDS)
    ]
    first_rows, second_rows = (
        np.unique(np.concatenate(pairs), axis=0).T if pairs else np.empty((2, 0), int)
    )
    duplicate = np.zeros(len(first_rows), bool)
    for at in range(0, len(first_rows), BLOCK):
        i, j = first_rows[at : at + BLOCK], second_rows[at : at + BLOCK]
        shared_words = np.asarray(of_text[i].multiply(of_text[j]).sum(axis=1)).ravel()
        duplicate[at : at + BLOCK] = shared_words >= MIN_JACCARD * (
            size[i] + size[j] - shared_words
        )
    n = len(texts)
    edges = sparse.coo_array(
        (np.ones(int(duplicate.sum()), bool), (first_rows[duplicate], second_rows[duplicate])),
        shape=(n, n),
    )
    _, group = sparse.csgraph.connected_components(edges, directed=False)
    _, first = np.unique(group, return_index=True)
    return np.asarray(first[group], np.int32)


def _minhash(
    texts: Sequence[str], rng: np.random.Generator
) -> tuple[sparse.csr_array, NDArray[np.uint32]]:
    """Return the words of each text, csr (n, 2**22) by hash, and MinHashes (n, BANDS * ROWS)."""
    factor = rng.integers(1, 1 << 32, BANDS * ROWS, dtype=np.uint64) | np.uint64(1)
    shift = rng.integers(0, 1 << 63, BANDS * ROWS, dtype=np.uint64)
    signatures = np.full((len(texts), BANDS * ROWS), np.iinfo(np.uint32).max, np.uint32)
    blocks = []
    for start in range(0, len(texts), BLOCK):
        block = [words(text) for text in texts[start : start + BLOCK]]
        lists = pl.Series("words", block, dtype=pl.List(pl.String)).list.unique()
        length = lists.list.len().to_numpy()
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        hashes = lists.explode().drop_nulls().hash(seed=0).to_numpy()
        full = np.flatnonzero(length)
        if len(full):
            for column in range(BANDS * ROWS):  # multiply-shift: the high half of a * x + b
                mixed = (hashes * factor[column] + shift[column]) >> np.uint64(32)
                signatures[start + full, column] = np.minimum.reduceat(mixed, offsets[:-1][full])
        codes = (hashes & np.uint64((1 << 22) - 1)).astype(np.int32)
        blocks.append(
            sparse.csr_array(
                (np.ones(len(codes), np.float32), codes, offsets), shape=(len(block), 1 << 22)
            )
        )
    matrix = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    matrix.sum_duplicates()  # two words of one text with one hash
    matrix.data[:] = 1
    return matrix, signatures


def _candidate_pairs(band: NDArray[np.uint32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return pairs (first row of a bucket, other row), int64 (n, 2)."""
    key = np.ascontiguousarray(band).view(np.dtype((np.void, band.shape[1] * 4))).ravel()
    _, first, bucket = np.unique(key, return_index=True, return_inverse=True)
    is_other = rows[first[bucket]] != rows
    return np.asarray(np.column_stack([rows[first[bucket]], rows])[is_other], np.int64)


def check_duplicates(catalog: Catalog, rng: np.random.Generator) -> list[Finding]:
    """Find items whose texts have nearly the same words."""
    first = near_duplicates(catalog.texts, rng)
    duplicates = np.flatnonzero(first != np.arange(len(first)))
    examples = [
        f"{catalog.ids[a]} and {catalog.ids[b]}: {catalog.title(b)}"
        for a, b in zip(first[duplicates[:3]].tolist(), duplicates[:3].tolist(), strict=True)
    ]
    return finding(
        "near-duplicates",
        "items with nearly the same words as an earlier one",
        len(duplicates),
        len(catalog),
        "items",
        examples,
        warn=len(duplicates) > 0.01 * len(catalog),
    )
