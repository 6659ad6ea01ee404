"""Pins on the canvas: where they are, what they take of the mouse, and that repainting leaves no trace."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.annotation.mask import MaskDocument
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.pins import LIFT, Pin
from segstudio.gui.canvas.view import View
from tests.gui.canvas.conftest import COLOURS, LEFT, SIZE, picture, pixels_of

RGB = picture(3, 200, 150)
PINS = (Pin(7, 1, 60.5, 40.5), Pin(8, 2, 64.5, 44.5, chosen=True), Pin(9, 3, 150.5, 120.5, resolved=True))


@pytest.fixture
def canvas(qtbot: QtBot) -> Iterator[Canvas]:
    """A shown canvas with an image, a mask and three pins, two of them close together."""
    made = Canvas()
    made.resize(*SIZE)
    made.set_image(RGB)
    made.set_document(MaskDocument(np.zeros(RGB.shape[:2], np.uint8)))
    made.set_colours(COLOURS)
    made.show()
    qtbot.waitExposed(made)
    made.set_view(View(2.0, 8, 8))
    made.set_pins(PINS)
    yield made
    made.close()
    made.deleteLater()


def on_screen(canvas: Canvas) -> NDArray[np.uint8]:
    for _ in range(3):
        QApplication.processEvents()
    return pixels_of(canvas.screen().grabWindow(canvas.winId()).toImage())


def test_a_pin_stands_on_its_place(canvas: Canvas) -> None:
    box = canvas.pins.box(PINS[0])
    x, y = canvas.view.to_screen(60.5, 40.5)
    assert box.contains(QPointF(x, y).toPoint())
    assert canvas.pins.at(QPointF(x, y - LIFT)) == PINS[0]
    assert canvas.pins.at(QPointF(x, y + 2)) is None
    assert canvas.pins.rect().contains(box)


def test_the_pin_in_front_is_pressed(canvas: Canvas) -> None:
    pressed: list[int] = []
    canvas.pin_pressed.connect(pressed.append)
    for pin in PINS:
        x, y = canvas.view.to_screen(pin.x, pin.y)
        QTest.mouseClick(canvas, LEFT, pos=QPointF(x - 4, y - LIFT - 2).toPoint())
    assert pressed == [7, 8, 9]
    middle = QPointF(*canvas.view.to_screen(62.5, 42.5)) - QPointF(0, LIFT)
    QTest.mouseClick(canvas, LEFT, pos=middle.toPoint())
    assert pressed[-1] == 8
    QTest.mouseClick(canvas, Qt.MouseButton.RightButton, pos=middle.toPoint())
    assert len(pressed) == 4


def test_without_an_image_there_are_none(canvas: Canvas) -> None:
    place = QPointF(*canvas.view.to_screen(60.5, 40.5)) - QPointF(0, LIFT)
    canvas.set_image(None)
    assert canvas.pins.rect() == QRect()
    assert not canvas.pins.holds(place)


def test_moving_and_changing_pins_leaves_what_a_whole_repaint_would_draw(canvas: Canvas) -> None:
    steps: tuple[Callable[[], object], ...] = (
        lambda: canvas.set_view(canvas.view.moved(30, 10)),
        lambda: canvas.set_view(canvas.view.moved(-250, -60)),
        lambda: canvas.set_pins(PINS[:1]),
        lambda: canvas.set_view(canvas.view.moved(200, 45)),
        lambda: canvas.set_pins(()),
        lambda: canvas.set_pins(PINS),
        lambda: canvas.set_view(View(3.3, -100, -40)),
    )
    for step in steps:
        step()
        shown = on_screen(canvas)
        canvas.update()
        np.testing.assert_array_equal(shown, on_screen(canvas))
