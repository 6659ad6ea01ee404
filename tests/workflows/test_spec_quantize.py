"""The task quantize: what it refuses before any work, its images, and what the real libraries make."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segstudio.annotation.palette import load_palette
from segstudio.deploy import modelopt_, torchao_
from segstudio.errors import BackendError, SpecError
from segstudio.images import write_image, write_mask
from segstudio.inference.catalog import find_model
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import count_confusion, scores
from segstudio.networks.segformer import SegFormer
from segstudio.scenes.street import draw_scene
from segstudio.training.loading import load_network
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.predict import predict_inputs
from segstudio.workflows.quantize_result import Sides, compared
from segstudio.workflows.quantize_task import prepared
from segstudio.workflows.spec_calibration import LEAST, image_folder, masks_beside, open_calibration
from segstudio.workflows.spec_evaluation import evaluate_spec
from segstudio.workflows.spec_quantize import quantize_spec
from tests.workflows.spec_samples import street_spec, write_network, write_streets

needs_torchao = pytest.mark.skipif(not torchao_.status()[0], reason=torchao_.status()[1])
needs_modelopt = pytest.mark.skipif(not modelopt_.status()[0], reason=modelopt_.status()[1])
INT8 = {"module_name": "*", "weights": {"dtype": "int8"}, "activations": {"dtype": "int8"}}
STATIC = {"mode": "static_ptq", "layers": [INT8]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_streets(tmp_path)
    return tmp_path


@pytest.fixture
def network(root: Path) -> SegFormer:
    return write_network(root / "net.safetensors")


def write_calibration(root: Path, count: int = LEAST) -> Path:
    """TAO's form: images/test and masks/test below one folder."""
    for number in range(count):
        scene = draw_scene(number, 48, 64)
        write_image(root / f"calibration/images/test/{number:02d}.png", scene.image)
        colours = load_palette("cityscapes").colours()
        write_mask(root / f"calibration/masks/test/{number:02d}.png", scene.mask, colours)
    return root / "calibration"


def quantize_values(root: Path, images: Path | str = "", **section: Any) -> ExperimentSpec:
    """A spec that quantises the streets' network."""
    wanted = {
        "backend": "torchao", "layers": [INT8], "device": "cpu",
        "model_path": str(root / "net.safetensors"), **section,
    }  # fmt: skip
    segment = {"quant_calibration_dataset": {"images_dir": str(images)}} if images else {}
    return street_spec(root, quantize=wanted, dataset={"segment": segment})


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"mode": "static_ptq"}, r"mode is static_ptq, which torchao.*mode=weight_only_ptq.*modelopt\.onnx"),
        ({"backend": "modelopt"}, r"mode is weight_only_ptq, which modelopt .*mode=static_ptq"),
        ({"algorithm": "awq_lite"}, r"algorithm is awq_lite.*one of: minmax, max"),
        ({"layers": []}, r"quantize\.layers gives no layer a type"),
        ({"layers": [{"module_name": "*", "weights": {"dtype": "native"}}]}, "gives no layer a type"),
        ({"backend": "modelopt.onnx", **STATIC}, r"images_dir is not set: activations are measured"),
    ],
)
def test_what_cannot_be_done_is_said_before_any_work(section: dict[str, Any], line: str, root: Path) -> None:
    with pytest.raises(SpecError, match=line):
        quantize_spec(quantize_values(root, **section))
    records = (root / "out/quantize/status.json").read_text().splitlines()
    assert json.loads(records[-1])["status"] == "FAILURE"
    assert [path.name for path in (root / "out/quantize").iterdir()] == ["status.json"]


@pytest.mark.parametrize("backend", ["modelopt.pytorch", "modelopt.onnx"])
def test_three_images_are_too_few(backend: str, root: Path) -> None:
    spec = quantize_values(root, root / "images" / "val", backend=backend, **STATIC)
    with pytest.raises(SpecError, match=f"has 3 images to calibrate on, and {LEAST} are the least"):
        quantize_spec(spec)


def test_a_gpu_that_is_not_there_becomes_the_cpu(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    task, notes = prepared(quantize_values(root, device="cuda:1"), JobContext())
    assert task.device == "cpu"
    assert "quantize.device is cuda:1 and there is no GPU: the CPU is used" in notes
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SpecError, match="only 1 GPU"):
        prepared(quantize_values(root, device="cuda:1"), JobContext())


def test_images_are_a_folder_or_taos_root(root: Path) -> None:
    calibration = write_calibration(root, 2)
    folder = calibration / "images" / "test"
    assert image_folder(calibration) == folder
    assert [image_folder(given) for given in (folder, folder.parent)] == [folder, folder.parent]
    assert masks_beside(folder) == calibration / "masks" / "test"
    assert masks_beside(root / "images" / "val") == root / "masks" / "val"
    assert masks_beside(calibration) is None
    with pytest.raises(SpecError, match="there is no folder"):
        image_folder(root / "nowhere")
    found = open_calibration(quantize_values(root, calibration), JobContext())
    assert found is not None
    assert [image.shape for image in found.images()] == [(48, 64, 3)] * 2
    assert len(list(found.images(1))) == 1


