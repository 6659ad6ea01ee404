"""Keys changed in the dialog act at once everywhere; text fields and auto-repeat are left alone."""

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from segstudio.gui.actions.action_spec import ActionSpec
from segstudio.gui.actions.table import ACTIONS, BY_ID
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.dialogs.key_dialog import KeyLayoutsDialog
from segstudio.gui.dialogs.key_sheet import KeySheet, sheet, sheet_file
from segstudio.gui.keys.key_book import KeyBook
from segstudio.gui.keys.key_layouts import LAYOUTS
from segstudio.gui.keys.key_map import KeyMap, combination, distinct
from segstudio.gui.keys.key_service import WHILE_WRITING
from tests.gui.conftest import Studio
from tests.gui.test_keys_and_window import press

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def dialog(studio: Studio) -> KeyLayoutsDialog:
    """The dialog as the menu opens it."""
    studio.window.actions_by_id["help.layouts"].trigger()
    found = studio.window.findChild(KeyLayoutsDialog)
    assert found is not None
    return found


def change(dialog: KeyLayoutsDialog, action_id: str, key: Qt.Key, modifier: Any = NONE) -> None:
    dialog.show_action(BY_ID[action_id])
    dialog.setter.change_button.click()
    QTest.keyClick(dialog.setter.recorder, key, modifier)


def leave(studio: Studio, dialog: KeyLayoutsDialog) -> None:
    dialog.accept()
    studio.window.activateWindow()
    studio.wait(studio.window.isActiveWindow)
    studio.canvas.setFocus()


def test_a_new_key_acts_at_once_and_is_kept(studio: Studio, folder: Path, dialog: KeyLayoutsDialog) -> None:
    studio.open(folder)
    change(dialog, "tool.eraser", Qt.Key.Key_F2)
    action = studio.window.actions_by_id["tool.eraser"]
    assert action.shortcut().toString() == "F2"
    assert action.toolTip().endswith("(F2)")
    assert ("F2", "Eraser") in sheet(studio.window.keys)["Tools"]
    assert dialog.setter.recorder.isHidden()
    leave(studio, dialog)
    studio.key(Qt.Key.Key_F2)
    assert studio.tool() is ToolName.ERASER
    studio.key(Qt.Key.Key_B)
    studio.key(Qt.Key.Key_E)
    assert studio.tool() is ToolName.BRUSH
    assert KeyBook().keys("tool.eraser") == ("F2",)


def test_a_key_of_another_action_is_asked_for(studio: Studio, dialog: KeyLayoutsDialog) -> None:
    setter, book = dialog.setter, studio.window.keys
    change(dialog, "tool.brush", Qt.Key.Key_D)
    assert "Next sample" in setter.answer.text()
    setter.cancel_button.click()
    assert book.map == KeyMap()
    change(dialog, "tool.brush", Qt.Key.Key_D)
    setter.take_button.click()
    assert book.keys("tool.brush") == ("D",)
    assert book.keys("go.next") == ("PgDown",)
    setter.reset_button.click()
    assert book.keys("tool.brush") == ("B",)
    assert book.keys("go.next") == ("D", "PgDown")
    change(dialog, "tool.brush", Qt.Key.Key_D)
    setter.take_button.click()
    dialog.show_action(BY_ID["go.next"])
    setter.reset_button.click()
    assert book.map == KeyMap()
    change(dialog, "tool.brush", Qt.Key.Key_F2)
    dialog.reset_all.click()
    assert book.map == KeyMap()


@pytest.mark.parametrize(
    ("key", "modifier", "word"),
    [
        (Qt.Key.Key_3, NONE, "Digits"),
        (Qt.Key.Key_Exclam, SHIFT, "Digits"),
        (Qt.Key.Key_Return, NONE, "Enter"),
        (Qt.Key.Key_Backspace, NONE, "Backspace"),
    ],
)
def test_keys_of_the_canvas_are_refused(
    studio: Studio, dialog: KeyLayoutsDialog, key: Qt.Key, modifier: Any, word: str
) -> None:
    change(dialog, "tool.brush", key, modifier)
    assert word in dialog.setter.answer.text()
    assert studio.window.keys.map == KeyMap()


