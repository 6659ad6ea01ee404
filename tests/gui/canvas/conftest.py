"""A canvas on its own, and a hand that works it by real events at image coordinates."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.palette import load_palette
from segstudio.gui.canvas.canvas import Canvas

COLOURS = load_palette("cityscapes").colours()
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NONE = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SIZE = (420, 320)
IGNORE = 255
Points = list[tuple[float, float]]
TRIANGLE: Points = [(60.3, 40.2), (140.6, 60.4), (80.1, 120.7)]


def picture(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """Noise uint8 [H,W,3]."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """A copy of an image's pixels, uint8 [H,W,3] RGB."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def distance(shape: tuple[int, ...], points: Points) -> NDArray[np.float64]:
    """Distance of every pixel centre from a polyline."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    best = np.full(shape, np.inf)
    for (x0, y0), (x1, y1) in zip(points[:-1] or points, points[1:] or points, strict=True):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        along = np.zeros(shape)
        if length:
            along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
        best = np.minimum(best, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return best


def check_stroke(mask: NDArray[np.uint8], points: Points, radius: float, value: int, before: int) -> None:
    """The mask holds `value` within the radius of the way and what was before elsewhere."""
    away = distance(mask.shape, points)
    # Pixels on the very rim may fall either way: screen points go through floats.
    assert (mask[away < radius - 1e-3] == value).all()
    assert (mask[away > radius + 1e-3] == before).all()
    assert (mask == value).any()


def inside_polygon(shape: tuple[int, ...], points: Points) -> NDArray[np.bool_]:
    """Pixel centres inside by counting crossings to the right, one pixel at a time."""
    result = np.zeros(shape, bool)
    for row in range(shape[0]):
        for column in range(shape[1]):
            x, y, inside = column + 0.5, row + 0.5, False
            for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
                if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                    inside = not inside
            result[row, column] = inside
    return result


def patchwork(seed: int, width: int, height: int, classes: int = 4) -> NDArray[np.uint8]:
    """Patches of classes 0.., 5 pixels wide, uint8 [H,W]."""
    small = np.random.default_rng(seed).integers(0, classes, (height // 5 + 1, width // 5 + 1), np.uint8)
    return np.kron(small, np.ones((5, 5), np.uint8))[:height, :width].astype(np.uint8)


class Hand:
    """Sends what a mouse sends; points are image coordinates, wheels are at screen points."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.buttons = Qt.MouseButton.NoButton
        self.edits: list[Edit] = []
        self.strokes: list[bool] = []
        self.picked: list[int] = []
        self.said: list[str] = []
        self.hovered: list[tuple[int, int]] = []
        canvas.edited.connect(self.edits.append)
        canvas.stroke_active.connect(self.strokes.append)
        canvas.class_picked.connect(self.picked.append)
        canvas.status_text.connect(self.said.append)
        canvas.hovered.connect(lambda x, y: self.hovered.append((x, y)))

    def screen(self, x: float, y: float) -> QPointF:
        """Where an image point is on the widget."""
        ratio = self.canvas.devicePixelRatioF()
        left, top = self.canvas.view.to_screen(x, y)
        return QPointF(left / ratio, top / ratio)

    def _send(
        self, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, modifier: Qt.KeyboardModifier
    ) -> None:
        whole = self.canvas.mapToGlobal(place)
        event = QMouseEvent(kind, place, whole, button, self.buttons, modifier)
        QApplication.sendEvent(self.canvas, event)

    def press(
        self, x: float, y: float, button: Qt.MouseButton = LEFT, modifier: Qt.KeyboardModifier = NONE
    ) -> None:
        """Holds a button down."""
        self.buttons |= button
        self._send(QEvent.Type.MouseButtonPress, self.screen(x, y), button, modifier)

    def double(self, x: float, y: float, modifier: Qt.KeyboardModifier = NONE) -> None:
        """The press that Qt sends in place of the second one of a double click, and its release."""
        self.buttons |= LEFT
        self._send(QEvent.Type.MouseButtonDblClick, self.screen(x, y), LEFT, modifier)
        self.release(x, y)

    def move(self, x: float, y: float, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Moves, with whatever buttons are held."""
        self.move_on_screen(self.screen(x, y), modifier)

    def move_on_screen(self, place: QPointF, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Moves to a point of the widget."""
        self._send(QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, modifier)

    def release(
        self, x: float, y: float, button: Qt.MouseButton = LEFT, modifier: Qt.KeyboardModifier = NONE
    ) -> None:
        """Lets a button go."""
        self.buttons &= ~button
        self._send(QEvent.Type.MouseButtonRelease, self.screen(x, y), button, modifier)

    def click(
        self, x: float, y: float, button: Qt.MouseButton = LEFT, modifier: Qt.KeyboardModifier = NONE
    ) -> None:
        """Press and release at one place."""
        self.move(x, y, modifier)
        self.press(x, y, button, modifier)
        self.release(x, y, button, modifier)

    def drag(
        self,
        points: list[tuple[float, float]],
        button: Qt.MouseButton = LEFT,
        modifier: Qt.KeyboardModifier = NONE,
    ) -> None:
        """A gesture through points."""
        self.press(*points[0], button, modifier)
        for point in points[1:]:
            self.move(*point, modifier)
        self.release(*points[-1], button, modifier)

    def wheel(self, x: float, y: float, notches: float, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Turns the wheel at a widget point."""
        place = QPointF(x, y)
        event = QWheelEvent(
            place, self.canvas.mapToGlobal(place), QPoint(), QPoint(0, round(120 * notches)),
            self.buttons, modifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(self.canvas, event)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        """Taps a key."""
        QTest.keyClick(self.canvas, key, modifier)

    @property
    def mask(self) -> NDArray[np.uint8]:
        """The document's own pixels."""
        assert self.canvas.document is not None
        return self.canvas.document.array


Make = Callable[..., Hand]


@pytest.fixture
def hand(qtbot: QtBot) -> Iterator[Make]:
    """Makes a shown canvas on an image of noise and a mask of one value; closed afterwards."""
    made: list[Canvas] = []

    def make(width: int = 200, height: int = 150, value: int = 255, scale: float = 1.0) -> Hand:
        canvas = Canvas()
        made.append(canvas)
        canvas.resize(*SIZE)
        canvas.show()
        qtbot.waitExposed(canvas)
        canvas.set_colours(COLOURS)
        canvas.set_image(picture(7, width, height))
        canvas.set_document(MaskDocument(np.full((height, width), value, np.uint8)))
        canvas.fit()
        canvas.zoom_to(scale)
        return Hand(canvas)

    yield make
    for canvas in made:
        canvas.close()
        canvas.deleteLater()
