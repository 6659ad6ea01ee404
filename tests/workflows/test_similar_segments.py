"""Segments that look alike: colours as features, so that what is similar is known beforehand."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images
from segstudio.errors import Cancelled, InputError
from segstudio.jobs import JobContext
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.metrics.segment_table import SegmentTable
from segstudio.project.project import Project
from segstudio.workflows.similar_segments import similar_segments

SHAPE = (40, 80)
RED, BLUE, GREEN = (250, 10, 10), (10, 10, 250), (10, 200, 10)
PLAIN = np.arange(256, dtype=np.uint8)


class Colours:
    """Sees the colour of every fourth pixel; everything is class 0 to it but what is not grey: class 2."""

    def __init__(self) -> None:
        self.looked = 0

    def look(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.looked += 1
        features = image[::4, ::4].transpose(2, 0, 1).astype(np.float32)
        shares = np.zeros((3, *features.shape[1:]), np.float32)
        coloured = np.ptp(features, axis=0) > 50
        shares[0], shares[2] = ~coloured, coloured
        return shares, features


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Four frames with one square that is predicted as class 2 and is 1 in truth: two red, blue, green."""
    for name, colour in (("a", RED), ("b", BLUE), ("c", RED), ("d", GREEN)):
        image = np.full((*SHAPE, 3), 100, np.uint8)
        image[8:24, 16:40] = colour
        images.write_image(tmp_path / f"{name}.png", image)
    opened = Project.open(tmp_path)
    for name in "abcd":
        opened.save_mask(name, truth())
    return opened


def truth() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[8:24, 16:40] = 1
    return mask


def table(project: Project) -> SegmentTable:
    said = truth() * 2
    return SegmentTable.of(
        project.palette.names, [(name, evaluate_sample(truth(), said, 19).segments) for name in "abcd"]
    )


def test_what_has_like_features_comes_first(project: Project) -> None:
    found = similar_segments(project, Colours(), PLAIN, table(project), 0)
    assert found[0].number == 2
    assert {entry.number for entry in found} == {1, 2, 3}
    assert found[0].likeness == pytest.approx(1)
    assert found[1].likeness < 0.5


def test_fewer_images_and_files_that_are_gone(project: Project, tmp_path: Path) -> None:
    (tmp_path / "b.png").unlink()
    colours = Colours()
    found = similar_segments(project, colours, PLAIN, table(project), 0, most_images=2)
    assert [entry.number for entry in found] == [2]
    assert colours.looked == 2
    with pytest.raises(InputError, match=r"b\.png"):
        similar_segments(project, colours, PLAIN, table(project), 1)


def test_it_can_be_cancelled(project: Project) -> None:
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        similar_segments(project, Colours(), PLAIN, table(project), 0, context)
