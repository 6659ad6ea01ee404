"""DeepStream's folder: nvinfer and NVIDIA's parsers, done in numpy, see what the deployment graph sees."""

import csv
from collections.abc import Mapping
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from numpy.typing import NDArray
from torch.nn import functional as F

from segstudio.annotation.palette import load_palette
from segstudio.deploy.deepstream import write_bundle
from segstudio.deploy.export import Exported
from segstudio.deploy.nvinfer import (
    PARSERS,
    BundleOutput,
    Network,
    chosen_precision,
    properties,
    write_settings,
)
from segstudio.errors import InputError, ModelError
from segstudio.inference.spec import ModelSpec, ResizeRule, load_spec
from segstudio.networks.segformer import SegFormer
from segstudio.scenes.street import draw_scene

Values = NDArray[Any]
SIZE = 64, 96
# What the cards and NVIDIA's sample settings say, where it is right.
CITY: Mapping[str, object] = {
    "gpu-id": 0,
    "net-scale-factor": pytest.approx(0.01735207357279195),
    "offsets": "123.675;116.28;103.53",
    "labelfile-path": "labels.txt",
    "onnx-file": "citysemsegformer.onnx",
    "model-engine-file": "citysemsegformer.onnx_b1_gpu0_fp16.engine",
    "infer-dims": "3;1024;1820",
    "model-color-format": 0,
    "batch-size": 1,
    "network-mode": 2,
    "interval": 0,
    "gie-unique-id": 1,
    "cluster-mode": 2,
    "network-type": 2,
    "num-detected-classes": 19,
    "segmentation-output-order": 1,
    "scaling-compute-hw": 1,
    "parse-segmentation-func-name": "NvDsInferParseCustomSegformerTAO",
}
PEOPLE: Mapping[str, object] = {
    "net-scale-factor": pytest.approx(0.007843, abs=1e-6),
    "offsets": "127.5;127.5;127.5",
    "model-color-format": 0,
    "infer-dims": "3;512;512",
    "batch-size": 1,
    "network-mode": 2,
    "interval": 0,
    "gie-unique-id": 1,
    "cluster-mode": 2,
    "segmentation-output-order": 1,
    # The card says 20, and 100 for a type whose output an application of its own has to read.
    "num-detected-classes": 2,
    "network-type": 2,
}


def city() -> ModelSpec:
    palette = load_palette("cityscapes")
    return ModelSpec(
        "citysemsegformer", "mit_b5", palette.names, palette.name, {}, ResizeRule("stretch", 1024, 1820),
        precision="fp16",
    )  # fmt: skip


def people() -> ModelSpec:
    palette = load_palette("people")
    return ModelSpec(
        "peoplesemsegformer", "fan_base_16_p4_hybrid", palette.names, palette.name, {},
        ResizeRule("stretch", 512, 512), mean=(0.5,) * 3, std=(0.5,) * 3, precision="fp16",
    )  # fmt: skip


def settings(folder: Path) -> dict[str, str]:
    """nvinfer's group of properties, whichever of the two forms is there."""
    path = folder / "nvdsinfer_config.yaml"
    if path.is_file():
        values = yaml.safe_load(path.read_text())
        assert list(values) == ["property"]
        return {key: str(value) for key, value in values["property"].items()}
    parser = RawConfigParser()
    parser.read_string((folder / "nvinfer_config.txt").read_text())
    assert parser.sections() == ["property"]
    return dict(parser["property"])


def nvinfer_input(values: Mapping[str, str], frame: Values) -> NDArray[np.float32]:
    """Scales a frame uint8 [H,W,3] without its aspect and normalises it, as nvinfer does."""
    assert (values["maintain-aspect-ratio"], values["scaling-filter"]) == ("0", "1")
    _, height, width = (int(side) for side in values["infer-dims"].split(";"))
    planes = torch.from_numpy(frame.transpose(2, 0, 1)[None].astype(np.float32))
    scaled = F.interpolate(planes, size=(height, width), mode="bilinear", align_corners=False).numpy()
    offsets = np.array([float(value) for value in values["offsets"].split(";")], np.float32)
    found: NDArray[np.float32] = np.float32(values["net-scale-factor"]) * (scaled - offsets[:, None, None])
    return found


