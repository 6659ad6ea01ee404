"""What a model's network sees in an image, for regions by clicks: class shares and the tensor before them."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.similar import SimilarRegions
from segstudio.errors import BackendError
from segstudio.inference.core import RESIZED, Core, cut_core
from segstudio.inference.onnx_ import DAMAGED, runtime_errors
from segstudio.inference.openvino_core import IrCore, IrPart
from segstudio.inference.resample import shrunk
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.inference.views import View, whole_view
from segstudio.jobs import cores

if TYPE_CHECKING:
    import onnx

Floats = NDArray[np.float32]
# Pixels float32 [1,3,h,w] to scores [1,K,h',w'] and features [1,C,h'',w''], which may be the scores again.
Seeing = Callable[[Floats], tuple[Floats, Floats]]
# What may stand between the classifier's product and the scores, in the words of ONNX and of OpenVINO.
AFTER = {
    "Softmax",
    "Add",
    "Cast",
    "Convert",
    "QuantizeLinear",
    "DequantizeLinear",
    "FakeQuantize",
    "Multiply",
}
PRODUCTS = {"Conv", "Convolution"}
# Pixels that the network sees at most: the features of more would take a hundred megabytes.
LARGEST_VIEW = 2**20
WIDE = ".float"
NO_SCORES = "gives class ids without scores, so clicks have nothing to go by"


class FeatureSegmenter:
    """Finds regions by what a segmentation model sees anyway; no other network is needed.

    Each image goes through the core of the deployment graph once, of which the tensor that the classifier
    reads is a second output.

    Args:
        folder: the model folder.
        spec: its spec.
        backend: openvino runs the model's IR or ONNX file in OpenVINO; all others run the ONNX file in ONNX
            Runtime, where it has one.
        largest: pixels that the network sees at most; None shows it each image as large as its rule says.

    Raises:
        BackendError: the model gives ids alone, or its file is refused.
        ModelError: the model has no file that could be run.
    """

    def __init__(
        self, folder: Path, spec: ModelSpec, backend: str = "onnx", *, largest: int | None = LARGEST_VIEW
    ) -> None:
        self._rule, self._largest = spec.resize, largest
        has_onnx, has_ir = "onnx" in spec.files, "openvino" in spec.files
        if has_ir and (backend == "openvino" or not has_onnx):
            self._see, kind = _in_openvino(spec.file(folder, "openvino"), spec)
        elif backend == "openvino":
            self._see, kind = _in_openvino(spec.file(folder, "onnx"), spec)
        else:
            self._see, kind = _in_onnx(spec.file(folder, "onnx"), spec)
        self._are_logits = kind == "logits"

    def embed(self, image: NDArray[np.uint8]) -> SimilarRegions:
        """See `Segmenter.embed`; takes as long as a prediction."""
        return SimilarRegions(*self.look(image), (image.shape[1], image.shape[0]))

    def look(self, image: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """What the network sees in an image RGB uint8 [H,W,3]: shares of the classes float32 [K,h,w], and
        features float32 [C,h,w] at the same places.
        """
        height, width = image.shape[:2]
        view = _view(self._rule, (height, width), self._largest)
        whole = (slice(0, view.height), slice(0, view.width))
        pixels = shrunk(image, (view.height, view.width), whole)
        scores, features = (found[0] for found in self._see(pixels[None]))
        if features.shape[1:] != scores.shape[1:]:
            features = scores
        return _shares(scores) if self._are_logits else scores, features


def _view(rule: ResizeRule, size: tuple[int, int], largest: int | None) -> View:
    view = whole_view(rule, size)
    pixels = view.height * view.width
    return view if largest is None or pixels <= largest else whole_view(rule, size, (largest / pixels) ** 0.5)


def _shares(scores: Floats) -> Floats:
    """Softmax over the first axis."""
    powers = np.exp(scores - scores.max(axis=0))
    shares: Floats = powers / powers.sum(axis=0)
    return shares


def _in_onnx(path: Path, spec: ModelSpec) -> tuple[Seeing, str]:
    """The core of an ONNX file with its features, in ONNX Runtime."""
    import onnxruntime

    core = cut_core(path)
    if core is None:
        raise BackendError(f"model {spec.name} {NO_SCORES}")
    content, features = with_features(core)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = cores(), 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except runtime_errors() as error:
        raise BackendError(f"ONNX Runtime refuses {path}: {error}", hint=DAMAGED) from error

    def see(pixels: Floats) -> tuple[Floats, Floats]:
        scores, found = session.run([core.output, features], {RESIZED: pixels})
        return scores, found

    return see, core.kind


def with_features(core: Core) -> tuple[bytes, str]:
    """A core that also gives what its classifier reads, and the name of that output.

    Where no classifier is found the scores are their own features.
    """
    import onnx

    model = onnx.load_model_from_string(core.content)
    makers = {name: node for node in model.graph.node for name in node.output}
    name = _read_by_classifier(core.output, makers)
    if name == core.output:
        return core.content, name
    # A network in half precision has half features, and an output must be said to be one or the other.
    wide = f"{name}{WIDE}"
    model.graph.node.append(onnx.helper.make_node("Cast", [name], [wide], to=onnx.TensorProto.FLOAT))
    sides = ["batch", "channels", "feature_rows", "feature_columns"]
    model.graph.output.append(onnx.helper.make_tensor_value_info(wide, onnx.TensorProto.FLOAT, sides))
    return model.SerializeToString(), wide


def _read_by_classifier(output: str, makers: "dict[str, onnx.NodeProto]") -> str:
    name = output
    while name in makers and makers[name].op_type in AFTER:
        name = makers[name].input[0]
    maker = makers.get(name)
    return maker.input[0] if maker is not None and maker.op_type in PRODUCTS else output


def _in_openvino(path: Path, spec: ModelSpec) -> tuple[Seeing, str]:
    """The core of an IR or ONNX file with its features, in OpenVINO."""
    import openvino

    runtime = openvino.Core()
    try:
        part = IrCore(runtime.read_model(str(path)))
        if part.kind is None:
            raise BackendError(f"model {spec.name} {NO_SCORES}")
        compiled = _compiled(runtime, part.get())
    except RuntimeError as error:
        raise BackendError(f"OpenVINO refuses {path}: {error}", hint=DAMAGED) from error
    # A compiled model's own call is for one thread at a time.
    asking = threading.Lock()

    def see(pixels: Floats) -> tuple[Floats, Floats]:
        with asking:
            found = compiled([pixels])
            return found[0].astype(np.float32), found[len(compiled.outputs) - 1].astype(np.float32)

    return see, part.kind


def _compiled(runtime: Any, part: IrPart) -> Any:
    """A part of a model compiled in full float32, its features being the last output."""
    model = part.content
    scores = model.outputs[0].get_node().input_value(0)
    node = scores.get_node()
    while node.get_type_name() in AFTER:
        node = node.input_value(0).get_node()
    if node.get_type_name() in PRODUCTS:
        model.add_outputs([node.input_value(0)])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": cores()}
    return runtime.compile_model(model, "CPU", settings)
