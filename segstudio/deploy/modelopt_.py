"""Quantises the deployment graph with NVIDIA's ModelOpt: Q/DQ pairs for int8 and fp8 engines of TensorRT."""

import contextlib
import importlib.util
import io
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.onnx_graph import GraphIndex, load_onnx, save_onnx
from segstudio.deploy.onnx_half import float_weights
from segstudio.deploy.quantize_layers import LayerRule, LayerTypes, fits, types_of
from segstudio.errors import BackendError, ModelError
from segstudio.inference.core import read_names
from segstudio.inference.onnx_ import runtime_errors

Kind = Literal["int8", "fp8"]
Method = Literal["max", "entropy"]
# Its extra "onnx" would bring a second ONNX Runtime, which overwrites the one that is there.
INSTALL = (
    "pip install nvidia-modelopt requests onnx-graphsurgeon onnxconverter-common onnxscript onnxslim"
    " polygraphy lief cppimport"
)
NORMALISED, LOGITS, INPUT = "normalised", "logits", "images"
# What ModelOpt would quantise beside products; none of it is faster for that.
LEFT_OUT = ("Resize",)
# Operators that are worth it, and the layers that they come from.
PRODUCTS = {"Conv": "Conv2d", "MatMul": "Linear", "Gemm": "Linear"}
FOLDED = "decode_head.linear_fuse"
OPSETS: dict[Kind, int] = {"int8": 19, "fp8": 21}


class Images(Protocol):
    """Images RGB uint8 [H,W,3] by number, such as a list; they may be read when they are asked for."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, number: int, /) -> NDArray[np.uint8]:
        """One of them."""
        ...


def status() -> tuple[bool, str]:
    """Whether ModelOpt is installed, and how to install it."""
    there = importlib.util.find_spec("modelopt") is not None
    return there, "" if there else f"ModelOpt is not installed: {INSTALL}"


def quantize_modelopt(
    source: Path,
    target: Path,
    images: Images,
    *,
    kind: Kind = "int8",
    method: Method = "max",
    keep: Sequence[str] = (),
) -> None:
    """Writes a deployment graph with Q/DQ pairs around its products, for explicitly quantised engines.

    Only the network between `normalised` and `logits` is quantised; its first convolution, the patch
    embedding, and its last, the classifier, stay float. ONNX Runtime calibrates on the CPU. The file keeps
    weights as float32 behind their pairs, which is what TensorRT expects.

    Args:
        source: a deployment graph of segstudio.
        target: the file to write.
        images: RGB uint8 [H,W,3] of any sizes; a few hundred are usual.
        kind: int8, or fp8 (e4m3fn), which ONNX Runtime may refuse to run.
        method: how ranges are chosen: the largest value, or the least entropy (int8 alone gains by it).
        keep: names of more nodes that stay float.

    Raises:
        BackendError: ModelOpt is not installed, or fails.
        ModelError: no deployment graph of ours.
    """
    quantize = _quantize_function()
    original = load_onnx(source)
    model = float_weights(original)
    still = [exactly(name) for name in (*nodes_outside(model, source), *ends(model), *keep)]
    refusals: tuple[type[Exception], ...] = (
        *runtime_errors(),
        AssertionError,
        AttributeError,
        KeyError,
        ImportError,
    )
    with tempfile.TemporaryDirectory() as folder:
        plain, made = Path(folder) / "plain.onnx", Path(folder) / "quantized.onnx"
        save_onnx(model, plain)
        try:
            with quiet():
                quantize(
                    str(plain), quantize_mode=kind, calibration_method=method,
                    calibration_data_reader=Reader(images), calibration_eps=["cpu"],
                    high_precision_dtype="fp32", op_types_to_exclude=list(LEFT_OUT), nodes_to_exclude=still,
                    opset=OPSETS[kind], log_level="ERROR", output_path=str(made),
                )  # fmt: skip
        except refusals as error:
            line = " ".join(str(error).split())[:300] or type(error).__name__
            raise BackendError(
                f"ModelOpt cannot quantise {source}: {line}", hint="update it: pip install -U nvidia-modelopt"
            ) from error
        quantized = load_onnx(made)
    # ModelOpt drops them.
    quantized.producer_name = original.producer_name
    del quantized.metadata_props[:]
    quantized.metadata_props.extend(original.metadata_props)
    save_onnx(quantized, target)


class Reader:
    """Hands images to a calibration, one at a time, and begins anew when asked to."""

    def __init__(self, images: Images) -> None:
        self._images, self._next = images, 0

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next image as the graph's input; None behind the last."""
        if self._next >= len(self._images):
            return None
        self._next += 1
        return {INPUT: self._images[self._next - 1][None]}

    def get_first(self) -> dict[str, NDArray[np.uint8]]:
        """The first image, wherever the calibration is."""
        return {INPUT: self._images[0][None]}

    def rewind(self) -> None:
        """Begins anew."""
        self._next = 0


