"""Cityscapes' rules on a mask of sixteen pixels, with every score worked out by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, load_palette, mapping
from segstudio.errors import MaskError
from segstudio.metrics.cityscapes import (
    MEAN_SIZES,
    CityscapesScores,
    cityscapes_scores,
    instance_rules,
    instances_beside,
)
from segstudio.metrics.evaluation import stack_measures
from segstudio.metrics.measures import measure_image

TRUTH = np.array([[7, 7, 8, 8], [26, 26, 26, 26], [0, 0, 4, 29], [24, 24, 25, 25]], np.uint8)
PREDICTED = np.array([[7, 8, 8, 29], [26, 29, 27, 26], [26, 7, 8, 26], [24, 25, 25, 11]], np.uint8)
INSTANCES = np.array(
    [[7, 7, 8, 8], [26000, 26000, 26000, 26001], [0, 0, 4, 29000], [24000, 24000, 25000, 25000]], np.int32
)


def scored(
    palette: Palette, truth: NDArray[np.uint8], predicted: NDArray[np.uint8], *, instances: bool
) -> CityscapesScores:
    measures = measure_image(
        truth,
        predicted,
        palette.count,
        instances=INSTANCES if instances else None,
        rules=instance_rules(palette.names),
    )
    groups = [entry.group for entry in palette.classes]
    found = cityscapes_scores(stack_measures(palette.name, palette.names, groups, [("a", measures)]))
    assert found is not None
    return found


def in_train_ids(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return mapping(load_palette("cityscapes-34"), load_palette("cityscapes"))[mask]


@pytest.mark.parametrize("ids", ["label", "train"])
def test_class_and_category_scores(ids: str) -> None:
    if ids == "label":
        found = scored(load_palette("cityscapes-34"), TRUTH, PREDICTED, instances=False)
    else:
        palette = load_palette("cityscapes")
        found = scored(palette, in_train_ids(TRUTH), in_train_ids(PREDICTED), instances=False)
    # road 1/2, sidewalk 1/3, building 0, person 1/2, rider 1/3, car 1/2, truck 0; twelve are absent.
    assert found.miou == pytest.approx(13 / 42)
    present = {name: iou for name, iou in found.category_iou.items() if not np.isnan(iou)}
    assert present == pytest.approx({"flat": 3 / 4, "construction": 0, "human": 3 / 4, "vehicle": 3 / 4})
    assert len(found.category_iou) == 7
    assert found.category_miou == pytest.approx(9 / 16)
    assert found.iiou is None
    assert found.class_iious is None


@pytest.mark.parametrize(("ids", "vehicle"), [("label", 2), ("train", 2 - 1 / 3)])
def test_instance_scores(ids: str, vehicle: float) -> None:
    if ids == "label":
        found = scored(load_palette("cityscapes-34"), TRUTH, PREDICTED, instances=True)
    else:
        palette = load_palette("cityscapes")
        found = scored(palette, in_train_ids(TRUTH), in_train_ids(PREDICTED), instances=True)
    person, rider, car = MEAN_SIZES["person"], MEAN_SIZES["rider"], MEAN_SIZES["car"]
    assert found.class_iious is not None
    assert found.category_iious is not None
    present = {name: iou for name, iou in found.class_iious.items() if not np.isnan(iou)}
    # A car of three pixels with one hit, one of a single pixel with one hit; one rider pixel too many.
    expected = {"person": 1 / 2, "rider": (rider / 2) / (rider + 1), "car": 2 / 3, "truck": 0}
    assert present == pytest.approx(expected)
    assert found.iiou == pytest.approx(sum(expected.values()) / 4)
    # The caravan on a car is a vehicle, the caravan on the sidewalk one too many; train ids know neither.
    false = 1 if ids == "label" else 0
    assert found.category_iious == pytest.approx(
        {
            "human": (person + rider / 2) / (person + rider),
            "vehicle": vehicle * car / (2 * car + false),
        }
    )
    assert found.category_iiou == pytest.approx(sum(found.category_iious.values()) / 2)


def test_one_image_without_instances_leaves_no_instance_scores() -> None:
    palette = load_palette("cityscapes-34")
    rules = instance_rules(palette.names)
    rows = [
        ("a", measure_image(TRUTH, PREDICTED, 34, instances=INSTANCES, rules=rules)),
        ("b", measure_image(TRUTH, PREDICTED, 34)),
    ]
    found = cityscapes_scores(stack_measures("cityscapes-34", palette.names, [""] * 34, rows))
    assert found is not None
    assert found.iiou is None
    assert found.miou == pytest.approx(13 / 42)


def test_other_classes_have_no_official_scores() -> None:
    rows = [("a", measure_image(TRUTH, TRUTH, 2))]
    assert cityscapes_scores(stack_measures("own", ["road", "sky"], ["", ""], rows)) is None
    assert instance_rules(["road", "sky"]) is None


def test_instance_maps_lie_beside_masks(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a_gtFine_instanceIds.png"), INSTANCES.astype(np.uint16))
    for ending in ("labelIds", "labelTrainIds"):
        found = instances_beside(tmp_path / f"a_gtFine_{ending}.png")
        assert found is not None
        assert found.dtype == np.int32
        assert np.array_equal(found, INSTANCES)
    assert instances_beside(tmp_path / "b_gtFine_labelIds.png") is None
    assert instances_beside(tmp_path / "a.png") is None


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_damaged_instance_map_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a_instanceIds.png").write_bytes(content)
    with pytest.raises(MaskError, match=r"a_instanceIds\.png"):
        instances_beside(tmp_path / "a_labelIds.png")
