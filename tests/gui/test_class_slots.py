"""Classes are put on other keys by dragging and by keys; the order stays with the project."""

from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.class_state import ClassState
from segstudio.project.project import Project
from tests.gui.conftest import CAR, PALETTE, ROAD, Studio, fill_folder

LEFT, NONE, ALT = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.AltModifier


def move(widget: QWidget, point: QPoint) -> None:
    """A mouse move with the left button down."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(point),
        widget.mapToGlobal(QPointF(point)),
        NONE,
        LEFT,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)


def drag(studio: Studio, row: int, target: QPoint) -> None:
    view = studio.window.editor.classes.view
    box = view.visualRect(view.model().index(row, 0))
    start = QPoint(box.left() + 80, box.center().y())
    QTest.mousePress(view.viewport(), LEFT, pos=start)
    move(view.viewport(), start + QPoint(0, 20))
    move(view.viewport(), target)
    QTest.mouseRelease(view.viewport(), LEFT, pos=target)


def middle(studio: Studio, row: int, below: int = 0) -> QPoint:
    view = studio.window.editor.classes.view
    box = view.visualRect(view.model().index(row, 0))
    return QPoint(box.left() + 80, box.center().y() + below)


def test_a_dragged_class_changes_its_key_and_nothing_else(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    classes, before = studio.session.classes, studio.mask().copy()
    drag(studio, 2, middle(studio, 0, -8))
    assert classes.slots[:3] == (2, 0, 1)
    assert classes.active == 0
    assert studio.window.editor.classes.model.drop is None
    studio.key(Qt.Key.Key_1)
    assert classes.active == 2
    drag(studio, 0, middle(studio, 4, 8))
    assert classes.slots[:5] == (0, 1, 3, 4, 2)
    assert (studio.mask() == before).all()


def test_dropped_below_all_a_class_is_the_last(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    view = studio.window.editor.classes.view
    view.scrollToBottom()
    drag(studio, 10, QPoint(80, view.viewport().height() - 2))
    order = studio.session.classes.slots
    assert sorted(order) == list(range(19))
    assert order.index(10) > 10


def test_a_click_is_no_drag(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    view = studio.window.editor.classes.view
    QTest.mouseClick(view.viewport(), LEFT, pos=middle(studio, 3))
    assert studio.session.classes.active == 3
    assert studio.session.classes.slots == tuple(range(19))


def test_the_order_stays_with_the_project(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_Down, ALT)
    studio.key(Qt.Key.Key_Down, ALT)
    assert studio.session.classes.slots[:3] == (1, 2, ROAD)
    studio.settle()
    studio.session.close_project()
    studio.settle()
    studio.open(folder)
    assert studio.session.classes.slots[:3] == (1, 2, ROAD)
    assert studio.window.editor.classes.model.data(studio.window.editor.classes.model.index(0)) == "sidewalk"
    studio.window.actions_by_id["class.reset_order"].trigger()
    studio.settle()
    assert not list((folder / ".segstudio").glob("slots*"))


def test_of_many_moves_the_last_order_alone_is_written(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(folder)
    written: list[tuple[int, ...]] = []
    monkeypatch.setattr(Project, "set_slots", lambda _, order: written.append(tuple(order)))
    gate = Event()
    studio.session.bridge.start("Hold the lane", lambda _: gate.wait(), lane="project")
    for _ in range(5):
        studio.key(Qt.Key.Key_Down, ALT)
    gate.set()
    studio.settle()
    assert written == [studio.session.classes.slots]
    assert studio.session.classes.slot(ROAD) == 5


def test_slots_of_more_than_twenty_classes(studio: Studio, tmp_path: Path) -> None:
    studio.open(fill_folder(tmp_path / "many", masks=0), "ade20k-150")
    classes = studio.session.classes
    classes.move(149, 1)
    studio.key(Qt.Key.Key_2)
    assert classes.active == 149
    QTest.keyClick(studio.canvas, Qt.Key.Key_0, Qt.KeyboardModifier.ShiftModifier)
    assert classes.slot(classes.active) == 19
    classes.step(1)
    assert classes.slot(classes.active) == 20


def test_a_slot_without_a_class_relabels_nothing(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_R)
    assert studio.tool() is ToolName.RELABEL
    QTest.mouseMove(studio.canvas, studio.point(30, 50))
    before = studio.mask().copy()
    studio.window.link.choose_slot(19)
    assert (studio.mask() == before).all()


@pytest.mark.parametrize(("slot", "lands"), [(-5, 0), (0, 0), (18, 18), (99, 18)])
def test_moves_are_clipped(slot: int, lands: int) -> None:
    classes = ClassState()
    classes.set_palette(PALETTE)
    classes.move(4, slot)
    assert classes.slot(4) == lands
    assert sorted(classes.slots) == list(range(19))