BEGINNINGS = (
    Qt.Key.Key_Super_L,
    Qt.Key.Key_Super_R,
    Qt.Key.Key_Hyper_L,
    Qt.Key.Key_Multi_key,
    Qt.Key.Key_AltGr,
    Qt.Key.Key_Mode_switch,
    Qt.Key.Key_Dead_Grave,
    Qt.Key.Key_Dead_Longsolidusoverlay,
    Qt.Key.Key_ScrollLock,
)


def test_keys_that_only_begin_something_are_waited_out(studio: Studio, dialog: KeyLayoutsDialog) -> None:
    dialog.show_action(BY_ID["tool.brush"])
    dialog.setter.change_button.click()
    for key in BEGINNINGS:
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(dialog.setter.recorder, QKeyEvent(kind, key, NONE))
        assert not dialog.setter.recorder.isHidden(), key
        assert studio.window.keys.map == KeyMap(), key
    QTest.keyClick(dialog.setter.recorder, Qt.Key.Key_F2)
    assert studio.window.keys.keys("tool.brush") == ("F2",)


def test_escape_leaves_the_recorder_and_not_the_dialog(dialog: KeyLayoutsDialog) -> None:
    change(dialog, "tool.brush", Qt.Key.Key_Escape)
    assert dialog.setter.recorder.isHidden()
    assert dialog.setter.change_button.hasFocus()
    assert dialog.isVisible()


def test_actions_are_found_by_words_and_by_key(dialog: KeyLayoutsDialog) -> None:
    QTest.keyClicks(dialog.search, "zoom in")
    assert [spec.id for spec in dialog.rows.rows] == ["view.in"]
    dialog.search.clear()
    dialog.by_key.setFocus()
    QTest.keyClick(dialog.by_key, Qt.Key.Key_S, CONTROL)
    assert [spec.id for spec in dialog.rows.rows] == ["file.save"]
    QTest.keyClick(dialog.by_key, Qt.Key.Key_F2)
    assert dialog.rows.rows == []
    assert dialog.table.isHidden()
    dialog.clear.click()
    assert len(dialog.rows.rows) == len(ACTIONS)


def test_keys_are_added_and_taken_away(studio: Studio, dialog: KeyLayoutsDialog) -> None:
    dialog.show_action(BY_ID["file.demo"])
    dialog.setter.add_button.click()
    QTest.keyClick(dialog.setter.recorder, Qt.Key.Key_F4)
    dialog.setter.add_button.click()
    QTest.keyClick(dialog.setter.recorder, Qt.Key.Key_BraceRight, SHIFT | CONTROL)
    assert studio.window.keys.keys("file.demo") == ("F4", "Ctrl+}")
    dialog.setter.remove_button.click()
    assert studio.window.keys.keys("file.demo") == ()
    assert studio.window.actions_by_id["file.demo"].shortcuts() == []


def test_a_layout_changes_everything_at_once(studio: Studio, folder: Path, dialog: KeyLayoutsDialog) -> None:
    studio.open(folder)
    editor = studio.window.editor
    dialog.layouts.setCurrentIndex(dialog.layouts.findData("CVAT"))
    dialog.layouts.activated.emit(dialog.layouts.currentIndex())
    leave(studio, dialog)
    studio.key(Qt.Key.Key_F)
    studio.settle()
    assert studio.session.current == "frame_1"
    studio.key(Qt.Key.Key_H)
    assert not studio.window.view.overlay
    studio.window.keys.use(KeyMap("napari"))
    assert editor.view_bar.opacity.toolTip() == "_ and + change it"
    assert editor.tools.slider.toolTip().startswith("Brush size ([ and ]")
    assert "(Ctrl+P)" in editor.prediction.buttons["model.predict"].toolTip()
    assert studio.window.header.pages.buttons["speed"].toolTip() == "Speed (Ctrl+6)"


