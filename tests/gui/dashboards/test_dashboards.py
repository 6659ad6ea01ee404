"""Dashboards show the numbers they are given, say what to do when there are none, light and dark."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QStackedWidget, QWidget
from pytestqt.qtbot import QtBot

from segstudio import paths
from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.class_table import (
    ACCURACY,
    BAR,
    CLASS,
    DIFFERENCE,
    F1,
    IOU,
    PIXELS,
    REFERENCE,
    SAMPLES,
    percent,
    points,
    thousands,
)
from segstudio.gui.dashboards.classes_view import NO_REFERENCE, ClassesView
from segstudio.gui.dashboards.runs_view import Plot, RunsView
from segstudio.gui.dashboards.speed_view import SpeedView
from segstudio.gui.dashboards.stage_bar import StageBar, stage_colour
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.memory import Memory
from segstudio.gui.pages import DASHBOARDS
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.project.sample import Changes, SpeedRecord
from segstudio.settings import Settings
from segstudio.workflows.reference import load_reference
from tests.gui.conftest import CAR, PALETTE, ROAD, SKY, WAIT_MS

Counts = NDArray[np.int64]
CLASSES = PALETTE.count
RECORD = SpeedRecord(
    "fake", "onnx", "a CPU", 640, 480, 12, 8.25, 101.5, 140.25, 160.75,
    {"decode": 10.0, "infer": 80.0, "write": 30.0, "nothing": 0.0}, "2025-01-02 03:04",
)  # fmt: skip


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


@pytest.fixture
def opened(
    themes: ThemeSwitch, qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A project of four samples, without any model."""
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    desk = Desk(Session(Settings.load(), Memory()), themes, qtbot)
    desk.session.open_project(folder, "cityscapes")
    qtbot.waitUntil(lambda: desk.session.entry is not None, timeout=WAIT_MS)
    desk.settle()
    yield desk
    assert desk.session.close()


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


def classes_page(desk: Desk) -> ClassesView:
    view = desk.page("classes")
    assert isinstance(view, ClassesView)
    return view


def speed_page(desk: Desk) -> SpeedView:
    view = desk.page("speed")
    assert isinstance(view, SpeedView)
    return view


def runs_page(desk: Desk) -> RunsView:
    view = desk.page("runs")
    assert isinstance(view, RunsView)
    return view


def column(view: ClassesView, number: int) -> list[str]:
    """Texts of a column from top to bottom."""
    model = view.table.model()
    return [str(model.index(row, number).data()) for row in range(model.rowCount())]


def click_heading(view: ClassesView, number: int) -> None:
    """A click on a column's heading."""
    header = view.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(number) + 12, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()


def visible_placeholder(view: QWidget) -> str:
    """All words of the placeholder, or nothing when it is not shown."""
    shown = [found for found in view.findChildren(Placeholder) if found.isVisible()]
    return " ".join(label.text() for found in shown for label in found.findChildren(QLabel))


