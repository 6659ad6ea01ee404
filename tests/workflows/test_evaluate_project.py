"""Evaluating a project: stored predictions and asked ones, only what changed, and what cannot be used."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.errors import Cancelled
from segstudio.images import read_image
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import count_confusion
from segstudio.project.project import Project
from segstudio.workflows.evaluate_project import NO_PREDICTION, Said, evaluate_project
from segstudio.workflows.store_prediction import note_answering

SHAPE = (24, 32)


def red(path: Path) -> Said:
    """The red channel as the class."""
    ids = np.ascontiguousarray(read_image(path)[..., 0])
    return Said(ids, np.full(SHAPE, 255, np.uint8))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Frames a-e whose red channel is 1; a-d have masks of class 1 with a square of class 2."""
    for name in "abcde":
        image = np.zeros((*SHAPE, 3), np.uint8)
        image[..., 0] = 1
        images.write_image(tmp_path / f"{name}.png", image)
    opened = Project.open(tmp_path)
    for name in "abcd":
        opened.save_mask(name, mask_of())
    return opened


def mask_of() -> np.ndarray:
    mask = np.ones(SHAPE, np.uint8)
    mask[4:10, 4:10] = 2
    return mask


def test_stored_predictions_and_asked_ones_give_the_same_and_nothing_is_measured_twice(
    project: Project,
) -> None:
    said = np.ones(SHAPE, np.uint8)
    project.save_prediction("a", said, np.full(SHAPE, 255, np.uint8), "m")
    project.save_prediction("b", np.zeros(SHAPE, np.uint8), said, "other")
    asked: list[str] = []

    def ask(path: Path) -> Said:
        asked.append(path.stem)
        return red(path)

    first = evaluate_project(project, "m", ask=ask)
    assert (first.measured, first.kept, first.unmasked, first.skipped) == (4, 0, 1, ())
    assert asked == ["b", "c", "d"]
    assert first.changes.scores == {"a", "b", "c", "d"}
    expected = count_confusion(mask_of(), said, 19)
    for counts in project.evaluation.counts("m").values():
        np.testing.assert_array_equal(counts, expected)
    found = project.evaluation.load("m")
    assert [int(area) for area in found.table.rows.area] == [36] * 4
    project.save_mask("c", np.ones(SHAPE, np.uint8))
    again = evaluate_project(project, "m", ask=ask)
    assert (again.measured, again.kept) == (1, 3)
    assert again.changes.scores == {"c"}
    # What another model said stays; where nobody had said anything, it is kept.
    assert project.predicting_models() == {"a": "m", "b": "other", "c": "m", "d": "m"}
    assert first.changes.predictions == {"c", "d"}
    stored = project.load_prediction("c")
    assert stored is not None
    np.testing.assert_array_equal(stored.ids, said)


def test_what_cannot_be_used_is_named_and_counted(project: Project, tmp_path: Path) -> None:
    colours = load_palette("cityscapes").colours()
    images.write_mask(project.mask_path("a"), np.full(SHAPE, 77, np.uint8), colours)
    images.write_mask(project.mask_path("b"), np.zeros((5, 5), np.uint8), colours)
    (tmp_path / "c.png").unlink()
    result = evaluate_project(project, "m", ask=red)
    reasons = dict(result.skipped)
    assert set(reasons) == {"a", "b", "c"}
    assert "77" in reasons["a"]
    assert "5x5" in reasons["b"]
    assert (result.measured, result.unmasked) == (1, 1)
    assert list(project.evaluation.counts("m")) == ["d"]


def test_without_a_model_only_its_stored_predictions_count(project: Project) -> None:
    project.save_prediction("a", np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8), "m")
    result = evaluate_project(project, "m")
    assert result.measured == 1
    assert [reason for _, reason in result.skipped] == [NO_PREDICTION] * 3


