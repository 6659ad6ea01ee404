"""Makes the ONNX graphs that NVIDIA TAO exports of a deployment graph, and proves that they answer alike."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, version_converter

from segstudio.deploy.fixed import Size, fixed
from segstudio.deploy.onnx_ends import Nodes
from segstudio.deploy.onnx_graph import (
    GraphIndex,
    Tensor,
    load_onnx,
    open_session,
    opset,
    prune,
    run_session,
    save_onnx,
)
from segstudio.deploy.onnx_half import float_weights
from segstudio.errors import ModelError
from segstudio.inference.core import CERTAINTY, RESIZED, SCORES
from segstudio.inference.onnx_ import runtime_errors
from segstudio.inference.spec import ModelSpec, network_size, spec_to_dict
from segstudio.scenes.street import draw_scene

Output = Literal["logits", "argmax", "argmax-last"]
OUTPUTS: tuple[Output, ...] = ("logits", "argmax", "argmax-last")
INPUT, OUTPUT = "input", "output"
NORMALISED, IMAGE_SIZE, IDS = "normalised", "image_size", "ids"
OLDEST_OPSET, NEWEST_OPSET = 17, 21
# Errors are relative to the largest score: float32 has seven digits. Ids may differ where two scores are
# equal but for rounding. What computes in half precision or integers rounds otherwise where nodes are fused.
LARGEST_ERROR, LEAST_AGREEMENT = 1e-4, 0.9999
LARGEST_COARSE_ERROR, LEAST_COARSE_AGREEMENT = 2e-2, 0.995
NO_CORE_HINT = "TAO's forms need a model with scores inside: import its weights, or a graph of logits"


@dataclass(frozen=True)
class TaoForm:
    """Which of TAO's graphs is wanted: `input` float32 [N,3,H,W] RGB to `output`.

    Attributes:
        output: logits float32 [N,K,H/4,W/4] (TAO 6 and 7), argmax int64 [N,1,H,W] (TAO 5.5), or argmax-last
            int64 [N,H,W,1] (TAO 5.0 to 5.3 and DeepStream's parser of it).
        normalise_inside: the input is 0-1, and mean and std per channel are part of the graph; else it has
            to be normalised before, as TAO's is.
        channels: 3, or 1 for grey images, which the graph repeats three times.
        batch: images; 0 stays free.
        size: height and width; None stays free.
        opset: of the operators, 17 to 21; below, 17 is taken.
    """

    output: Output = "logits"
    normalise_inside: bool = False
    channels: int = 3
    batch: int = 0
    size: Size | None = None
    opset: int = OLDEST_OPSET


@dataclass(frozen=True)
class TaoGraph:
    """A graph in TAO's form, and its proof against the deployment graph on two images.

    Attributes:
        model: the graph.
        error: largest difference of a logit, relative to the largest logit (1 at least); 0 for ids.
        agreement: share of equal ids: of pixels, or for logits of scores.
    """

    model: onnx.ModelProto
    error: float
    agreement: float


def write_tao(
    folder: Path, spec: ModelSpec, out: Path, form: TaoForm, *, props: Mapping[str, str] | None = None
) -> TaoGraph:
    """Writes a model's graph in TAO's form to the file `out`, with `props` in its metadata.

    Raises:
        ModelError: see `tao_graph`; nothing is written then.
    """
    made = tao_graph(spec.file(folder, "onnx"), spec, form)
    for key, value in (props or {}).items():
        made.model.metadata_props.add(key=key, value=value)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_onnx(made.model, out)
    return made


def tao_graph(path: Path, spec: ModelSpec, form: TaoForm) -> TaoGraph:
    """A deployment graph's file as a graph of TAO's, proved on two images in ONNX Runtime.

    Raises:
        ModelError: the file gives ids alone or probabilities where logits are wanted, cannot take the size or
            the opset, or the new graph does not answer like it.
    """
    original = load_onnx(path)
    scores = _require_core(original, spec, form)
    model = float_weights(_rebuilt(original, scores, spec, form))
    if form.opset > opset(model):
        model = _with_opset(model, form.opset)
    if form.batch or form.size:
        model = fixed(model, batch=form.batch, size=form.size)
    _set_props(model, spec, form)
    return _proved(model, _reference(original, scores), spec, form)


def _require_core(model: onnx.ModelProto, spec: ModelSpec, form: TaoForm) -> str:
    """The name of the scores in a deployment graph.

    Raises:
        ModelError: it has none, or cannot have this form.
    """
    index = GraphIndex(model.graph)
    ends = [index.maker(name) for name in (RESIZED, NORMALISED, IMAGE_SIZE, IDS, SCORES)]
    if any(end is None for end in ends):
        raise ModelError(f"model {spec.name} gives ids alone, without scores", hint=NO_CORE_HINT)
    if form.output == "logits" and index.maker(CERTAINTY) is not None:
        raise ModelError(
            f"model {spec.name} gives probabilities, and TAO's logits come before them",
            hint="choose the form argmax",
        )
    if form.channels == 1 and not form.normalise_inside and len({*spec.mean}) + len({*spec.std}) > 2:
        raise ModelError(
            f"model {spec.name} has a mean and std by channel, which one grey channel cannot be given",
            hint="let the graph normalise",
        )
    assert ends[-1] is not None
    return str(ends[-1].input[0])


def cut(
    model: onnx.ModelProto, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    """A copy of the part of a graph between some of its tensors."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    graph, starts = part.graph, {end.name for end in inputs}
    kept = [node for node in graph.node if not starts.intersection(node.output)]
    for field, values in ((graph.node, kept), (graph.input, inputs), (graph.output, outputs)):
        del field[:]
        field.extend(values)
    del graph.value_info[:]
    prune(graph)
    return part


def _rebuilt(original: onnx.ModelProto, scores: str, spec: ModelSpec, form: TaoForm) -> onnx.ModelProto:
    """The core with TAO's input before it and TAO's output behind it."""
    value, start = helper.make_tensor_value_info, RESIZED if form.normalise_inside else NORMALISED
    begin = value(start, TensorProto.FLOAT, ["batch_size", 3, "height", "width"])
    model = cut(original, [begin], [value(scores, TensorProto.FLOAT, None)])
    graph = model.graph
    before, after = Nodes(opset(model)), Nodes(opset(model))
    if form.channels == 1:
        before.add("Concat", [INPUT] * 3, start, axis=1)
    else:
        rename(graph, start, INPUT)
    outputs = _add_output(after, graph, scores, form, len(spec.classes))
    nodes = [*before.nodes, *graph.node, *after.nodes]
    made = helper.make_graph(
        nodes,
        spec.name,
        [value(INPUT, TensorProto.FLOAT, ["batch_size", form.channels, "height", "width"])],
        outputs,
        [*graph.initializer, *before.constants, *after.constants],
    )
    whole = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    whole.producer_name = "segstudio"
    return whole


def _add_output(
    nodes: Nodes, graph: onnx.GraphProto, scores: str, form: TaoForm, classes: int
) -> list[onnx.ValueInfoProto]:
    """TAO's output as it is wanted; upsampling and argmax are those of the deployment graph."""
    value = helper.make_tensor_value_info
    if form.output == "logits":
        rename(graph, scores, OUTPUT)
        return [value(OUTPUT, TensorProto.FLOAT, ["batch_size", classes, "score_height", "score_width"])]
    nodes.add("Shape", [INPUT], "input_shape")
    two = nodes.integers("tao_two", [2])
    nodes.add("Slice", ["input_shape", two, nodes.integers("tao_four", [4])], "input_size")
    nodes.add("Shape", [scores], "scores_shape")
    nodes.add("Slice", ["scores_shape", nodes.integers("tao_zero", [0]), two], "scores_batch")
    nodes.add("Concat", ["scores_batch", "input_size"], "upsampled_shape", axis=0)
    nodes.add(
        "Resize", [scores, "", "", "upsampled_shape"], "upsampled", mode="linear",
        coordinate_transformation_mode="half_pixel",
    )  # fmt: skip
    if form.output == "argmax":
        nodes.add("ArgMax", ["upsampled"], OUTPUT, axis=1, keepdims=1)
        return [value(OUTPUT, TensorProto.INT64, ["batch_size", 1, "height", "width"])]
    nodes.add("ArgMax", ["upsampled"], "ids_map", axis=1, keepdims=0)
    nodes.add("Unsqueeze", ["ids_map", nodes.integers("tao_last", [3])], OUTPUT)
    return [value(OUTPUT, TensorProto.INT64, ["batch_size", "height", "width", 1])]


def rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Gives a tensor another name wherever nodes make or read it."""
    for node in graph.node:
        for field in (node.input, node.output):
            for position, name in enumerate(field):
                if name == old:
                    field[position] = new


def _with_opset(model: onnx.ModelProto, wanted: int) -> onnx.ModelProto:
    if wanted > NEWEST_OPSET:
        raise ModelError(f"opset {wanted} is not known", hint=f"use {OLDEST_OPSET} to {NEWEST_OPSET}")
    try:
        return version_converter.convert_version(model, wanted)
    except runtime_errors() as error:
        raise ModelError(
            f"the graph cannot be brought to opset {wanted}: {' '.join(str(error).split())[:200]}",
            hint=f"use opset {OLDEST_OPSET}",
        ) from error


def _set_props(model: onnx.ModelProto, spec: ModelSpec, form: TaoForm) -> None:
    """Says in the file what it takes and gives, and which classes its ids are."""
    head = "logits" if form.output == "logits" else "ids"
    inside = replace(spec, head=head, files={}, speed=())
    props = {
        "segstudio": json.dumps(spec_to_dict(inside)),
        "head": form.output,
        "input": "RGB 0-1" if form.normalise_inside else "RGB (x - mean) / std of x 0-1",
        "mean": " ".join(f"{value:g}" for value in spec.mean),
        "std": " ".join(f"{value:g}" for value in spec.std),
        "palette": spec.palette,
        "classes": ";".join(spec.classes),
    }
    helper.set_model_props(model, props)


# -- the proof --------------------------------------------------------------------------------------------


def _reference(original: onnx.ModelProto, scores: str) -> onnx.ModelProto:
    """What the deployment graph itself does with resized pixels: its scores, and ids at a size."""
    value = helper.make_tensor_value_info
    return cut(
        original,
        [value(RESIZED, TensorProto.FLOAT, [None] * 4), value(IMAGE_SIZE, TensorProto.INT64, [2])],
        [value(scores, TensorProto.FLOAT, None), value(IDS, TensorProto.UINT8, None)],
    )


def _proved(model: onnx.ModelProto, reference: onnx.ModelProto, spec: ModelSpec, form: TaoForm) -> TaoGraph:
    """Compares on two images, both at the wanted size, or one wide and one tall.

    Raises:
        ModelError: they differ, or the graph does not take such an image.
    """
    session = open_session(model, f"TAO's form of {spec.name}")
    expecting = open_session(reference, f"model {spec.name}")
    error, equal, count = 0.0, 0, 0
    for pixels in proof_pixels(spec, form):
        found = run_session(session, network_input(pixels, spec, form), f"TAO's form of {spec.name}")[0]
        scores, ids = expecting.run(None, {RESIZED: pixels, IMAGE_SIZE: np.array(pixels.shape[2:])})
        if form.output == "logits":
            error = max(error, float(np.abs(found - scores).max() / max(1.0, np.abs(scores).max())))
            found, ids = found.argmax(1), scores.argmax(1)
        equal += int(np.count_nonzero(found.reshape(ids.shape) == ids))
        count += ids.size
    made = TaoGraph(model, error, equal / count)
    coarse = is_coarse(model)
    allowed = LARGEST_COARSE_ERROR if coarse else LARGEST_ERROR
    if made.error > allowed or made.agreement < (LEAST_COARSE_AGREEMENT if coarse else LEAST_AGREEMENT):
        raise ModelError(
            f"TAO's form of {spec.name} answers otherwise: {made.agreement:.4%} of the ids agree,"
            f" scores are off by {made.error:.1e}",
            hint="nothing was saved; report this with the model",
        )
    return made


def is_coarse(model: onnx.ModelProto) -> bool:
    """Whether a graph whose weights are not merely stored as half computes in less than float32."""
    halves = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    quantised = any("quantizelinear" in node.op_type.lower() for node in model.graph.node)
    return quantised or any(tensor.data_type in halves for tensor in model.graph.initializer)


def proof_pixels(spec: ModelSpec, form: TaoForm) -> list[NDArray[np.float32]]:
    """Two batches of drawn streets at sizes of the network, float32 [N,3,H,W] of 0-1."""
    wide, tall = (form.size, form.size) if form.size else (
        network_size(spec.resize, 64, 96), network_size(spec.resize, 96, 64)
    )  # fmt: skip
    batches = []
    for number, (height, width) in enumerate((wide, tall)):
        count = form.batch or 2 - number
        images = np.stack([draw_scene(7 * number + seed, height, width).image for seed in range(count)])
        if form.channels == 1:
            images = np.broadcast_to(images[..., 1:2], images.shape)
        batches.append(np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) / np.float32(255))
    return batches


def network_input(pixels: NDArray[np.float32], spec: ModelSpec, form: TaoForm) -> Tensor:
    """What a graph of a form wants for pixels float32 [N,3,H,W] of 0-1."""
    if not form.normalise_inside:
        mean, std = (np.reshape(values, (1, 3, 1, 1)).astype(np.float32) for values in (spec.mean, spec.std))
        pixels = (pixels - mean) / std
    return pixels[:, : form.channels]
