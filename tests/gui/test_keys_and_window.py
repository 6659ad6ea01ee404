"""Held keys, text fields, palette and sheet of keys, themes, pages, drops, and what is left behind."""

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QLineEdit, QSlider, QWidget
from pytestqt.qtbot import QtBot

from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.canvas.modes import Layer, OutlineMode, ToolName
from segstudio.gui.dialogs.chooser import Chooser
from segstudio.gui.dialogs.key_sheet import KeySheet
from segstudio.gui.dialogs.palette_choice import PaletteChoice
from segstudio.gui.keys.held_keys import HeldKeys, Hold
from segstudio.gui.pages import DASHBOARDS
from segstudio.gui.panels.class_rows import eye_box, lock_box
from segstudio.gui.panels.job_strip import JobStrip
from segstudio.gui.theme import DARK, LIGHT
from tests.gui.conftest import CAR, FakeBackend, Studio

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def press(studio: Studio, key: Qt.Key, kind: QEvent.Type, *, repeat: bool = False) -> None:
    event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, "", repeat)
    QApplication.sendEvent(studio.canvas, event)


def test_peek_lasts_as_long_as_the_key(studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open(folder)
    peeks: list[bool] = []
    real = studio.canvas.peek

    def watched(on: bool) -> None:
        peeks.append(on)
        real(on)

    monkeypatch.setattr(studio.canvas, "peek", watched)
    press(studio, Qt.Key.Key_H, QEvent.Type.KeyPress)
    for _ in range(3):
        press(studio, Qt.Key.Key_H, QEvent.Type.KeyRelease, repeat=True)
        press(studio, Qt.Key.Key_H, QEvent.Type.KeyPress, repeat=True)
    assert peeks == [True]
    press(studio, Qt.Key.Key_H, QEvent.Type.KeyRelease)
    assert peeks == [True, False]


def test_held_keys_are_let_go_when_the_window_loses_the_keyboard(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(folder)
    peeks: list[bool] = []
    monkeypatch.setattr(studio.canvas, "peek", peeks.append)
    press(studio, Qt.Key.Key_H, QEvent.Type.KeyPress)
    QApplication.sendEvent(studio.window, QEvent(QEvent.Type.WindowDeactivate))
    assert peeks == [True, False]


@pytest.mark.parametrize("code", [0, 51])
def test_a_held_key_comes_up_whichever_key_is_let_go_first(qtbot: QtBot, code: int) -> None:
    told: list[str] = []
    now = [0.0]
    widget = QWidget()
    qtbot.addWidget(widget)
    held = HeldKeys(widget, lambda slot: told.append(f"slot {slot}"), lambda: now[0])
    hold = Hold(lambda: told.append("down"), lambda: told.append("up"))
    held.bind(
        {Qt.Key.Key_Backslash: hold},
        {Qt.Key.Key_BracketLeft: lambda: lambda: told.append("back")},
        frozenset(),
    )

    def send(kind: QEvent.Type, key: Qt.Key, modifier: Qt.KeyboardModifier) -> None:
        QApplication.sendEvent(widget, QKeyEvent(kind, key, modifier, code, 0, 0))

    plain = Qt.KeyboardModifier.NoModifier
    send(QEvent.Type.KeyPress, Qt.Key.Key_Backslash, plain)
    send(QEvent.Type.KeyRelease, Qt.Key.Key_Bar, SHIFT)
    assert told == ["down", "up"]
    send(QEvent.Type.ShortcutOverride, Qt.Key.Key_BracketLeft, plain)
    now[0] += 1.0
    send(QEvent.Type.KeyRelease, Qt.Key.Key_BraceLeft, SHIFT)
    assert told == ["down", "up", "back"]


def test_space_pans_without_painting(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    before, view = studio.mask().copy(), studio.canvas.view_state()
    studio.session.classes.set_active(CAR)
    press(studio, Qt.Key.Key_Space, QEvent.Type.KeyPress)
    studio.drag((20, 20), (40, 30))
    press(studio, Qt.Key.Key_Space, QEvent.Type.KeyRelease)
    assert (studio.mask() == before).all()
    assert studio.canvas.view_state() != view
    studio.drag((20, 20), (40, 30))
    assert (studio.mask() != before).any()


def test_space_pans_while_a_list_has_the_keyboard(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    commands = studio.window.commands
    hold = next(spec for spec in ACTIONS if spec.id == "tool.hold_pan")
    commands.find(hold)(True)
    assert studio.tool() is ToolName.PAN
    commands.find(hold)(False)
    assert studio.tool() is ToolName.BRUSH


def test_a_tapped_tool_key_switches_and_a_held_one_lends(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    now = [0.0]
    keys: HeldKeys = studio.window.held_keys
    keys.clock = lambda: now[0]
    QTest.keyPress(studio.canvas, Qt.Key.Key_E)
    assert studio.tool() is ToolName.ERASER
    now[0] += 0.1
    QTest.keyRelease(studio.canvas, Qt.Key.Key_E)
    assert studio.tool() is ToolName.ERASER
    QTest.keyPress(studio.canvas, Qt.Key.Key_B)
    now[0] += 0.6
    QTest.keyRelease(studio.canvas, Qt.Key.Key_B)
    assert studio.tool() is ToolName.ERASER


@pytest.mark.parametrize("key", [Qt.Key.Key_B, Qt.Key.Key_3, Qt.Key.Key_D, Qt.Key.Key_H, Qt.Key.Key_Space])
def test_typing_in_a_field_is_no_command(studio: Studio, folder: Path, key: Qt.Key) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_E)
    search = studio.window.editor.samples.bar.search
    search.setFocus()
    QTest.keyClick(search, key)
    studio.settle()
    assert studio.tool() is ToolName.ERASER
    assert studio.session.classes.active == 0
    assert studio.session.current == "frame_0"
    assert len(search.text()) == 1


def test_undo_in_a_field_undoes_its_typing_only(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    search = studio.window.editor.samples.bar.search
    search.setFocus()
    QTest.keyClicks(search, "ab")
    QTest.keyClick(search, Qt.Key.Key_Z, CONTROL)
    assert search.text() == ""
    assert studio.mask()[10, 40] == CAR


def test_view_keys(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.key(Qt.Key.Key_M)
    assert studio.layer() is Layer.PREDICTION
    studio.key(Qt.Key.Key_O)
    assert studio.canvas.overlay.style.outline is OutlineMode.OUTLINE
    opacity = studio.window.view.opacity
    studio.key(Qt.Key.Key_Equal)
    assert studio.window.view.opacity == pytest.approx(opacity + 0.1)
    studio.key(Qt.Key.Key_V)
    assert not studio.window.view.overlay
    studio.key(Qt.Key.Key_0, CONTROL)
    assert studio.canvas.view.scale == 1.0
    studio.key(Qt.Key.Key_M)
    studio.key(Qt.Key.Key_M)
    studio.key(Qt.Key.Key_M)
    assert studio.layer() is Layer.MASK
    press(studio, Qt.Key.Key_Backslash, QEvent.Type.KeyPress)
    assert studio.layer() is Layer.PREDICTION
    press(studio, Qt.Key.Key_Backslash, QEvent.Type.KeyRelease)
    assert studio.layer() is Layer.MASK


def test_brush_keys(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    radius = studio.canvas.brush_radius
    studio.key(Qt.Key.Key_BracketRight)
    assert studio.canvas.brush_radius > radius
    studio.key(Qt.Key.Key_BracketLeft)
    studio.key(Qt.Key.Key_BracketLeft)
    assert studio.canvas.brush_radius < radius
    diameter = f"{round(2 * studio.canvas.brush_radius)} px"
    assert diameter in [label.text() for label in studio.window.editor.tools.findChildren(QLabel)]
    studio.window.editor.tools.slider.setValue(80)
    assert studio.canvas.brush_radius > 100


def test_class_keys(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    classes = studio.session.classes
    studio.key(Qt.Key.Key_5)
    studio.key(Qt.Key.Key_Period)
    assert classes.active == 5
    studio.key(Qt.Key.Key_X)
    assert classes.active == 4
    studio.key(Qt.Key.Key_K)
    assert classes.locked == {4}
    studio.key(Qt.Key.Key_K, SHIFT)
    assert classes.locked == set(range(19)) - {4}
    assert studio.canvas.protection.locked == classes.locked
    studio.key(Qt.Key.Key_K, SHIFT)
    assert classes.locked == frozenset()


def test_class_rows_hide_lock_and_choose(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    panel, classes = studio.window.editor.classes, studio.session.classes
    row = panel.view.visualRect(panel.model.index(3))
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(panel.view.viewport(), left, pos=eye_box(row).center())
    assert classes.hidden == {3}
    assert studio.canvas.overlay.style.hidden == {3}
    QTest.mouseClick(panel.view.viewport(), left, pos=lock_box(row).center())
    assert classes.locked == {3}
    QTest.mouseClick(panel.view.viewport(), left, CONTROL, eye_box(row).center())
    assert classes.solo == 3
    QTest.mouseClick(panel.view.viewport(), left, pos=QPoint(row.left() + 80, row.center().y()))
    assert classes.active == 3
    studio.wait(lambda: panel.model.share_text(0) == "50.0 %")


def test_command_palette_runs_what_is_chosen(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_K, CONTROL)
    chooser = studio.window.findChild(Chooser)
    assert chooser is not None
    QTest.keyClicks(chooser.field, "zoom in")
    assert [choice.text for choice in chooser.shown] == ["Zoom in"]
    scale = studio.canvas.view.scale
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    assert studio.canvas.view.scale == pytest.approx(scale * 1.25)


def test_find_class(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_Slash)
    chooser = studio.window.findChild(Chooser)
    assert chooser is not None
    QTest.keyClicks(chooser.field, "motor")
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    assert studio.session.classes.name(studio.session.classes.active) == "motorcycle"


def test_palette_leaves_by_escape_and_by_clicking_elsewhere(studio: Studio, folder: Path) -> None:
    studio.open(folder)

    def escape(chooser: Chooser) -> None:
        QTest.keyClick(chooser.field, Qt.Key.Key_Escape)

    def click_elsewhere(_: Chooser) -> None:
        studio.click(50, 50)

    for leave in (escape, click_elsewhere):
        studio.key(Qt.Key.Key_K, CONTROL)
        chooser = studio.window.findChild(Chooser)
        assert chooser is not None
        QTest.keyClick(chooser.field, Qt.Key.Key_Down)
        leave(chooser)
        studio.wait(lambda: studio.window.findChild(Chooser) is None)
        assert studio.canvas.hasFocus()


def test_key_sheet_opens(studio: Studio) -> None:
    QTest.keyClick(studio.window, Qt.Key.Key_F1)
    sheet = studio.window.findChild(KeySheet)
    assert sheet is not None
    assert sheet.isVisible()
    sheet.close()


def test_theme_switch_recolours_everything(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    action = studio.window.actions_by_id["tool.eraser"]
    light = action.icon().pixmap(20, 20).toImage()
    studio.window.actions_by_id["theme.dark"].trigger()
    assert studio.window.themes.current is DARK
    assert studio.session.settings.get("theme") == "dark"
    assert studio.window.palette().window().color() == DARK.colour("window")
    assert action.icon().pixmap(20, 20).toImage() != light
    QApplication.processEvents()
    assert studio.window.actions_by_id["theme.dark"].isChecked()
    studio.window.actions_by_id["theme.light"].trigger()
    assert studio.window.themes.current is LIGHT
    assert action.icon().pixmap(20, 20).toImage() == light


def test_text_size_scales(studio: Studio) -> None:
    before = QApplication.font().pixelSize()
    studio.window.change_text_size(0.3)
    assert QApplication.font().pixelSize() > before
    assert studio.session.settings.number("text_scale") == pytest.approx(1.3)
    studio.window.change_text_size(-0.3)


def test_every_control_says_what_it_is(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    for kind in (QAbstractButton, QSlider, QComboBox, QLineEdit):
        for widget in studio.window.findChildren(kind):
            if widget.isVisible() and widget.objectName() != "qt_spinbox_lineedit":
                named = widget.accessibleName() or getattr(widget, "text", lambda: "")() or widget.toolTip()
                assert named, f"{widget} in {widget.parent()}"


def test_shortcuts_of_qt_are_those_of_the_table(studio: Studio) -> None:
    owners: dict[str, str] = {}
    for action in studio.window.actions_by_id.actions.values():
        for shortcut in action.shortcuts():
            key = shortcut.toString(QKeySequence.SequenceFormat.PortableText)
            assert key, action.objectName()
            assert key not in owners, f"{key}: {action.objectName()} and {owners[key]}"
            owners[key] = action.objectName()


def test_dropped_folder_is_opened(studio: Studio, folder: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    drop = QDropEvent(
        QPointF(100, 100),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    studio.window.dropEvent(drop)
    studio.wait(lambda: studio.window.findChild(PaletteChoice))
    choice = studio.window.findChild(PaletteChoice)
    assert choice is not None
    choice.palettes.setCurrentIndex(choice.palettes.findData("camvid-11"))
    choice.create_button.click()
    studio.wait(lambda: studio.session.current is not None)
    assert studio.session.project is not None
    assert studio.session.project.palette.name == "camvid-11"


def test_recent_projects_stand_on_the_start_page(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.close_project()
    studio.settle()
    assert studio.session.memory.recent == [str(folder.resolve())]
    names = [button.text() for button in studio.window.start.findChildren(QAbstractButton)]
    assert folder.name in names


def test_status_bar_reads_what_is_under_the_cursor(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    QTest.mouseMove(studio.canvas, studio.point(10.5, 50.5))
    assert studio.window.status.place.text() == "10, 50"
    assert studio.window.status.classes.text() == "road   ·   region: 3,072 px"
    loaded = studio.session.loaded
    assert loaded is not None
    assert loaded.image is not None
    red, green, blue = loaded.image[50, 10]
    assert studio.window.status.colour.text().split() == ["RGB", str(red), str(green), str(blue)]


def test_panels_can_be_hidden(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_B, CONTROL)
    assert studio.window.editor.left.isHidden()
    studio.key(Qt.Key.Key_B, CONTROL)
    assert not studio.window.editor.left.isHidden()


def test_no_thread_is_left(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_P, CONTROL | SHIFT)
    studio.window.close()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("segstudio-")]
    assert left == []


def test_the_window_fits_a_small_screen_whatever_page_was_shown(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    for page in (dashboard.id for dashboard in DASHBOARDS):
        studio.window.show_page(page)
        studio.settle()
    studio.window.show_page("editor")
    # As while a training runs and something else beside it.
    for strip in (studio.window.training_strip, studio.window.status.findChild(JobStrip)):
        assert strip is not None
        strip.show()
    QApplication.processEvents()
    least = studio.window.minimumSizeHint()
    assert (least.width() <= 1280, least.height() <= 720) == (True, True), least
