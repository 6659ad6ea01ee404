"""Pictures of an export may be named one by one, with their masks, in a list file."""

from pathlib import Path

import numpy as np
import pytest

from segstudio.annotation.palette import load_palette
from segstudio.errors import InputError
from segstudio.images import write_image, write_mask
from segstudio.inference.spec import ModelSpec
from segstudio.workflows.exports.evidence import Pictures, gather

PALETTE = load_palette("cityscapes")
SPEC = ModelSpec("red", "mit_b0", PALETTE.names, "cityscapes", {"onnx": "none.onnx"})


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """Three images whose mask is the class of their number."""
    for number in range(3):
        write_image(tmp_path / f"image {number}.png", np.full((8, 8, 3), number, np.uint8))
        write_mask(tmp_path / f"mask-{number}.png", np.full((8, 8), number, np.uint8), PALETTE.colours())
    return [f'"image {number}.png",mask-{number}.png' for number in range(3)]


def list_of(folder: Path, *lines: str) -> Path:
    """A list file of these lines."""
    path = folder / "street-judge.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_pairs_of_a_list_are_judged_with_their_masks(tmp_path: Path, names: list[str]) -> None:
    listed = list_of(tmp_path, *names[:2])
    other = tmp_path / "other"
    other.mkdir()
    calibration = list_of(other, f"{tmp_path}/image 2.png,")
    found = gather(SPEC, Pictures(listed), Pictures(calibration))
    assert found.truth is not None
    assert found.words == "2 images of street-judge.csv, masks in cityscapes"
    assert found.calibration == (tmp_path / "image 2.png",)
    for number, judged in enumerate(found.judged):
        image, mask = judged.load()
        assert mask is not None
        assert (image == number).all()
        assert (mask == number).all()


def test_half_of_a_list_calibrates_where_nothing_else_does(tmp_path: Path, names: list[str]) -> None:
    found = gather(SPEC, Pictures(list_of(tmp_path, *names)), Pictures())
    assert [judged.name for judged in found.judged] == ["image 0.png", "image 2.png"]
    assert found.calibration == (tmp_path / "image 1.png",)


def test_images_alone_are_compared_without_scores(tmp_path: Path, names: list[str]) -> None:
    found = gather(SPEC, Pictures(list_of(tmp_path, "image 0.png,", "image 1.png,")), Pictures())
    assert found.truth is None
    assert [judged.name for judged in found.judged] == ["image 0.png"]
    assert any("no masks" in note for note in found.notes)


def test_a_pair_in_the_list_leaves_images_alone_out(tmp_path: Path, names: list[str]) -> None:
    listed = list_of(tmp_path, names[0], "image 1.png,")
    assert Pictures(listed).listed() == [(tmp_path / "image 0.png", tmp_path / "mask-0.png")]


def test_a_list_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lists no image that is there"):
        Pictures(list_of(tmp_path, "gone.png,gone.png")).listed()