def parsed(values: Mapping[str, str], output: Values) -> Values:
    """Class ids [H,W] as NVIDIA's parsers fill them in for the first frame."""
    _, height, width = (int(side) for side in values["infer-dims"].split(";"))
    if values["parse-segmentation-func-name"] == PARSERS["argmax"]:
        assert output.dtype == np.int64
        whole: Values = output[0].reshape(-1)[: height * width].reshape(height, width)
        return whole
    assert output.dtype == np.float32
    ids = output[0, : int(values["num-detected-classes"])].argmax(0)
    rows = (np.arange(height) * np.float32(ids.shape[0] / height)).astype(int)
    columns = (np.arange(width) * np.float32(ids.shape[1] / width)).astype(int)
    found: Values = ids[rows][:, columns]
    return found


def answer(folder: Path, frame: Values) -> Values:
    """What DeepStream makes of a frame."""
    values = settings(folder)
    session = onnxruntime.InferenceSession(str(folder / values["onnx-file"]))
    (end,) = session.get_outputs()
    assert end.name == values["output-blob-names"]
    return parsed(values, np.asarray(session.run(None, {"input": nvinfer_input(values, frame)})[0]))


def deployed(model: Exported, frame: Values) -> Values:
    session = onnxruntime.InferenceSession(str(model.spec.file(model.folder, "onnx")))
    return np.asarray(session.run(["ids"], {"images": frame[None]})[0][0])


def test_ids_are_the_deployment_graphs(tiny_model: Exported, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    write_bundle(tiny_model.folder, tiny_model.spec, out, size=SIZE)
    scene = draw_scene(3, *SIZE).image
    # The tiny model sees a shorter side of 64: at this size the image as it is.
    assert np.mean(answer(out, scene) == deployed(tiny_model, scene)) >= 0.9999


def test_frames_of_other_sizes_are_stretched(
    tiny_model: Exported, tiny_network: SegFormer, tmp_path: Path
) -> None:
    out = tmp_path / "bundle"
    notes = write_bundle(tiny_model.folder, tiny_model.spec, out, size=SIZE)
    assert any("aspect" in note for note in notes)
    frame = draw_scene(5, 120, 300).image
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (tiny_model.spec.mean, tiny_model.spec.std)
    )
    pixels = torch.from_numpy(frame.transpose(2, 0, 1)[None].astype(np.float32)) / 255
    with torch.inference_mode():
        given = (F.interpolate(pixels, size=SIZE, mode="bilinear") - mean) / std
        ids = F.interpolate(tiny_network(given), size=SIZE, mode="bilinear").argmax(1)[0].numpy()
    assert np.mean(answer(out, frame) == ids) >= 0.999


@pytest.mark.parametrize("output", ["logits", "nvdsinfer"])
def test_logits_are_coarser_and_said_to_be(
    tiny_model: Exported, tmp_path: Path, output: BundleOutput
) -> None:
    out = tmp_path / "bundle"
    notes = write_bundle(tiny_model.folder, tiny_model.spec, out, output=output, size=SIZE, batch=4)
    assert any("coarser" in note for note in notes)
    assert any("1 to 4" in note for note in notes)
    scene = draw_scene(3, *SIZE).image
    found, expected = answer(out, scene), deployed(tiny_model, scene)
    assert found.shape == expected.shape
    # Every fourth pixel's own class, without the bilinear way between them.
    assert 0.5 < np.mean(found == expected) < 1
    assert settings(out)["batch-size"] == "4"
    names = (out / "labels.txt").read_text()
    if output == "nvdsinfer":
        assert names.strip().split(";") == list(tiny_model.spec.classes)
        assert names.count("\n") == 1
    else:
        assert names.splitlines() == list(tiny_model.spec.classes)