def test_the_comparison_counts_pixels_and_classes() -> None:
    palette = load_palette("cityscapes")
    image = np.zeros((4, 4, 3), np.uint8)
    truth = np.zeros((4, 4), np.uint8)
    truth[:, 2:] = 10
    before, after = truth.copy(), truth.copy()
    before[0, 0] = 3
    after[:2, 2:] = 0
    sides = Sides(lambda _: before, lambda _: after, palette)
    found = compared(sides, [image], [(image, truth)], palette, JobContext())
    assert found is not None
    assert (found.images, found.pixels, found.masked_images) == (1, 16, 1)
    assert found.agreement == pytest.approx(11 / 16)
    expected = [scores(count_confusion(truth, ids, palette.count)).iou for ids in (before, after)]
    assert found.per_class == {
        palette.names[number]: (expected[0][number], expected[1][number]) for number in (0, 10)
    }
    assert found.to_json()["per_class"]["sky"]["change"] == pytest.approx(0.5 - 1)
    plain = compared(sides, [image, image], [], palette, JobContext())
    assert plain is not None
    assert (plain.images, plain.per_class) == (2, {})
    assert compared(sides, [], [], palette, JobContext()) is None


@pytest.mark.skipif(torchao_.status()[0], reason="torchao is installed")
def test_without_torchao_the_install_line_is_told(root: Path, network: SegFormer) -> None:
    with pytest.raises(BackendError, match="pip install torchao"):
        quantize_spec(quantize_values(root))


@needs_torchao
def test_torchaos_file_is_evaluated_and_answers_almost_alike(root: Path, network: SegFormer) -> None:
    result = quantize_spec(quantize_values(root, write_calibration(root)), notes=("of the loader",))
    path = root / "out/quantize/quantized_model_torchao.pth"
    assert result.artefact == str(path)
    linear = sum(isinstance(module, torch.nn.Linear) for module in network.modules())
    assert (result.layers, result.notes[0]) == ({"int8": linear}, "of the loader")
    assert result.comparison is not None
    assert result.comparison.agreement > 0.95
    assert (result.comparison.images, result.comparison.masked_images) == (LEAST, LEAST)
    assert result.bytes_after < 0.6 * result.bytes_before
    spec = street_spec(root, evaluate={"checkpoint": str(path)})
    again = load_network(spec, "evaluate").network
    for name, tensor in network.state_dict().items():
        found = again.state_dict()[name]
        quantised = isinstance(network.get_submodule(name.rpartition(".")[0]), torch.nn.Linear)
        if quantised and name.endswith(".weight"):
            assert not torch.equal(found, tensor), name
            step = tensor.abs().amax(1, keepdim=True) / 127
            assert bool(((found - tensor).abs() <= 0.51 * step + 1e-7).all()), name
        else:
            assert torch.equal(found, tensor), name
    assert evaluate_spec(spec).images == 3
    assert json.loads((root / "out/quantize/results.json").read_text()) == json.loads(
        json.dumps(result.to_json())
    )


@needs_modelopt
def test_modelopts_file_keeps_the_weights_and_its_ranges(root: Path, network: SegFormer) -> None:
    spec = quantize_values(
        root, write_calibration(root), backend="modelopt.pytorch", skip_names=["*linear_pred"], **STATIC
    )
    result = quantize_spec(spec)
    stored = torch.load(result.artefact, map_location="cpu", weights_only=False)
    tensors = stored["model_state_dict"]
    assert all(torch.equal(tensors[name], tensor) for name, tensor in network.state_dict().items())
    assert "backbone.block1.0.mlp.fc1.input_quantizer._amax" in tensors
    assert "decode_head.linear_fuse.conv.weight_quantizer._amax" in tensors
    assert "decode_head.linear_pred.weight_quantizer._amax" not in tensors
    assert result.comparison is not None
    assert 0.8 < result.comparison.agreement < 1
    checked = street_spec(root, evaluate={"checkpoint": result.artefact})
    assert load_network(checked, "evaluate").source == result.artefact


@needs_modelopt
def test_modelopts_graph_is_a_model_folder(root: Path, network: SegFormer) -> None:
    calibration = write_calibration(root)
    result = quantize_spec(quantize_values(root, calibration, backend="modelopt.onnx", **STATIC))
    _, spec = find_model(result.artefact)
    assert (spec.precision, spec.resize.size, spec.classes) == ("int8", 64, load_palette("cityscapes").names)
    done = predict_inputs([calibration / "images"], result.artefact, root / "predicted", backend="onnx")
    assert done.images == LEAST
    assert result.comparison is not None
    assert result.comparison.agreement > 0.8
