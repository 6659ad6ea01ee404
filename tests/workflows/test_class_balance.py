"""Classes in masks are counted from the files, once for every state of a file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage  # scipy has no types

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.errors import Cancelled
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.workflows import class_balance
from segstudio.workflows.class_balance import FILE, count_masks

PALETTE = load_palette("cityscapes")
ROAD, CAR, TRAIN = (PALETTE.index(name) for name in ("road", "car", "train"))


def mask_of(seed: int) -> np.ndarray:
    """Road with some cars, and unlabelled pixels."""
    random = np.random.default_rng(seed)
    mask = np.full((24, 36), ROAD, np.uint8)
    mask[random.random(mask.shape) < 0.2] = CAR
    mask[:2] = 255
    return mask


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Four samples: two of train, one of val with a train in it, one without a mask."""
    for number in range(4):
        images.write_image(tmp_path / f"{number}.png", np.zeros((24, 36, 3), np.uint8))
        mask = mask_of(number)
        if number == 2:
            mask[10:12, 4:9] = TRAIN
        if number < 3:
            images.write_mask(tmp_path / "masks" / f"{number}.png", mask, PALETTE.colours())
    with Project.open(tmp_path, palette="cityscapes") as opened:
        opened.set_split(["0", "1"], "train")
        opened.set_split(["2"], "val")
        yield opened


def test_pixels_and_regions_are_those_of_the_masks(project: Project) -> None:
    found = count_masks(project, JobContext())
    train = found.of("train")
    masks = [mask_of(0), mask_of(1)]
    assert train.masks == 2
    assert train.pixels[CAR] == sum(int((mask == CAR).sum()) for mask in masks)
    assert train.regions[CAR] == sum(ndimage.label(mask == CAR)[1] for mask in masks)
    assert int(train.pixels.sum()) == 2 * 22 * 36
    assert (found.all.masks, found.all.holding[CAR], found.all.holding[TRAIN]) == (3, 3, 1)
    assert found.of("test").masks == 0


def test_what_stands_out_is_named(project: Project) -> None:
    found = count_masks(project, JobContext())
    assert found.unlearnt == ("train",)
    assert found.rare == ("road", "car", "train")
    assert "sky" in found.absent
    assert found.unreadable == ()


def test_masks_that_did_not_change_are_not_read_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = count_masks(project, JobContext())
    read: list[str] = []

    def reading(path: Path) -> np.ndarray:
        read.append(path.stem)
        return images.read_mask(path)

    monkeypatch.setattr(class_balance, "read_mask", reading)
    again = count_masks(project, JobContext())
    assert read == []
    np.testing.assert_array_equal(again.all.pixels, first.all.pixels)
    project.save_mask("3", mask_of(9))
    assert count_masks(project, JobContext()).all.masks == 4
    assert read == ["3"]


@pytest.mark.parametrize("content", [b"", b"PK no zip", b"\x80\x04pickle"])
def test_a_damaged_memory_is_made_again(project: Project, content: bytes) -> None:
    first = count_masks(project, JobContext())
    (project.facts_dir / FILE).write_bytes(content)
    np.testing.assert_array_equal(count_masks(project, JobContext()).all.regions, first.all.regions)


def test_a_mask_that_cannot_be_read_is_named(project: Project) -> None:
    project.mask_path("1").write_bytes(b"no png")
    found = count_masks(project, JobContext())
    assert found.unreadable == ("1",)
    assert found.all.masks == 2


def test_what_was_counted_before_a_cancel_is_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    context = JobContext()
    checks: list[None] = []

    def check() -> None:
        checks.append(None)
        if len(checks) > 2:
            raise Cancelled("enough")

    monkeypatch.setattr(context, "check", check)
    with pytest.raises(Cancelled):
        count_masks(project, context)
    known = class_balance._read(project.facts_dir / FILE, PALETTE)
    assert set(known) == {"0", "1"}


def test_a_project_without_masks_is_no_error(tmp_path: Path) -> None:
    images.write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    with Project.open(tmp_path, palette="cityscapes") as opened:
        found = count_masks(opened, JobContext())
    assert found.all.masks == 0
    assert found.absent == PALETTE.names
    assert not (tmp_path / ".segstudio" / FILE).exists()
