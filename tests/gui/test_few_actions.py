"""A frame of Cityscapes' size with 5 wrong regions and 2 shifted borders: what it costs in a real window."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio import images
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, regions_of_class
from segstudio.gui.canvas.modes import ToolName
from segstudio.project.sample import SampleStatus
from segstudio.scenes.street import draw_scene
from tests.gui.conftest import PALETTE, Studio

WRONG, MOST_ACTIONS = 5, 30
# Where the road comes down over the sidewalk below it.
KERB, SHIFTED = 900, (Rect(400, 900, 120, 16), Rect(1300, 900, 160, 20))
DIGITS = [Qt.Key(Qt.Key.Key_0 + digit % 10) for digit in range(1, 11)]
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
Mask = NDArray[np.uint8]


@dataclass
class Hand:
    """A user whose keys and strokes are counted, and whose pointer never leaves the canvas."""

    studio: Studio
    actions: int = 0

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """One key."""
        self.actions += 1
        self.studio.key(key, modifier)

    def point_at(self, x: float, y: float) -> QPoint:
        """Moves the pointer without pressing anything."""
        place = self.studio.point(x, y)
        assert self.studio.canvas.rect().contains(place)
        QTest.mouseMove(self.studio.canvas, place)
        QApplication.processEvents()
        return place

    def stroke(self, *points: tuple[float, float]) -> None:
        """One press, drag and release."""
        self.actions += 1
        first, *rest = (self.point_at(*point) for point in points)
        QTest.mousePress(self.studio.canvas, Qt.MouseButton.LeftButton, pos=first)
        for place in rest:
            QTest.mouseMove(self.studio.canvas, place)
        QTest.mouseRelease(self.studio.canvas, Qt.MouseButton.LeftButton, pos=rest[-1])

    def choose_class(self, class_id: int) -> None:
        """The class's key."""
        slot = self.studio.session.classes.slot(class_id)
        self.key(DIGITS[slot % 10], SHIFT if slot >= 10 else Qt.KeyboardModifier.NoModifier)


def inmost(region: Region) -> tuple[float, float]:
    """The middle of the region's widest place."""
    room = cv2.distanceTransform(np.pad(region.inside, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(room.argmax()), room.shape)
    return region.rect.x + float(column) + 0.5, region.rect.y + float(row) + 0.5


def wrong_regions(truth: Mask) -> list[tuple[Region, int]]:
    """Regions of the truth, each with a class that occurs nowhere, so that it stays a region of its own."""
    absent = [number for number in range(len(PALETTE.names)) if number not in truth]
    found = [
        region
        for class_id in np.unique(truth).tolist()
        if class_id != 255
        for region in regions_of_class(truth, class_id)
        if 2_000 < region.area < 60_000
    ]
    found.sort(key=lambda region: -region.area)
    assert len(found) >= WRONG
    return [(region, absent[number % len(absent)]) for number, region in enumerate(found[:WRONG])]


def spoilt_frame(folder: Path) -> tuple[Mask, Mask, list[tuple[Region, int]]]:
    """Writes the frame with its wrong mask; gives truth, mask and where it is wrong."""
    truth = np.full((1024, 2048), PALETTE.index("building"), np.uint8)
    scene = draw_scene(3, 1024, 2048)
    truth[:] = np.where(scene.mask == 255, truth, scene.mask)
    truth[KERB - 80 : KERB] = PALETTE.index("road")
    truth[KERB:] = PALETTE.index("sidewalk")
    regions = wrong_regions(truth[: KERB - 80])
    mask = truth.copy()
    for region, class_id in regions:
        mask[region.rect.slices][region.inside] = class_id
    for rect in SHIFTED:
        mask[rect.slices] = truth[rect.y - 1, rect.x]
    images.write_image(folder / "frame.png", scene.image)
    images.write_mask(folder / "masks" / "frame.png", mask, PALETTE.colours())
    return truth, mask, regions


def test_five_regions_and_two_borders_cost_few_actions(studio: Studio, tmp_path: Path) -> None:
    truth, mask, regions = spoilt_frame(tmp_path)
    studio.open(tmp_path)
    assert (studio.mask() == mask).all()
    hand = Hand(studio)
    hand.key(Qt.Key.Key_R)
    assert studio.tool() is ToolName.RELABEL
    for region, _ in regions:
        hand.point_at(*inmost(region))
        hand.choose_class(region.class_id)
    hand.key(Qt.Key.Key_L, SHIFT)
    assert studio.tool() is ToolName.EXTEND
    for rect in SHIFTED:
        left, right, top, bottom = rect.x - 1.0, rect.right + 1.0, float(rect.y), rect.bottom + 6.0
        hand.stroke((rect.x + 60, bottom + 30), (left, bottom), (left, top), (right, top), (right, bottom))
    hand.key(Qt.Key.Key_Return, CONTROL)
    studio.settle()
    assert hand.actions <= 12 < MOST_ACTIONS
    for region, _ in regions:
        np.testing.assert_array_equal(studio.mask()[region.rect.slices][region.inside], region.class_id)
    # A pixel on screen is about two of the image here.
    assert np.count_nonzero(studio.mask() != truth) <= 3 * sum(rect.width for rect in SHIFTED)
    assert studio.session.sample is not None
    assert studio.session.sample.status is SampleStatus.SUBMITTED
    studio.settle()
