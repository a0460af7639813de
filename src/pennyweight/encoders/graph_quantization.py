"""An exported graph in 8 bits: the matrices, and the tables of vectors that tokens select.

Matrices have one scale for each output, and the activations of each token are quantized by
their own largest, as in `pennyweight.encoders.operators`: the vector of a text does not depend
on its batch.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pennyweight.encoders.exported_folder import (
    CONSTANTS,
    GRAPH,
    TOKENIZER,
    Agreement,
    ExportedFolder,
)
from pennyweight.encoders.graph_check import MIN_COSINE, TEXTS, agreement, unit_vectors
from pennyweight.encoders.operators import INLINE, MS, Operators
from pennyweight.encoders.session import open_file
from pennyweight.encoders.tokens import TokenLists, padded, special_ids, tokenize
from pennyweight.errors import DataError
from pennyweight.machine.machine import usable_cores
from pennyweight.storage.files import write_atomic
from pennyweight.storage.folders import replace_directory, staging
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["GraphFile", "quantize_folder", "quantize_within", "quantized"]

Array = NDArray[Any]
MIN_OPSET = 18
SHARES = (0.0, 0.1, 0.25, 0.5)  # of the products, kept in fp32
TINY = 1e-30  # beside a mean square, to divide by
FLAT = {"transA": 0, "alpha": 1.0, "beta": 1.0}  # attributes of a Gemm that is a plain product


class GraphFile:
    """An ONNX model with its constants as arrays.

    Attributes
    ----------
    model
        The model, without the values of large constants.
    constants
        All constants of its graph by name, memory-mapped where they are large.
    """

    def __init__(self, model: onnx.ModelProto, constants: Mapping[str, Array]) -> None:
        self.model, self.constants = model, dict(constants)

    @classmethod
    def read(cls, path: Path) -> "GraphFile":
        """Read a file and map the constants beside it; `DataError` where it is damaged."""
        try:
            model = onnx.load(str(path), load_external_data=False)
            constants = {
                tensor.name: _array(tensor, path.parent) for tensor in model.graph.initializer
            }
        except Exception as error:  # protobuf raises its own classes
            raise DataError(f"{path}: not a readable ONNX model ({error})") from error
        return cls(model, constants)

    def strip(self) -> None:
        """Remove the notes of an exporter: places in its source code, shapes inside the graph."""
        graph = self.model.graph
        for part in (self.model, graph, *graph.node, *graph.input, *graph.output):
            part.ClearField("doc_string")
            part.ClearField("metadata_props")
        del graph.value_info[:]

    def write(self, path: Path) -> None:
        """Write the model, with large constants in a second file beside it."""
        graph, offset = self.model.graph, 0
        large: list[bytes | memoryview] = []
        tensors = []
        for name, value in self.constants.items():
            array = np.asarray(value, order="C")
            if array.nbytes <= INLINE:
                tensors.append(numpy_helper.from_array(array, name))
                continue
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            tensor = TensorProto(name=name, data_type=kind, dims=array.shape)
            tensor.data_location = TensorProto.EXTERNAL
            places = {"location": CONSTANTS, "offset": offset, "length": array.nbytes}
            for key, place in places.items():
                tensor.external_data.add(key=key, value=str(place))
            tensors.append(tensor)
            padding = -array.nbytes % 4096  # pages, so that the file can be mapped
            large += [array.reshape(-1).view(np.uint8).data, bytes(padding)]
            offset += array.nbytes + padding
        del graph.initializer[:]
        graph.initializer.extend(tensors)
        write_atomic(path.with_name(CONSTANTS), large)
        write_atomic(path, self.model.SerializeToString())


def _array(tensor: TensorProto, folder: Path) -> Array:
    if tensor.data_location != TensorProto.EXTERNAL:
        return np.asarray(numpy_helper.to_array(tensor))
    place = {entry.key: entry.value for entry in tensor.external_data}
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    shape, offset = tuple(tensor.dims), int(place.get("offset", 0))
    file = folder / Path(place["location"]).name
    return np.memmap(file, dtype, mode="r", offset=offset, shape=shape)


def quantize_within(path: Path, ids: TokenLists, expected: NDArray[np.float32]) -> Agreement:
    """Replace a graph file by one in 8 bits that agrees with known vectors.

    Where the cosine of a text is too low, the products whose inputs have the largest outliers
    stay in fp32, as few as suffice.

    Raises
    ------
    DataError
        The cosine stays below `MIN_COSINE`.
    """
    graph, order = GraphFile.read(path), list[str]()
    with TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / GRAPH
        for share in SHARES:
            if share and not order:
                order = _by_outliers(graph, path, ids)
            quantized(graph, keep=set(order[: round(share * len(order))])).write(made)
            result = agreement(made, ids, expected)
            if result.lowest_cosine >= MIN_COSINE:
                os.replace(made.with_name(CONSTANTS), path.with_name(CONSTANTS))
                os.replace(made, path)
                return result
    raise DataError(
        f"in int8 a text has cosine {result.lowest_cosine:.3f} to the original, below "
        f"{MIN_COSINE}, even with half of the products in fp32; use fp32 (--precision fp32)"
    )


def _by_outliers(graph: GraphFile, path: Path, ids: TokenLists) -> list[str]:
    """Return the outputs of products with a matrix, those with the worst inputs first.

    The error of a token's activations in 8 bits is its largest over its root mean square.
    """
    products = [
        node for node in graph.model.graph.node if _matrix(node, graph.constants) is not None
    ]
    inputs = sorted({node.input[0] for node in products})
    probe, exposed = onnx.ModelProto(), path.with_name("probe.onnx")
    probe.CopyFrom(graph.model)
    known = {output.name for output in probe.graph.output}
    probe.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in inputs
        if name not in known
    )
    try:
        exposed.write_bytes(probe.SerializeToString())
        errors = np.zeros(len(inputs))
        session = open_file(exposed, usable_cores())
        for row in ids:
            for at, states in enumerate(session.run(inputs, padded([row]))):
                squares = np.square(states, dtype=np.float64)
                errors[at] += (squares.max(axis=-1) / (squares.mean(axis=-1) + TINY)).mean()
    finally:
        exposed.unlink(missing_ok=True)
    by_input = dict(zip(inputs, errors, strict=True))
    products.sort(key=lambda node: by_input[node.input[0]], reverse=True)
    return [node.output[0] for node in products]


def quantized(graph: GraphFile, *, keep: Collection[str] = ()) -> GraphFile:
    """Return a graph in 8 bits, but for the products that give the outputs of `keep`.

    Constants that are neither matrices nor tables stay.
    """
    opset = next(entry.version for entry in graph.model.opset_import if not entry.domain)
    if opset < MIN_OPSET:
        raise DataError(f"the graph is of opset {opset}; int8 takes {MIN_OPSET} or a later one")
    model, operators = onnx.ModelProto(), Operators("int8")
    model.CopyFrom(graph.model)
    for node in graph.model.graph.node:
        if set(node.output) & set(keep) or not _replace(node, graph.constants, operators):
            operators.nodes.append(node)
    used = {name for node in operators.nodes for name in node.input}
    own = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in operators.constants
        if tensor.name not in operators.arrays
    }
    constants = {**graph.constants, **own, **operators.arrays}
    del model.graph.node[:]
    model.graph.node.extend(operators.nodes)
    del model.graph.value_info[:]
    if not any(entry.domain == MS for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MS, 1))
    return GraphFile(model, {name: value for name, value in constants.items() if name in used})


def _replace(node: onnx.NodeProto, constants: Mapping[str, Array], operators: Operators) -> bool:
    """Write a node in 8 bits, if it is a product with a matrix or selects rows of a table."""
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    if node.op_type == "Gather" and attributes.get("axis", 0) == 0:
        table = constants.get(node.input[0])
        if table is None or table.ndim != 2 or table.dtype != np.float32 or table.nbytes <= INLINE:
            return False
        _select(node, table, operators)
        return True
    weight = _matrix(node, constants)
    if weight is None:
        return False
    name = f"{node.output[0]}.weight"
    product = operators.product(node.input[0], name, weight)
    if node.op_type == "Gemm" and len(node.input) == 3:
        product = operators.node("Add", [product, node.input[2]])
    operators.nodes.append(helper.make_node("Identity", [product], list(node.output)))
    return True


def _matrix(node: onnx.NodeProto, constants: Mapping[str, Array]) -> Array | None:
    """Return the constant matrix that a node multiplies with, (out, in); None for other nodes."""
    if node.op_type not in ("MatMul", "Gemm"):
        return None
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    matrix = constants.get(node.input[1])
    if matrix is None or matrix.ndim != 2 or matrix.dtype != np.float32:
        return None
    if any(attributes.get(key, value) != value for key, value in FLAT.items()):
        return None
    return matrix if attributes.get("transB", 0) else matrix.T


def _select(node: onnx.NodeProto, table: Array, operators: Operators) -> None:
    packed = QuantizedRows.of(table, "int8", by_row=True)
    name, rows = node.output[0], node.input[1]
    data = operators.constant(f"{name}.rows", packed.data)
    scale = operators.constant(f"{name}.scale", packed.scale)
    steps = operators.node("Gather", [data, rows])
    wide = operators.node("Cast", [steps], to=TensorProto.FLOAT)
    selected = operators.node("Mul", [wide, operators.node("Gather", [scale, rows])])
    operators.nodes.append(helper.make_node("Identity", [selected], [name]))


def quantize_folder(exported: ExportedFolder, place: Path) -> ExportedFolder:
    """Write an exported folder in 8 bits, all of it or nothing; one that is there is opened."""
    try:
        return ExportedFolder.open(place)
    except DataError:  # absent or damaged
        pass
    place.parent.mkdir(parents=True, exist_ok=True)
    with staging(place) as new:
        for name in (GRAPH, CONSTANTS, TOKENIZER):
            shutil.copyfile(exported.folder / name, new / name)
        tokenizer = exported.tokenizer(exported.description.max_tokens)
        known = {*special_ids(tokenizer).tolist()}
        ids = [row for row in tokenize(tokenizer, TEXTS, special=True) if set(row) - known]
        if not ids:
            raise DataError(f"{exported.folder}: no text for a check in int8 has a known token")
        expected = unit_vectors(exported.folder / GRAPH, ids)
        checked = quantize_within(new / GRAPH, ids, expected)
        described = exported.description.model_copy(
            update={"precision": "int8", "agreement": checked}
        )
        ExportedFolder.write(new, described)
        replace_directory(new, place)
    return ExportedFolder.open(place)
