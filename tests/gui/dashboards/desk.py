"""A Session with a drawn project and its dashboards, for the tests of all of them."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QTableView, QWidget
from pytestqt.qtbot import QtBot

from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.pages import DASHBOARDS
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.metrics.sample_evaluation import evaluate_sample
from segstudio.project.sample import Changes
from tests.gui.conftest import CAR, PALETTE, WAIT_MS, predicted_mask

Counts = NDArray[np.int64]
CLASSES = PALETTE.count
BUS = PALETTE.index("bus")


class Desk:
    """A Session with a project, and its dashboards; the window around them is tested elsewhere."""

    def __init__(self, session: Session, themes: ThemeSwitch, qtbot: QtBot) -> None:
        self.session, self.themes, self.qtbot = session, themes, qtbot
        self.pages: dict[str, QWidget] = {}

    def settle(self) -> None:
        """Until no Job runs."""
        self.qtbot.waitUntil(self.session.bridge.is_idle, timeout=WAIT_MS)
        QApplication.processEvents()

    def page(self, name: str) -> QWidget:
        """A dashboard on screen."""
        if name not in self.pages:
            make = next(dashboard.make for dashboard in DASHBOARDS if dashboard.id == name)
            self.pages[name] = make(self.session)
            self.qtbot.addWidget(self.pages[name])
            self.pages[name].resize(1200, 900)
        self.pages[name].show()
        self.settle()
        return self.pages[name]


def counts(**entries: int) -> Counts:
    """Confusion counts from `truth_predicted=pixels`, names joined by two underscores."""
    table = np.zeros((CLASSES, CLASSES + 1), np.int64)
    for name, pixels in entries.items():
        truth, predicted = name.split("__")
        table[PALETTE.index(truth), CLASSES if predicted == "none" else PALETTE.index(predicted)] = pixels
    return table


FIRST = counts(road__road=700, road__car=100, sky__sky=400, sky__none=100, car__road=50, car__car=150)
SECOND = counts(road__road=11_000, road__sky=200)
# Sums by hand: truth row, predicted column, both agree.
ROAD_IOU = 11_700 / (12_000 + 11_750 - 11_700)
SKY_IOU = 400 / (500 + 600 - 400)
CAR_IOU = 150 / (200 + 250 - 150)


def note(desk: Desk, changes: Changes) -> None:
    """Tells the window about a change of the project, as a Job does when it ends."""
    desk.session.note(changes)
    desk.settle()


def store_counts(desk: Desk) -> None:
    """Two evaluated samples of the model "fake"."""
    project = desk.session.project
    assert project is not None
    changes = project.record_counts("frame_0", "fake", FIRST)
    note(desk, changes | project.record_counts("frame_1", "fake", SECOND))


def store_evaluations(desk: Desk, model: str = "fake", is_right: bool = False) -> None:
    """Two samples with a car on a road, evaluated in full; in one the car is called a bus, and not surely."""
    project = desk.session.project
    assert project is not None
    truth, changes = predicted_mask(), Changes()
    for key in ("frame_0", "frame_1"):
        predicted = truth.copy()
        if key == "frame_0" and not is_right:
            predicted[truth == CAR] = BUS
        sure = np.where(predicted == BUS, 128, 242).astype(np.uint8)
        found = evaluate_sample(truth, predicted, CLASSES, confidence=sure)
        changes |= project.evaluation.record(key, model, found)
    note(desk, changes)


def visible_placeholder(view: QWidget) -> str:
    """All words of the placeholder, or nothing when it is not shown."""
    shown = [found for found in view.findChildren(Placeholder) if found.isVisible()]
    return " ".join(label.text() for found in shown for label in found.findChildren(QLabel))


def colours(image: QImage) -> set[int]:
    """Every colour of a picture."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32)
    return set(np.unique(pixels).tolist())


def texts(table: QTableView, column: int) -> list[str]:
    """Texts of a column from top to bottom."""
    model = table.model()
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def click_heading(table: QTableView, number: int) -> None:
    """A click on a column's heading."""
    header = table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(number) + 12, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()
