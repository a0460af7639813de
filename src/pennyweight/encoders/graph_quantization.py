"""An exported graph in 8 bits: the matrices, and the tables of vectors that tokens select.

Matrices have one scale for each output, and the activations of each token are quantized by
their own largest, as in `pennyweight.encoders.operators`: the vector of a text does not depend
on its batch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pennyweight.encoders.exported_folder import (
    CONSTANTS,
    GRAPH,
    TOKENIZER,
    ExportedFolder,
)
from pennyweight.encoders.operators import INLINE, MS, Operators
from pennyweight.errors import DataError
from pennyweight.storage.files import write_atomic
from pennyweight.storage.folders import replace_directory, staging
from pennyweight.vectors.quantized_rows import QuantizedRows

__all__ = ["GraphFile", "quantize_folder", "quantized"]

Array = NDArray[Any]
MIN_OPSET = 18
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
        """Remove what an exporter noted: places in its source code, shapes inside the graph."""
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


def quantized(graph: GraphFile) -> GraphFile:
    """Return a graph in 8 bits; constants that are neither matrices nor tables stay."""
    opset = next(entry.version for entry in graph.model.opset_import if not entry.domain)
    if opset < MIN_OPSET:
        raise DataError(f"the graph is of opset {opset}; int8 takes {MIN_OPSET} or a later one")
    model, operators = onnx.ModelProto(), Operators("int8")
    model.CopyFrom(graph.model)
    for node in graph.model.graph.node:
        if not _replace(node, graph.constants, operators):
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
    if node.op_type not in ("MatMul", "Gemm"):
        return False
    matrix = constants.get(node.input[1])
    if matrix is None or matrix.ndim != 2 or matrix.dtype != np.float32:
        return False
    if any(attributes.get(key, value) != value for key, value in FLAT.items()):
        return False
    weight = matrix if attributes.get("transB", 0) else matrix.T
    name = f"{node.output[0]}.weight"
    product = operators.product(node.input[0], name, weight)
    if node.op_type == "Gemm" and len(node.input) == 3:
        product = operators.node("Add", [product, node.input[2]])
    operators.nodes.append(helper.make_node("Identity", [product], list(node.output)))
    return True


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
        quantized(GraphFile.read(exported.folder / GRAPH)).write(new / GRAPH)
        write_atomic(new / TOKENIZER, (exported.folder / TOKENIZER).read_bytes())
        described = exported.description.model_copy(update={"precision": "int8"})
        ExportedFolder.write(new, described)
        replace_directory(new, place)
    return ExportedFolder.open(place)
