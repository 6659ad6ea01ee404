"""Fixes the batch and size of an ONNX graph: what it computed from its input's shape becomes constants."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy.onnx_graph import Tensor, open_session, prune, real_inputs
from segstudio.errors import ModelError
from segstudio.inference.core import read_names
from segstudio.inference.onnx_ import runtime_errors

Size = tuple[int, int]
# Larger results of shapes, such as grids of positions, stay computed: as constants they would swell the file.
LARGEST_CONSTANT = 2**14
# What is free is tried at these: what is equal at all of them does not depend on it.
PROBED_BATCHES = (1, 2)
# Wide and tall, and no two of one aspect.
PROBED_SIZES: tuple[Size, ...] = ((64, 96), (128, 64), (120, 160))


def fixed(model: onnx.ModelProto, *, batch: int = 0, size: Size | None = None) -> onnx.ModelProto:
    """A copy of a graph with one input whose batch and size are fixed; results stay the same.

    Only tensors that follow from the input's shape alone become constants. They are found by running the
    graph: at the fixed shape, and where an axis stays free at several sizes of that.

    Args:
        model: with an image as its input, [N,H,W,3] or [N,3,H,W].
        batch: images; 0 stays free.
        size: height and width of the input; None stays free.

    Raises:
        ModelError: the input is no image, is fixed to something else, or the graph fails at that size.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.value_info[:]
    shape = _fixed_shape(made.graph, batch, size)
    names = _of_shape_alone(made.graph)
    probes = list(_probed(made, names, _probe_shapes(shape, input_axes(made.graph))))
    _set_dims(made.graph.output, [found.shapes for found in probes])
    constants = _constants(names, [found.values for found in probes])
    _put(made.graph, constants)
    return made


def input_axes(graph: onnx.GraphProto) -> tuple[int, int]:
    """The axes of height and width of a graph's input: (1, 2) for [N,H,W,3], else (2, 3).

    Raises:
        ModelError: it has several inputs, or one that is no image.
    """
    ends = real_inputs(graph)
    dims = ends[0].type.tensor_type.shape.dim if len(ends) == 1 else []
    if len(dims) != 4:
        raise ModelError(f"{graph.name} has no single image as input", hint="give a segmentation network")
    return (1, 2) if dims[3].dim_value in (1, 3) and dims[1].dim_value not in (1, 3) else (2, 3)


def _fixed_shape(graph: onnx.GraphProto, batch: int, size: Size | None) -> list[int]:
    """Writes the wanted numbers into the input; returns its shape, 0 where it is free."""
    rows, columns = input_axes(graph)
    (end,) = real_inputs(graph)
    wanted = {0: batch, rows: size[0] if size else 0, columns: size[1] if size else 0}
    dims = end.type.tensor_type.shape.dim
    for axis, number in wanted.items():
        if number < 0:
            raise ModelError(f"{number} is no batch or size", hint="give numbers above 0")
        if number and dims[axis].dim_value not in (0, number):
            raise ModelError(
                f"the input is fixed to {dims[axis].dim_value} along axis {axis} already, {number} is wanted",
                hint="start from the model as it was before",
            )
        if number:
            dims[axis].dim_value = number
    return [dim.dim_value for dim in dims]


def _of_shape_alone(graph: onnx.GraphProto) -> list[str]:
    """Tensors that follow from shapes and constants, at least one shape among them; in the graph's order."""
    steady = {tensor.name for tensor in graph.initializer}
    found: dict[str, None] = {}
    for node in graph.node:
        read = read_names(node)
        if node.op_type == "Shape":
            found.update(dict.fromkeys(node.output))
        elif node.op_type == "Constant":
            steady.update(node.output)
        elif read and read <= steady | found.keys() and not node.op_type.startswith("Random"):
            names = [name for name in node.output if name]
            if read & found.keys():
                found.update(dict.fromkeys(names))
            else:
                steady.update(names)
    return list(found)


def _probe_shapes(shape: Sequence[int], axes: tuple[int, int]) -> Iterator[tuple[int, ...]]:
    """Shapes to run the graph at: one, or several of each free axis."""
    rows, columns = axes
    batches = (shape[0],) if shape[0] else PROBED_BATCHES
    sizes = {(shape[rows] or height, shape[columns] or width) for height, width in PROBED_SIZES}
    for batch, size in product(batches, sorted(sizes)):
        probe = list(shape)
        probe[0], probe[rows], probe[columns] = batch, size[0], size[1]
        yield tuple(probe)


@dataclass(frozen=True)
class _Probe:
    """What a graph gave for an input of one shape: the tensors asked for, and the shapes of its outputs."""

    values: Mapping[str, Tensor]
    shapes: Sequence[Sequence[int]]


def _probed(
    model: onnx.ModelProto, names: Sequence[str], shapes: Iterable[tuple[int, ...]]
) -> Iterator[_Probe]:
    """Runs a graph on zeros of each shape.

    Raises:
        ModelError: it fails at one of them.
    """
    (end,) = real_inputs(model.graph)
    outputs = [output.name for output in model.graph.output]
    asked = [name for name in names if name not in outputs]
    seeing = onnx.ModelProto()
    seeing.CopyFrom(model)
    seeing.graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked)
    session = open_session(seeing, f"the graph {model.graph.name}")
    kind = helper.tensor_dtype_to_np_dtype(end.type.tensor_type.elem_type)
    for shape in shapes:
        try:
            found = session.run([*outputs, *asked], {end.name: np.zeros(shape, kind)})
        except runtime_errors() as error:
            sizes = "x".join(str(side) for side in shape)
            raise ModelError(
                f"the graph fails on an input of {sizes}: {' '.join(str(error).split())[:200]}",
                hint="choose sides that are multiples of 32",
            ) from error
        given, values = found[: len(outputs)], found[len(outputs) :]
        yield _Probe(dict(zip(asked, values, strict=True)), [np.shape(value) for value in given])


def _constants(names: Sequence[str], probes: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors that were the same for every shape, and are small."""
    found = {}
    for name in names:
        values = [np.asarray(probe[name]) for probe in probes if name in probe]
        same = len(values) == len(probes) and all(np.array_equal(values[0], other) for other in values[1:])
        if same and values[0].size <= LARGEST_CONSTANT:
            found[name] = values[0]
    return found


def _put(graph: onnx.GraphProto, constants: Mapping[str, Tensor]) -> None:
    """Puts constants in the place of the nodes that made them; what nobody reads any more goes."""
    kept = [node for node in graph.node if not any(name in constants for name in node.output if name)]
    read: set[str] = set().union(*(read_names(node) for node in kept))
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(values), name)
        for name, values in constants.items()
        if name in read
    )
    prune(graph)


def _set_dims(ends: Sequence[onnx.ValueInfoProto], shapes: Sequence[Sequence[Sequence[int]]]) -> None:
    """Writes the sides of outputs that were the same for every shape; others stay free."""
    for position, end in enumerate(ends):
        found = [shape[position] for shape in shapes]
        dims = end.type.tensor_type.shape.dim
        if end.type.tensor_type.elem_type == TensorProto.UNDEFINED or len(dims) != len(found[0]):
            continue
        for axis, dim in enumerate(dims):
            sides = {int(shape[axis]) for shape in found}
            if len(sides) == 1:
                dim.dim_value = sides.pop()
