"""The task export: TAO's file answers like the network, the model beside it runs, nothing foreign is lost."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from numpy.typing import NDArray

from segstudio.deploy.tao_graph import TaoForm
from segstudio.errors import Cancelled, InputError, ModelError, SpecError
from segstudio.images import read_mask, write_image
from segstudio.inference.spec import ResizeRule, load_spec
from segstudio.jobs import JobContext
from segstudio.networks.segformer import SegFormer
from segstudio.scenes.street import draw_scene
from segstudio.training.spec.load import load_spec as load_experiment
from segstudio.workflows.predict import predict_inputs
from segstudio.workflows.spec_export import SpecExport, export_spec
from segstudio.workflows.spec_export_plan import settled_form
from tests.inference.conftest import one_thread
from tests.workflows.spec_samples import street_spec, write_network

__all__ = ["one_thread"]
Values = NDArray[Any]
GREY = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}


@dataclass(frozen=True)
class Exported:
    """What an export was made of, and what it said."""

    root: Path
    network: SegFormer
    done: SpecExport


@pytest.fixture
def network(tmp_path: Path) -> SegFormer:
    return write_network(tmp_path / "net.safetensors")


def wanted(root: Path, *, onnx_file: str = "model.onnx", **export: Any) -> dict[str, Any]:
    return {
        "checkpoint": str(root / "net.safetensors"),
        "onnx_file": str(root / "made" / onnx_file),
        "input_height": 64,
        "input_width": 96,
        **export,
    }


def normalised(images: Values, mean: Any, std: Any) -> Values:
    planes = (images.astype(np.float64) / 255 - np.asarray(mean)) / np.asarray(std)
    given: Values = planes.transpose(0, 3, 1, 2).astype(np.float32)
    return given


def run(path: Path, given: Values) -> Values:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(["output"], {"input": given})
    return np.asarray(found)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An export with little said, which several tests look at."""
    root = tmp_path_factory.mktemp("exported")
    network = write_network(root / "net.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSTUDIO_HOME", str(root / "home"))
        done = export_spec(
            street_spec(root, export=wanted(root, onnx_file="street.onnx")), notes=("of the loader",)
        )
    return Exported(root, network, done)


def test_taos_file_answers_like_the_network(exported: Exported) -> None:
    done, augmentation = exported.done, street_spec(exported.root).dataset.segment.augmentation
    images = np.stack([draw_scene(seed, 64, 96).image for seed in range(3)])
    given = normalised(images, augmentation.mean, augmentation.std)
    with torch.inference_mode():
        expected = exported.network(torch.from_numpy(given)).numpy()
    found = run(Path(done.onnx_file), given)
    assert found.shape == (3, 19, 16, 24)
    assert np.abs(found - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())
    assert (done.output, done.height, done.width, done.batch, done.opset) == ("logits", 64, 96, 0, 17)
    assert done.notes[0] == "of the loader"
    assert json.loads(json.dumps(done.to_json()))["onnx_file"] == done.onnx_file
    assert len(done.lines()) == 2
    assert done.lines()[0].startswith(f"{done.onnx_file}: logits, input any x 3 x 64 x 96, opset 17")


def test_the_model_beside_it_predicts(exported: Exported, tmp_path: Path) -> None:
    root, done = exported.root, exported.done
    folder = Path(done.model_folder)
    assert folder == root / "made" / "street"
    model = load_spec(folder)
    assert (model.name, model.resize) == ("street", ResizeRule("short_side", 64))
    scene = draw_scene(4, 64, 96)
    write_image(tmp_path / "in" / "scene.png", scene.image)
    predict_inputs([tmp_path / "in"], folder, tmp_path / "masks", backend="onnx")
    (mask,) = (tmp_path / "masks").rglob("scene*.png")
    values = run(Path(done.onnx_file), normalised(scene.image[None], model.mean, model.std))
    with torch.inference_mode():
        logits = torch.nn.functional.interpolate(torch.from_numpy(values), size=(64, 96), mode="bilinear")
    assert np.mean(read_mask(mask) == logits.argmax(1)[0].numpy()) > 0.999


def test_the_tasks_folder(exported: Exported) -> None:
    folder = exported.root / "out" / "export"
    records = (folder / "status.json").read_text().splitlines()
    assert [json.loads(record)["status"] for record in records] == ["STARTED", "SUCCESS"]
    again = load_experiment(folder / "experiment.yaml", task="export")
    assert again.spec.export.onnx_file == exported.done.onnx_file


def test_ids_of_a_fixed_batch_and_deepstreams_settings(tmp_path: Path, network: SegFormer) -> None:
    export = wanted(tmp_path, batch_size=1, serialize_nvdsinfer=True, verbose=True, opset_version=13)
    studio = {"export": {"output": "argmax", "model_folder": False}}
    done = export_spec(street_spec(tmp_path, export=export, studio=studio))
    assert not done.model_folder
    made = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert made == ["labels.txt", "model.onnx", "model_deepstream.onnx", "nvinfer_config.txt"]
    assert sorted(Path(path).name for path in done.settings) == [
        name for name in made if name != "model.onnx"
    ]
    (end,) = onnx.load_model(done.onnx_file).graph.output
    assert [dim.dim_value for dim in end.type.tensor_type.shape.dim] == [1, 1, 64, 96]
    assert end.type.tensor_type.elem_type == onnx.TensorProto.INT64
    scene = draw_scene(1, 64, 96).image[None]
    model = load_spec_of(Path(done.onnx_file))
    plain = run(Path(done.onnx_file), normalised(scene, model["mean"], model["std"]))
    inside = run(tmp_path / "made/model_deepstream.onnx", normalised(scene, 0.0, 1.0))
    assert np.mean(plain == inside) > 0.999
    told = "\n".join(done.notes)
    for part in ("opset_version is 13: 17 is taken", "model_deepstream.onnx", "nodes: "):
        assert part in told


