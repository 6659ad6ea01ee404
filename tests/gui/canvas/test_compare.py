"""Two layers in sight: the split with its divider, the twin beside the canvas, and what both cost."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.modes import Layer, ToolName
from segstudio.gui.canvas.twin import Twin
from tests.gui.canvas.conftest import COLOURS, LEFT, SIZE, Hand, Make, picture, pixels_of

MASK, PREDICTED, OLD = 3, 8, 10


@pytest.fixture
def split(hand: Make) -> Hand:
    """A canvas of one class whose prediction is another one, split in the middle."""
    made = hand(400, 300, value=MASK)
    canvas = made.canvas
    predicted = np.full((300, 400), PREDICTED, np.uint8)
    canvas.set_prediction(predicted, predicted)
    canvas.set_version(np.full((300, 400), OLD, np.uint8))
    canvas.set_opacity(1.0)
    canvas.set_split(0.5, Layer.PREDICTION)
    return made


def seen(canvas: Canvas | Twin) -> NDArray[np.uint8]:
    """The widget's pixels, uint8 [H,W,3]."""
    return pixels_of(canvas.grab().toImage())


def colour(canvas: Canvas | Twin, x: int, y: int = 200) -> list[int]:
    """The colour at a widget pixel."""
    return [int(value) for value in seen(canvas)[y, x]]


def test_each_side_shows_its_layer(split: Hand) -> None:
    canvas = split.canvas
    assert colour(canvas, 100) == COLOURS[MASK].tolist()
    assert colour(canvas, 300) == COLOURS[PREDICTED].tolist()
    canvas.set_layer(Layer.VERSION)
    assert colour(canvas, 100) == COLOURS[OLD].tolist()
    canvas.set_split(0.5, Layer.IMAGE)
    rgb, view = picture(7, 400, 300), canvas.view
    assert colour(canvas, 300) == rgb[200 - view.top, 300 - view.left].tolist()
    canvas.set_split(None, Layer.IMAGE)
    assert colour(canvas, 300) == COLOURS[OLD].tolist()


def test_the_divider_is_dragged_and_paints_nothing(split: Hand) -> None:
    canvas = split.canvas
    shares: list[float] = []
    canvas.split_moved.connect(shares.append)
    canvas.split_moved.connect(lambda share: canvas.set_split(share, Layer.PREDICTION))
    QTest.mouseMove(canvas, QPoint(210, 90))
    assert canvas.cursor().shape() == Qt.CursorShape.SplitHCursor
    QTest.mousePress(canvas, LEFT, pos=QPoint(210, 90))
    for x in (220, 260, 315):
        QTest.mouseMove(canvas, QPoint(x, 90))
    QTest.mouseRelease(canvas, LEFT, pos=QPoint(315, 90))
    assert shares[-1] == pytest.approx(0.75)
    assert colour(canvas, 290) == COLOURS[MASK].tolist()
    assert colour(canvas, 350) == COLOURS[PREDICTED].tolist()
    assert split.edits == []
    QTest.mouseMove(canvas, QPoint(60, 90))
    assert canvas.cursor().shape() == Qt.CursorShape.CrossCursor


def test_a_drag_ends_inside(split: Hand) -> None:
    canvas = split.canvas
    canvas.split_moved.connect(lambda share: canvas.set_split(share, Layer.PREDICTION))
    QTest.mousePress(canvas, LEFT, pos=QPoint(210, 160))
    QTest.mouseMove(canvas, QPoint(-300, 160))
    QTest.mouseRelease(canvas, LEFT, pos=QPoint(-300, 160))
    assert canvas.divider.share is not None
    assert 0 < canvas.divider.column() < 20


def test_whoever_paints_sees_the_whole_mask(split: Hand) -> None:
    canvas = split.canvas
    canvas.stroke_active.connect(canvas.show_whole)
    canvas.set_active_class(0)
    canvas.set_brush_radius(5.0)
    split.press(300, 100)
    assert colour(canvas, 380, 250) == COLOURS[MASK].tolist()
    split.release(310, 100)
    assert colour(canvas, 380, 250) == COLOURS[PREDICTED].tolist()
    assert len(split.edits) == 1


