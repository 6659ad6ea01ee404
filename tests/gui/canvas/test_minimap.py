"""The minimap: there when needed, leads where it is clicked, out of the way of strokes; names on regions."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.gui.canvas.names import spots
from segstudio.gui.canvas.view import View
from tests.gui.canvas.conftest import COLOURS, LEFT, SIZE, Hand, Make, picture, pixels_of


@pytest.fixture
def large(hand: Make) -> Hand:
    """An image four times as large as the canvas, at 100 %, its corner in sight."""
    made = hand(840, 640, value=3)
    made.canvas.set_minimap(True)
    made.canvas.set_view(View(1.0, 0, 0))
    return made


def test_it_is_there_only_while_the_image_is_larger_than_the_view(large: Hand) -> None:
    minimap = large.canvas.minimap
    assert minimap.rect().size().width() == 170
    large.canvas.fit()
    assert minimap.rect().isEmpty()
    large.canvas.zoom_to(2.0)
    assert not minimap.rect().isEmpty()
    large.canvas.set_minimap(False)
    assert minimap.rect().isEmpty()


class Paints(QObject):
    """Counts how often a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return super().eventFilter(watched, event)


def test_what_is_shown_already_is_not_painted_again(large: Hand) -> None:
    large.canvas.settle()
    for _ in range(3):
        QApplication.processEvents()
    paints = Paints(large.canvas)
    for shown, painted in ((True, 0), (False, 1), (False, 1), (True, 2)):
        large.canvas.set_minimap(shown)
        QApplication.processEvents()
        assert paints.count == painted


def test_it_shows_image_and_labels(large: Hand) -> None:
    canvas = large.canvas
    large.mask[:320] = 8
    canvas.set_opacity(1.0)
    canvas.settle()
    rect = canvas.minimap.rect()
    shown = pixels_of(canvas.grab().toImage())
    # The right half of the thumbnail lies outside of the frame and is darkened.
    upper, lower = shown[rect.y() + 40, rect.right() - 20], shown[rect.bottom() - 20, rect.right() - 20]
    assert np.abs(upper - COLOURS[8] * (145 / 255)).max() <= 2
    assert np.abs(lower - COLOURS[3] * (145 / 255)).max() <= 2


def test_a_click_goes_there_and_a_drag_takes_the_view_along(large: Hand) -> None:
    canvas = large.canvas
    picture_rect = canvas.minimap.rect().adjusted(1, 13, -1, -1)
    middle = QPointF(picture_rect.center()).toPoint()
    far = QPoint(picture_rect.right() - 30, picture_rect.bottom() - 30)
    QTest.mousePress(canvas, LEFT, pos=far)
    x = (far.x() - picture_rect.x()) / picture_rect.width() * 840
    y = (far.y() - picture_rect.y()) / picture_rect.height() * 640
    assert canvas.view.to_image(SIZE[0] / 2, SIZE[1] / 2) == pytest.approx((x, y), abs=3)
    QTest.mouseMove(canvas, middle)
    QTest.mouseRelease(canvas, LEFT, pos=middle)
    assert canvas.view.to_image(SIZE[0] / 2, SIZE[1] / 2) == pytest.approx((420, 320), abs=6)
    assert large.edits == []
    assert canvas.view.scale == 1.0


def test_the_frame_is_taken_where_it_is_held(large: Hand) -> None:
    canvas = large.canvas
    picture_rect = canvas.minimap.rect().adjusted(1, 13, -1, -1)
    grabbed = QPoint(picture_rect.x() + 20, picture_rect.y() + 20)
    QTest.mousePress(canvas, LEFT, pos=grabbed)
    assert canvas.view == View(1.0, 0, 0)
    QTest.mouseMove(canvas, grabbed + QPoint(10, 0))
    assert canvas.view.left == pytest.approx(-50, abs=3)
    assert canvas.view.top == pytest.approx(0, abs=3)
    QTest.mouseRelease(canvas, LEFT, pos=grabbed)


def test_its_bar_moves_it_to_another_corner(large: Hand) -> None:
    canvas = large.canvas
    bar = canvas.minimap.rect().topLeft() + QPoint(80, 5)
    QTest.mousePress(canvas, LEFT, pos=bar)
    QTest.mouseMove(canvas, QPoint(120, 40))
    assert canvas.minimap.rect().topLeft() == QPoint(40, 35)
    QTest.mouseRelease(canvas, LEFT, pos=QPoint(120, 40))
    assert canvas.minimap.rect().topLeft() == QPoint(12, 12)
    assert canvas.view == View(1.0, 0, 0)


def test_it_fades_while_somebody_paints_there(large: Hand) -> None:
    canvas = large.canvas
    canvas.set_opacity(1.0)
    rect = canvas.minimap.rect()
    large.press(50, 50)
    middle = rect.center()
    before = pixels_of(canvas.grab().toImage())[middle.y(), middle.x()]
    large.move(middle.x(), middle.y())
    painted = pixels_of(canvas.grab().toImage())[middle.y(), middle.x()]
    assert np.abs(painted.astype(int) - COLOURS[canvas.active_class]).max() < 60
    assert np.abs(before.astype(int) - COLOURS[canvas.active_class]).max() > 60
    large.release(middle.x(), middle.y())
    assert canvas.minimap.holds(QPointF(middle))
    assert len(large.edits) == 1


def test_scrolled_pixels_do_not_smear_it(large: Hand) -> None:
    canvas = large.canvas
    canvas.set_overlay_visible(False)
    canvas.grab()
    for _ in range(3):
        canvas.set_view(canvas.view.moved(-9, -4))
    rect = canvas.minimap.rect()
    seen = pixels_of(canvas.grab().toImage())
    rgb = picture(7, 840, 640)
    beside = seen[rect.y() - 40 : rect.y(), rect.x() : rect.right()]
    wanted = rgb[rect.y() - 40 + 12 : rect.y() + 12, rect.x() + 27 : rect.right() + 27]
    np.testing.assert_array_equal(beside, wanted)


def test_names_stand_in_the_middle_of_large_regions() -> None:
    labels = np.full((100, 200), 255, np.uint8)
    labels[10:60, 20:90] = 4
    labels[70:74, 100:104] = 5
    labels[20:90, 120:190] = 7
    found = spots(labels)
    assert [entry[0] for entry in found] == [7, 4]
    assert abs(found[0][1] - 155) <= 2
    assert abs(found[0][2] - 55) <= 2
    assert found[0][3] == pytest.approx(35, abs=1.5)


def test_names_are_written_on_the_canvas(hand: Make) -> None:
    made = hand(400, 300, value=3)
    canvas = made.canvas
    canvas.set_class_names({3: "wall"}, 3)
    before = pixels_of(canvas.grab().toImage())
    canvas.set_names(True)
    after = pixels_of(canvas.grab().toImage())
    rows, columns = np.nonzero((after != before).any(axis=2))
    assert columns.mean() == pytest.approx(SIZE[0] / 2, abs=12)
    assert rows.mean() == pytest.approx(SIZE[1] / 2, abs=12)
    canvas.set_hidden(frozenset({3}))
    canvas.settle()
    assert canvas.names.rect().isEmpty()
