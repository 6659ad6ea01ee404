"""TAO's forms of a graph: the network's own scores, and ids as the deployment graph upsamples them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch.nn import functional as F

from segstudio.deploy import tao_graph as module
from segstudio.deploy.export import Exported
from segstudio.deploy.onnx_graph import opset
from segstudio.deploy.onnx_half import half_precision
from segstudio.deploy.tao_graph import OUTPUTS, TaoForm, network_input, tao_graph, write_tao
from segstudio.errors import ModelError
from segstudio.inference.spec import ModelSpec
from segstudio.networks.segformer import SegFormer
from tests.inference.conftest import noise

Values = NDArray[Any]


def made(model: Exported, form: TaoForm) -> onnx.ModelProto:
    return tao_graph(model.spec.file(model.folder, "onnx"), model.spec, form).model


def run(model: onnx.ModelProto, given: Values) -> Values:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["output"], {"input": given})
    return np.asarray(found)


def pixels(count: int, height: int, width: int) -> NDArray[np.float32]:
    images = np.stack([noise(height, width, seed) for seed in range(count)])
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def expected_logits(network: SegFormer, spec: ModelSpec, planes: NDArray[np.float32]) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    with torch.inference_mode():
        logits: torch.Tensor = network((torch.from_numpy(planes) - mean) / std)
    return logits


def shapes_of(model: onnx.ModelProto) -> dict[str, list[int]]:
    """The shapes of inputs and outputs by name; 0 stands for a free side."""
    return {
        end.name: [dim.dim_value for dim in end.type.tensor_type.shape.dim]
        for end in (*model.graph.input, *model.graph.output)
    }


@pytest.mark.parametrize("normalise_inside", [False, True])
def test_logits_are_the_networks(
    tiny_model: Exported, tiny_network: SegFormer, normalise_inside: bool
) -> None:
    form = TaoForm("logits", normalise_inside)
    model = made(tiny_model, form)
    onnx.checker.check_model(model, full_check=True)
    assert shapes_of(model) == {"input": [0, 3, 0, 0], "output": [0, 19, 0, 0]}
    for size in ((64, 96), (96, 64)):
        planes = pixels(2, *size)
        expected = expected_logits(tiny_network, tiny_model.spec, planes).numpy()
        found = run(model, network_input(planes, tiny_model.spec, form))
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(("output", "shape"), [("argmax", (2, 1, 64, 96)), ("argmax-last", (2, 64, 96, 1))])
def test_ids_are_upsampled_scores(
    tiny_model: Exported, tiny_network: SegFormer, output: Any, shape: tuple[int, ...]
) -> None:
    form = TaoForm(output, size=(64, 96))
    model = made(tiny_model, form)
    planes = pixels(2, 64, 96)
    found = run(model, network_input(planes, tiny_model.spec, form))
    assert found.dtype == np.int64
    assert found.shape == shape
    logits = expected_logits(tiny_network, tiny_model.spec, planes)
    ids = F.interpolate(logits, size=(64, 96), mode="bilinear", align_corners=False).argmax(1).numpy()
    assert np.mean(found.reshape(ids.shape) == ids) >= 0.9999


def test_ids_equal_the_deployment_graphs(tiny_model: Exported) -> None:
    # At a shorter side of 64 both see the image as it is.
    image = noise(64, 96, 5)
    session = onnxruntime.InferenceSession(str(tiny_model.spec.file(tiny_model.folder, "onnx")))
    (ids,) = session.run(["ids"], {"images": image[None]})
    form = TaoForm("argmax-last", normalise_inside=True, batch=1, size=(64, 96))
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    assert np.array_equal(run(made(tiny_model, form), planes)[..., 0], ids)


def test_fixed_forms_have_no_shape_arithmetic(tiny_model: Exported) -> None:
    for output in OUTPUTS:
        model = made(tiny_model, TaoForm(output, batch=1, size=(64, 64)))
        assert "Shape" not in {node.op_type for node in model.graph.node}
        assert shapes_of(model)["input"] == [1, 3, 64, 64]
    assert shapes_of(made(tiny_model, TaoForm("argmax", size=(64, 64))))["output"] == [0, 1, 64, 64]


def test_weights_are_plain_and_the_file_says_what_it_is(tiny_model: Exported, tmp_path: Path) -> None:
    proof = write_tao(
        tiny_model.folder, tiny_model.spec, tmp_path / "out" / "tao.onnx", TaoForm(), props={"weights": "abc"}
    )
    assert proof.agreement >= 0.9999
    assert proof.error <= 1e-4
    model = onnx.load_model(tmp_path / "out" / "tao.onnx")
    assert not any(tensor.data_type == TensorProto.FLOAT16 for tensor in model.graph.initializer)
    props = {entry.key: entry.value for entry in model.metadata_props}
    assert (props["head"], props["weights"]) == ("logits", "abc")
    assert props["classes"].split(";") == list(tiny_model.spec.classes)
    values = json.loads(props["segstudio"])
    assert (values["head"], values["palette"], values["files"]) == ("logits", "cityscapes", {})
    assert tuple(values["mean"]) == tiny_model.spec.mean


def test_one_grey_channel_stands_for_three(tiny_model: Exported) -> None:
    three = made(tiny_model, TaoForm("logits", normalise_inside=True))
    one = made(tiny_model, TaoForm("logits", normalise_inside=True, channels=1))
    grey = pixels(1, 64, 96)[:, :1]
    assert np.allclose(run(one, grey), run(three, np.repeat(grey, 3, 1)), atol=1e-4)
    with pytest.raises(ModelError, match="one grey channel"):
        made(tiny_model, TaoForm("logits", channels=1))


@pytest.mark.parametrize("wanted", [18, 20])
def test_newer_opsets(tiny_model: Exported, wanted: int) -> None:
    assert opset(made(tiny_model, TaoForm("argmax", opset=wanted, size=(64, 64)))) == wanted


def test_unknown_opset(tiny_model: Exported) -> None:
    with pytest.raises(ModelError, match="opset 99"):
        made(tiny_model, TaoForm(opset=99))


def test_half_precision_stays(tiny_model: Exported, tmp_path: Path) -> None:
    whole = onnx.load_model(tiny_model.spec.file(tiny_model.folder, "onnx"))
    path = tmp_path / "half.onnx"
    onnx.save_model(half_precision(whole), path)
    assert not module.is_coarse(made(tiny_model, TaoForm(size=(64, 64))))
    half = tao_graph(path, tiny_model.spec, TaoForm("argmax-last", normalise_inside=True, size=(64, 96)))
    assert module.is_coarse(half.model)
    assert half.agreement >= 0.995
    assert len(half.model.SerializeToString()) < 0.6 * len(made(tiny_model, TaoForm()).SerializeToString())


def test_ids_alone_have_no_form(tiny_model: Exported, tmp_path: Path) -> None:
    path = tmp_path / "ids.onnx"
    ends = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "h", "w", 3])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UINT8, ["n", "h", "w"]) for name in ("ids",)]
    node = helper.make_node("ReduceMax", ["images"], ["ids"], axes=[3], keepdims=0)
    graph = helper.make_graph([node], "paper", ends, outputs)
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    with pytest.raises(ModelError, match="ids alone"):
        tao_graph(path, tiny_model.spec, TaoForm("argmax"))


def test_nothing_is_saved_that_answers_otherwise(
    tiny_model: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another mean than the graph's: what is normalised before it is not what the deployment graph sees.
    spec = replace(tiny_model.spec, mean=(0.9, 0.1, 0.2))
    with pytest.raises(ModelError, match="answers otherwise"):
        write_tao(tiny_model.folder, spec, tmp_path / "tao.onnx", TaoForm())
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(module, "LARGEST_ERROR", -1.0)
    with pytest.raises(ModelError, match="answers otherwise"):
        write_tao(tiny_model.folder, tiny_model.spec, tmp_path / "tao.onnx", TaoForm())
