"""The command palette and the class finder through real keys."""

from pathlib import Path
from time import thread_time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.dialogs.chooser import Choice, Chooser, matching
from segstudio.gui.keys.key_book import plain_text
from tests.gui.conftest import CAR, ROAD, SKY, Studio

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def opened(studio: Studio, key: Qt.Key, modifier: Qt.KeyboardModifier) -> Chooser:
    """The list that a key opens; an earlier one is gone by then."""
    studio.wait(lambda: studio.window.findChild(Chooser) is None)
    studio.canvas.setFocus()
    studio.key(key, modifier)
    chooser = studio.window.findChild(Chooser)
    assert chooser is not None
    return chooser


def palette(studio: Studio) -> Chooser:
    return opened(studio, Qt.Key.Key_K, CONTROL)


def finder(studio: Studio, key: Qt.Key = Qt.Key.Key_Slash) -> Chooser:
    return opened(studio, key, Qt.KeyboardModifier.NoModifier)


def take(
    chooser: Chooser, typed: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    QTest.keyClicks(chooser.field, typed)
    QTest.keyClick(chooser.field, Qt.Key.Key_Return, modifier)
    QApplication.processEvents()


def test_commands_of_no_use_say_why_and_do_nothing(studio: Studio) -> None:
    QTest.keyClick(studio.window, Qt.Key.Key_K, CONTROL)
    chooser = studio.window.findChild(Chooser)
    assert chooser is not None
    why = {choice.value.id: choice.why for choice in chooser.shown}
    assert why["file.open"] == ""
    assert why["edit.undo"] == "needs an edit to undo"
    states = [bool(choice.why) for choice in chooser.shown]
    assert states == sorted(states)
    take(chooser, "undo")
    assert chooser.isVisible()
    chooser.close()


def test_commands_chosen_last_come_first_and_are_remembered(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    take(palette(studio), "zoom in")
    take(palette(studio), "fit wi")
    chooser = palette(studio)
    assert [choice.text for choice in chooser.shown[:2]] == ["Fit window", "Zoom in"]
    assert studio.session.memory.commands[:2] == ["view.fit", "view.in"]
    assert chooser.shown[0].remark == "Ctrl+F"
    QTest.keyClicks(chooser.field, "zmin")
    assert chooser.shown[0].text == "Zoom in"
    chooser.leave()


def test_the_palette_shows_the_keys_in_force(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    book = studio.window.keys
    book.use(book.map.with_keys("view.fit", ("J",)))
    chooser = palette(studio)
    assert next(choice.remark for choice in chooser.shown if choice.value.id == "view.fit") == "J"
    chooser.leave()


def test_the_key_that_opened_the_palette_closes_it(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    chooser = palette(studio)
    QTest.keyClick(chooser.field, Qt.Key.Key_K, CONTROL)
    studio.wait(lambda: studio.window.findChild(Chooser) is None)
    assert studio.canvas.hasFocus()


def test_nothing_found_says_so(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    chooser = palette(studio)
    QTest.keyClicks(chooser.field, "qqqq")
    assert chooser.shown == []
    assert chooser.view.isHidden()
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    assert chooser.isVisible()
    chooser.leave()


@pytest.mark.parametrize("key", [Qt.Key.Key_Slash, Qt.Key.Key_Tab])
def test_the_class_finder_opens_at_the_cursor(studio: Studio, folder: Path, key: Qt.Key) -> None:
    studio.open(folder)
    QTest.mouseMove(studio.canvas, studio.point(30, 10))
    chooser = finder(studio, key)
    at = studio.canvas.mapTo(studio.window, studio.point(30, 10))
    assert chooser.geometry().adjusted(-20, -4, 0, 0).contains(at)
    assert studio.window.rect().contains(chooser.geometry())
    take(chooser, "12")
    assert studio.session.classes.active == 11
    assert studio.canvas.hasFocus()


def test_tab_still_leads_from_control_to_control(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    search = studio.window.editor.samples.bar.search
    search.setFocus()
    QTest.keyClick(search, Qt.Key.Key_Tab)
    assert studio.window.findChild(Chooser) is None
    assert not search.hasFocus()


def test_recent_classes_come_first_and_aliases_find(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    classes = studio.session.classes
    for class_id in (CAR, SKY):
        classes.set_active(class_id)
    chooser = finder(studio)
    assert [choice.value for choice in chooser.shown[:3]] == [SKY, CAR, ROAD]
    QTest.keyClicks(chooser.field, "pavement")
    assert chooser.shown[0].text == "sidewalk"
    assert chooser.shown[0].path == "also pavement"
    chooser.leave()


def test_shift_enter_relabels_the_region_under_the_cursor(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    QTest.mouseMove(studio.canvas, studio.point(30, 50))
    take(finder(studio), "car", SHIFT)
    assert (studio.mask()[32:] == CAR).all()
    assert (studio.mask()[:32] == SKY).all()
    studio.key(Qt.Key.Key_Z, CONTROL)
    assert (studio.mask()[32:] == ROAD).all()


def test_enter_relabels_with_the_relabel_tool_and_only_then(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    QTest.mouseMove(studio.canvas, studio.point(30, 50))
    take(finder(studio), "car")
    assert (studio.mask()[32:] == ROAD).all()
    studio.key(Qt.Key.Key_R)
    QTest.mouseMove(studio.canvas, studio.point(40, 50))
    take(finder(studio), "car")
    assert (studio.mask()[32:] == CAR).all()


def test_a_locked_class_is_not_relabelled(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.toggle_locked(ROAD)
    QTest.mouseMove(studio.canvas, studio.point(30, 50))
    take(finder(studio), "car", SHIFT)
    assert (studio.mask()[32:] == ROAD).all()


def test_a_search_among_150_classes_is_fast(studio: Studio, tmp_path: Path) -> None:
    from tests.gui.conftest import fill_folder

    studio.open(fill_folder(tmp_path / "many", masks=0), "ade20k-150")
    assert len(studio.session.classes.classes) == 150
    begin = thread_time()
    chooser = finder(studio)
    QTest.keyClicks(chooser.field, "tree")
    seconds = thread_time() - begin
    assert chooser.shown[0].text == "tree"
    # Opening, four letters and painting: far more than one search.
    assert seconds < 1
    chooser.leave()
    begin = thread_time()
    chooser._filter("tree")
    assert thread_time() - begin < 0.05


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("train", "Retrain…"),
        ("export", "Export a model…"),
        ("prove", "Compare models…"),
        ("promote", "Compare models…"),
        ("queue", "Next region to correct"),
        ("rollback", "Models"),
    ],
)
def test_words_of_the_loop_find_their_action_first(typed: str, first: str) -> None:
    choices = [Choice(plain_text(spec), spec, aliases=spec.finds) for spec in ACTIONS if spec.menu]
    assert matching(choices, typed)[0].value.text == first


def test_the_model_menu_follows_the_loop() -> None:
    menu = [spec.id.partition(".")[2] for spec in ACTIONS if spec.menu == "Model"]
    loop = ("predict", "accept", "evaluate", "confirm", "adapt", "retrain", "compare", "export_model")
    assert sorted(loop, key=menu.index) == list(loop)
    assert menu[-1] == "stop_on_close"
