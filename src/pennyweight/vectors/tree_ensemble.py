"""An ensemble of regression trees as arrays, evaluated by bit masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_LEAVES", "TreeEnsemble"]

LEAF = -1  # the feature of a leaf
MAX_LEAVES = 8  # of a tree: the bits of a mask
CELLS = 2**19  # trees times rows that are evaluated at once, so that these stay in the cache


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """The sum of regression trees; their nodes stand one after the other, each root first.

    Attributes
    ----------
    feature
        Feature that a node splits by, -1 for a leaf, int32 (n_nodes,).
    threshold
        A row with a value up to it goes left, float32 (n_nodes,).
    left, right
        Position of the children, after that of the node, int32 (n_nodes,).
    value
        Value of a leaf; of another node, the mean over the training rows below it, float32
        (n_nodes,).
    root
        Position of the root of each tree, ascending, int32 (n_trees,).
    n_features
        Width of a row.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    root: NDArray[np.int32]
    n_features: int

    @classmethod
    def mean(cls, dumps: Sequence[Mapping[str, Any]]) -> "TreeEnsemble":
        """Return the mean of some of LightGBM's models, each of ``Booster.dump_model()``.

        They are of the same features, trained without categories or NaN.
        """
        nodes = _Nodes()
        roots = [nodes.add(tree["tree_structure"]) for dump in dumps for tree in dump["tree_info"]]
        return cls(
            np.array(nodes.feature, np.int32),
            np.array(nodes.threshold, np.float32),
            np.array(nodes.left, np.int32),
            np.array(nodes.right, np.int32),
            (np.array(nodes.value) / len(dumps)).astype(np.float32),
            np.array(roots, np.int32),
            int(dumps[0]["max_feature_idx"]) + 1,
        )

    def __len__(self) -> int:
        """Return the number of trees."""
        return len(self.root)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        names = (field.name for field in fields(self) if field.name != "n_features")
        return {name: getattr(self, name) for name in names}

    def check(self) -> None:
        """Raise `ValueError` where the arrays are not trees."""
        n = len(self.feature)
        for name, kind in (("threshold", np.float32), ("value", np.float32)):
            array = getattr(self, name)
            if array.shape != (n,) or array.dtype != kind or not np.isfinite(array).all():
                raise ValueError(f"the trees: {name} is not {n:,} finite numbers")
        for name in ("feature", "left", "right"):
            array = getattr(self, name)
            if array.shape != (n,) or array.dtype != np.int32:
                raise ValueError(f"the trees: {name} is not {n:,} whole numbers")
        self._check_nodes(n)

    def _check_nodes(self, n: int) -> None:
        if (self.feature < LEAF).any() or (self.feature >= self.n_features).any():
            raise ValueError(f"the trees: a node splits by none of {self.n_features} features")
        stop = np.append(self.root[1:], n)
        if len(self.root) and (self.root[0] != 0 or (np.diff(np.append(self.root, n)) < 1).any()):
            raise ValueError("the trees: roots are not in order")
        inner = np.flatnonzero(self.feature != LEAF)
        end = stop[np.searchsorted(self.root, inner, side="right") - 1] if len(inner) else inner
        for child in (self.left[inner], self.right[inner]):
            if ((child <= inner) | (child >= end)).any():
                raise ValueError("the trees: a child does not come after its parent")
        children = np.sort(np.concatenate([self.left[inner], self.right[inner]]))
        if not np.array_equal(children, np.setdiff1d(np.arange(n), self.root)):
            raise ValueError("the trees: a node has no parent or several")
        if (stop - self.root >= 2 * MAX_LEAVES).any():
            raise ValueError(f"the trees: one has more than {MAX_LEAVES} leaves")

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the sum of the trees for each row, float32 (n,).

        Rows that are the columns of a C-contiguous array are read without a copy.
        """
        if not len(self):
            return np.zeros(len(rows), np.float32)
        columns = np.ascontiguousarray(rows.T)
        sums, size = np.empty(len(rows), np.float32), max(1, CELLS // len(self))
        for start in range(0, len(rows), size):
            sums[start : start + size] = self._masks.sums(columns[:, start : start + size])
        return sums

    def contributions(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the contribution of each feature to `predict`, float32 (n, n_features).

        A step down a tree changes the mean, and counts for the feature that the node splits by
        (Saabas 2014). The sum over features is the prediction less that of the roots.
        """
        added = np.zeros((len(rows), self.n_features))
        at = np.broadcast_to(self.root, (len(rows), len(self))).copy()
        while True:
            row, tree = np.nonzero(self.feature[at] != LEAF)
            if not len(row):
                return added.astype(np.float32)
            node = at[row, tree]
            feature = self.feature[node]
            goes_left = rows[row, feature] <= self.threshold[node]
            child = np.where(goes_left, self.left[node], self.right[node])
            np.add.at(added, (row, feature), self.value[child] - self.value[node])
            at[row, tree] = child

    @cached_property
    def _masks(self) -> "_Masks":
        trees = [self._inner_nodes(int(root)) for root in self.root]
        n_tests = max(len(inner) for inner, _ in trees)
        n_bits = max(len(leaves) for _, leaves in trees)
        together = MAX_LEAVES // n_bits  # trees that share a byte
        n_groups, bits = -(-len(trees) // together), np.arange(1 << together * n_bits)
        feature = np.zeros((together * n_tests, n_groups), np.int64)
        threshold = np.zeros((together * n_tests, n_groups, 1), np.float32)
        mask = np.full((together * n_tests, n_groups, 1), bits[-1], np.uint8)
        value = np.zeros((n_groups, len(bits)))
        lowest = np.array([(byte & -byte).bit_length() - 1 for byte in range(1 << n_bits)])
        for tree, (inner, leaves) in enumerate(trees):
            group, place = divmod(tree, together)
            for test, (node, below_left) in enumerate(inner, place * n_tests):
                feature[test, group] = self.feature[node]
                threshold[test, group] = self.threshold[node]
                mask[test, group] = bits[-1] & ~(below_left << place * n_bits)
            leaf = lowest[bits >> place * n_bits & (1 << n_bits) - 1]
            reached = (leaf >= 0) & (leaf < len(leaves))
            value[group, reached] += self.value[leaves][leaf[reached]]
        return _Masks(feature, threshold, mask, value)

    def _inner_nodes(self, root: int) -> tuple[list[tuple[int, int]], list[int]]:
        """Return the inner nodes of a tree with the bits of the leaves to their left, and leaves.

        Leaf i, from the left, is bit i.
        """
        inner: list[tuple[int, int]] = []
        leaves: list[int] = []

        def visit(node: int) -> int:
            if self.feature[node] == LEAF:
                leaves.append(node)
                return 1 << (len(leaves) - 1)
            left = visit(int(self.left[node]))
            inner.append((node, left))
            return left | visit(int(self.right[node]))

        visit(root)
        return inner, leaves


@dataclass(frozen=True, eq=False)
class _Masks:
    """Trees in which each test that fails takes away the leaves to its left (Lucchese et al. 2015).

    The leaf of a row is the first that remains. Trees with fewer tests than others have tests that
    take nothing away. Small trees share a byte, each with bits of its own, and are looked up
    together.

    Attributes
    ----------
    feature
        Feature of each test, int64 (n_tests, n_groups).
    threshold
        The test holds up to it, float32 (n_tests, n_groups, 1).
    mask
        Bits of the leaves that remain where it fails, uint8 (n_tests, n_groups, 1).
    value
        Value by the bits of the leaves that remain, float64 (n_groups, 2 ** n_leaves): so the sum
        of a row does not depend on those beside it.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    mask: NDArray[np.uint8]
    value: NDArray[np.float64]

    def sums(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the sum of the values for each column, float32 (n,)."""
        n_groups, n_masks = self.value.shape
        remaining = np.full((n_groups, columns.shape[1]), n_masks - 1, np.uint8)
        for feature, threshold, mask in zip(self.feature, self.threshold, self.mask, strict=True):
            holds = (columns[feature] <= threshold).view(np.uint8)
            remaining &= np.negative(holds, out=holds) | mask
        at = remaining + np.arange(0, n_groups * n_masks, n_masks)[:, None]
        values = self.value.ravel().take(at)
        return np.asarray(values.sum(axis=0), np.float32)


class _Nodes:
    """Nodes that are collected from nested mappings."""

    def __init__(self) -> None:
        self.feature: list[int] = []
        self.threshold: list[np.float32] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.value: list[float] = []

    def add(self, node: Mapping[str, Any]) -> int:
        """Add a node and those below it; return its position."""
        at, is_leaf = len(self.feature), "split_feature" not in node
        self.feature.append(LEAF if is_leaf else int(node["split_feature"]))
        self.threshold.append(np.float32(0) if is_leaf else _rounded_down(node["threshold"]))
        self.value.append(node["leaf_value" if is_leaf else "internal_value"])
        self.left.append(0)
        self.right.append(0)
        if not is_leaf:
            self.left[at] = self.add(node["left_child"])
            self.right[at] = self.add(node["right_child"])
        return at


def _rounded_down(threshold: float) -> np.float32:
    """Return the largest float32 up to a threshold, by which float32 values split alike."""
    rounded = np.float32(threshold)
    return rounded if float(rounded) <= threshold else np.nextafter(rounded, np.float32(-np.inf))
