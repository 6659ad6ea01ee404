"""What all plots can do: pictures, figures, and failures that are told."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect
from PySide6.QtGui import QColor, QGuiApplication, QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from segstudio.gui.dashboards.bars import Bar, part_at, track_of
from segstudio.gui.dashboards.chart import Chart, swatch
from segstudio.gui.dashboards.classes_view import ClassesView
from segstudio.gui.dashboards.plot_colours import KINDS, SERIES, needs_outline, theme_of
from segstudio.gui.dashboards.plot_tools import PlotMenu, to_csv
from segstudio.gui.dashboards.stage_bar import Part, PartsBar
from segstudio.gui.theme import DARK, LIGHT
from segstudio.metrics.segments import Kind
from tests.gui.dashboards.desk import Desk, store_evaluations


def classes(desk: Desk, part: str) -> ClassesView:
    store_evaluations(desk)
    view = desk.page("classes")
    assert isinstance(view, ClassesView)
    view.show_part(part)
    desk.settle()
    return view


@pytest.mark.parametrize("part", ["scores", "confusion", "calibration", "past"])
def test_every_view_is_saved_as_picture_and_as_vectors(opened: Desk, tmp_path: Path, part: str) -> None:
    view = classes(opened, part)
    menus = [menu for menu in view.findChildren(PlotMenu) if menu.isVisible()]
    assert menus
    for number, menu in enumerate(menus):
        menu.copy()
        assert "," in QGuiApplication.clipboard().text()
        for suffix in ("png", "svg"):
            menu.save(tmp_path / f"{number}.{suffix}")
        opened.settle()
        image = QImage(str(tmp_path / f"{number}.png"))
        assert image.width() > 200
        root = ElementTree.fromstring((tmp_path / f"{number}.svg").read_text(encoding="utf-8"))
        assert len(list(root.iter())) > 10
        assert menu.isVisible()


def test_a_file_that_cannot_be_written_is_told(opened: Desk, tmp_path: Path) -> None:
    view = classes(opened, "calibration")
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with opened.qtbot.waitSignal(opened.session.message) as told:
        view.calibration.reliability.tools.save(tmp_path / "taken" / "plot.svg")
    assert told.args is not None
    assert "cannot be written" in told.args[0].text


def test_the_menu_keeps_the_keyboard(opened: Desk, tmp_path: Path) -> None:
    view = classes(opened, "scores")
    view.activateWindow()
    opened.qtbot.waitUntil(view.isActiveWindow)
    view.scores.tools.setFocus()
    view.scores.tools.save(tmp_path / "scores.png")
    opened.settle()
    assert view.scores.tools.hasFocus()


def test_every_chart_has_figures(opened: Desk) -> None:
    for name in ("classes", "runs"):
        for chart in opened.page(name).findChildren(Chart):
            assert isinstance(chart.to_csv(), str)


def test_figures_are_quoted_as_csv_wants_it() -> None:
    assert to_csv(("a", "b"), [('say "x"', None), ("y,z", 0.5)]) == 'a,b\r\n"say ""x""",\r\n"y,z",0.5\r\n'


def test_kinds_have_colours_of_their_own() -> None:
    assert set(KINDS) == set(Kind)
    assert len(set(KINDS.values())) == len(Kind)
    assert len(set(SERIES)) == len(SERIES)
    assert not any(needs_outline(QColor(colour), DARK) for colour in SERIES)


def test_colours_that_cannot_be_seen_are_outlined() -> None:
    assert needs_outline(QColor(0, 0, 70), DARK)
    assert not needs_outline(QColor(0, 0, 70), LIGHT)
    assert needs_outline(QColor(250, 250, 230), LIGHT)
    assert "background" in swatch("truck", QColor(0, 0, 70), DARK)
    assert "background" not in swatch("truck", QColor(0, 0, 70), LIGHT)
    assert "&lt;b&gt;" in swatch("<b>", QColor("red"), LIGHT)


def test_a_widget_knows_its_theme(qtbot: QtBot, opened: Desk) -> None:
    for choice in ("dark", "light"):
        opened.themes.choose(choice)
        widget = QWidget()
        qtbot.addWidget(widget)
        assert theme_of(widget.palette()).name == choice


def test_parts_of_a_bar_are_found_under_the_pointer() -> None:
    cell = QRect(100, 0, 216, 28)
    red = QColor("red")
    bar = Bar(((0.25, red), (0.0, red), (0.5, red)))
    assert track_of(cell).width() == 200
    assert [part_at(bar, cell, x) for x in (107, 108, 157, 158, 257, 258)] == [None, 0, 0, 2, 2, None]


def test_a_stacked_bar_says_its_parts(qtbot: QtBot) -> None:
    bar = PartsBar("Samples")
    qtbot.addWidget(bar)
    bar.resize(400, 60)
    bar.show_parts(
        [Part("open", 3, "3 (75 %)", QColor("red")), Part("none", 0, "0", QColor("blue")),
         Part("done", 1, "1 (25 %)", QColor("green"))]
    )  # fmt: skip
    bar.show()
    assert bar.accessibleName() == "Samples: open 3 (75 %), done 1 (25 %)"
    found = bar.part_at(QPointF(320, 5))
    assert found is not None
    assert found.name == "done"
    assert bar.part_at(QPointF(320, 50)) is None
    event = QHelpEvent(QHelpEvent.Type.ToolTip, QPoint(20, 5), bar.mapToGlobal(QPoint(20, 5)))
    QApplication.sendEvent(bar, event)
    assert QToolTip.text() == "open: 3 (75 %)"
    QToolTip.hideText()
    # A narrow bar has more lines of legend, and needs their height.
    assert bar.heightForWidth(60) > bar.heightForWidth(400)