def test_captions_name_both_sides(split: Hand) -> None:
    canvas = split.canvas
    assert canvas.captions.captions() == []
    canvas.set_split(0.5, Layer.VERSION, named=True)
    captions = canvas.captions.captions()
    assert [caption.text for caption in captions] == ["Mask", "Version"]
    assert captions[0].rect.right() < SIZE[0] / 2 < captions[1].rect.left()


# -- twin ----------------------------------------------------------------------------------------------------


@pytest.fixture
def twin(split: Hand, qtbot: QtBot) -> Iterator[Callable[[], Twin]]:
    """Makes a twin of the canvas, of the same size."""
    made: list[Twin] = []

    def make() -> Twin:
        split.canvas.set_split(None, Layer.IMAGE)
        widget = Twin(split.canvas)
        made.append(widget)
        widget.set_layer(Layer.PREDICTION)
        widget.resize(*SIZE)
        widget.show()
        qtbot.waitExposed(widget)
        return widget

    yield make
    for widget in made:
        widget.close()
        widget.deleteLater()


def test_the_twin_shows_another_layer_of_the_same_memory(split: Hand, twin: Callable[[], Twin]) -> None:
    widget = twin()
    assert widget.scene is split.canvas.scene
    assert colour(widget, 200) == COLOURS[PREDICTED].tolist()
    assert colour(split.canvas, 200) == COLOURS[MASK].tolist()
    widget.set_layer(Layer.VERSION)
    assert colour(widget, 200) == COLOURS[OLD].tolist()


def test_both_move_together(split: Hand, twin: Callable[[], Twin]) -> None:
    widget, canvas = twin(), split.canvas
    split.wheel(100, 100, 3)
    assert widget.view == canvas.view
    place = QPointF(60, 80)
    wheel = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    point = canvas.view.to_image(60, 80)
    QApplication.sendEvent(widget, wheel)
    assert canvas.view == widget.view
    assert canvas.view.to_screen(*point) == pytest.approx((60, 80), abs=0.5)
    before = canvas.view
    fingers = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(17, -5), QPoint(136, -40), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.ScrollUpdate, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, fingers)
    assert canvas.view == widget.view == before.moved(17, -5)
    before = canvas.view
    QTest.mousePress(widget, LEFT, pos=QPoint(50, 50))
    QTest.mouseMove(widget, QPoint(73, 41))
    QTest.mouseRelease(widget, LEFT, pos=QPoint(73, 41))
    assert canvas.view == widget.view == before.moved(23, -9)
    assert split.edits == []


def test_the_twin_follows_edits_of_its_layer(split: Hand, twin: Callable[[], Twin]) -> None:
    widget, canvas = twin(), split.canvas
    widget.set_layer(Layer.MASK)
    assert colour(widget, 200, 150) == COLOURS[MASK].tolist()
    canvas.set_tool(ToolName.BRUSH)
    canvas.set_active_class(13)
    view = canvas.view
    split.drag([(200 - view.left, 150 - view.top), (204 - view.left, 150 - view.top)])
    for _ in range(3):
        QApplication.processEvents()
    shown = pixels_of(widget.screen().grabWindow(widget.winId()).toImage())
    assert shown[150, 200].tolist() == COLOURS[13].tolist()


def test_a_cross_shows_where_the_cursor_is(split: Hand, twin: Callable[[], Twin]) -> None:
    widget, canvas = twin(), split.canvas
    widget.pointed.connect(canvas.crosshair.show)
    bare = seen(canvas)
    place = QPointF(150.0, 120.0)
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, widget.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event)
    rows, columns = np.nonzero((seen(canvas) != bare).any(axis=2))
    assert rows.mean() == pytest.approx(120, abs=1)
    assert columns.mean() == pytest.approx(150, abs=1)
    QApplication.sendEvent(widget, QEvent(QEvent.Type.Leave))
    np.testing.assert_array_equal(seen(canvas), bare)


def test_panning_keeps_each_layer_on_its_side(split: Hand) -> None:
    canvas = split.canvas
    for _ in range(3):
        QApplication.processEvents()
    canvas.set_view(canvas.view.moved(60, 0))
    for _ in range(3):
        QApplication.processEvents()
    shown = pixels_of(canvas.screen().grabWindow(canvas.winId()).toImage())
    assert (shown[200, 75:190] == COLOURS[MASK]).all()
    assert (shown[200, 228:400] == COLOURS[PREDICTED]).all()
