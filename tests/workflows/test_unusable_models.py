"""What is said of a model folder that does not hold together, before anything is written."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from segstudio import paths
from segstudio.annotation.palette import load_palette
from segstudio.errors import BackendError, PaletteError
from segstudio.images import write_image, write_mask
from segstudio.inference.spec import FILE, load_spec, save_spec
from segstudio.scenes.street import draw_scene
from segstudio.workflows.evaluate import class_lookup, evaluate_folders
from segstudio.workflows.predict import predict_inputs

BUNDLED = "street-b0"


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """A folder with one image and one mask."""
    scene = draw_scene(1, 48, 64)
    write_image(tmp_path / "images/a.png", scene.image)
    write_mask(tmp_path / "masks/a.png", scene.mask, load_palette("cityscapes").colours())
    return tmp_path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the bundled model that may be spoilt."""
    folder = tmp_path / "model"
    shutil.copytree(paths.bundled_models_dir() / BUNDLED, folder)
    return folder


def test_a_model_of_other_classes_than_its_palette(street: Path, model: Path) -> None:
    spec = load_spec(model)
    save_spec(dataclasses.replace(spec, classes=spec.classes[:11]), model)
    line = "the model has 11 classes, palette cityscapes has 19"
    with pytest.raises(PaletteError, match=line):
        predict_inputs([street / "images"], model, street / "out")
    assert not (street / "out").exists()
    with pytest.raises(PaletteError, match=line):
        evaluate_folders(str(model), street / "images", street / "masks")


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
@pytest.mark.parametrize("kept", [0, 3_000_000])
def test_a_cut_off_graph(street: Path, model: Path, backend: str, kept: int) -> None:
    graph = model / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:kept])
    with pytest.raises(BackendError, match=r"refuses .*model\.onnx.*if the file is incomplete"):
        predict_inputs([street / "images"], model, street / "out", backend=backend)
    assert not (street / "out").exists()


def test_the_hash_of_the_weights_names_them_and_is_not_checked(street: Path, model: Path) -> None:
    values = json.loads((model / FILE).read_text(encoding="utf-8"))
    (model / FILE).write_text(json.dumps({**values, "weights_sha256": "0" * 64}), encoding="utf-8")
    assert predict_inputs([street / "images"], model, street / "out").images == 1


def test_palettes_of_one_name_and_other_classes_are_matched_by_class() -> None:
    cityscapes = load_palette("cityscapes")
    entries = [cityscapes.classes[10], cityscapes.classes[0]]
    kept = tuple(dataclasses.replace(entry, id=number) for number, entry in enumerate(entries))
    lookup = class_lookup(cityscapes, dataclasses.replace(cityscapes, classes=kept))
    assert [lookup[number] for number in (0, 10, 11)] == [1, 0, 255]
