"""Folds the SegFormer decode head of an ONNX file: one projection a level at its own size, proved before use.

The head upsamples four maps, concatenates them and fuses them by a 1x1 convolution. Upsampling mixes pixels
with weights that sum to one, so it commutes with per-pixel products: `fuse(concat(up(L_i c_i)))` equals
`sum_i up((F_i L_i) c_i) + b`. Where a nonlinear step follows the projection, only F_i is moved.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from segstudio.deploy.onnx_graph import Tensor, open_session, opset, prune, real_inputs, run_session
from segstudio.deploy.onnx_head import Float, Head, NoHead, find_head
from segstudio.errors import ModelError

LARGEST_ERROR = 1e-6
LEAST_AGREEMENT = 0.99999
# The reference has to be the file's own head, up to the rounding of its numbers.
READ_RIGHT = {np.dtype(np.float32): 1e-4, np.dtype(np.float16): 2e-2}
# Free sides are proved at two sizes, so that nothing rests on one of them.
PROVED_SIZES = ((96, 128), (128, 64))
# Rows of the head in float64; all of them would take gigabytes on a large network.
REFERENCE_ROWS = 8
OLDEST_OPSET = 11


@dataclass(frozen=True)
class FoldOutcome:
    """The folded model with its proof, or the model as it was and why.

    Errors are the largest differences over the largest score: of the folded and of the original head against
    float64, and between both. `dims` are the channels of levels 1-4 where the head says so.
    """

    model: onnx.ModelProto
    folded: bool
    reason: str = ""
    dims: tuple[int, ...] = ()
    embed_dim: int = 0
    error: float = 0.0
    original_error: float = 0.0
    difference: float = 0.0
    agreement: float = 0.0


@dataclass(frozen=True)
class _Level:
    """What a branch becomes: its source [N,c,h,w], the product F_i L_i [E,c], and its share of the bias."""

    source: str
    weight: Float
    bias: Float


@dataclass(frozen=True)
class _Plan:
    """All levels in the order of the concatenation; `anchor` is the one at the head's own size."""

    head: Head
    levels: tuple[_Level, ...]
    anchor: int


@dataclass(frozen=True)
class _Errors:
    folded: float
    original: float
    difference: float
    agreement: float


def fold_head(model: onnx.ModelProto) -> FoldOutcome:
    """Folds the decode head of a model; the model that was given stays as it is.

    The proof: two random inputs through both models in ONNX Runtime. The folded scores may differ from the
    original ones, or from the head in float64, by 1e-6 of the largest score, or else by no more than the
    original differs from float64; and the largest class is the same in 99.999 % of the pixels.
    """
    dims: tuple[int, ...] = ()
    width = 0
    try:
        if opset(model) < OLDEST_OPSET:
            raise NoHead(f"opset {opset(model)} is too old")
        head = find_head(model.graph)
        width = head.fuse.shape[0]
        images = _images(model)
        runs = [_values(model, _watched(head), image) for image in images]
        plan = _plan(head, runs)
        dims = _dims(plan, runs[0])
        folded = _rewritten(model, plan)
        proofs = [
            _compared(plan, run, _values(folded, [head.scores], image)[head.scores])
            for image, run in zip(images, runs, strict=True)
        ]
        errors = _worst(proofs)
        _require_equal(errors, head.dtype)
    except NoHead as reason:
        return FoldOutcome(model, False, str(reason), dims, width)
    except ModelError as error:
        return FoldOutcome(model, False, error.message, dims, width)
    return FoldOutcome(
        folded, True, "", dims, width, errors.folded, errors.original, errors.difference, errors.agreement
    )


def axis_weights(given: int, wanted: int, coordinates: str = "half_pixel") -> Float:
    """Bilinear weights [wanted,given] of one axis, in float64; edges are repeated."""
    steps = np.arange(wanted, dtype=np.float64)
    if coordinates == "align_corners":
        places = steps * ((given - 1) / max(1, wanted - 1))
    elif coordinates == "pytorch_half_pixel" and wanted == 1:
        places = np.zeros(1)
    else:
        places = (steps + 0.5) * given / wanted - 0.5
    places = places.clip(0, given - 1)
    low = places.astype(np.int64)
    high = np.minimum(low + 1, given - 1)
    weights = np.zeros((wanted, given))
    np.add.at(weights, (np.arange(wanted), low), 1 - (places - low))
    np.add.at(weights, (np.arange(wanted), high), places - low)
    return weights


