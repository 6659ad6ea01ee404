"""What is kept of a prediction: the project's classes, and a runner-up that is another class."""

from pathlib import Path

import numpy as np

from segstudio.images import write_image
from segstudio.inference.prediction import Prediction
from segstudio.project.project import Project
from segstudio.workflows.store_prediction import store_prediction


def test_classes_are_the_projects_and_a_merged_runner_up_is_none(tmp_path: Path) -> None:
    root = tmp_path / "frames"
    root.mkdir()
    write_image(root / "a.png", np.zeros((2, 3, 3), np.uint8))
    lookup = np.full(256, 255, np.uint8)
    lookup[[0, 1, 2]] = [5, 5, 7]
    ids = np.array([[0, 1, 2], [0, 3, 2]], np.uint8)
    second = np.array([[1, 2, 0], [2, 1, 9]], np.uint8)
    sure = np.full(ids.shape, 200, np.uint8)
    with Project.open(root) as project:
        changes = store_prediction(project, "a", Prediction(ids, sure, second, sure), lookup, "m")
        stored = project.load_prediction("a")
    assert changes.predictions == {"a"}
    assert stored is not None
    assert stored.second is not None
    np.testing.assert_array_equal(stored.ids, [[5, 5, 7], [5, 255, 7]])
    np.testing.assert_array_equal(stored.second, [[255, 7, 5], [7, 5, 255]])
