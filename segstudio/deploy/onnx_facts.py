"""Finds out what an ONNX file is: which network, what it wants as input, what its output means."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import helper

from segstudio.deploy.onnx_graph import (
    GraphIndex,
    load_onnx,
    open_session,
    opset,
    real_inputs,
    run_session,
)
from segstudio.deploy.onnx_origin import IMAGENET, InputFacts, Kind, OutputFacts, OutputLayout, Triple, origin
from segstudio.errors import ModelError
from segstudio.inference.spec import ModelSpec, spec_from_dict

HINT = "give a network that maps one RGB image to logits [N,classes,h,w] or to class ids"
# Their operators are part of ONNX, or built into ONNX Runtime.
KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
DEFORMABLE = "MultiscaleDeformableAttn"
# Free sizes are tried in this order: some networks do not run below the size that they were made for.
TRIED_SIZES = ((64, 96), (256, 320), (512, 512))
LARGEST_STRIDE = 16
MOST_CLASSES = 255


@dataclass(frozen=True)
class OnnxFacts:
    """What a segmentation network in an ONNX file wants and gives; 0 stands for free or unknown.

    `mean` and `std` are for pixels 0-1 and are guessed from the producer: `reason` says from which.
    """

    opset: int
    input_name: str
    input_dtype: str
    layout: Literal["NCHW", "NHWC"]
    batch: int
    height: int
    width: int
    mean: Triple
    std: Triple
    producer: str
    reason: str
    output_name: str
    kind: Kind
    output_layout: OutputLayout
    classes: int
    stride: int


def inspect_onnx(path: Path) -> OnnxFacts:
    """What the network in a file is.

    Raises:
        ModelError: unreadable, no semantic segmentation network, or it needs operators outside of ONNX.
    """
    return inspect_model(load_onnx(path), str(path))


def inspect_model(model: onnx.ModelProto, where: str) -> OnnxFacts:
    """What a loaded network is; `where` names it in errors.

    Raises:
        ModelError: as `inspect_onnx`.
    """
    _require_known_operators(model, where)
    if is_deployment(model.graph):
        return _deployment_facts(model, where)
    given = _input(model.graph, where)
    found = _output(model, given, where)
    guess = origin(model.graph, given, found)
    return OnnxFacts(
        opset=opset(model),
        input_name=given.name,
        input_dtype=given.dtype,
        layout=given.layout,
        batch=given.batch,
        height=given.height,
        width=given.width,
        mean=guess.mean,
        std=guess.std,
        producer=guess.producer,
        reason=guess.reason,
        output_name=found.name,
        kind=found.kind,
        output_layout=found.layout,
        classes=found.classes,
        stride=found.stride,
    )


def is_deployment(graph: onnx.GraphProto) -> bool:
    """Whether a graph has the ends of our deployment graph: uint8 images to uint8 ids and confidence."""
    ends = {end.name: end.type.tensor_type.elem_type for end in [*real_inputs(graph), *graph.output]}
    return ends == dict.fromkeys(("images", "ids", "confidence"), onnx.TensorProto.UINT8)


def embedded_spec(model: onnx.ModelProto, where: str) -> ModelSpec | None:
    """The spec that our export puts into a file, if there is one.

    Raises:
        ModelError: it is not usable.
    """
    for entry in model.metadata_props:
        if entry.key == "segstudio":
            try:
                values = json.loads(entry.value)
            except ValueError as error:
                raise ModelError(f"{where}: its segstudio metadata is no JSON") from error
            return spec_from_dict(values, where)
    return None


def _deployment_facts(model: onnx.ModelProto, where: str) -> OnnxFacts:
    spec = embedded_spec(model, where)
    mean, std = (spec.mean, spec.std) if spec else IMAGENET
    dims = _dims(real_inputs(model.graph)[0])
    return OnnxFacts(
        opset(model), "images", "uint8", "NHWC", dims[0] if dims else 0, 0, 0, mean, std, "segstudio",
        "a deployment graph of segstudio, which normalises inside", "ids", "deployment", "NHW",
        len(spec.classes) if spec else 0, 1,
    )  # fmt: skip


def _require_known_operators(model: onnx.ModelProto, where: str) -> None:
    for node in model.graph.node:
        known = node.domain in KNOWN_DOMAINS
        # ONNX itself has no table of ONNX Runtime's own operators; the session refuses unknown ones.
        if known and node.domain != "com.microsoft":
            known = onnx.defs.has(node.op_type, "" if node.domain == "ai.onnx" else node.domain)
        if not known:
            name = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
            hint = "export the network with standard ONNX operators only"
            if DEFORMABLE in node.op_type:
                hint = "export it with on_cpu=True (TAO: export.on_cpu=True), which uses GridSample instead"
            raise ModelError(
                f"{where} needs the custom operator {name}, which is not part of ONNX", hint=hint
            )


def _no_segmentation(where: str, why: str, hint: str = HINT) -> ModelError:
    return ModelError(f"{where} is no semantic segmentation network: {why}", hint=hint)


def _dims(end: onnx.ValueInfoProto) -> list[int]:
    """Declared sizes, 0 where free; empty without a declared rank."""
    return [max(0, int(dim.dim_value)) for dim in end.type.tensor_type.shape.dim]


def _input(graph: onnx.GraphProto, where: str) -> InputFacts:
    inputs = real_inputs(graph)
    if len(inputs) != 1:
        names = ", ".join(end.name for end in inputs) or "none"
        raise _no_segmentation(where, f"it has {len(inputs)} inputs ({names}), not one image")
    (end,) = inputs
    dtype = _dtype(end.type.tensor_type.elem_type)
    dims = _dims(end)
    if len(dims) != 4 or dtype not in ("float32", "float16"):
        raise _no_segmentation(where, f"its input {end.name} is {dtype} {_shape(dims)}, no float image")
    layout: Literal["NCHW", "NHWC"] = "NHWC" if dims[3] == 3 and dims[1] != 3 else "NCHW"
    batch, channels, height, width = dims if layout == "NCHW" else (dims[0], dims[3], dims[1], dims[2])
    if channels not in (0, 3):
        raise _no_segmentation(where, f"its input {end.name} is {_shape(dims)}, not of 3 channels")
    if batch > 1:
        raise ModelError(
            f"{where} takes {batch} images at a time only",
            hint="export it with a free batch, or with batch 1",
        )
    if (height == 0) != (width == 0):
        # Only one side is fixed: the other follows it, since the network cannot see all sizes.
        height = width = height or width
    return InputFacts(end.name, dtype, layout, batch, height, width)


def _dtype(element: int) -> str:
    return str(np.dtype(helper.tensor_dtype_to_np_dtype(element))) if element else "unknown"


def _shape(dims: list[int]) -> str:
    return f"[{', '.join(str(side) if side else '?' for side in dims)}]"


def _output(model: onnx.ModelProto, given: InputFacts, where: str) -> OutputFacts:
    ends = list(model.graph.output)
    if len(ends) != 1:
        names = ", ".join(end.name for end in ends[:4])
        raise _no_segmentation(where, f"it has {len(ends)} outputs ({names})")
    name = ends[0].name
    if not ends[0].type.HasField("tensor_type"):
        raise _no_segmentation(where, f"its output {name} is no tensor")
    shape, dtype, size = _settled(model, given, where)
    what = f"its output {name} is {dtype} {_shape(shape)}"
    if np.issubdtype(np.dtype(dtype), np.integer):
        layout = _ids_layout(shape, where, what)
        height = shape[2] if layout == "N1HW" else shape[1]
        classes = _classes_behind(model.graph, name)
        return OutputFacts(name, "ids", layout, classes, _stride(size[0], height, where, what))
    if len(shape) != 4:
        raise _no_segmentation(where, f"{what} for an image of {size[1]}x{size[0]}")
    placed = _is_map(shape[2:], size)
    classes = shape[1] if placed else shape[3]
    if not placed and not _is_map(shape[1:3], size):
        raise _no_segmentation(where, f"{what} for an image of {size[1]}x{size[0]}")
    if not 2 <= classes <= MOST_CLASSES:
        raise _no_segmentation(where, f"{what}: {classes} classes cannot be told apart by the largest score")
    stride = size[0] // (shape[2] if placed else shape[1])
    kind: Kind = "probabilities" if _is_softmax(model.graph, name) else "logits"
    return OutputFacts(name, kind, "NKHW" if placed else "NHWK", classes, stride)


def _settled(model: onnx.ModelProto, given: InputFacts, where: str) -> tuple[list[int], str, tuple[int, int]]:
    """The output's shape and dtype, and the input's size that they are for; runs the network if it must."""
    session = open_session(model, where)
    declared = session.get_outputs()[0].shape
    fixed = (given.height, given.width)
    element = model.graph.output[0].type.tensor_type.elem_type
    known = (
        bool(element) and bool(declared) and all(isinstance(side, int) and side > 0 for side in declared[1:])
    )
    if all(fixed) and known:
        return [1, *declared[1:]], _dtype(element), fixed
    problem: ModelError | None = None
    for size in [fixed] if all(fixed) else TRIED_SIZES:
        shape = (1, 3, *size) if given.layout == "NCHW" else (1, *size, 3)
        image = np.random.default_rng(0).standard_normal(shape).astype(given.dtype)
        try:
            (answer,) = run_session(session, image, where)
        except ModelError as error:
            problem = error
            continue
        return list(answer.shape), str(answer.dtype), size
    assert problem is not None
    raise problem


def _ids_layout(shape: list[int], where: str, what: str) -> OutputLayout:
    if len(shape) == 3 and min(shape[1:]) > 1:
        return "NHW"
    if len(shape) == 4 and shape[3] == 1:
        return "NHW1"
    if len(shape) == 4 and shape[1] == 1:
        return "N1HW"
    raise _no_segmentation(where, what)


def _stride(given: int, found: int, where: str, what: str) -> int:
    if found < 1 or not 1 <= round(given / found) <= LARGEST_STRIDE:
        raise _no_segmentation(where, what)
    return round(given / found)


def _is_map(sides: list[int], size: tuple[int, int]) -> bool:
    """Whether two sides are those of the image, each divided by the same stride."""
    if min(sides) < 1:
        return False
    strides = {round(whole / side) for side, whole in zip(sides, size, strict=True)}
    exact = all(
        abs(whole / stride - side) < 1
        for stride in strides
        for side, whole in zip(sides, size, strict=True)
        if stride
    )
    return len(strides) == 1 and 1 <= min(strides) <= LARGEST_STRIDE and exact


def _is_softmax(graph: onnx.GraphProto, output: str) -> bool:
    index = GraphIndex(graph)
    last = index.maker(index.behind(output, ("Identity", "Transpose", "Resize", "Cast"))[-1])
    return last is not None and last.op_type == "Softmax"


def _classes_behind(graph: onnx.GraphProto, output: str) -> int:
    """Output channels of the convolution that an ArgMax reads; 0 where there is none."""
    index = GraphIndex(graph)
    between = ("Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Transpose")
    largest = index.maker(index.behind(output, between)[-1])
    if largest is None or largest.op_type != "ArgMax":
        return 0
    scores = index.behind(largest.input[0], ("Identity", "Cast", "Resize", "Softmax", "Transpose"))[-1]
    last = index.maker(scores)
    weight = index.constant(last.input[1]) if last is not None and last.op_type == "Conv" else None
    return 0 if weight is None else int(weight.shape[0])