def test_nvinfer_may_normalise(tiny_model: Exported, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    notes = write_bundle(tiny_model.folder, tiny_model.spec, out, size=SIZE, normalise="config")
    assert any("stds differ" in note for note in notes)
    scene = draw_scene(3, *SIZE).image
    # One scale for three stds: nearly alike.
    assert np.mean(answer(out, scene) == deployed(tiny_model, scene)) > 0.9


def test_the_folder_is_whole(tiny_model: Exported, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    write_bundle(tiny_model.folder, tiny_model.spec, out, size=SIZE, batch=2, video="file:///street.mp4")
    names = {"README.md", "colours.csv", "deepstream_app.txt", "labels.txt", "model.json"}
    assert {path.name for path in out.iterdir()} == {*names, "nvinfer_config.txt", "tiny.onnx"}
    app = RawConfigParser()
    app.read_string((out / "deepstream_app.txt").read_text())
    assert app["primary-gie"]["config-file"] == "nvinfer_config.txt"
    assert app["source0"]["uri"] == "file:///street.mp4"
    for group in ("segvisual", "streammux"):
        assert [app[group][key] for key in ("height", "width", "batch-size")] == ["64", "96", "2"]
    with (out / "colours.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == list(tiny_model.spec.classes)
    assert rows[0] == {"id": "0", "name": "road", "red": "128", "green": "64", "blue": "128"}
    text = (out / "README.md").read_text()
    for part in (
        "nvsegvisual batch-size=2 width=96 height=64 alpha=0.5",
        "deepstream-app -c deepstream_app.txt",
        "nvinfer config-file-path=nvinfer_config.txt",
        PARSERS["argmax"],
        settings(out)["custom-lib-path"],
    ):
        assert part in text
    spec = load_spec(out)
    assert (spec.head, spec.files) == ("ids", {"deepstream": "tiny.onnx"})
    with pytest.raises(ModelError, match="it has: deepstream"):
        spec.file(out, "onnx")


@pytest.mark.parametrize(
    ("spec", "size", "card"), [(city(), (1024, 1820), CITY), (people(), (512, 512), PEOPLE)]
)
def test_the_cards_settings(spec: ModelSpec, size: tuple[int, int], card: Mapping[str, object]) -> None:
    network = Network(spec, f"{spec.name}.onnx", "argmax", size, normalise="config", precision="fp16")
    values = properties(network)
    assert {key: values[key] for key in card} == card
    # As it is recommended, the graph has what one scale cannot say.
    inside = properties(replace(network, normalise="inside"))
    assert inside["net-scale-factor"] == pytest.approx(1 / 255)
    assert inside["offsets"] == "0;0;0"


@pytest.mark.parametrize(("precision", "mode"), [("fp32", 0), ("int8", 1), ("fp16", 2), ("bf16", 0)])
def test_network_mode_is_the_models_precision(precision: str, mode: int) -> None:
    spec = replace(city(), precision=precision)
    network = Network(spec, "a.onnx", "argmax", (64, 64), precision=chosen_precision(spec, ""))
    assert properties(network)["network-mode"] == mode
    assert chosen_precision(spec, "fp16") == "fp16"


def test_taos_settings_are_corrected(tmp_path: Path) -> None:
    spec = replace(people(), std=(0.25, 0.25, 0.25))
    network = Network(spec, "a.onnx", "nvdsinfer", (512, 512), normalise="config")
    assert write_settings(network, tmp_path) == ("nvdsinfer_config.yaml", "labels.txt")
    values = settings(tmp_path)
    # TAO writes 0.00784313725 whatever the std, 1, and counts the ignored class.
    assert float(values["net-scale-factor"]) == pytest.approx(1 / (255 * 0.25))
    assert (values["maintain-aspect-ratio"], values["num-detected-classes"]) == ("0", "2")
    assert values["parse-segmentation-func-name"] == "NvDsInferParseCustomSegformerTAO2"


def test_bad_input_leaves_nothing(tiny_model: Exported, tmp_path: Path) -> None:
    out, spec = tmp_path / "bundle", tiny_model.spec
    with pytest.raises(InputError, match="output 'boxes'"):
        write_bundle(tiny_model.folder, spec, out, output="boxes", size=SIZE)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="batch 0"):
        write_bundle(tiny_model.folder, spec, out, size=SIZE, batch=0)
    with pytest.raises(InputError, match="precision 'fp4'"):
        write_bundle(tiny_model.folder, spec, out, size=SIZE, precision="fp4")
    named = replace(spec, classes=("a;b", *spec.classes[1:]))
    with pytest.raises(InputError, match="semicolon"):
        write_bundle(tiny_model.folder, named, out, size=SIZE)
    with pytest.raises(ModelError, match="answers otherwise"):
        write_bundle(
            tiny_model.folder, replace(spec, mean=(0.9, 0.1, 0.2)), out, size=SIZE, normalise="config"
        )
    assert not out.exists()
    assert not list(tmp_path.iterdir())
