"""The confusion view: cells, lists, hover texts and the questions that a click asks."""

import csv

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.gui.dashboards.classes_view import ClassesView
from segstudio.gui.dashboards.confusion_view import ConfusionView
from segstudio.gui.dashboards.heat_map import LEAST_CELL, HeatMap, mixed
from tests.gui.conftest import CAR, PALETTE, SKY
from tests.gui.dashboards.desk import BUS, CLASSES, Desk, store_evaluations, texts


def confusion(desk: Desk) -> ConfusionView:
    """The view, on screen, of the two samples of which one calls a car a bus."""
    view = desk.page("classes")
    assert isinstance(view, ClassesView)
    store_evaluations(desk)
    QTest.mouseClick(view.parts.buttons["confusion"], Qt.MouseButton.LeftButton)
    desk.settle()
    assert view.confusion.isVisible()
    return view.confusion


def cell(view: ConfusionView, truth: int, predicted: int) -> str:
    cells = view.map.cells
    row, column = cells.place(truth), cells.place(predicted)
    assert row is not None
    assert column is not None
    return str(cells.index(row, column).data())


def test_only_classes_that_occur_have_a_row(opened: Desk) -> None:
    view = confusion(opened)
    assert view.map.cells.rowCount() == 4
    assert view.map.cells.columnCount() == 5
    assert view.map.cells.place(PALETTE.index("train")) is None
    assert f"left out: {CLASSES - 4}" in view.note.text()


def test_cells_are_shares_of_masks_predictions_or_pixels(opened: Desk) -> None:
    view = confusion(opened)
    assert (cell(view, CAR, CAR), cell(view, CAR, BUS), cell(view, CAR, SKY)) == ("50", "50", "")
    QTest.mouseClick(view.wholes.buttons["column"], Qt.MouseButton.LeftButton)
    assert (cell(view, CAR, CAR), cell(view, CAR, BUS)) == ("100", "100")
    QTest.mouseClick(view.wholes.buttons["pixels"], Qt.MouseButton.LeftButton)
    assert (cell(view, CAR, CAR), cell(view, SKY, SKY)) == ("480", "6k")


def test_a_cell_tells_counts_and_shares(opened: Desk) -> None:
    view = confusion(opened)
    cells = view.map.cells
    row, column = cells.place(CAR), cells.place(BUS)
    assert row is not None
    assert column is not None
    tip = cells.index(row, column).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "car called bus: 480 pixels, 50.0 % of car, 100.0 % of what is called bus"


def test_a_click_on_a_wrong_cell_asks_for_its_regions(opened: Desk) -> None:
    view = confusion(opened)
    asked = QSignalSpy(view.asked)
    cells, heat = view.map.cells, view.map
    row, column = cells.place(CAR), cells.place(BUS)
    assert row is not None
    assert column is not None
    wrong, right = cells.index(row, column), cells.index(row, row)
    QTest.mouseClick(heat.viewport(), Qt.MouseButton.LeftButton, pos=heat.visualRect(right).center())
    assert asked.count() == 0
    QTest.mouseClick(heat.viewport(), Qt.MouseButton.LeftButton, pos=heat.visualRect(wrong).center())
    QTest.keyClick(heat, Qt.Key.Key_Return)
    assert [asked.at(number)[0] for number in range(asked.count())] == ["gt=car pred=bus"] * 2
    assert view.class_choice.currentText() == "car"


def test_the_lists_are_the_row_and_the_column_of_the_chosen_class(opened: Desk) -> None:
    view = confusion(opened)
    view.class_choice.setCurrentText("car")
    view.class_choice.activated.emit(view.class_choice.currentIndex())
    assert view.row_pairs.title.text() == "What car was called"
    assert [texts(view.row, column) for column in range(3)] == [
        ["car", "bus"],
        ["50.0 %", "50.0 %"],
        ["480", "480"],
    ]
    assert texts(view.column, 0) == ["car"]
    asked = QSignalSpy(view.asked)
    view.row.selectRow(1)
    QTest.keyClick(view.row, Qt.Key.Key_Return)
    # What is right has no error segments.
    view.row.selectRow(0)
    QTest.keyClick(view.row, Qt.Key.Key_Return)
    assert [asked.at(number)[0] for number in range(asked.count())] == ["gt=car pred=bus"]


def test_the_class_that_costs_most_is_shown_first_and_a_choice_stays(opened: Desk) -> None:
    view = confusion(opened)
    assert view.class_choice.currentText() == "bus"
    view.map.choose(SKY)
    store_evaluations(opened, is_right=True)
    assert view.class_choice.currentText() == "sky"
    assert texts(view.row, 1) == ["100.0 %"]


def test_all_counts_can_be_copied(opened: Desk) -> None:
    view = confusion(opened)
    QGuiApplication.clipboard().setText(view.to_csv())
    rows = list(csv.reader(QGuiApplication.clipboard().text().splitlines()))
    assert rows[0][1:] == [*PALETTE.names, "no class"]
    assert (rows[1 + CAR][1 + CAR], rows[1 + CAR][1 + BUS]) == ("480", "480")


def test_150_classes_keep_readable_cells_and_their_heads(qtbot: QtBot) -> None:
    heat = HeatMap()
    qtbot.addWidget(heat)
    heat.resize(700, 600)
    heat.show()
    counts = np.random.default_rng(0).integers(1, 99, (150, 151)).astype(np.int64)
    heat.cells.show_counts(counts, tuple(f"class {number}" for number in range(150)), np.arange(150))
    QApplication.processEvents()
    assert heat.horizontalHeader().sectionSize(0) == LEAST_CELL
    heat.choose(149)
    QTest.keyClick(heat, Qt.Key.Key_Right)
    assert heat.cells.pair(heat.currentIndex()) == (149, 150)
    assert heat.rowAt(heat.viewport().height() - LEAST_CELL) == 149
    assert heat.horizontalHeader().height() > 30
    heat.grab()


def test_colours_are_mixed() -> None:
    black, red = QColor("#000000"), QColor("#c80000")
    assert mixed(black, red, 0.5) == QColor("#640000")
    assert mixed(black, red, 7) == red
