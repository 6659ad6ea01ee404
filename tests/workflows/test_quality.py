"""Region quality and label suspects of folders: what is learnt, found, skipped and refused."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.errors import Cancelled, InputError
from segstudio.images import write_image, write_mask
from segstudio.inference.prediction import Prediction
from segstudio.jobs import JobContext
from segstudio.metrics.mask_doubts import Doubt
from segstudio.metrics.region_features import Evidence
from segstudio.workflows.quality import Look, evidence_of, find_suspects, measure_quality, suspects_of
from tests.workflows.conftest import RedBackend

Mask = NDArray[np.uint8]
ROAD, CAR, BUS = 0, 13, 15
COLOURS = load_palette("cityscapes").colours()


def frame(folder: Path, name: str, mask: Mask, predicted: Mask, confidence: Mask) -> None:
    """An image that the red backend predicts so, with a mask."""
    image = np.stack([predicted, confidence, np.zeros_like(mask)], axis=2)
    write_image(folder / "images" / f"{name}.png", image)
    write_mask(folder / "masks" / f"{name}.png", mask, COLOURS)


def samples(folder: Path, count: int, seed: int) -> tuple[Path, Path]:
    """Frames of squares, each right where the confidence is high."""
    random = np.random.default_rng(seed)
    for number in range(count):
        mask, predicted = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
        confidence = np.full((64, 64), 230, np.uint8)
        for y in range(4, 64, 16):
            for x in range(4, 64, 16):
                square, sure = np.s_[y : y + 8, x : x + 8], int(random.integers(60, 250))
                predicted[square] = random.choice([CAR, BUS])
                mask[square] = predicted[square] if sure > 150 else ROAD
                confidence[square] = sure
        frame(folder, f"f{number}", mask, predicted, confidence)
    return folder / "images", folder / "masks"


@pytest.fixture
def red(red_backend: RedBackend, monkeypatch: pytest.MonkeyPatch) -> RedBackend:
    """The known answers, for this workflow."""
    monkeypatch.setattr("segstudio.workflows.quality.open_backend", lambda *_: red_backend)
    return red_backend


def test_quality_is_learnt_on_one_folder_and_holds_on_another(tmp_path: Path, red: RedBackend) -> None:
    known, other = samples(tmp_path / "known", 10, 0), samples(tmp_path / "other", 6, 1)
    (tmp_path / "other" / "images" / "broken.png").write_bytes(b"none")
    write_mask(tmp_path / "other" / "masks" / "broken.png", np.zeros((4, 4), np.uint8), COLOURS)
    steps: list[tuple[float, float]] = []
    context = JobContext(lambda done, total, _: steps.append((done, total)))
    found = measure_quality("street-b0", known, other, context=context)
    assert (found.learnt, found.images, len(found.quality.ious)) == (10, 6, 170)
    assert found.trusts.everything.regions == 102
    assert found.trusts.everything.auroc == found.trusts.inner.auroc == found.trusts.plain_auroc == 1
    assert (found.trusts.everything.r2 or 0) > 0.9
    assert [path.endswith("broken.png") for path, _ in found.skipped] == [True]
    assert steps == [(float(number), 17.0) for number in range(17)]
    assert red.closed
    values = found.to_json()
    assert (values["train_regions"], values["regions"], values["auroc"]) == (170, 102, 1)


def test_too_few_regions_are_refused(tmp_path: Path, red: RedBackend) -> None:
    folders = samples(tmp_path, 2, 0)
    with pytest.raises(InputError, match=r"34 regions with a truth, .* too few"):
        measure_quality("street-b0", folders, folders)
    assert red.closed


def test_suspects_of_a_folder(tmp_path: Path, red: RedBackend) -> None:
    """Nine frames are right; in the tenth a car was called a bus."""
    right = np.zeros((64, 64), np.uint8)
    right[10:30, 10:30], right[40:60, 40:60] = CAR, BUS
    wrong = right.copy()
    wrong[10:30, 10:30] = BUS
    for number in range(10):
        frame(
            tmp_path, f"f{number}", wrong if number == 7 else right, right, np.full((64, 64), 255, np.uint8)
        )
    found = find_suspects("street-b0", tmp_path / "images", tmp_path / "masks")
    (suspect,) = found.suspects
    assert (suspect.sample, suspect.kind, suspect.proposed) == ("f7", Doubt.OTHER_CLASS, CAR)
    (row,) = found.to_json()["suspects"]
    assert (row["mask"], row["proposed"], row["box"], row["area"]) == ("bus", "car", [10, 10, 20, 20], 400)
    assert find_suspects("street-b0", tmp_path / "images", tmp_path / "masks", limit=0).suspects == ()


def test_predictions_that_are_stored_need_no_model() -> None:
    mask, predicted = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    predicted[5:20, 5:20] = mask[25:35, 25:35] = predicted[25:35, 25:35] = 1
    sure = np.full(mask.shape, 250, np.uint8)
    found, count = suspects_of([Look("a", mask, Evidence(predicted, sure))], ("road", "car"))
    assert count == 1
    assert [(suspect.kind, suspect.area) for suspect in found] == [(Doubt.DROPPED, 225)]


def test_classes_that_become_one_have_no_runner_up() -> None:
    lookup = np.full(256, 255, np.uint8)
    lookup[:3] = [0, 0, 1]
    ids, second = np.array([[0, 1, 2]], np.uint8), np.array([[1, 2, 0]], np.uint8)
    said = evidence_of(Prediction(ids, ids, second, ids), lookup)
    assert said.ids.tolist() == [[0, 0, 1]]
    assert said.second is not None
    assert said.second.tolist() == [[255, 1, 0]]


def test_bad_folders_and_a_cancelled_job(tmp_path: Path, red: RedBackend) -> None:
    with pytest.raises(InputError, match="is no folder"):
        find_suspects("street-b0", tmp_path / "none", tmp_path)
    images, masks = samples(tmp_path, 2, 0)
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        find_suspects("street-b0", images, masks, context=context)
    assert red.closed
    for path in images.iterdir():
        path.write_bytes(b"none")
    with pytest.raises(InputError, match="none of the 2 images"):
        find_suspects("street-b0", images, masks)
