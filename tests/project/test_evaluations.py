"""Evaluations in a project: what comes back, when it is forgotten, and whose masks stay watched."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.metrics.sample_evaluation import USUAL, SampleEvaluation, evaluate_sample
from segstudio.metrics.segments import CutOffs
from segstudio.project.project import OutsideChange, Project

K = 19


def measured(seed: int) -> SampleEvaluation:
    random = np.random.default_rng(seed)
    truth = np.kron(random.integers(0, 4, (3, 4)), np.ones((8, 8))).astype(np.uint8)
    said = np.where(random.random(truth.shape) < 0.1, 5, truth).astype(np.uint8)
    said[:8, :8] = 7
    return evaluate_sample(truth, said, K, confidence=np.full(truth.shape, 200, np.uint8))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("a", "b"):
        images.write_image(tmp_path / f"{name}.png", np.zeros((24, 32, 3), np.uint8))
    return Project.open(tmp_path)


def test_an_evaluation_comes_back(project: Project) -> None:
    parts = {key: measured(seed) for seed, key in enumerate(("a", "b"))}
    for key, part in parts.items():
        assert project.evaluation.record(key, "m", part).scores == {key}
    found = project.evaluation.load("m")
    assert found.keys == ("a", "b")
    for number, key in enumerate(found.keys):
        np.testing.assert_array_equal(found.confusion[number], parts[key].confusion)
        np.testing.assert_array_equal(found.boundary[number], parts[key].boundary)
        own = found.table.sample == number
        np.testing.assert_array_equal(found.table.rows.area[own], parts[key].segments.area)
        np.testing.assert_array_equal(
            found.regions.hit[found.region_sample == number], parts[key].regions.hit
        )
    np.testing.assert_array_equal(
        found.table.rows.ledger, sum(part.segments.ledger for part in parts.values())
    )
    np.testing.assert_array_equal(found.calibration, sum(part.calibration for part in parts.values()))
    one = project.evaluation.load("m", ["b"])
    assert one.keys == ("b",)
    np.testing.assert_array_equal(one.table.rows.ledger, parts["b"].segments.ledger)
    assert project.evaluation.load("nobody").table.count == 0


def test_other_cut_offs_are_another_evaluation(project: Project) -> None:
    project.evaluation.record("a", "m", measured(0), cut_offs=CutOffs(slack=5))
    assert project.evaluation.known("m", CutOffs(slack=5)) == {"a"}
    assert project.evaluation.known("m", USUAL) == frozenset()


def test_a_changed_mask_makes_it_void(project: Project) -> None:
    project.save_mask("a", np.zeros((24, 32), np.uint8))
    digest = project.mask_hash("a")
    project.evaluation.record("a", "m", measured(0), mask_hash=digest)
    assert project.evaluation.known("m") == {"a"}
    project.save_mask("a", np.ones((24, 32), np.uint8))
    assert project.evaluation.known("m") == frozenset()
    assert project.evaluation.load("m").keys == ()
    assert project.evaluation.record("a", "m", measured(0), mask_hash=digest).is_empty


def test_looking_at_a_mask_does_not_hide_what_another_program_did(project: Project) -> None:
    project.save_mask("a", np.zeros((24, 32), np.uint8))
    other = np.full((24, 32), 2, np.uint8)
    images.write_mask(project.mask_path("a"), other, load_palette("cityscapes").colours())
    mask, digest = project.look_at_mask("a")
    np.testing.assert_array_equal(mask, other)
    assert not project.evaluation.record("a", "m", measured(0), mask_hash=digest).is_empty
    with pytest.raises(OutsideChange):
        project.save_mask("a", np.ones((24, 32), np.uint8))


def test_a_process_that_never_saw_the_mask_is_told_as_well(project: Project, tmp_path: Path) -> None:
    project.save_mask("a", np.zeros((24, 32), np.uint8))
    project.close()
    with Project.open(tmp_path) as again:
        other = np.full((24, 32), 2, np.uint8)
        images.write_mask(again.mask_path("a"), other, load_palette("cityscapes").colours())
        again.look_at_mask("a")
        with pytest.raises(OutsideChange):
            again.save_mask("a", np.ones((24, 32), np.uint8))


def test_forgetting_a_model(project: Project) -> None:
    project.evaluation.record("a", "m", measured(0))
    project.evaluation.record("a", "n", measured(1))
    assert project.evaluation.forget("m").scores == {"a"}
    assert [found.model for found in project.evaluation.models()] == ["n"]
    assert project.evaluation.known("m") == frozenset()
