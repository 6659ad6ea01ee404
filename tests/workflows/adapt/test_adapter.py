"""Adaptation end to end: from confirmed pixels to a model that answers better, and what is left alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from segstudio import images, paths
from segstudio.annotation.palette import load_palette, mapping
from segstudio.errors import InputError, ModelError
from segstudio.inference.backend import open_backend
from segstudio.inference.catalog import find_model, list_models
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec
from segstudio.project.confirmations import UNKNOWN, Confirmations
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.training.data.manifest import read_manifest
from segstudio.workflows.adapt import version
from segstudio.workflows.adapt.adapter import Adapter
from segstudio.workflows.adapt.confirmed import find_confirmed
from segstudio.workflows.adapt.pixels import draw_pixels
from segstudio.workflows.adapt.version import keep, proposed_name
from tests.colour_model import CAR, TREE, drawn_frame, make_right_model
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


def test_a_missing_project_sample_is_named(project: Project) -> None:
    with pytest.raises(InputError, match="no sample 'nowhere'"):
        find_confirmed(project, ["nowhere"])
    project.close()
