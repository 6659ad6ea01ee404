"""What the class dashboard reads: models, what they can be compared with, and all models over time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.errors import Cancelled
from segstudio.jobs import JobContext
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.project.project import Project
from segstudio.workflows.class_scores import NO_REFERENCE, read_class_scores, read_past_scores
from segstudio.workflows.reference import load_reference

TRUTH = np.repeat(np.arange(2, dtype=np.uint8), 32).reshape(8, 8)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two samples of people before a background; model "a" misses them in one, "b" nowhere."""
    for name in "xy":
        images.write_image(tmp_path / f"{name}.png", np.zeros((8, 8, 3), np.uint8))
    with Project.open(tmp_path, palette="people") as opened:
        for model, predicted in (("a", np.zeros_like(TRUTH)), ("b", TRUTH)):
            opened.evaluation.record("x", model, evaluate_sample(TRUTH, predicted, 2))
            opened.evaluation.record("y", model, evaluate_sample(TRUTH, TRUTH, 2))
        yield opened


def test_the_rows_of_the_people_card_are_choices(project: Project) -> None:
    reference = load_reference()
    found = read_class_scores(project, "", None, reference)
    scenarios = [f"PeopleSemSegFormer, {name}" for name in ("5 ft", "10 ft", "20 ft", "office")]
    assert found.choices == (*scenarios, "Model b", NO_REFERENCE)
    assert (found.models, found.model, found.compared) == (("a", "b"), "a", scenarios[0])
    assert found.board is not None
    compared = found.board.comparison
    assert compared is not None
    assert compared.miou == pytest.approx(0.9186)
    assert "300 images" in compared.about
    assert all(row.reference is None for row in found.board.rows)


def test_a_model_is_compared_with_another(project: Project) -> None:
    found = read_class_scores(project, "a", "Model b", load_reference())
    assert found.board is not None
    # The person is found in one of two samples: 32 of 64 pixels, and the background claims the rest.
    assert [(row.iou, row.difference) for row in found.board.rows] == [
        (pytest.approx(64 / 96), pytest.approx(-1 / 3)),
        (0.5, -0.5),
    ]


def test_choices_that_are_gone_fall_back_to_the_first(project: Project) -> None:
    found = read_class_scores(project, "forgotten", "Model forgotten", load_reference())
    assert (found.model, found.compared) == ("a", found.choices[0])


def test_a_project_that_was_never_evaluated_has_no_scores(tmp_path: Path) -> None:
    images.write_image(tmp_path / "x.png", np.zeros((8, 8, 3), np.uint8))
    with Project.open(tmp_path, palette="people") as opened:
        found = read_class_scores(opened, "", None, load_reference())
        assert (found.models, found.board, found.found, found.choices) == ((), None, None, ())
        assert read_past_scores(opened) == ()


def test_models_over_time_have_their_scores(project: Project) -> None:
    past = {one.model: one for one in read_past_scores(project)}
    assert list(past["a"].iou) == pytest.approx([2 / 3, 0.5])
    assert past["b"].miou == 1.0
    assert past["b"].samples == 2


def test_reading_stops_when_it_is_overtaken(project: Project) -> None:
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        read_class_scores(project, "a", None, load_reference(), context)
