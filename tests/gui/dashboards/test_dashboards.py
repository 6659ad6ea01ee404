"""The dashboard of speeds shows the numbers that it is given, and says what to do when there are none."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QStackedWidget
from pytestqt.qtbot import QtBot

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


# -- themes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
@pytest.mark.parametrize("name", ["classes", "speed"])
def test_pages_follow_the_theme(opened: Desk, name: str, filled: bool) -> None:
    if filled:
        store_counts(opened)
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