def _images(model: onnx.ModelProto) -> list[Tensor]:
    """Two random inputs that the model takes."""
    (end,) = real_inputs(model.graph)[:1] or [None]
    dims = [] if end is None else [int(dim.dim_value) for dim in end.type.tensor_type.shape.dim]
    if end is None or len(dims) != 4:
        raise NoHead("the model takes no image")
    dtype = helper.tensor_dtype_to_np_dtype(end.type.tensor_type.elem_type)
    channels = 3 if dims[3] == 3 and dims[1] != 3 else 1
    random = np.random.default_rng(0)
    images = []
    for height, width in PROVED_SIZES:
        sides = iter((height, width))
        shape = [dims[0] or 1]
        for axis in (1, 2, 3):
            free = 3 if axis == channels else next(sides)
            shape.append(dims[axis] or free)
        images.append(random.standard_normal(shape).astype(dtype))
    return images


def _values(model: onnx.ModelProto, names: list[str], image: Tensor) -> dict[str, Tensor]:
    """Inner tensors for one input."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    prune(shown.graph)
    session = open_session(shown, "the network up to its head")
    found = run_session(session, image, "the network up to its head", names)
    return dict(zip(names, found, strict=True))


def _watched(head: Head) -> list[str]:
    """Every tensor that the plan and the proof look at."""
    names = [head.scores]
    for branch in head.branches:
        names += [branch.map, *(branch.linear.sources if branch.linear else ())]
    return list(dict.fromkeys(names))


def _plan(head: Head, runs: list[dict[str, Tensor]]) -> _Plan:
    """Settles by the values which tensor is a level's map, and which level has the head's size."""
    levels = []
    start = 0
    for branch in head.branches:
        shapes = [run[branch.map].shape for run in runs]
        if any(len(shape) != 4 for shape in shapes):
            raise NoHead("a level of the head is no map [N,E,h,w]")
        part = head.fuse[:, start : start + shapes[0][1]]
        start += shapes[0][1]
        level = _Level(branch.map, part, np.zeros(len(part)))
        if branch.linear is not None:
            weight, bias = branch.linear.weight, branch.linear.bias
            for name in branch.linear.sources:
                if all(_projects(run[name], run[branch.map], weight, bias) for run in runs):
                    level = _Level(name, part @ weight, part @ bias)
                    break
        levels.append(level)
    if start != head.fuse.shape[1]:
        raise NoHead("the levels do not fill the fuse convolution")
    for number, branch in enumerate(head.branches):
        if all(run[branch.map].shape[2:] == run[head.scores].shape[2:] for run in runs):
            return _Plan(head, tuple(levels), number)
    raise NoHead("no level has the size of the head")


def _projects(source: Tensor, target: Tensor, weight: Float, bias: Float) -> bool:
    """Whether target [N,E,h,w] is the product with source [N,c,h,w]; a few rows tell."""
    if source.ndim != 4 or source.shape[1] != weight.shape[1] or source.shape[2:] != target.shape[2:]:
        return False
    rows = slice(REFERENCE_ROWS)
    found = np.einsum("ec,nchw->nehw", weight, source[:, :, rows].astype(np.float64), optimize=True)
    wanted = target[:, :, rows].astype(np.float64)
    return bool(np.abs(found + bias[:, None, None] - wanted).max() <= 1e-2 * np.abs(wanted).max())


def _dims(plan: _Plan, run: dict[str, Tensor]) -> tuple[int, ...]:
    """Channels of the levels, from the finest to the coarsest."""
    if any(branch.linear is None for branch in plan.head.branches):
        return ()
    shapes = [run[level.source].shape for level in plan.levels]
    # Networks that end with two levels of one size keep the order of the concatenation, coarsest first.
    order = shapes if plan.anchor == 0 else shapes[::-1]
    return tuple(int(shape[1]) for shape in order)


def _rewritten(model: onnx.ModelProto, plan: _Plan) -> onnx.ModelProto:
    """A copy of the model with the folded head in the place of the old one."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    nodes, constants = _folded_nodes(plan, opset(model))
    place = next(number for number, node in enumerate(graph.node) if plan.head.fused in node.output)
    old = list(graph.node)
    del graph.node[:]
    graph.node.extend([*old[:place], *nodes, *old[place + 1 :]])
    graph.initializer.extend(constants)
    prune(graph)
    return folded


