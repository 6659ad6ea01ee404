"""Adaptation end to end: from confirmed pixels to a model that answers better, and what is left alone."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from segstudio import images, paths
from segstudio.annotation.palette import load_palette, mapping
from segstudio.deploy.model_folder import write_proved
from segstudio.deploy.onnx_half import half_precision
from segstudio.errors import InputError, ModelError
from segstudio.inference.backend import open_backend
from segstudio.inference.catalog import find_model, list_models
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec
from segstudio.project.confirmations import UNKNOWN, Confirmations
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.training.data.manifest import read_manifest
from segstudio.workflows.adapt import confirmed, version
from segstudio.workflows.adapt.adapter import Adapter
from segstudio.workflows.adapt.confirmed import find_confirmed
from segstudio.workflows.adapt.pixels import draw_pixels
from segstudio.workflows.adapt.version import keep, proposed_name
from tests.colour_model import CAR, TREE, drawn_frame, make_model, make_right_model
from tests.workflows.adapt.conftest import PALETTE, share_right

ALL = [f"frame_{number}" for number in range(6)]


def reopened(project: Project, keys: list[str]) -> None:
    """Samples that a person works on again."""
    project.set_status(keys, SampleStatus.IN_PROGRESS)


def test_a_new_model_is_right_where_the_old_one_was_wrong(project: Project, wrong_model: ModelSpec) -> None:
    adapter = Adapter("wrong", project.palette, project.facts_dir)
    adaptation = adapter.adapt(project)
    image, mask = drawn_frame(20)
    before, after = adapter.compare(image, adaptation.classifier)
    assert share_right(before.ids, mask) < 0.85
    assert share_right(after.ids, mask) > 0.97
    tree = next(one for one in adaptation.classes if one.name == "vegetation")
    assert tree.after > tree.before + 0.2
    assert "car" in adaptation.untouched
    assert np.array_equal(adaptation.classifier.weight[CAR], adapter.old.weight[CAR])
    made = keep(adaptation, adapter)
    folder, spec = find_model(made.entry.name)
    assert (spec.name, spec.parent, spec.version) == ("wrong-a1", "wrong", "2")
    assert all(report.agreement == 1 for report in made.parity)
    said = Predictor(open_backend(folder, spec, "onnx"), spec).predict(image)
    assert np.array_equal(said.ids, after.ids)
    assert [sample.key for sample in read_manifest(folder).samples] == ALL
    record = json.loads((folder / "adaptation.json").read_text(encoding="utf-8"))
    assert record["held_out"]["miou_after"] > record["held_out"]["miou_before"]
    assert proposed_name(spec.name) == "wrong-a2"
    project.close()


def test_only_confirmed_pixels_count(project: Project, wrong_model: ModelSpec) -> None:
    reopened(project, ALL)
    with pytest.raises(InputError, match="nothing is confirmed"):
        find_confirmed(project)
    store = Confirmations.of(project)
    for key in ALL[:4]:
        mask = project.load_mask(key)
        assert mask is not None
        # Below the confirmed rows a prediction was taken over that nobody looked at.
        mask[40:] = CAR
        store.confirm(key, mask, (0, 0, 64, 40))
        project.save_mask(key, mask)
    found = find_confirmed(project)
    assert [one.sample.key for one in found.samples] == ALL[:4]
    assert all((one.mask[40:] == UNKNOWN).all() and one.pixels == 64 * 40 for one in found.samples)
    adaptation = Adapter("wrong", project.palette).adapt(project)
    assert "car" in adaptation.untouched
    project.close()


def test_splits_that_models_are_judged_on_are_never_learnt_from(
    project: Project, wrong_model: ModelSpec
) -> None:
    project.set_split(["frame_0"], "val")
    project.set_split(["frame_1"], "validation")
    assert [one.sample.key for one in find_confirmed(project).samples] == ALL[2:]
    found = find_confirmed(project, ["frame_0", "frame_2"])
    assert [one.sample.key for one in found.samples] == ["frame_2"]
    assert found.left == (("frame_0", "its split val is kept for judging models"),)
    project.close()


def test_few_images_are_held_out_by_parts_and_say_so(project: Project, wrong_model: ModelSpec) -> None:
    adaptation = Adapter("wrong", project.palette).adapt(project, ["frame_3"])
    assert adaptation.warnings() == ("this rests on one image alone: how it does elsewhere is hardly known",)
    project.close()


def test_a_model_that_is_right_is_not_adapted(project: Project) -> None:
    make_right_model(paths.user_models_dir() / "right")
    with pytest.raises(InputError, match="nothing that is confirmed speaks against right"):
        Adapter("right", project.palette).adapt(project)
    project.close()


def test_a_class_that_the_model_lacks_stops_nothing_and_is_named(project: Project) -> None:
    coarse = load_palette("camvid-11")
    weight, bias = np.zeros((11, 6), np.float32), np.full(11, -6, np.float32)
    for name, channel, slope, start in (("road", 0, 8, 0), ("sky", 2, 8, 1), ("tree", 1, 4, -1)):
        number = coarse.index(name)
        weight[number, channel], bias[number] = slope, start
    make_model(paths.user_models_dir() / "small", coarse.names, "camvid-11", weight, bias)
    truck = PALETTE.index("truck")
    for key in ALL[:2]:
        mask = project.load_mask(key)
        assert mask is not None
        mask[40:, 20:40] = truck
        project.save_mask(key, mask)
    project.set_status(ALL[:2], SampleStatus.ACCEPTED)
    adaptation = Adapter("small", project.palette).adapt(project)
    assert adaptation.lacking == ("truck",)
    assert "truck" not in adaptation.untouched
    assert adaptation.warnings() == ("pixels left out, for small does not have these classes: truck",)
    tree = next(one for one in adaptation.classes if one.name == "vegetation")
    assert tree.after > tree.before + 0.2
    for key in ALL:
        project.save_mask(key, np.full((48, 64), truck, np.uint8), force=True)
    project.set_status(ALL, SampleStatus.ACCEPTED)
    with pytest.raises(InputError, match="small has none of the confirmed classes: truck"):
        Adapter("small", project.palette).adapt(project)
    project.close()


def test_images_are_looked_at_once(
    project: Project, wrong_model: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Adapter("wrong", project.palette, project.facts_dir).adapt(project)
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.workflows.adapt.pixels.read_image", lambda path: pytest.fail(str(path)))
        second = Adapter("wrong", project.palette, project.facts_dir).adapt(project)
    assert np.array_equal(first.classifier.weight, second.classifier.weight)
    for path in (project.facts_dir / "adapt").rglob("*.npz"):
        path.write_bytes(b"spoilt")
    third = Adapter("wrong", project.palette, project.facts_dir).adapt(project)
    assert np.array_equal(first.classifier.weight, third.classifier.weight)
    project.close()


def test_pixels_of_the_last_three_models_are_kept(project: Project, wrong_model: ModelSpec) -> None:
    kept = project.facts_dir / "adapt"
    for number in range(5):
        (kept / f"model{number}").mkdir(parents=True)
        os.utime(kept / f"model{number}", (number, number))
    Adapter("wrong", project.palette, project.facts_dir).adapt(project)
    names = {path.name for path in kept.iterdir()}
    assert len(names) == 3
    assert {"model3", "model4"} < names
    project.close()


def test_an_image_that_is_gone_is_left_out(project: Project, wrong_model: ModelSpec) -> None:
    images.write_image(project.images / "frame_2.png", np.zeros((9, 9, 3), np.uint8))
    adaptation = Adapter("wrong", project.palette).adapt(project)
    assert [key for key, _ in adaptation.left] == ["frame_2"]
    assert len(adaptation.samples) == 5
    project.close()


def test_a_file_that_answers_otherwise_is_not_kept(
    project: Project, wrong_model: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = Adapter("wrong", project.palette)
    adaptation = adapter.adapt(project)
    # As if the numbers had never reached the file.
    monkeypatch.setattr(version, "with_classifier", lambda path, _: path.read_bytes())
    with pytest.raises(ModelError, match="the exported file differs"):
        keep(adaptation, adapter, "other")
    assert [entry.name for entry in list_models() if not entry.bundled] == ["wrong"]
    with pytest.raises(ModelError, match="there is a model 'wrong' already"):
        keep(adaptation, adapter, "wrong")
    project.close()


def test_two_that_keep_at_once_make_one_model(
    project: Project, wrong_model: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = Adapter("wrong", project.palette)
    adaptation = adapter.adapt(project)
    folder = paths.user_models_dir() / "wrong-a1"

    def overtaken(*given: Any) -> None:
        write_proved(*given)
        folder.mkdir()
        (folder / "model.json").write_text("theirs", encoding="utf-8")

    monkeypatch.setattr(version, "write_proved", overtaken)
    with pytest.raises(ModelError, match="there is a model 'wrong-a1' already"):
        keep(adaptation, adapter)
    assert [path.name for path in folder.iterdir()] == ["model.json"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["wrong", "wrong-a1"]
    project.close()


def test_a_model_in_half_precision_is_adapted_and_stays_half(
    project: Project, wrong_model: ModelSpec
) -> None:
    path = paths.user_models_dir() / "wrong" / "model.onnx"
    onnx.save_model(half_precision(onnx.load_model(path)), path)
    adapter = Adapter("wrong", project.palette)
    made = keep(adapter.adapt(project), adapter)
    assert all(report.agreement > 0.999 for report in made.parity)
    image, mask = drawn_frame(20)
    folder, spec = find_model(made.entry.name)
    assert share_right(Predictor(open_backend(folder, spec, "onnx"), spec).predict(image).ids, mask) > 0.97
    model = onnx.load_model(folder / "model.onnx")
    stored = {one.name: one.data_type for one in model.graph.initializer}
    assert stored["classifier_weight_adapted"] == onnx.TensorProto.FLOAT16
    project.close()


def test_a_large_view_is_learnt_from_as_it_is_shown(wrong_model: ModelSpec) -> None:
    adapter = Adapter("wrong", PALETTE)
    assert adapter.look(np.zeros((16, 2**16 + 32, 3), np.uint8)).shape[1:] == (16, 2**16 + 32)


def test_drawn_pixels_sum_to_all_and_have_the_score_of_the_pixel() -> None:
    random = np.random.default_rng(0)
    features = random.random((4, 6, 8), dtype=np.float32)
    mask = random.integers(0, 3, (48, 64), dtype=np.uint8)
    mask[:4] = UNKNOWN
    mask[10, :5] = 9
    drawn = draw_pixels(features, mask, 1)
    areas = np.bincount(drawn.truth, drawn.weight)
    assert np.allclose(areas, np.bincount(mask[mask != UNKNOWN]))
    assert areas[9] == 5
    assert drawn.features.shape == (len(drawn.truth), 4)
    flat = draw_pixels(np.broadcast_to(features[:, :1, :1], features.shape), mask, 1)
    assert np.allclose(flat.features, features[:, 0, 0], atol=1e-3)


def test_classes_that_the_project_cannot_tell_apart_move_together(
    tmp_path: Path, wrong_model: ModelSpec
) -> None:
    coarse = load_palette("camvid-11")
    root = tmp_path / "coarse"
    for number in range(4):
        image, mask = drawn_frame(number)
        images.write_image(root / f"{number}.png", image)
        images.write_mask(root / "masks" / f"{number}.png", mapping(PALETTE, coarse)[mask], coarse.colours())
    with Project.open(root, palette="camvid-11") as project:
        adapter = Adapter("wrong", project.palette)
        moved = adapter.adapt(project).classifier.weight - adapter.old.weight
    assert moved[TREE].any()
    assert np.allclose(moved[TREE], moved[PALETTE.index("terrain")], atol=1e-6)


def test_samples_that_are_asked_for_come_before_the_limit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmed, "MOST_SAMPLES", 2)
    found = find_confirmed(project, ["frame_3", "frame_4"])
    assert [one.sample.key for one in found.samples] == ["frame_3", "frame_4"]
    found = find_confirmed(project, ["frame_2", "frame_3", "frame_4"])
    assert [one.sample.key for one in found.samples] == ["frame_2", "frame_4"]
    assert found.left == (("frame_3", "2 samples are used at most"),)
    reopened(project, ALL)
    mask = project.load_mask("frame_0")
    assert mask is not None
    for key in ALL[:4]:
        Confirmations.of(project).confirm(key, mask, (0, 0, 64, 16))
    found = find_confirmed(project, [*ALL[:3], "frame_5"])
    assert [one.sample.key for one in found.samples] == ["frame_0", "frame_2"]
    assert found.left == (
        ("frame_1", "2 samples are used at most"),
        ("frame_5", "nothing in it is confirmed"),
    )
    assert len(find_confirmed(project).samples) == 2
    project.close()


def test_pixels_that_a_palette_ignores_are_not_confirmed(tmp_path: Path) -> None:
    entries = [{"seg_class": one.name, "label_id": one.id, "rgb": list(one.rgb)} for one in PALETTE.classes]
    values = {"name": "own", "classes": entries, "ignore": {"label_id": 19, "rgb": [9, 9, 9]}}
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    own, root = load_palette(path), tmp_path / "own"
    image, mask = drawn_frame(0)
    mask[40:] = own.ignore_id
    images.write_image(root / "0.png", image)
    images.write_mask(root / "masks" / "0.png", mask, own.colours())
    with Project.open(root, palette=str(path)) as project:
        (one,) = find_confirmed(project).samples
    assert (one.mask[40:] == UNKNOWN).all()
    assert one.pixels == 40 * 64


def test_a_missing_project_sample_is_named(project: Project) -> None:
    with pytest.raises(InputError, match="no sample 'nowhere'"):
        find_confirmed(project, ["nowhere"])
    project.close()
