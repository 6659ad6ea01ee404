"""segstudio prove and repredict: the figures of evaluate, a model put to use, predictions taken back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from segstudio import images, paths
from segstudio.annotation.palette import load_palette
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import save_spec
from segstudio.project.project import Project
from segstudio.scenes.street import draw_scene
from tests.e2e.test_command_line import Call, here

__all__ = ["here"]


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Two drawn frames of a split for validation with masks, and one that nobody touched."""
    colours = load_palette("cityscapes").colours()
    for number in range(3):
        scene = draw_scene(number, 128, 192)
        key = f"val/f{number}.png" if number < 2 else "train/f2.png"
        images.write_image(tmp_path / "images" / key, scene.image)
        if number < 2:
            images.write_mask(tmp_path / "masks" / key, scene.mask, colours)
    Project.open(tmp_path).close()
    return tmp_path


@pytest.fixture
def shy(isolated_home: Path) -> str:
    """The bundled model with a classifier that says "road" less often."""
    source, spec = find_model("street-b0")
    folder = paths.user_models_dir() / "shy"
    shutil.copytree(source, folder)
    model = onnx.load(str(folder / "model.onnx"))
    for entry in model.graph.initializer:
        if list(entry.dims) == [len(spec.classes)]:
            values = numpy_helper.to_array(entry).copy()
            values[spec.classes.index("road")] -= 2
            entry.CopyFrom(numpy_helper.from_array(values, entry.name))
    onnx.save(model, str(folder / "model.onnx"))
    save_spec(replace(spec, name="shy", parent="street-b0"), folder)
    return "shy"


def test_a_model_is_compared_promoted_and_predicts(here: Call, street: Path, shy: str) -> None:
    found = here("prove", str(street), "--model", shy, "--against", "street-b0", "--json")
    assert found.status == 0, found.err
    values = json.loads(found.out)
    folders = ("--images", str(street / "images" / "val"), "--masks", str(street / "masks" / "val"))
    scored = json.loads(here("evaluate", "--model", shy, *folders, "--json").out)
    assert (values["current"]["model"], values["candidate"]["model"]) == ("street-b0", shy)
    assert values["candidate"]["fps"] > 0
    assert values["samples"] == scored["images"] == 2
    for name, entry in values["classes"].items():
        if entry["verdict"] != "absent":
            assert entry["iou_after"] == pytest.approx(scored["per_class"][name]["iou"], abs=1e-6)
    assert values["recommendation"] == "too few samples"
    assert values["samples_needed"] >= 10
    assert not values["promoted"]
    assert values["classes"]["road"]["difference"] < 0

    told = here(
        "prove", str(street), "-m", shy, "--against", "street-b0", "--no-speed", "--promote", "--reason", "x"
    )
    assert told.status == 0, told.err
    assert "2 samples are too few to tell" in told.out
    assert "shy is in use from now on" in told.out
    with Project.open(street, create=False) as project:
        promotion = project.promotions.current()
    assert promotion is not None
    assert (promotion.model, promotion.reason) == (shy, "x")
    twice = here("prove", str(street), "--model", shy)
    assert twice.status == 2
    assert "have the same weights" in twice.err

    shown = json.loads(here("repredict", str(street), "--json").out)
    assert (shown["model"], shown["samples"], shown["touched"], shown["applied"]) == (shy, 1, 2, False)
    assert here("repredict", str(street), "-m", "street-b0", "--apply").status == 0
    again = here("repredict", str(street), "--apply")
    assert "1 samples predicted again" in again.out
    assert "of 1 predictions change" in again.out
    assert "1 samples have their predictions of before" in here("repredict", str(street), "--undo").out
    with Project.open(street, create=False) as project:
        assert project.predicting_models() == {"train/f2": "street-b0"}
        assert np.array_equal(
            images.read_mask(street / "masks" / "val" / "f0.png"), draw_scene(0, 128, 192).mask
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("prove", "--model", "street-b0", "--reason", "x"), "--reason goes with --promote"),
        (("prove", "--model", "nobody", "--against", "street-b0"), "there is no model 'nobody'"),
        (("prove", "--model", "street-b0", "--status", "odd"), "there is no status 'odd'"),
        (("repredict", "--undo", "--apply"), "--undo goes with nothing else"),
        (("repredict", "--undo"), "there are no new predictions to take back"),
    ],
)
def test_what_makes_no_sense_ends_with_2(here: Call, street: Path, words: tuple[str, ...], said: str) -> None:
    command, *options = words
    found = here(command, str(street), *options)
    assert found.status == 2
    assert said in found.err