def test_cancelling_keeps_what_was_measured(project: Project) -> None:
    context = JobContext()

    def ask(path: Path) -> Said:
        if path.stem == "b":
            context.cancel()
        return red(path)

    with pytest.raises(Cancelled):
        evaluate_project(project, "m", context, ask=ask)
    assert set(project.evaluation.counts("m")) == {"a", "b"}


def test_a_model_with_other_weights_is_another_one(project: Project) -> None:
    said = np.ones(SHAPE, np.uint8)
    project.save_prediction("a", said, said, "m")
    project.save_prediction("b", said, said, "other")
    evaluate_project(project, "m", ask=red, fingerprint="first")
    assert evaluate_project(project, "m", ask=red, fingerprint="first").measured == 0

    def better(path: Path) -> Said:
        return Said(mask_of(), np.full(SHAPE, 255, np.uint8))

    again = evaluate_project(project, "m", ask=better, fingerprint="second")
    assert (again.measured, again.kept) == (4, 0)
    assert project.evaluation.load("m").table.count == 0
    stored = project.load_prediction("a")
    assert stored is not None
    np.testing.assert_array_equal(stored.ids, mask_of())
    assert project.predicted_by("b") == "other"


def test_answers_of_unknown_weights_do_not_count_for_known_ones(project: Project) -> None:
    said = np.ones(SHAPE, np.uint8)
    project.save_prediction("a", said, said, "m")
    asked: list[str] = []

    def better(path: Path) -> Said:
        asked.append(path.stem)
        return Said(mask_of(), np.full(SHAPE, 255, np.uint8))

    # The model that said it was deleted since, and this is another one of its name.
    evaluate_project(project, "m", ask=better, fingerprint="new", keys=["a"], keep_answers=False)
    assert asked == ["a"]
    assert project.evaluation.load("m").table.count == 0


def test_the_weights_that_answer_are_noted_unless_others_answered_before(project: Project) -> None:
    said = np.ones(SHAPE, np.uint8)
    project.save_prediction("a", said, said, "m")
    note_answering(project, "m", "new")
    note_answering(project, "n", "first")
    note_answering(project, "n", "second")
    assert (project.fingerprint("m"), project.fingerprint("n")) == ("", "first")
    project.save_prediction("b", said, said, "n")
    assert evaluate_project(project, "n", fingerprint="first").measured == 1


def test_a_new_prediction_makes_the_measures_of_the_old_one_void(project: Project) -> None:
    evaluate_project(project, "m", ask=red)
    changes = project.save_prediction("a", mask_of(), np.ones(SHAPE, np.uint8), "m")
    assert changes.scores == {"a"}
    assert set(project.evaluation.counts("m")) == {"b", "c", "d"}
    assert evaluate_project(project, "m").measured == 1
    assert project.evaluation.load("m", ["a"]).table.count == 0


def test_what_another_model_predicts_meanwhile_stays(project: Project) -> None:
    def ask(path: Path) -> Said:
        project.save_prediction(path.stem, np.zeros(SHAPE, np.uint8), np.ones(SHAPE, np.uint8), "other")
        return red(path)

    evaluate_project(project, "m", ask=ask)
    assert set(project.predicting_models().values()) == {"other"}
    assert set(project.evaluation.counts("m")) == set("abcd")


def test_an_evaluation_of_other_weights_that_was_cancelled_begins_anew(project: Project) -> None:
    for name in "abcd":
        project.save_prediction(name, np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8), "m")
    evaluate_project(project, "m", ask=red, fingerprint="first")
    context = JobContext()

    def better(path: Path) -> Said:
        if path.stem == "b":
            context.cancel()
        return Said(mask_of(), np.full(SHAPE, 255, np.uint8))

    with pytest.raises(Cancelled):
        evaluate_project(project, "m", context, ask=better, fingerprint="second")
    evaluate_project(project, "m", ask=better, fingerprint="second")
    found = project.evaluation.load("m")
    assert (len(found.keys), found.table.count) == (4, 0)