def _folded_nodes(plan: _Plan, version: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    head = plan.head
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: NDArray[np.generic]) -> str:
        name = f"{head.fused}/folded/{name}"
        constants.append(numpy_helper.from_array(values, name))
        return name

    def node(operator: str, inputs: list[str], output: str, **values: object) -> str:
        name = output if output == head.fused else f"{head.fused}/folded/{output}"
        nodes.append(helper.make_node(operator, inputs, [name], name=name, **values))
        return name

    zero, two, four = (constant(str(value), np.array([value], np.int64)) for value in (0, 2, 4))
    # Before opset 13 the inputs of Resize that are not used have to be there, without a value.
    unused = "" if version >= 13 else constant("unused", np.zeros(0, np.float32))
    bias = head.bias + np.sum([level.bias for level in plan.levels], axis=0)
    projected = []
    for number, level in enumerate(plan.levels):
        weight = constant(f"weight{number}", level.weight[:, :, None, None].astype(head.dtype))
        inputs = [level.source, weight]
        if number == plan.anchor:
            inputs.append(constant("bias", bias.astype(head.dtype)))
        projected.append(node("Conv", inputs, f"projected{number}", kernel_shape=[1, 1]))
    size = node("Slice", [node("Shape", [projected[plan.anchor]], "shape"), two, four], "size")
    total = projected[plan.anchor]
    others = [number for number in range(len(projected)) if number != plan.anchor]
    for number in others:
        resize = head.branches[number].resize
        level_map = projected[number]
        if resize is not None:
            own = node("Slice", [node("Shape", [level_map], f"shape{number}"), zero, two], f"planes{number}")
            wanted = node("Concat", [own, size], f"size{number}", axis=0)
            level_map = node("Resize", [level_map, unused, unused, wanted], f"resized{number}")
            nodes[-1].attribute.extend(resize.attribute)
        total = node("Add", [total, level_map], head.fused if number == others[-1] else f"sum{number}")
    return nodes, constants


def _compared(plan: _Plan, run: dict[str, Tensor], folded: Tensor) -> _Errors:
    original = run[plan.head.scores]
    if folded.shape != original.shape:
        raise NoHead("the folded head gives another size")
    rows = np.unique(np.linspace(0, original.shape[2] - 1, REFERENCE_ROWS).astype(np.int64))
    exact = _reference(plan, run, rows)
    largest = max(float(np.abs(original).max()), 1e-30)
    return _Errors(
        float(np.abs(folded[:, :, rows] - exact).max()) / largest,
        float(np.abs(original[:, :, rows] - exact).max()) / largest,
        float(np.abs(folded.astype(np.float64) - original).max()) / largest,
        float((folded.argmax(1) == original.argmax(1)).mean()),
    )


def _reference(plan: _Plan, run: dict[str, Tensor], rows: NDArray[np.int64]) -> Float:
    """Some rows of the scores in float64, from the encoder's maps, with the published order of steps."""
    head = plan.head
    height, width = run[head.scores].shape[2:]
    parts = []
    for branch, level in zip(head.branches, plan.levels, strict=True):
        planes = run[level.source].astype(np.float64)
        resized = planes.shape[2:] != (height, width)
        if not resized:
            planes = planes[:, :, rows]
        if branch.linear is not None and level.source != branch.map:
            planes = np.einsum("ec,nchw->nehw", branch.linear.weight, planes, optimize=True)
            planes += branch.linear.bias[:, None, None]
        if resized:
            down = axis_weights(planes.shape[2], height, branch.coordinates)[rows]
            planes = down @ planes @ axis_weights(planes.shape[3], width, branch.coordinates).T
        parts.append(planes)
    fused = np.einsum("ec,nchw->nehw", head.fuse, np.concatenate(parts, axis=1), optimize=True)
    active = np.maximum(fused + head.bias[:, None, None], 0)
    scores: Float = np.einsum("ke,nehw->nkhw", head.classifier, active, optimize=True)
    return scores + head.classifier_bias[:, None, None]


def _worst(proofs: list[_Errors]) -> _Errors:
    return _Errors(
        max(one.folded for one in proofs),
        max(one.original for one in proofs),
        max(one.difference for one in proofs),
        min(one.agreement for one in proofs),
    )


def _require_equal(errors: _Errors, dtype: np.dtype[np.generic]) -> None:
    if errors.original > READ_RIGHT.get(dtype, 0.0):
        raise NoHead(f"the head was not understood: float64 differs from it by {errors.original:.1e}")
    if errors.difference > LARGEST_ERROR and errors.folded > max(LARGEST_ERROR, errors.original):
        raise NoHead(f"the folded head would differ by {errors.folded:.1e} from float64")
    if errors.agreement < LEAST_AGREEMENT:
        raise NoHead(f"the folded head would change {1 - errors.agreement:.4%} of the classes")