def chosen_nodes(
    path: Path, rules: Sequence[LayerRule], skip: Sequence[str] = ()
) -> tuple[dict[str, LayerTypes], list[str]]:
    """The products of the network that rules choose, by node, and the names of the others.

    A node's name holds that of its layer: `/backbone/block1.0/attn/q/MatMul`. Its class is Conv2d, Linear
    where one factor is constant, else MatMul. The folded head has no layers of its own: its products are
    called decode_head.linear_fuse. The first and the last convolution are in neither answer: they always
    stay float.

    Raises:
        ModelError: no deployment graph of ours.
    """
    model = float_weights(load_onnx(path))
    inside, kept_anyway = network_part(model, path), set(ends(model))
    constants = {tensor.name for tensor in model.graph.initializer}
    chosen, others = {}, []
    for number, node in enumerate(model.graph.node):
        if number not in inside or node.op_type not in PRODUCTS or node.name in kept_anyway:
            continue
        kind = PRODUCTS[node.op_type] if constants.intersection(node.input) else node.op_type
        layer = ".".join(node.name.split("/")[1:-1]) or FOLDED
        types = None if any(fits(pattern, layer, kind) for pattern in skip) else types_of(layer, kind, rules)
        if types is None:
            others.append(node.name)
        else:
            chosen[node.name] = types
    return chosen, others


def answers(path: Path) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """What gives the ids uint8 [H,W] of an image RGB uint8 [H,W,3], exactly as the file says.

    ONNX Runtime changes nothing in the graph: joined with their neighbours, Q/DQ pairs of fp8 are refused.

    Raises:
        BackendError: ONNX Runtime refuses the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except runtime_errors() as error:
        raise BackendError(f"ONNX Runtime refuses {path}: {' '.join(str(error).split())[:300]}") from error

    def ids(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = session.run(["ids"], {INPUT: image[None]})[0][0]
        return found

    return ids


def network_part(model: onnx.ModelProto, where: object) -> set[int]:
    """Positions of the nodes between `normalised` and `logits`.

    Raises:
        ModelError: a graph without these tensors.
    """
    index = GraphIndex(model.graph)
    if index.maker(NORMALISED) is None or index.maker(LOGITS) is None:
        raise ModelError(
            f"{where} is no deployment graph with {NORMALISED} and {LOGITS}",
            hint="import or export the model with segstudio first",
        )
    return _ancestors(model.graph, LOGITS) - _ancestors(model.graph, NORMALISED)


def nodes_outside(model: onnx.ModelProto, where: object) -> list[str]:
    """Names of all nodes but those of `network_part`."""
    inside = network_part(model, where)
    return [node.name for number, node in enumerate(model.graph.node) if number not in inside and node.name]


def ends(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions that read `normalised` and that make `logits`."""
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and (NORMALISED in node.input or LOGITS in node.output)
    ]


def exactly(name: str) -> str:
    """A regular expression of this name alone: ModelOpt takes names for such."""
    return "".join(letter if letter.isalnum() or letter in "_/" else f"\\{letter}" for letter in name) + "$"


def hide_stubs() -> None:
    """Keeps type stubs of TensorRT from passing for TensorRT: ModelOpt would call what is not there."""
    found = importlib.util.find_spec("tensorrt") if "tensorrt" not in sys.modules else None
    if found is not None and found.origin is None:
        sys.modules["tensorrt"] = None  # type: ignore[assignment]  # this is how an import is refused


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what a library prints off stdout, which belongs to our own answer, and off the progress line."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _ancestors(graph: onnx.GraphProto, name: str) -> set[int]:
    """Positions of the nodes that a tensor depends on."""
    wanted: set[str] = {name}
    found: set[int] = set()
    for number in reversed(range(len(graph.node))):
        node = graph.node[number]
        if wanted.intersection(node.output):
            found.add(number)
            wanted |= read_names(node)
    return found


def _quantize_function() -> Any:
    hide_stubs()
    logging.getLogger("modelopt").setLevel(logging.ERROR)
    try:
        from modelopt.onnx.quantization import quantize
    except ImportError as error:
        raise BackendError(f"ModelOpt cannot be used: {error}", hint=f"install it: {INSTALL}") from error
    return quantize
