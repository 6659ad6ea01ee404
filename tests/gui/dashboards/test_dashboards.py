"""Dashboards of speeds and runs show the numbers they are given, say what to do when there are none."""

import json
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStackedWidget
from pytestqt.qtbot import QtBot
from segstudio.gui.dashboards.runs_view import Plot, RunsView

from segstudio.gui.dashboards.bars import BAR_ROLE
from segstudio.gui.dashboards.plot_colours import series_colour
from segstudio.gui.dashboards.speed_view import SpeedView
from segstudio.gui.dashboards.stage_bar import StageBar
from segstudio.project.sample import SpeedRecord
from segstudio.workflows.reference import load_reference
from tests.gui.dashboards.desk import Desk, colours, note, store_counts, visible_placeholder

RECORD = SpeedRecord(
    "fake", "onnx", "a CPU", 640, 480, 12, 8.25, 101.5, 140.25, 160.75,
    {"decode": 10.0, "infer": 80.0, "write": 30.0, "nothing": 0.0}, "2025-01-02 03:04",
)  # fmt: skip


def speed_page(desk: Desk) -> SpeedView:
    view = desk.page("speed")
    assert isinstance(view, SpeedView)
    return view


def runs_page(desk: Desk) -> RunsView:
    view = desk.page("runs")
    assert isinstance(view, RunsView)
    return view


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
    assert figures == {
        "fps": "33.0 FPS", "p50": "20.0 ms", "p95": "21.0 ms", "p99": "22.0 ms", "now": "–",
    }  # fmt: skip
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
        assert sum(colour == series_colour(position) for colour in row) == pytest.approx(
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
    lines = [one for one in graph.getPlotItem().listDataItems() if isinstance(one, pg.PlotDataItem)]
    drawn = [line.getData() for line in lines]
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
