"""An ensemble of regression trees as arrays, evaluated by ONNX Runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

__all__ = ["TreeEnsemble"]

LEAF = -1  # the feature of a leaf


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

    def predict(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the sum of the trees for each row, float32 (n,)."""
        if not len(self) or not len(rows):
            return np.zeros(len(rows), np.float32)
        sums: NDArray[np.float32] = self._session.run(None, {"rows": rows})[0]
        return sums[:, 0]

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
    def _session(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return ort.InferenceSession(self._model(), options, providers=["CPUExecutionProvider"])

    def _model(self) -> bytes:
        """Return the operator ``TreeEnsembleRegressor`` of these trees."""
        sizes = np.diff(np.append(self.root, len(self.feature)))
        first = np.repeat(self.root, sizes)
        trees = np.repeat(np.arange(len(self)), sizes)
        numbers = np.arange(len(self.feature)) - first
        leaf = self.feature == LEAF
        node = helper.make_node(
            "TreeEnsembleRegressor",
            ["rows"],
            ["sums"],
            domain="ai.onnx.ml",
            n_targets=1,
            nodes_treeids=trees.tolist(),
            nodes_nodeids=numbers.tolist(),
            nodes_featureids=np.where(leaf, 0, self.feature).tolist(),
            nodes_values=self.threshold.tolist(),
            nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
            nodes_truenodeids=np.where(leaf, 0, self.left - first).tolist(),
            nodes_falsenodeids=np.where(leaf, 0, self.right - first).tolist(),
            target_treeids=trees[leaf].tolist(),
            target_nodeids=numbers[leaf].tolist(),
            target_ids=[0] * int(leaf.sum()),
            target_weights=self.value[leaf].tolist(),
        )
        rows: Any = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", self.n_features])
        sums: Any = helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["n", 1])
        graph = helper.make_graph([node], "trees", [rows], [sums])
        opset = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        model: bytes = helper.make_model(
            graph, opset_imports=opset, ir_version=8
        ).SerializeToString()
        return model


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