def colours(image: QImage) -> set[int]:
    """Every colour of a picture."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32)
    return set(np.unique(pixels).tolist())


# -- classes -------------------------------------------------------------------------------------------------


def test_without_scores_the_page_says_what_to_do(opened: Desk) -> None:
    view = classes_page(opened)
    text = visible_placeholder(view)
    assert "No scores yet" in text
    assert "Evaluate" in text
    assert not view.table.isVisible()
    assert not view.evaluate_button.isEnabled()


def test_scores_are_the_hand_computed_ones(opened: Desk) -> None:
    view = classes_page(opened)
    store_counts(opened)
    assert visible_placeholder(view) == ""
    view.reference_choice.setCurrentText(NO_REFERENCE)
    view.reference_choice.activated.emit(0)
    opened.settle()
    shown = {
        name: [column(view, number)[row] for number in range(9)] for row, name in enumerate(PALETTE.names)
    }
    assert shown["road"] == ["road", "", f"{ROAD_IOU * 100:.1f}", "–", "–", "97.5", "98.5", "12.0 k", "2"]
    assert shown["sky"] == ["sky", "", f"{SKY_IOU * 100:.1f}", "–", "–", "80.0", "72.7", "500", "1"]
    assert shown["car"] == ["car", "", "50.0", "–", "–", "75.0", "66.7", "200", "1"]
    for name in set(PALETTE.names) - {"road", "sky", "car"}:
        assert shown[name] == [name, "", "–", "–", "–", "–", "–", "0", "0"]
    figures = {key: tile.figure for key, tile in view.tiles.tiles.items()}
    assert figures == {
        "miou": f"{(ROAD_IOU + SKY_IOU + CAR_IOU) / 3 * 100:.1f} %",
        "macc": f"{(0.975 + 0.8 + 0.75) / 3 * 100:.1f} %",
        "aacc": f"{(11_700 + 400 + 150) / 12_700 * 100:.1f} %",
        "samples": "2",
    }


def test_the_reference_stands_beside_with_its_difference(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    published = load_reference().for_palette("cityscapes")
    assert [view.reference_choice.itemText(row) for row in range(view.reference_choice.count())] == [
        *(row.name for row in published),
        NO_REFERENCE,
    ]
    for number, row in enumerate(published):
        view.reference_choice.setCurrentIndex(number)
        view.reference_choice.activated.emit(number)
        opened.settle()
        assert column(view, REFERENCE) == [percent(row.iou.get(name)) for name in PALETTE.names]
        assert column(view, DIFFERENCE)[CAR] == points(CAR_IOU - row.iou["car"])
        assert column(view, DIFFERENCE)[PALETTE.index("train")] == "–"
        assert row.protocol in view.protocol.text()
        bar = view.table.rows.index(CAR, BAR).data(BAR_ROLE)
        assert isinstance(bar, Bar)
        assert bar.tick == row.iou["car"]
        assert bar.parts[0][0] == pytest.approx(CAR_IOU)


def test_rows_begin_in_the_order_of_the_palette(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    assert column(view, CLASS) == list(PALETTE.names)
    assert view.table.horizontalHeader().sortIndicatorSection() == -1


@pytest.mark.parametrize("number", [IOU, DIFFERENCE, ACCURACY, F1, PIXELS, SAMPLES])
def test_a_heading_sorts_numbers_as_numbers_and_absent_ones_last(opened: Desk, number: int) -> None:
    store_counts(opened)
    view = classes_page(opened)
    orders = {}
    for _ in range(2):
        click_heading(view, number)
        orders[view.table.horizontalHeader().sortIndicatorOrder()] = column(view, number)
    assert len(orders) == 2
    key = {IOU: [ROAD_IOU, SKY_IOU, CAR_IOU], PIXELS: [12_000.0, 500.0, 200.0]}.get(number)
    falling = orders[Qt.SortOrder.DescendingOrder]
    assert falling == orders[Qt.SortOrder.AscendingOrder][::-1]
    if number in (PIXELS, SAMPLES):
        assert falling[-1] == "0"
    else:
        assert falling[3:] == ["–"] * (CLASSES - 3)
        values = [float(text) for text in falling[:3]]
        assert values == sorted(values, reverse=True)
    if key is not None:
        names = [PALETTE.names[index] for _, index in sorted(zip(key, (ROAD, SKY, CAR), strict=True))[::-1]]
        view.table.sortByColumn(number, Qt.SortOrder.DescendingOrder)
        assert column(view, CLASS)[:3] == names


def test_a_third_click_brings_the_palette_order_back(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    click_heading(view, IOU)
    assert column(view, CLASS) != list(PALETTE.names)
    click_heading(view, IOU)
    click_heading(view, IOU)
    assert column(view, CLASS) == list(PALETTE.names)


def test_sorting_stays_when_scores_change(opened: Desk) -> None:
    view = classes_page(opened)
    store_counts(opened)
    view.table.sortByColumn(PIXELS, Qt.SortOrder.DescendingOrder)
    assert column(view, CLASS)[0] == "road"
    project = opened.session.project
    assert project is not None
    note(opened, project.record_counts("frame_2", "fake", counts(bus__bus=50_000)))
    assert column(view, CLASS)[:2] == ["bus", "road"]
    assert column(view, PIXELS)[0] == "50.0 k"


def test_bars_are_as_long_as_the_scores(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    view.reference_choice.setCurrentText(NO_REFERENCE)
    view.reference_choice.activated.emit(0)
    opened.settle()
    QApplication.processEvents()
    image = view.table.viewport().grab().toImage()
    for class_id, iou in ((ROAD, ROAD_IOU), (SKY, SKY_IOU), (CAR, CAR_IOU)):
        cell = view.table.visualRect(view.table.model().index(class_id, BAR))
        wanted = QColor(*PALETTE.classes[class_id].rgb)
        row = [image.pixelColor(x, cell.center().y()) for x in range(cell.left(), cell.right() + 1)]
        assert sum(colour == wanted for colour in row) == pytest.approx((cell.width() - 16) * iou, abs=3)


def test_the_model_is_chosen_and_kept(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    project = opened.session.project
    assert project is not None
    note(opened, project.record_counts("frame_0", "other", counts(car__car=9)))
    assert [view.model_choice.itemText(row) for row in range(view.model_choice.count())] == ["fake", "other"]
    assert view.model_choice.currentText() == "fake"
    view.model_choice.setCurrentIndex(1)
    view.model_choice.activated.emit(1)
    opened.settle()
    assert column(view, IOU)[CAR] == "100.0"
    assert view.tiles.tiles["samples"].figure == "1"
    note(opened, project.record_counts("frame_1", "fake", FIRST))
    assert view.model_choice.currentText() == "other"


def test_an_edited_mask_takes_its_scores_away(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    project = opened.session.project
    assert project is not None
    mask = project.load_mask("frame_0")
    assert mask is not None
    mask[0, 0] = CAR
    note(opened, project.save_mask("frame_0", mask))
    assert view.tiles.tiles["samples"].figure == "1"
    assert column(view, IOU)[CAR] == "–"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (9_999, "9999"), (10_000, "10.0 k"), (123_456, "123.5 k"), (1_000_000, "1.0 M"),
     (2_500_000_000, "2.5 G")],
)  # fmt: skip
def test_large_counts_are_short(count: int, text: str) -> None:
    assert thousands(count) == text


# -- speed ---------------------------------------------------------------------------------------------------


def measured_rows(view: SpeedView) -> list[list[str]]:
    model = view.measured.rows
    return [
        [str(model.index(row, number).data()) for number in range(model.columnCount() - 1)]
        for row in range(model.rowCount())
    ]


def test_without_measurements_the_page_says_what_to_do(opened: Desk) -> None:
    view = speed_page(opened)
    assert "Measure" in visible_placeholder(view)
    assert not view.measured.isVisible()
    assert not view.measure_button.isEnabled()


def test_measurements_are_shown_newest_first(opened: Desk) -> None:
    view = speed_page(opened)
    project = opened.session.project
    assert project is not None
    faster = SpeedRecord(
        "small", "openvino", "a CPU", 320, 240, 3, 33.0, 20.0, 21.0, 22.0, {}, "2025-01-02 05:00"
    )
    note(opened, project.record_speed(RECORD))
    note(opened, project.record_speed(faster))
    assert visible_placeholder(view) == ""
    assert measured_rows(view) == [
        ["2025-01-02 05:00", "small", "openvino", "a CPU", "320×240", "3", "20.0", "21.0", "22.0", "33.0"],
        ["2025-01-02 03:04", "fake", "onnx", "a CPU", "640×480", "12", "101.5", "140.2", "160.8", "8.2"],
    ]
    figures = {key: tile.figure for key, tile in view.tiles.tiles.items()}
    assert figures == {"fps": "33.0 FPS", "p50": "20.0 ms", "p95": "21.0 ms", "p99": "22.0 ms"}
    bars = [view.measured.rows.index(row, 10).data(BAR_ROLE) for row in range(2)]
    assert [bar.parts[0][0] for bar in bars] == pytest.approx([1.0, 0.25])
    tip = view.measured.rows.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "infer 80.0 ms" in tip


def test_published_speeds_are_those_of_the_chosen_card(opened: Desk) -> None:
    view = speed_page(opened)
    speeds = load_reference().speed
    names = list(dict.fromkeys(row.name for row in speeds))
    assert not view.published.isVisible()
    QTest.mouseClick(view.parts.buttons["cards"], Qt.MouseButton.LeftButton)
    # Apart from what was measured here.
    assert view.published.isVisible()
    assert not view.measured.isVisible()
    assert not view.measure_button.isVisible()
    assert [view.card_choice.itemText(row) for row in range(view.card_choice.count())] == names
    for number, name in enumerate(names):
        view.card_choice.setCurrentIndex(number)
        view.card_choice.activated.emit(number)
        model = view.published.rows
        shown = [
            tuple(str(model.index(row, place).data()) for place in range(4))
            for row in range(model.rowCount())
        ]
        rows = [row for row in speeds if row.name == name]
        assert shown == [(row.platform, row.name, str(row.batch), f"{row.fps:g}") for row in rows]
        assert rows[0].protocol in view.protocol.text()


def test_stages_are_as_wide_as_their_time(qtbot: QtBot) -> None:
    bar = StageBar()
    qtbot.addWidget(bar)
    bar.resize(600, bar.sizeHint().height())
    empty = colours(bar.grab().toImage())
    bar.show_stages(RECORD.stages)
    image = bar.grab().toImage()
    assert colours(image) != empty
    row = [image.pixelColor(x, 10) for x in range(600)]
    for position, share in enumerate((10, 80, 30)):
        assert sum(colour == stage_colour(position) for colour in row) == pytest.approx(
            600 * share / 120, abs=3
        )
    assert "nothing" not in bar.accessibleName()


# -- runs ----------------------------------------------------------------------------------------------------


def write_run(desk: Desk, name: str, events: list[dict[str, object]], tail: str = "") -> None:
    """A run as a training leaves it."""
    project = desk.session.project
    assert project is not None
    folder = project.runs_dir / name
    folder.mkdir(parents=True)
    text = "".join(json.dumps(event) + "\n" for event in events) + tail
    (folder / "events.jsonl").write_text(text, encoding="utf-8")


EVENTS: list[dict[str, object]] = [
    {"kind": "start", "time": 1000.0, "steps": 200},
    {"kind": "step", "time": 1030.0, "step": 50, "loss": 2.5, "lr": 6e-5},
    {"kind": "step", "time": 1060.0, "step": 100, "loss": 1.25, "lr": 3e-5},
    {"kind": "validation", "time": 1090.0, "step": 100, "miou": 0.5, "aacc": 0.75,
     "iou": {"road": 0.625, "sky": 0.375, "train": None}},
    {"kind": "step", "time": 1120.0, "step": 200, "loss": 0.8125, "lr": 1e-5},
    {"kind": "validation", "time": 1240.0, "step": 200, "miou": 0.4375, "aacc": 0.8125,
     "iou": {"road": 0.875, "sky": 0.0, "train": None}},
]  # fmt: skip


def curves(plot: Plot) -> list[list[tuple[float, float]]]:
    """What a plot draws, in order."""
    graph: Any = plot.findChild(pg.PlotWidget)
    drawn = [curve.getData() for curve in graph.getPlotItem().listDataItems()]
    return [list(zip(x.tolist(), y.tolist(), strict=True)) for x, y in drawn]


def test_without_runs_the_page_says_what_to_do(opened: Desk) -> None:
    view = runs_page(opened)
    assert "segstudio train" in visible_placeholder(view)
    assert view.run_choice.count() == 0
    QTest.mouseClick(view.reload_button, Qt.MouseButton.LeftButton)
    opened.settle()
    assert "No runs yet" in visible_placeholder(view)


def test_curves_are_the_events(opened: Desk) -> None:
    write_run(opened, "first", [*EVENTS, {"kind": "end", "time": 1240.0, "step": 200}])
    view = runs_page(opened)
    assert view.run_choice.currentText() == "first"
    assert curves(view.plots["loss"]) == [[(50, 2.5), (100, 1.25), (200, 0.8125)]]
    assert curves(view.plots["rate"]) == [[(50, 6e-5), (100, 3e-5), (200, 1e-5)]]
    assert curves(view.plots["miou"]) == [[(100, 50.0), (200, 43.75)], [(100, 75.0), (200, 81.25)]]
    assert curves(view.plots["classes"]) == [[(100, 62.5), (200, 87.5)], [(100, 37.5), (200, 0.0)]]
    for words in ("mIoU", "43.8", "pixel accuracy", "81.2"):
        assert words in view.plots["miou"].legend
    assert view.plots["classes"].legend.index("road") < view.plots["classes"].legend.index("sky")
    assert "train" not in view.plots["classes"].legend
    assert view.plots["loss"].legend == ""
    figures = {key: tile.figure for key, tile in view.tiles.tiles.items()}
    assert figures == {"state": "Finished", "miou": "50.0 %", "accuracy": "81.2 %", "loss": "0.812"}
    assert "200 of 200 steps, 4 min" in view.tiles.tiles["state"].accessibleDescription()


def test_a_run_that_stopped_in_a_line_is_shown_so_far(opened: Desk) -> None:
    write_run(opened, "cut", EVENTS[:3], tail='{"kind": "step", "time": 11')
    view = runs_page(opened)
    assert curves(view.plots["loss"]) == [[(50, 2.5), (100, 1.25)]]
    assert curves(view.plots["miou"]) == []
    figures = {key: tile.figure for key, tile in view.tiles.tiles.items()}
    assert figures.pop("state") != "Finished"
    assert figures == {"miou": "–", "accuracy": "–", "loss": "1.250"}
    view.grab()


def test_an_empty_run_is_shown_empty(opened: Desk) -> None:
    write_run(opened, "empty", [])
    view = runs_page(opened)
    assert curves(view.plots["loss"]) == []
    assert view.tiles.tiles["loss"].figure == "–"


def test_a_new_run_appears_on_reload_and_runs_can_be_chosen(opened: Desk) -> None:
    write_run(opened, "first", EVENTS)
    view = runs_page(opened)
    write_run(opened, "second", EVENTS[:2])
    QTest.mouseClick(view.reload_button, Qt.MouseButton.LeftButton)
    opened.settle()
    assert sorted(view.run_choice.itemText(row) for row in range(2)) == ["first", "second"]
    for name, number in (("second", 1), ("first", 3)):
        view.run_choice.setCurrentText(name)
        view.run_choice.activated.emit(0)
        opened.settle()
        assert len(curves(view.plots["loss"])[0]) == number


# -- themes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
@pytest.mark.parametrize("name", ["classes", "speed", "runs"])
def test_pages_follow_the_theme(opened: Desk, name: str, filled: bool) -> None:
    if filled:
        store_counts(opened)
        write_run(opened, "first", EVENTS)
        project = opened.session.project
        assert project is not None
        note(opened, project.record_speed(RECORD))
    backgrounds = []
    for theme in ("light", "dark", "light"):
        opened.themes.choose(theme)
        view = opened.page(name)
        QApplication.processEvents()
        image = view.grab().toImage()
        assert len(colours(image)) > 8
        backgrounds.append(image.pixelColor(3, 3).lightness())
        bodies = view.findChildren(QStackedWidget)
        assert any(body.currentIndex() == (0 if filled else 1) for body in bodies)
    light, dark, again = backgrounds
    assert light > 200
    assert dark < 80
    assert again == light


def test_plots_follow_the_theme(opened: Desk) -> None:
    write_run(opened, "first", EVENTS)
    view = runs_page(opened)
    shades = []
    for theme in ("light", "dark"):
        opened.themes.choose(theme)
        QApplication.processEvents()
        image = view.plots["loss"].grab().toImage()
        shades.append(image.pixelColor(2, 2).lightness())
    assert shades[0] > 200
    assert shades[1] < 80


def test_closing_the_project_empties_the_dashboards(opened: Desk) -> None:
    store_counts(opened)
    view = classes_page(opened)
    opened.session.close_project()
    opened.settle()
    view.refresh()
    assert view.model_choice.count() == 0 or not view.isVisible()
