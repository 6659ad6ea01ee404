"""Scores of models that are stored as OpenVINO's IR: cut from it, equal to those of the ONNX graph."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy.calibration import as_seen
from segstudio.deploy.export import Exported
from segstudio.deploy.onnx_facts import inspect_model
from segstudio.deploy.onnx_wrap import wrapped
from segstudio.inference.backend import Options, open_backend
from segstudio.inference.core import RESIZED
from segstudio.inference.openvino_core import IrCore
from segstudio.inference.predictor import Predictor, Window
from segstudio.inference.spec import ModelSpec, ResizeRule
from tests.inference.conftest import noise

openvino = pytest.importorskip("openvino")
ONE = Options(threads=1)
FILES = {"openvino": "model.xml", "openvino_weights": "model.bin"}


@pytest.fixture(scope="module")
def ir(tiny_model: Exported, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelSpec]:
    """The tiny model as IR alone."""
    folder = tmp_path_factory.mktemp("ir")
    model = openvino.Core().read_model(str(tiny_model.folder / "model.onnx"))
    openvino.save_model(model, str(folder / "model.xml"), compress_to_fp16=False)
    return folder, replace(tiny_model.spec, files=FILES)


def test_scores_are_those_of_the_onnx_graph(tiny_model: Exported, ir: tuple[Path, ModelSpec]) -> None:
    found = open_backend(*ir, "openvino", ONE)
    expected = open_backend(tiny_model.folder, tiny_model.spec, "onnx", ONE)
    try:
        assert found.core_kind() == expected.core_kind() == "logits"
        for height, width, batch in ((64, 96, 1), (96, 64, 2)):
            pixels = as_seen(noise(height, width), tiny_model.spec, batch)
            ours, theirs = found.scores(pixels), expected.scores(pixels)
            assert ours.shape == theirs.shape == (batch, 19, pixels.shape[2] // 4, pixels.shape[3] // 4)
            assert np.allclose(ours, theirs, atol=1e-3 * np.abs(theirs).max())
        # The whole model is as it was.
        image = noise(70, 100)[None]
        assert np.mean(found.run(image)[0] == expected.run(image)[0]) > 0.999
    finally:
        found.close()
        expected.close()


@pytest.mark.parametrize(("window", "tta"), [("slide", False), ("whole", True)])
def test_views_need_nothing_but_the_ir(
    tiny_model: Exported, ir: tuple[Path, ModelSpec], window: Window, tta: bool
) -> None:
    image = noise(80, 200)
    answers = []
    for folder, spec, name in ((*ir, "openvino"), (tiny_model.folder, tiny_model.spec, "onnx")):
        backend = open_backend(folder, spec, name, ONE)
        answers.append(Predictor(backend, spec, window, tta=tta).predict(image).ids)
        backend.close()
    assert answers[0].shape == image.shape[:2]
    assert np.mean(answers[0] == answers[1]) > 0.999


def network(ending: str) -> onnx.ModelProto:
    """Three classes, one a colour, with an ending of its own."""
    make, value = helper.make_node, helper.make_tensor_value_info
    kernel = numpy_helper.from_array(4 * np.eye(3, dtype=np.float32)[:, :, None, None], "kernel")
    nodes = [make("Conv", ["pixels", "kernel"], ["colours"], name="colours")]
    kind, shape = TensorProto.FLOAT, ["n", 3, "h", "w"]
    if ending == "Softmax":
        nodes.append(make("Softmax", ["colours"], ["answer"], name="answer", axis=1))
    else:
        nodes.append(make("ArgMax", ["colours"], ["answer"], name="answer", axis=1, keepdims=0))
        kind, shape = TensorProto.INT64, ["n", "h", "w"]
    graph = helper.make_graph(
        nodes,
        "small",
        [value("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [value("answer", kind, shape)],
        [kernel],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def saved(ending: str, folder: Path) -> tuple[Path, ModelSpec]:
    """The IR of a deployment graph around such a network."""
    spec = ModelSpec("small", "onnx", ("red", "green", "blue"), "paper", FILES, ResizeRule("short_side", 64))
    model = network(ending)
    onnx.save_model(wrapped(model, inspect_model(model, "small"), spec), folder / "model.onnx")
    read = openvino.Core().read_model(str(folder / "model.onnx"))
    openvino.save_model(read, str(folder / "model.xml"), compress_to_fp16=False)
    return folder, spec


def test_probabilities_are_told_from_logits(tmp_path: Path) -> None:
    backend = open_backend(*saved("Softmax", tmp_path), "openvino", ONE)
    assert backend.core_kind() == "probabilities"
    found = backend.scores(np.full((1, 3, 64, 64), 0.5, np.float32))
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    backend.close()


def test_a_model_of_ids_alone_has_no_core(tmp_path: Path) -> None:
    backend = open_backend(*saved("ArgMax", tmp_path), "openvino", ONE)
    assert backend.core_kind() is None
    assert backend.run(noise(64, 64)[None])[0].max() <= 2
    backend.close()


def test_the_model_is_not_changed_and_cut_once(ir: tuple[Path, ModelSpec]) -> None:
    model = openvino.Core().read_model(str(ir[0] / "model.xml"))
    before = sorted(name for output in model.outputs for name in output.names)
    core = IrCore(model)
    assert core.kind == "logits"
    assert core.get() is core.get()
    assert sorted(name for output in model.outputs for name in output.names) == before
    names = {name for node in model.get_ops() for end in node.outputs() for name in end.names}
    assert RESIZED in names
    assert IrCore.OUTPUT not in names
