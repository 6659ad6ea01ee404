"""Puts a foreign ONNX network into our deployment graph, and says in numpy what the result must answer."""

import json
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from segstudio.deploy.onnx_ends import Nodes, add_after, add_before, add_scores
from segstudio.deploy.onnx_facts import OnnxFacts
from segstudio.deploy.onnx_fold import axis_weights
from segstudio.deploy.onnx_graph import Tensor, opset, run_session
from segstudio.errors import ModelError
from segstudio.inference.onnx_ import runtime_errors
from segstudio.inference.spec import ModelSpec, network_size, spec_to_dict

Bytes = NDArray[np.uint8]
# The deployment graph's own nodes need it.
OLDEST_OPSET = 13
OLDEST_IR = 8
PREFIX = "network/"
CERTAIN = 255


def with_usable_opset(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The model at opset 13 if it is older, else as it is.

    Raises:
        ModelError: an operator of it cannot be converted.
    """
    if opset(model) >= OLDEST_OPSET:
        return model
    try:
        return version_converter.convert_version(model, OLDEST_OPSET)
    except runtime_errors() as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{where} has opset {opset(model)}, which cannot be brought to {OLDEST_OPSET}: {reason}",
            hint=f"export it again with opset {OLDEST_OPSET} or newer",
        ) from error


def holds_half(model: onnx.ModelProto) -> bool:
    """Whether weights are float16."""
    return any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer)


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that computes in float32 with the same weights: CPUs only round to float16."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    _widen(wide.graph)
    return wide


def _widen(graph: onnx.GraphProto) -> None:
    del graph.value_info[:]
    for end in (*graph.input, *graph.output):
        if end.type.tensor_type.elem_type == TensorProto.FLOAT16:
            end.type.tensor_type.elem_type = TensorProto.FLOAT
    tensors = [*graph.initializer]
    for node in graph.node:
        for entry in node.attribute:
            tensors.append(entry.t)
            if node.op_type == "Cast" and entry.name == "to" and entry.i == TensorProto.FLOAT16:
                entry.i = TensorProto.FLOAT
            for inner in [*([entry.g] if entry.HasField("g") else []), *entry.graphs]:
                _widen(inner)
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def wrapped(model: onnx.ModelProto, facts: OnnxFacts, spec: ModelSpec) -> onnx.ModelProto:
    """The deployment graph with a foreign network inside; its spec lies in the metadata."""
    network = compose.add_prefix(model, PREFIX)
    before, after = Nodes(opset(model)), Nodes(opset(model))
    _connect(before, facts, add_before(before, spec))
    answer = _answer(after, facts, network)
    if facts.kind == "ids":
        _add_nearest(after, answer)
    elif facts.kind == "probabilities":
        _add_certainty(after, add_scores(after, answer, len(spec.classes)))
    else:
        add_after(after, answer, len(spec.classes))
    batch = facts.batch or "batch"
    graph = helper.make_graph(
        [*before.nodes, *network.graph.node, *after.nodes],
        spec.name,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, [batch, "height", "width", 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, [batch, "height", "width"])
            for name in ("ids", "confidence")
        ],
        [*network.graph.initializer, *before.constants, *after.constants],
    )
    whole = helper.make_model(
        graph, opset_imports=network.opset_import, ir_version=max(OLDEST_IR, model.ir_version)
    )
    whole.producer_name = "segstudio"
    helper.set_model_props(whole, {"segstudio": json.dumps(spec_to_dict(spec))})
    return whole


def _connect(nodes: Nodes, facts: OnnxFacts, normalised: str) -> None:
    """Gives the normalised planes to the network in its own type and layout."""
    if facts.input_dtype == "float16":
        normalised = nodes.add("Cast", [normalised], "narrowed", to=TensorProto.FLOAT16)
    if facts.layout == "NHWC":
        normalised = nodes.add("Transpose", [normalised], "channels_last", perm=[0, 2, 3, 1])
    nodes.add("Identity", [normalised], PREFIX + facts.input_name)


def _answer(nodes: Nodes, facts: OnnxFacts, network: onnx.ModelProto) -> str:
    """The network's output as float scores [N,K,h,w], or as integer ids [N,h,w]."""
    name = PREFIX + facts.output_name
    if facts.kind == "ids":
        name = nodes.add("Cast", [name], "network_ids", to=TensorProto.INT64)
        axis = {"N1HW": 1, "NHW1": 3}.get(facts.output_layout)
        return (
            name
            if axis is None
            else nodes.add("Squeeze", [name, nodes.integers("single", [axis])], "ids_map")
        )
    if facts.output_layout == "NHWK":
        name = nodes.add("Transpose", [name], "channels_first", perm=[0, 3, 1, 2])
    if network.graph.output[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        name = nodes.add("Cast", [name], "scores_float", to=TensorProto.FLOAT)
    return name


def _add_certainty(nodes: Nodes, largest: str) -> None:
    """Confidence of a network that ends with Softmax: the largest score itself."""
    nodes.add("Squeeze", [largest, nodes.integers("class_axis", [1])], "certainty")
    nodes.add("Mul", ["certainty", nodes.constant("certain", float(CERTAIN), np.float32)], "confidence_exact")
    nodes.add("Round", ["confidence_exact"], "confidence_rounded")
    nodes.add("Cast", ["confidence_rounded"], "confidence", to=TensorProto.UINT8)


def _add_nearest(nodes: Nodes, ids: str) -> None:
    """Ids at the image's size by the nearest pixel centre, in integers: all runtimes agree on those."""
    nodes.add("Shape", [ids], "ids_shape")
    first = nodes.integers("first", [0])
    ends = [first, nodes.integers("second", [1]), "two", nodes.integers("third", [3])]
    start, step = nodes.constant("start", 0, np.int64), nodes.constant("step", 1, np.int64)
    for axis, name in ((1, "rows"), (2, "columns")):
        wanted = nodes.add("Slice", ["image_size", ends[axis - 1], ends[axis]], f"{name}_wanted")
        given = nodes.add("Slice", ["ids_shape", ends[axis], ends[axis + 1]], f"{name}_given")
        length = nodes.add("Squeeze", [wanted, first], f"{name}_length")
        counted = nodes.add("Range", [start, length, step], f"{name}_counted")
        odd = nodes.add("Add", [nodes.add("Mul", [counted, "two"], f"{name}_even"), ends[1]], f"{name}_odd")
        scaled = nodes.add("Mul", [odd, given], f"{name}_scaled")
        whole = nodes.add("Mul", [wanted, "two"], f"{name}_whole")
        places = nodes.add("Div", [scaled, whole], f"{name}_places")
        ids = nodes.add("Gather", [ids, places], f"{name}_gathered", axis=axis)
    nodes.add("Cast", [ids], "ids", to=TensorProto.UINT8)
    nodes.add("Shape", ["ids"], "restored_shape")
    full = helper.make_tensor("full", TensorProto.UINT8, [1], [CERTAIN])
    nodes.add("ConstantOfShape", ["restored_shape"], "confidence", value=full)


def original_answer(session: Any, facts: OnnxFacts, spec: ModelSpec, image: Bytes) -> tuple[Bytes, Bytes]:
    """Ids and confidence [H,W] of the file as it came, with our steps before and after it in float64.

    Raises:
        ModelError: the file fails on an image of that size, or gives ids that the palette does not have.
    """
    if facts.kind == "deployment":
        ids, confidence = session.run(["ids", "confidence"], {"images": image[None]})
        return ids[0], confidence[0]
    size = (image.shape[0], image.shape[1])
    planes = resized(image.transpose(2, 0, 1) / 255, network_size(spec.resize, *size))
    given = ((planes - np.reshape(spec.mean, (3, 1, 1))) / np.reshape(spec.std, (3, 1, 1)))[None]
    if facts.layout == "NHWC":
        given = given.transpose(0, 2, 3, 1)
    (found,) = run_session(session, given.astype(facts.input_dtype), "the network")
    if facts.kind == "ids":
        return _ids_answer(found, facts, spec, size)
    scores = found[0].astype(np.float64)
    if facts.output_layout == "NHWK":
        scores = scores.transpose(2, 0, 1)
    scores = resized(scores, size)
    largest = scores.max(0)
    if facts.kind == "logits":
        largest = 1 / np.exp(scores - largest).sum(0)
    return scores.argmax(0).astype(np.uint8), np.rint(largest * CERTAIN).astype(np.uint8)


def _ids_answer(
    found: Tensor, facts: OnnxFacts, spec: ModelSpec, size: tuple[int, int]
) -> tuple[Bytes, Bytes]:
    ids = found[0]
    if len(ids.shape) == 3:
        ids = ids[0] if facts.output_layout == "N1HW" else ids[:, :, 0]
    largest = int(ids.max())
    if int(ids.min()) < 0 or largest >= len(spec.classes):
        raise ModelError(
            f"the network gives id {largest}, palette {spec.palette} has {len(spec.classes)} classes",
            hint="give the palette that the network was trained with",
        )
    rows, columns = (
        (2 * np.arange(wanted) + 1) * given // (2 * wanted)
        for wanted, given in zip(size, ids.shape, strict=True)
    )
    nearest = ids[rows][:, columns].astype(np.uint8)
    return nearest, np.full_like(nearest, CERTAIN)


def resized(planes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Planes [C,H,W] at another size, bilinear, in float64."""
    rows, columns = (
        axis_weights(given, wanted) for given, wanted in zip(planes.shape[1:], size, strict=True)
    )
    result: NDArray[np.float64] = rows @ planes @ columns.T
    return result