def load_spec_of(path: Path) -> dict[str, Any]:
    """The model's spec inside an ONNX file."""
    props = {entry.key: entry.value for entry in onnx.load_model(path).metadata_props}
    values: dict[str, Any] = json.loads(props["segstudio"])
    assert props["classes"].split(";") == values["classes"]
    return values


def test_taos_settings_grey_input_and_the_side_of_the_training(tmp_path: Path, network: SegFormer) -> None:
    export = wanted(tmp_path, serialize_nvdsinfer=True, input_channel=1, input_height=544, input_width=544)
    dataset = {"segment": {"augmentation": GREY}}
    done = export_spec(street_spec(tmp_path, export=export, dataset=dataset))
    assert (done.height, done.width) == (64, 64)
    assert any("img_size: 64 is taken" in note for note in done.notes)
    (end,) = onnx.load_model(done.onnx_file).graph.input
    assert [dim.dim_value for dim in end.type.tensor_type.shape.dim] == [0, 1, 64, 64]
    # One scale does, so that the settings name TAO's file itself.
    values = yaml.safe_load((tmp_path / "made/nvdsinfer_config.yaml").read_text())["property"]
    assert (values["onnx-file"], values["infer-dims"]) == ("model.onnx", "1;64;64")
    assert values["net-scale-factor"] == pytest.approx(1 / (255 * 0.25))
    assert float(values["offsets"]) == 127.5
    assert (values["num-detected-classes"], values["maintain-aspect-ratio"]) == (19, 0)
    assert (tmp_path / "made/labels.txt").read_text().count(";") == 18


def test_grey_pixels_of_a_normalisation_by_channel(exported: Exported) -> None:
    model = load_spec(Path(exported.done.model_folder))
    form, notes = settled_form(TaoForm(channels=1), model)
    assert form.normalise_inside
    assert "grey 0-1" in notes[0]
    assert settled_form(TaoForm(), model) == (TaoForm(), ())


def test_an_old_spec_gets_ids_in_its_own_layout(tmp_path: Path) -> None:
    old: dict[str, Any] = {
        "results_dir": str(tmp_path),
        "model": {"backbone": {"type": "mit_b1"}, "input_height": 512, "input_width": 512},
        "export": {"checkpoint": "a.pth", "onnx_file": "a.onnx"},
    }
    path = tmp_path / "old.yaml"
    for more, output in (
        ({}, "argmax-last"),
        ({"codebase_config": {"with_argmax": True}}, "argmax"),
        ({"codebase_config": {"with_argmax": False}}, "logits"),
    ):
        path.write_text(yaml.safe_dump({**old, "export": {**old["export"], **more}}))
        loaded = load_experiment(path, task="export")
        assert loaded.spec.studio.export.output == output
        told = [note for note in loaded.notes if "codebase_config" in note]
        assert len(told) == len(more)
        assert all("no effect" not in note for note in told)


def test_files_of_others_stay(exported: Exported, tmp_path: Path) -> None:
    shutil.copytree(exported.root / "made", tmp_path / "made")
    shutil.copy(exported.root / "net.safetensors", tmp_path / "net.safetensors")
    export = wanted(tmp_path, onnx_file="street.onnx", input_height=96)
    # The same weights again, at another size.
    again = export_spec(street_spec(tmp_path, export=export))
    assert (again.height, again.width) == (96, 96)
    target = Path(again.onnx_file)
    before = target.read_bytes()
    write_network(tmp_path / "net.safetensors", seed=5)
    with pytest.raises(InputError, match="was not made of these weights"):
        export_spec(street_spec(tmp_path, export=export))
    assert target.read_bytes() == before
    target.unlink()
    with pytest.raises(InputError, match="model of other weights"):
        export_spec(street_spec(tmp_path, export=export))
    assert not target.exists()
    (tmp_path / "made" / "foreign").mkdir()
    with pytest.raises(InputError, match="in the way"):
        export_spec(street_spec(tmp_path, export=wanted(tmp_path, onnx_file="foreign.onnx")))
    (tmp_path / "made" / "text.onnx").write_text("not a graph")
    with pytest.raises(InputError, match="exists already"):
        export_spec(street_spec(tmp_path, export=wanted(tmp_path, onnx_file="text.onnx")))


def test_what_cannot_be_exported_leaves_nothing(tmp_path: Path, network: SegFormer) -> None:
    with pytest.raises(SpecError, match=r"studio\.export\.output is 'boxes'"):
        export_spec(street_spec(tmp_path, export=wanted(tmp_path), studio={"export": {"output": "boxes"}}))
    with pytest.raises(ModelError, match="no such file"):
        export_spec(street_spec(tmp_path, export=wanted(tmp_path, checkpoint=str(tmp_path / "none.pth"))))
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        export_spec(street_spec(tmp_path, export=wanted(tmp_path)), context)
    assert not list((tmp_path / "made").iterdir())
    records = (tmp_path / "out" / "export" / "status.json").read_text().splitlines()
    assert json.loads(records[-1])["status"] == "FAILURE"
