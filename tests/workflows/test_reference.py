"""The published figures that ship are all there, each with its source and protocol."""

import pytest

from segstudio.annotation.palette import load_palette
from segstudio.workflows.reference import load_reference

PLATFORMS = [
    "Orin Nano", "Orin NX 16GB", "AGX Orin 64GB", "A2", "T4", "A30", "L4", "L40", "A100", "H100",
]  # fmt: skip
# Frames per second by platform, then batch sizes, as the cards print them.
SPEEDS = {
    "CitySemSegFormer MiT-B5": (
        [1.36, 1.9, 4.8, 5.8, 9.4, 29.3, 17.8, 47.3, 62.2, 108],
        [1, 1, 1, 1, 1, 4, 1, 1, 8, 8],
    ),
    "CitySemSegFormer FAN-B-Hybrid": (
        [1.2, 1.78, 4.4, 4.4, 7.3, 23.7, 15.7, 40.9, 50.4, 89.5],
        [1, 1, 1, 1, 1, 4, 1, 1, 8, 8],
    ),
    "PeopleSemSegFormer FAN-B-Hybrid": (
        [6.6, 9.7, 24.2, 23.3, 39.6, 116.8, 83.4, 210, 254, 454],
        [1, 1, 1, 1, 4, 8, 1, 2, 32, 32],
    ),
}


def test_the_city_card_has_all_nineteen_classes() -> None:
    card = load_reference().for_palette("cityscapes")[0]
    assert list(card.iou) == list(load_palette("cityscapes").names)
    assert card.iou["train"] == pytest.approx(0.032)
    # The mean of the 19 printed values; the card states none.
    assert card.miou * 100 == pytest.approx(59.96, abs=0.005)
    assert "300 images" in card.protocol


def test_the_people_card_has_its_four_rows() -> None:
    (card,) = load_reference().scenarios
    assert card.iou == pytest.approx({"5 ft": 0.9186, "10 ft": 0.914, "20 ft": 0.897, "office": 0.9701})
    assert card.palette == "people"
    assert "300 images" in card.protocol


def test_every_platform_of_every_speed_table_is_there() -> None:
    speeds = load_reference().speed
    assert list(dict.fromkeys(row.name for row in speeds)) == list(SPEEDS)
    for name, (fps, batches) in SPEEDS.items():
        rows = [row for row in speeds if row.name == name]
        assert [row.platform for row in rows] == PLATFORMS
        assert [row.fps for row in rows] == fps
        assert [row.batch for row in rows] == batches
        assert all("trtexec" in row.protocol and row.source for row in rows)
