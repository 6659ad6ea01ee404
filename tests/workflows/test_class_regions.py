"""Regions of a class against scipy's components; what is read, what is passed over, and where it ends."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage  # it has no stubs here

from segstudio.errors import Cancelled
from segstudio.images import write_image
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import StoredPrediction
from segstudio.project.sample_queue import SampleQueue, Source
from segstudio.workflows import class_regions
from segstudio.workflows.class_regions import ClassRegion, find_regions_of_class, regions_of

SHAPE = (24, 32)


def noise(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 3, SHAPE).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_scipy(seed: int) -> None:
    ids, predicted = noise(seed), noise(seed + 10)
    sure = np.random.default_rng(seed).integers(0, 256, SHAPE).astype(np.uint8)
    found = regions_of("a", ids, 1, StoredPrediction(predicted, sure, "m"))
    numbers, count = ndimage.label(ids == 1)
    assert len(found) == count
    for region in found:
        x, y = region.start
        inside = numbers == numbers[y, x]
        rows, columns = np.nonzero(inside)
        assert (y, x) == (rows[0], columns[0])
        assert region.area == inside.sum()
        rect = region.rect
        assert (rect.x, rect.y, rect.right - 1, rect.bottom - 1) == (
            columns.min(), rows.min(), columns.max(), rows.max(),
        )  # fmt: skip
        assert region.support == pytest.approx((sure * (predicted == 1))[inside].mean() / 255)


def test_without_a_prediction_of_the_size_nothing_is_known_of_support() -> None:
    other = StoredPrediction(noise(1)[:-1], noise(1)[:-1], "m")
    for said in (None, other):
        assert all(np.isnan(region.support) for region in regions_of("a", noise(0), 1, said))
    assert regions_of("a", noise(0), 9, None) == []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Masks in a, b and d, a prediction in c; class 1 is in a, c and d."""
    for key in "abcd":
        write_image(tmp_path / f"{key}.png", np.zeros((*SHAPE, 3), np.uint8))
    project = Project.open(tmp_path)
    for key, value in (("a", 1), ("b", 0), ("d", 1)):
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:8, 4:8] = value
        project.save_mask(key, mask)
    project.save_prediction("c", noise(0), noise(0), "m")
    return project


def found_keys(project: Project, source: Source, keys: str = "abcd") -> list[str]:
    found: list[ClassRegion] = []
    context = JobContext(on_event=found.extend)  # type: ignore[arg-type]  # each event is a list of regions
    total = find_regions_of_class(project, list(keys), 1, source, context)
    assert total == len(found)
    return list(dict.fromkeys(region.key for region in found))


def test_masks_and_predictions_are_looked_through(project: Project) -> None:
    assert found_keys(project, "mask") == ["a", "d"]
    assert found_keys(project, "prediction") == ["c"]
    assert found_keys(project, "mask", "bd") == ["d"]


def test_samples_without_the_class_are_not_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def note(_: SampleQueue, key: str, source: Source) -> None:
        read.append((key, source))

    monkeypatch.setattr(SampleQueue, "ids", note)
    found_keys(project, "mask")
    # Of c it is not known: it has no mask.
    assert read == [("a", "mask"), ("c", "mask"), ("d", "mask")]


def test_what_cannot_be_read_is_passed_over(project: Project) -> None:
    project.mask_path("a").write_bytes(b"no picture")
    assert found_keys(project, "mask") == ["d"]


def test_it_ends_where_there_are_too_many(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_regions, "MOST", 1)
    assert found_keys(project, "mask") == ["a"]


def test_it_can_be_stopped(project: Project) -> None:
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        find_regions_of_class(project, ["a"], 1, "mask", context)
