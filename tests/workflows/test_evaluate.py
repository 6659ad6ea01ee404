"""Evaluation equals a confusion matrix counted pixel by pixel, in the classes of the masks' palette."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segstudio.annotation.palette import load_palette
from segstudio.errors import Cancelled, InputError, PaletteError
from segstudio.images import write_image, write_mask
from segstudio.inference.backend import open_backend
from segstudio.inference.catalog import find_model
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.workflows.evaluate import class_lookup, evaluate_folders
from segstudio.workflows.evaluation_result import EvaluateResult

if TYPE_CHECKING:
    from tests.workflows.conftest import RedBackend

MODEL = "street-b0"
Ids = NDArray[np.uint8]
# Cityscapes' classes in camvid-11, written down a second time, from the classes' meaning.
CAMVID = {
    "road": "road", "sidewalk": "pavement", "building": "building", "wall": "building", "fence": "fence",
    "pole": "pole", "traffic light": "sign_symbol", "traffic sign": "sign_symbol", "vegetation": "tree",
    "terrain": "tree", "sky": "sky", "person": "pedestrian", "rider": "bicyclist", "car": "car",
    "truck": "car", "bus": "car", "train": "car", "motorcycle": "bicyclist", "bicycle": "bicyclist",
}  # fmt: skip


def write_pair(folder: Path, name: str, predicted: Ids, truth: Ids) -> None:
    """An image that RedBackend takes for `predicted`, and its mask."""
    write_image(folder / "images" / f"{name}.png", np.dstack([predicted, predicted, predicted]))
    write_mask(folder / "masks" / f"{name}.png", truth, load_palette("cityscapes").colours())


def count_slowly(truth: list[Ids], predicted: list[Ids], classes: int) -> list[list[int]]:
    """The definition: a pixel with truth t and prediction p is one in row t, column p."""
    counts = [[0] * (classes + 1) for _ in range(classes)]
    for true_ids, ids in zip(truth, predicted, strict=True):
        for row, column in zip(true_ids.ravel().tolist(), ids.ravel().tolist(), strict=True):
            if row < classes:
                counts[row][min(column, classes)] += 1
    return counts


def iou_slowly(counts: list[list[int]], index: int) -> float | None:
    hits = counts[index][index]
    union = sum(counts[index]) + sum(row[index] for row in counts) - hits
    return hits / union if union else None


def check_against_definition(result: EvaluateResult, truth: list[Ids], predicted: list[Ids]) -> None:
    classes = len(result.classes)
    counts = count_slowly(truth, predicted, classes)
    values = result.to_json()
    assert values["confusion"] == counts
    ious = [iou_slowly(counts, index) for index in range(classes)]
    for index, name in enumerate(result.classes):
        entry = values["per_class"][name]
        assert entry["pixels"] == sum(counts[index])
        assert entry["iou"] == (None if ious[index] is None else pytest.approx(ious[index], abs=1e-9))
        recall = counts[index][index] / sum(counts[index]) if sum(counts[index]) else None
        assert entry["acc"] == (None if recall is None else pytest.approx(recall, abs=1e-9))
    present = [iou for iou in ious if iou is not None]
    assert values["miou"] == pytest.approx(sum(present) / len(present), abs=1e-9)
    right = sum(counts[index][index] for index in range(classes))
    assert values["aacc"] == pytest.approx(right / sum(map(sum, counts)), abs=1e-9)


def test_another_way_of_looking_is_scored_and_told(tmp_path: Path, red_backend: "RedBackend") -> None:
    truth = np.full((96, 160), 4, np.uint8)
    truth[:, 80:] = 11
    write_pair(tmp_path, "halves", truth, truth)
    folders = (tmp_path / "images", tmp_path / "masks")
    plain = evaluate_folders(MODEL, *folders).to_json()
    assert plain["aacc"] == 1.0
    assert (plain["protocol"]["window"], plain["protocol"]["stride"]) == ("whole", None)
    runs = red_backend.runs
    looked = evaluate_folders(MODEL, *folders, window="slide", tta=True, scales=(1.0, 1.5)).to_json()
    assert red_backend.runs == runs
    assert looked["aacc"] > 0.98
    assert red_backend.asked
    side = find_model(MODEL)[1].resize.size
    assert {
        key: looked["protocol"][key] for key in ("window", "window_size", "stride", "flip", "scales")
    } == {
        "window": "slide",
        "window_size": side,
        "stride": side * 3 // 4 // 32 * 32,
        "flip": True,
        "scales": [1.0, 1.5],
    }


def test_scores_equal_the_definition(tmp_path: Path, red_backend: "RedBackend") -> None:
    random = np.random.default_rng(8)
    truths, answers = [], []
    for name in ("a", "b", "sub/c"):
        truth = random.integers(0, 17, (11, 13), np.uint8)
        predicted = np.where(random.random(truth.shape) < 0.7, truth, random.integers(0, 19, truth.shape))
        truth[random.random(truth.shape) < 0.1] = 255
        truths.append(truth)
        answers.append(predicted.astype(np.uint8))
        write_pair(tmp_path, name, answers[-1], truth)
    result = evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks")
    assert (result.images, result.orphans, result.skipped) == (3, (), ())
    assert (result.model, result.palette) == (MODEL, "cityscapes")
    check_against_definition(result, truths, answers)
    assert red_backend.closed


def test_the_bundled_model_is_scored_by_the_same_definition(tmp_path: Path) -> None:
    folder, spec = find_model(MODEL)
    backend = open_backend(folder, spec)
    truths, answers = [], []
    for seed in (1, 2):
        scene = draw_scene(seed, 72, 96)
        write_image(tmp_path / f"images/{seed}.png", scene.image)
        write_mask(tmp_path / f"masks/{seed}.png", scene.mask, load_palette(spec.palette).colours())
        truths.append(scene.mask)
        answers.append(backend.run(scene.image[None])[0][0])
    backend.close()
    result = evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks")
    check_against_definition(result, truths, answers)
    # It was trained on drawn streets: chance would be about 0.02.
    assert result.to_json()["aacc"] > 0.6


def test_every_class_of_cityscapes_is_mapped_to_camvid() -> None:
    cityscapes, camvid = load_palette("cityscapes"), load_palette("camvid-11")
    lookup = class_lookup(cityscapes, camvid)
    assert {name: camvid.names[lookup[i]] for i, name in enumerate(cityscapes.names)} == CAMVID
    assert np.all(lookup[19:] == 255)


def test_predictions_are_scored_in_the_classes_of_the_masks(
    tmp_path: Path, red_backend: "RedBackend"
) -> None:
    """Bus and train both count as car; confusing them with each other costs nothing in camvid-11."""
    cityscapes, camvid = load_palette("cityscapes"), load_palette("camvid-11")
    names = [["bus", "train", "road"], ["rider", "person", "terrain"]]
    predicted = np.array([[cityscapes.index(name) for name in row] for row in names], np.uint8)
    wanted = [["car", "car", "road"], ["bicyclist", "bicyclist", "tree"]]
    truth = np.array([[camvid.index(name) for name in row] for row in wanted], np.uint8)
    write_pair(tmp_path, "a", predicted, truth)
    result = evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks", "camvid-11")
    values = result.to_json()
    assert result.classes == camvid.names
    per_class = {
        name: entry["iou"] for name, entry in values["per_class"].items() if entry["iou"] is not None
    }
    assert per_class == {"car": 1, "road": 1, "tree": 1, "bicyclist": 0.5, "pedestrian": 0}
    assert values["miou"] == pytest.approx(3.5 / 5, abs=1e-9)
    mapped = np.vectorize(lambda number: camvid.index(CAMVID[cityscapes.names[number]]))(predicted)
    check_against_definition(result, [truth], [mapped.astype(np.uint8)])


def test_a_palette_without_any_counterpart_is_refused(tmp_path: Path, red_backend: "RedBackend") -> None:
    palette = tmp_path / "fruit.yaml"
    palette.write_text(
        "name: fruit\nclasses:\n  - {label_id: 0, seg_class: apple, rgb: [255, 0, 0]}\n", encoding="utf-8"
    )
    write_pair(tmp_path, "a", np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
    with pytest.raises(InputError, match="no class of palette cityscapes has a counterpart in fruit"):
        evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks", str(palette))
    with pytest.raises(PaletteError, match="there is no palette 'animals'"):
        evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks", "animals")


def test_what_cannot_be_used_is_said_and_the_rest_counted(tmp_path: Path, red_backend: "RedBackend") -> None:
    square = np.zeros((4, 4), np.uint8)
    for name in ("good", "empty", "coloured", "sizes", "lonely image", "lonely mask"):
        write_pair(tmp_path, name, square, square)
    (tmp_path / "images/empty.png").write_bytes(b"")
    write_image(tmp_path / "masks/coloured.png", np.zeros((4, 4, 3), np.uint8))
    write_image(tmp_path / "masks/sizes.png", np.zeros((4, 5), np.uint8))
    (tmp_path / "masks/lonely image.png").unlink()
    (tmp_path / "images/lonely mask.png").unlink()
    result = evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks")
    assert result.images == 1
    assert result.counts.sum() == 16
    assert set(result.orphans) == {
        str(tmp_path / "images/lonely image.png"), str(tmp_path / "masks/lonely mask.png")
    }  # fmt: skip
    reasons = {Path(path).stem: reason for path, reason in result.skipped}
    assert "is empty" in reasons["empty"]
    assert "holds colours" in reasons["coloured"]
    assert "mask (5, 4) and image (4, 4) differ in size" in reasons["sizes"]


def test_images_and_masks_of_other_suffixes_are_paired(tmp_path: Path, red_backend: "RedBackend") -> None:
    write_pair(tmp_path, "day/a", np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    (tmp_path / "images/day/a.png").unlink()
    write_image(tmp_path / "images/day/a.bmp", np.zeros((4, 4, 3), np.uint8))
    assert evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks").images == 1


def test_instances_beside_the_masks_are_weighed(tmp_path: Path, red_backend: "RedBackend") -> None:
    """Two cars: one of 12 pixels, all hit, and one of 4, all missed; by pixels 3/4 are hit, by cars half."""
    truth = np.zeros((4, 8), np.uint8)
    truth[:3, :4] = truth[:2, 6:] = 13
    predicted = np.where(np.arange(8) < 5, truth, 0).astype(np.uint8)
    write_pair(tmp_path, "a_gtFine_labelTrainIds", predicted, truth)
    instances = np.full((4, 8), 7, np.uint16)
    instances[:3, :4], instances[:2, 6:] = 26001, 26002
    Image.fromarray(instances).save(tmp_path / "masks/a_gtFine_instanceIds.png")
    values = evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks").to_json()
    assert values["per_class"]["car"]["iou"] == pytest.approx(12 / 16)
    assert values["cityscapes"]["iiou"] == pytest.approx(0.5)


def test_without_any_pair_nothing_is_scored(tmp_path: Path, red_backend: "RedBackend") -> None:
    write_pair(tmp_path, "a", np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    (tmp_path / "masks/a.png").rename(tmp_path / "masks/b.png")
    with pytest.raises(InputError, match="has a mask of the same name"):
        evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks")
    with pytest.raises(InputError, match="nowhere is no folder"):
        evaluate_folders(MODEL, tmp_path / "images", tmp_path / "nowhere")


def test_cancelling(tmp_path: Path, red_backend: "RedBackend") -> None:
    write_pair(tmp_path, "a", np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    context = JobContext()
    context.cancel()
    with pytest.raises(Cancelled):
        evaluate_folders(MODEL, tmp_path / "images", tmp_path / "masks", context=context)
    assert red_backend.closed
    assert red_backend.runs == 0