def test_held_keys_and_lent_tools_follow(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(folder)
    book = studio.window.keys
    book.use(
        book.map.with_keys("view.hold_peek", ("J",))
        .with_keys("tool.hold_pan", ("Y",))
        .with_keys("tool.eraser", ("Q",))
    )
    peeks: list[bool] = []
    monkeypatch.setattr(studio.canvas, "peek", peeks.append)
    press(studio, Qt.Key.Key_H, QEvent.Type.KeyPress)
    press(studio, Qt.Key.Key_J, QEvent.Type.KeyPress)
    press(studio, Qt.Key.Key_J, QEvent.Type.KeyRelease)
    assert peeks == [True, False]
    before, view = studio.mask().copy(), studio.canvas.view_state()
    press(studio, Qt.Key.Key_Y, QEvent.Type.KeyPress)
    studio.drag((20, 20), (40, 30))
    press(studio, Qt.Key.Key_Y, QEvent.Type.KeyRelease)
    assert (studio.mask() == before).all()
    assert studio.canvas.view_state() != view
    now = [0.0]
    studio.window.held_keys.clock = lambda: now[0]
    QTest.keyPress(studio.canvas, Qt.Key.Key_Q)
    assert studio.tool() is ToolName.ERASER
    now[0] += 0.6
    QTest.keyRelease(studio.canvas, Qt.Key.Key_Q)
    assert studio.tool() is ToolName.BRUSH


def test_an_eyedropper_that_is_held_returns_to_the_tool(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    now = [0.0]
    studio.window.held_keys.clock = lambda: now[0]
    QTest.keyPress(studio.canvas, Qt.Key.Key_I)
    assert studio.tool() is ToolName.PICK
    studio.click(10, 10)
    now[0] += 0.6
    QTest.keyRelease(studio.canvas, Qt.Key.Key_I)
    assert studio.tool() is ToolName.BRUSH
    assert studio.session.classes.name(studio.session.classes.active) == "sky"


def test_texts_that_name_a_key_follow(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    studio.session.open_project(tmp_path / "empty", "cityscapes")
    studio.wait(lambda: studio.session.project is not None)
    studio.settle()

    def told() -> str:
        labels = studio.window.editor.findChildren(QLabel)
        return next(label.text() for label in labels if "no images" in label.text())

    assert "press F5, or open another folder (Ctrl+O)" in told()
    book = studio.window.keys
    book.use(book.map.with_keys("file.rescan", ("F8",)).with_keys("file.open", ()))
    assert "press F8, or open another folder (File › Open folder…)" in told()
    assert studio.window.editor.tool_options.ops.buttons["grow"].toolTip().endswith("(Ctrl+])")


class Recorder:
    """Stands for the commands: notes what would run."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, spec: ActionSpec) -> None:
        """Notes an action."""
        self.ran.append(spec.id)


def pressed(widget: QWidget, key: str, *, repeat: bool = False) -> None:
    """A key goes the way of a real one: shortcuts first, then the widget."""
    code = combination(key)
    text = chr(code.key()) if code.key() < 128 and not code.keyboardModifiers() & CONTROL else ""
    QTest.simulateEvent(widget, True, int(code.key()), code.keyboardModifiers(), text, repeat, -1)
    if not repeat:
        QTest.simulateEvent(widget, False, int(code.key()), code.keyboardModifiers(), text, repeat, -1)
    QApplication.processEvents()


def all_keys(studio: Studio) -> list[tuple[ActionSpec, str]]:
    """Every key of every action, with all actions enabled."""
    for action in studio.window.actions_by_id.actions.values():
        action.setEnabled(True)
    return [
        (spec, key) for spec in ACTIONS if not spec.hold for key in distinct(studio.window.keys.keys(spec.id))
    ]


def test_every_key_runs_its_action_on_the_canvas(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    recorder = studio.window.commands = Recorder()  # type: ignore[assignment]  # stands in
    for spec, key in all_keys(studio):
        studio.canvas.setFocus()
        recorder.ran.clear()
        pressed(studio.canvas, key)
        assert recorder.ran == [spec.id], key


def test_no_key_is_a_command_while_text_is_typed(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    recorder = studio.window.commands = Recorder()  # type: ignore[assignment]  # stands in
    search = studio.window.editor.samples.bar.search
    for spec, key in all_keys(studio):
        search.setFocus()
        recorder.ran.clear()
        pressed(search, key)
        assert recorder.ran == ([spec.id] if spec.id in WHILE_WRITING else []), key


@pytest.mark.parametrize("key", [Qt.Key.Key_Plus, Qt.Key.Key_Equal])
def test_a_shifted_character_rests_as_well(studio: Studio, folder: Path, key: Qt.Key) -> None:
    studio.open(folder)
    recorder = studio.window.commands = Recorder()  # type: ignore[assignment]  # stands in
    search = studio.window.editor.samples.bar.search
    search.setFocus()
    QTest.keyClick(search, key, CONTROL | SHIFT)
    assert recorder.ran == []


def test_keys_that_repeat_are_navigation_and_size_alone(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    recorder = studio.window.commands = Recorder()  # type: ignore[assignment]  # stands in
    for spec, key in all_keys(studio):
        studio.canvas.setFocus()
        pressed(studio.canvas, key)
        recorder.ran.clear()
        pressed(studio.canvas, key, repeat=True)
        assert recorder.ran == ([spec.id] if spec.repeats else []), key
    navigation = {"edit", "tool", "class", "view", "go"}
    assert {spec.group for spec in ACTIONS if spec.repeats} <= navigation


def test_the_sheet_follows_and_is_saved(studio: Studio, tmp_path: Path) -> None:
    QTest.keyClick(studio.window, Qt.Key.Key_F1)
    shown = studio.window.findChild(KeySheet)
    assert shown is not None
    book = studio.window.keys
    book.use(KeyMap("labelme"))
    shown.save(tmp_path / "keys.html")
    shown.save(tmp_path / "keys.pdf")
    studio.settle()
    text = (tmp_path / "keys.html").read_text()
    assert "labelme" in text
    assert "Ctrl+N" in text
    pdf = (tmp_path / "keys.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") == 1
    shown.close()


@pytest.mark.parametrize("name", ["keys.pdf", "keys.html"])
def test_a_sheet_that_cannot_be_saved_is_told(studio: Studio, tmp_path: Path, name: str) -> None:
    studio.window.dialogs.show_keys()
    shown = studio.window.findChild(KeySheet)
    assert shown is not None
    (tmp_path / "taken").write_text("a file where a folder should be")
    shown.save(tmp_path / "taken" / name)
    studio.settle()
    assert [text for text in studio.messages() if name in text]
    shown.close()


def test_the_sheet_has_every_key(studio: Studio) -> None:
    book = studio.window.keys
    book.use(book.map.with_keys("file.demo", ("F4", "Ctrl+J", "Ctrl+Alt+J", "Alt+J")))
    rows = [row for rows in sheet(book).values() for row in rows]
    assert any(keys == "F4  Ctrl+J  Ctrl+Alt+J  Alt+J" for keys, _ in rows)
    canvas = {text: keys for keys, text in sheet(book)["Mouse and canvas"]}
    assert canvas["Disagreement: the model's side"] == "Enter"
    assert canvas["Disagreement: the mask's side"] == "Shift+Enter"
    for layout in LAYOUTS:
        book.use(KeyMap(layout))
        assert sheet_file(book, "keys.PDF").count(b"/Type /Page\n") == 1, layout


def test_a_damaged_file_is_told_once(isolated_home: Path, request: pytest.FixtureRequest) -> None:
    (isolated_home / "config").mkdir(exist_ok=True)
    (isolated_home / "config" / "keys.toml").write_text('[keys]\n"tool.nope" = ["J"]\n"go.next" = ["F9"]\n')
    studio: Studio = request.getfixturevalue("studio")
    assert [text for text in studio.messages() if "tool.nope" in text]
    shortcuts = studio.window.actions_by_id["go.next"].shortcuts()
    assert shortcuts == [QKeySequence("F9")]
